import { type Message, ZwsError } from "./types.js";

/** What an answer refuses. */
export const refusalOf = (answer: Message, topic?: string): ZwsError => new ZwsError((answer["code"] ?? "internal") as string, answer["message"] as string | undefined, topic);

const RATE_LIMIT_PAUSE_MS = 1000;

interface Pending {
  /** Undefined if it need not be sent any more. */
  readonly put: () => boolean | undefined;
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

  /**
   * `done` gets the first answer, an `error` too: `disconnected` if the connection ends before. `more`: members as JSON.
   * `make` is asked again for a request that was put off: what it asks for may not be wanted any more, all or in part.
   */
  issue(make: (id: number) => object | undefined, done: (answer: Message) => void = () => {}, more = ""): void {
    const id = ++this.#lastId;
    const put = (): boolean | undefined => {
      const message = make(id);
      return message && this.#send(JSON.stringify({ ...message, id }).slice(0, -1) + more + "}");
    };
    this.#pending.set(id, { put, done });
    if (!put()) this.#lost(id);
  }

  /** Rejects with a ZwsError: the refusal's code, or `disconnected`. */
  ask(message: object): Promise<Message> {
    return new Promise((resolve, reject) =>
      this.issue(() => message, (answer) => {
        if (answer["code"]) reject(refusalOf(answer));
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
      setTimeout(() => this.#pending.get(id) === pending && pending.put() === undefined && this.#pending.delete(id), RATE_LIMIT_PAUSE_MS * (1 + Math.random()));
      return;
    }
    this.#pending.delete(id);
    pending.done(message);
  }

  /** The connection is gone, and with it the answers. */
  lost(): void {
    for (const id of this.#pending.keys()) this.#lost(id);
  }

  #lost(id: number): void {
    this.answer({ type: "error", code: "disconnected", id });
  }
}
