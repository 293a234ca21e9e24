import { matcher } from "./pattern.js";
import type { AnyEvent, Sequence } from "./types.js";

/** An event that may have been fetched. */
export interface Held {
  readonly event: AnyEvent;
  readonly topic: string;
  readonly src: string;
  readonly seq: Sequence;
}

/** What to fetch: what a gap names, or the newest of a topic or of each that a pattern matches. */
export type FetchRequest =
  | { readonly topic: string; readonly src: string; readonly from: Sequence; readonly to: Sequence }
  | { readonly topic: string; readonly last: number };

export type Wants = (held: Held) => boolean;

/**
 * Fetches tells what was fetched from what is live. Nothing on the wire marks it but its place: directly before the
 * `fetched` that says how many it is. So an event that a fetch might have asked for is held until the next message
 * says what it is; whatever that is but such an event, all that is held is live, and goes on in its order.
 */
export class Fetches {
  #open = new Set<Wants>();
  #held: Held[] = [];
  readonly #deliver: (held: Held) => void;

  constructor(deliver: (held: Held) => void) {
    this.#deliver = deliver;
  }

  begin(request: FetchRequest): Wants {
    const matches = matcher(request.topic);
    const wants: Wants = ({ topic, src, seq }) => matches(topic) && ("last" in request || (src === request.src && seq >= request.from && seq <= request.to));
    this.#open.add(wants);
    return wants;
  }

  /** An event has come: it is delivered now, or later if it is not somebody's. */
  hold(held: Held): void {
    for (const wants of this.#open) if (wants(held)) return void this.#held.push(held);
    this.release();
    this.#deliver(held);
  }

  /** Ends a fetch, and returns the `count` events it brought. Fewer, if a queue that was full has lost some: each source counts up. */
  end(wants: Wants, count: number): AnyEvent[] {
    this.#open.delete(wants);
    const next = new Map<string, Sequence>();
    let from = this.#held.length;
    for (; from > 0 && this.#held.length - from < count; from--) {
      const held = this.#held[from - 1]!;
      const { seq } = held;
      const counter = `${held.topic}\n${held.src}`;
      if (!wants(held) || seq >= (next.get(counter) ?? Infinity)) break;
      next.set(counter, seq);
    }
    const events = this.#held.splice(from).map((held) => held.event);
    this.release();
    return events;
  }

  /** What is held is live. */
  release(): void {
    for (const held of this.#held.splice(0)) this.#deliver(held);
  }

  /** The connection is gone: what is held has moved no position, and comes again. Each fetch ends with its request. */
  lost(): void {
    this.#held = [];
  }
}
