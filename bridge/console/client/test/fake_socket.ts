import type { WebSocketLike } from "../src/index.js";

type Json = Record<string, unknown>;

/** A WebSocket whose other end is the test. */
export class FakeSocket implements WebSocketLike {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!;
  }

  binaryType = "blob";
  readyState = 0;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly sent: Json[] = [];
  onSend: ((message: Json) => void) | null = null;
  closedByClient = false;

  constructor(readonly url: string, readonly protocols: string[] = []) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    const message = JSON.parse(text) as Json;
    this.sent.push(message);
    this.onSend?.(message);
  }

  close(): void {
    this.closedByClient = true;
    this.readyState = 3;
  }

  /** The bridge greets. */
  greet(members: Json = {}): this {
    this.readyState = 1;
    return this.give({ type: "connection", status: "connected", client_id: "c-1", user: null, expires: null, timestamp: new Date().toISOString(), heartbeat: 25, ...members });
  }

  give(message: unknown): this {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
    return this;
  }

  event(topic: string, id: string, members: Json = {}): this {
    return this.give({ type: "message", data: id, ...members, topic, "@id": id });
  }

  /** The bridge answers the newest subscribe for `topic`. */
  subscribed(topic: string, members: Json = {}): this {
    return this.give({ type: "subscribed", topic, success: true, at: [], id: this.sent.filter((message) => message["type"] === "subscribe" && (message["topics"] as string[]).includes(topic)).pop()?.["id"], ...members });
  }

  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** The newest message of a type that the client has sent. */
  request(type: string): Json {
    const found = this.sent.filter((message) => message["type"] === type).pop();
    if (!found) throw new Error(`the client has sent no ${type}: ${JSON.stringify(this.sent)}`);
    return found;
  }

  count(type: string): number {
    return this.sent.filter((message) => message["type"] === type).length;
  }
}
