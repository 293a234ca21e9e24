import { type Message, ZwsError } from "./types.js";

/** What an answer refuses. */
export const refusalOf = (answer: Message, topic?: string): ZwsError => new ZwsError(String(answer["code"] ?? "internal"), String(answer["message"] ?? ""), topic);

const RATE_LIMIT_PAUSE_MS = 1000;

interface Pending {
  readonly text: string;
  readonly done: (answer: Message) => void;
}

/** Requests that wait for their answer, by the `id` that comes back in it. */
export class Requests {
  #send: (text: string) => boolean;
  #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(send: (text: string) => boolean) {
    this.#send = send;
  }

  /** `done` gets the first answer, an `error` too: `disconnected` if the connection ends before. `more`: members as JSON. */
  send(message: object, done: (answer: Message) => void = () => {}, more = ""): void {
    const id = ++this.#lastId;
    const text = JSON.stringify({ ...message, id }).slice(0, -1) + more + "}";
    if (this.#send(text)) this.#pending.set(id, { text, done });
    else done({ type: "error", code: "disconnected" });
  }

  /** Rejects with a ZwsError: the refusal's code, or `disconnected`. */
  ask(message: object): Promise<Message> {
    return new Promise((resolve, reject) =>
      this.send(message, (answer) => {
        if (answer.type === "error" || answer["success"] === false) reject(refusalOf(answer));
        else resolve(answer);
      }),
    );
  }

  /** Takes an answer. One that says `rate_limited` puts its request off instead of ending it. */
  answer(message: Message): void {
    const id = message["id"] as number;
    const pending = this.#pending.get(id);
    if (!pending) return;
    if (message["code"] === "rate_limited") {
      setTimeout(() => this.#pending.get(id) === pending && this.#send(pending.text), RATE_LIMIT_PAUSE_MS * (1 + Math.random()));
      return;
    }
    this.#pending.delete(id);
    pending.done(message);
  }

  /** The connection is gone, and with it the answers. */
  clear(): void {
    const left = [...this.#pending.values()];
    this.#pending.clear();
    for (const { done } of left) done({ type: "error", code: "disconnected" });
  }
}
