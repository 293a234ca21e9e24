import { isPattern } from "./pattern.js";
import type { Position, Sequence } from "./types.js";

// Bounds: past them what was heard longest ago is forgotten, and the bridge then says so or sends it again.
const MAX_SOURCES = 64; // of one topic: what the bridge keeps by default
const MAX_TOPICS = 256; // of one pattern

type Sources = Map<string, Sequence>;

/** A producer may count in nanoseconds: then a number has not digits enough. */
export function parseSequence(digits: string): Sequence {
  return +digits < 2 ** 53 ? +digits : BigInt(digits);
}

/** `SRC:SEQ` in its two parts. */
export function parsePosition(position: Position): [src: string, seq: Sequence] {
  const colon = position.lastIndexOf(":");
  return [position.slice(0, colon), parseSequence(position.slice(colon + 1))];
}

/**
 * Positions answers one question: how far has this subscription heard? (docs/DELIVERY.md)
 *
 * It takes `at`, moves with every `@id`, and gives `since` for the next connection. While a replay runs it moves
 * the `since` that was given, and takes up `at` only after the replayed events, so that a connection lost in the
 * middle of a replay loses nothing.
 */
export class Positions {
  readonly #topic: string;
  readonly #isPattern: boolean;
  #topics = new Map<string, Sources>();
  #answered = false;
  #replay: { left: number; at: Map<string, Sources>; moved: Set<string> } | null = null;

  constructor(topic: string) {
    this.#topic = topic;
    this.#isPattern = isPattern(topic);
  }

  /** Whether a `since` says all: not before the first answer, when events come for the sake of others that overlap. */
  get known(): boolean {
    return this.#answered && (this.#isPattern || this.#topics.has(this.#topic));
  }

  /** For the next subscribe: topics with their positions, the newest heard of `limit` sources at most. */
  upTo(limit: number): [topic: string, positions: Position[]][] {
    return [...this.#topics].reverse().filter(([, sources]) => (limit -= sources.size) >= 0).map(([topic, sources]) => [topic, [...sources].map(([src, seq]) => `${src}:${seq}`)]);
  }

  /** `subscribed` came: `replayed` events follow, after which live ones begin behind `at`. `lost`: with recovered:false. */
  begin(at: unknown, replayed: number, lost = false): void {
    this.#answered = true;
    if (lost && this.#isPattern) this.#topics.clear(); // no `at` will replace what the bridge has just called useless
    this.#replay = { left: replayed, at: this.#parse(at), moved: new Set() };
    if (replayed <= 0) this.#takeUp();
  }

  /** An event came. A source that counts from 1 again is followed back: that is a restart. */
  move(topic: string, src: string, seq: Sequence): void {
    this.#step(topic, src, seq);
    this.#replayed(1);
  }

  /**
   * A gap was told: what it names is accounted for, and need not come again. Neighbours merge, so a gap may begin in
   * the replay and end among live events: only what is not behind `at` is of the replay.
   */
  miss(topic: string, src: string, to: Sequence, missed: number): void {
    if (to > (this.#topics.get(topic)?.get(src) ?? 0)) this.#step(topic, src, to);
    const at = this.#replay?.at.get(topic);
    this.#replayed(at ? Math.min(missed, Math.max(0, Number(BigInt(at.get(src) ?? 0) - BigInt(to)) + missed)) : missed);
  }

  /** The connection is gone; what has moved stays. */
  interrupt(): void {
    this.#replay = null;
  }

  /** The bridge cannot make use of these positions. */
  forget(): void {
    this.#topics.clear();
    this.#answered = false;
    this.#replay = null;
  }

  #step(topic: string, src: string, seq: Sequence): void {
    let sources = this.#topics.get(topic);
    if (!sources) this.#put(topic, (sources = new Map()));
    else if (this.#isPattern) this.#put(topic, sources);
    if (sources.size >= MAX_SOURCES && !sources.has(src)) sources.delete(sources.keys().next().value!);
    sources.set(src, seq);
    this.#replay?.moved.add(`${topic}\n${src}`);
  }

  #replayed(count: number): void {
    if (this.#replay && (this.#replay.left -= count) <= 0) this.#takeUp();
  }

  #takeUp(): void {
    const { at, moved } = this.#replay!;
    this.#replay = null;
    for (const [topic, sources] of at) {
      for (const [src, seq] of this.#topics.get(topic) ?? []) {
        if (moved.has(`${topic}\n${src}`) && seq > (sources.get(src) ?? 0)) sources.set(src, seq);
      }
      this.#put(topic, sources);
    }
  }

  // `at` of a topic is a list; of a pattern it is absent, or an object topic -> list.
  #parse(at: unknown): Map<string, Sources> {
    const lists = Array.isArray(at) ? { [this.#topic]: at } : (at ?? {});
    return new Map(Object.entries(lists).map(([topic, list]) => [topic, new Map((list as Position[]).map(parsePosition))]));
  }

  // The Map's order is the order of hearing, so its first entry is what was heard longest ago.
  #put(topic: string, sources: Sources): void {
    this.#topics.delete(topic);
    this.#topics.set(topic, sources);
    if (this.#topics.size > MAX_TOPICS) this.#topics.delete(this.#topics.keys().next().value!);
  }
}
