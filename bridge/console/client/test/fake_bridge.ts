import { matcher } from "../src/pattern.js";
import { FakeSocket } from "./fake_socket.js";

interface Stored { readonly src: string; readonly seq: number; readonly arrival: number }
interface Topic { readonly newest: Map<string, number>; history: Stored[] }
type Since = Record<string, string[]>;

/** What docs/DELIVERY.md says of a bridge, on topics that hold nothing but counts, with a wire that can be cut. */
export class FakeBridge {
  readonly topics = new Map<string, Topic>();
  readonly #wire: (() => void)[] = [];
  #socket: FakeSocket | null = null;
  #subscribed: string[] = [];
  #arrivals = 0;
  constructor(readonly historySize: number) {}

  accept(socket: FakeSocket): void {
    this.#wire.length = 0;
    this.#socket = socket;
    this.#subscribed = [];
    socket.onSend = (message) => {
      if (message["type"] === "fetch") this.#fetch(message["topic"] as string, message["last"] as number, message["id"]);
      if (message["type"] === "unsubscribe") this.#subscribed = this.#subscribed.filter((pattern) => !(message["topics"] as string[]).includes(pattern));
      if (message["type"] !== "subscribe") return;
      for (const topic of message["topics"] as string[]) this.#subscribe(topic, message["since"] as Since | undefined, message["last"] as number | undefined, message["id"]);
    };
    socket.greet();
  }

  publish(name: string, src: string): Stored {
    const topic = this.#topic(name);
    const event = { src, seq: (topic.newest.get(src) ?? 0) + 1, arrival: ++this.#arrivals };
    topic.newest.set(src, event.seq);
    topic.history = [...topic.history, event].slice(-this.historySize);
    if (this.#hears(name)) this.#event(name, event);
    return event;
  }

  /** An event that a full queue drops: the client is told. */
  publishLost(name: string, src: string): Stored {
    const topic = this.#topic(name);
    const event = { src, seq: (topic.newest.get(src) ?? 0) + 1, arrival: ++this.#arrivals };
    topic.newest.set(src, event.seq);
    topic.history = [...topic.history, event].slice(-this.historySize);
    if (this.#hears(name)) this.#give({ type: "gap", topic: name, src, from: event.seq, to: event.seq, missed: 1, reason: "slow_consumer" });
    return event;
  }

  /** Lets `count` of what is on the wire arrive. */
  deliver(count: number): void {
    for (const arrive of this.#wire.splice(0, count)) arrive();
  }

  /** What is on the wire is lost. */
  cut(): void {
    this.#wire.length = 0;
    const socket = this.#socket;
    this.#socket = null;
    this.#subscribed = [];
    socket?.end(1006);
  }

  #topic(name: string): Topic {
    const topic = this.topics.get(name) ?? { newest: new Map(), history: [] };
    this.topics.set(name, topic);
    return topic;
  }

  #hears(name: string): boolean {
    return this.#subscribed.some((pattern) => matcher(pattern)(name));
  }

  #subscribe(pattern: string, since: Since | undefined, last: number | undefined, id: unknown): void {
    const isPattern = pattern.includes("*");
    const matched = isPattern ? [...this.topics.keys()].filter(matcher(pattern)) : [pattern];
    const named = since && (isPattern ? Object.fromEntries(Object.entries(since).filter(([topic]) => matcher(pattern)(topic))) : { [pattern]: since[pattern] ?? [] });
    const missed: [string, Stored][] = [];
    let recovered = true;
    for (const name of new Set([...matched, ...Object.keys(named ?? {})])) {
      if (!named || this.#hears(name)) continue; // a topic it already receives is not replayed
      const events = this.#missed(name, named[name] ?? []);
      if (events) missed.push(...events.map((event): [string, Stored] => [name, event]));
      else recovered = false;
    }
    const at = isPattern
      ? Object.fromEntries(matched.map((name) => [name, this.#at(name)]))
      : this.#at(pattern);
    const replay = since && recovered ? missed : this.#newest(matched.filter((name) => !this.#hears(name)), last ?? 0);
    this.#give({ type: "subscribed", topic: pattern, success: true, at, id, replayed: replay.length, ...(since ? { recovered } : {}) });
    for (const [name, event] of replay) this.#event(name, event);
    this.#subscribed.push(pattern);
  }

  #fetch(pattern: string, last: number, id: unknown): void {
    const events = this.#newest([...this.topics.keys()].filter(matcher(pattern)), last);
    for (const [name, event] of events) this.#event(name, event);
    this.#give({ type: "fetched", topic: pattern, success: true, count: events.length, complete: true, id });
  }

  #newest(names: string[], last: number): [string, Stored][] {
    const events = names.flatMap((name) => (last > 0 ? this.#topic(name).history.slice(-last) : []).map((event): [string, Stored] => [name, event]));
    return events.sort(([, a], [, b]) => a.arrival - b.arrival);
  }

  #at(name: string): string[] {
    return [...(this.topics.get(name)?.newest ?? [])].map(([src, seq]) => `${src}:${seq}`);
  }

  // Null if not all of it is retained.
  #missed(name: string, since: string[]): Stored[] | null {
    const topic = this.topics.get(name);
    const heard = new Map(since.map((position) => [position.split(":")[0]!, Number(position.split(":")[1])]));
    for (const [src, seq] of heard) if ((topic?.newest.get(src) ?? -1) < seq) return null;
    const missed = (topic?.history ?? []).filter(({ src, seq }) => seq > (heard.get(src) ?? 0));
    let expected = 0;
    for (const [src, newest] of topic?.newest ?? []) expected += newest - (heard.get(src) ?? 0);
    return missed.length === expected ? missed : null;
  }

  #event(topic: string, { src, seq }: Stored): void {
    this.#give({ type: "count", topic, "@id": `${src}:${seq}` });
  }

  #give(message: object): void {
    const socket = this.#socket;
    if (socket) this.#wire.push(() => socket.give(message));
  }
}
