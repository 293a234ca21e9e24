// What a tail holds: the newest lines, in order, with a bound; what it shows of them is chosen by filters.
import type { AnyEvent, Gap } from "@zwsbridge/client";
import { Digits } from "../exact";
import { jsonText } from "../values";
import { topicOf } from "./subscription";

export const MOST_LINES = 100_000;
/** Of all lines together, for an event may be a megabyte. */
const MOST_CHARACTERS = 32 << 20;
const SLACK = 1000; // so that not each new line moves all others
const LOOKED_BACK = 2000;

export interface TailLine {
  number: number;
  /** When it came, by this page's clock; null: before somebody looked. */
  at: number | null;
  topic: string;
  type: string;
  /** What came, as JSON in one line; of a gap, empty. */
  text: string;
  gap: Gap | null;
  /** A gap that was asked for: nobody has any of it any more. */
  isGone?: boolean;
}

export interface TailFilter {
  type: string;
  text: string;
}

const lineOf = (event: AnyEvent, at: number | null): Omit<TailLine, "number"> => ({ at, topic: topicOf(event), type: String(event.type), text: jsonText(event), gap: null });

export class Tail {
  lines: TailLine[] = [];
  /** How many were given up for newer ones. */
  forgotten = 0;
  /** The number of the newest line. */
  newest = 0;
  #characters = 0;

  event(event: AnyEvent, now: number): void {
    this.#add(lineOf(event, now));
  }

  /** What came before, in the order of arrival: the newest `count`, of a pattern that is asked for by each topic too, and nothing twice. */
  past(events: AnyEvent[], count: number): void {
    const known = new Set(this.lines.slice(-LOOKED_BACK).map(({ text }) => text));
    for (const line of events.slice(-count).map((event) => lineOf(event, null))) if (!known.has(line.text)) this.#add(line);
  }

  /** The payload of a raw route, which comes as bytes without a topic. */
  raw(data: ArrayBuffer, now: number): void {
    this.#add({ at: now, topic: "", type: "raw", text: jsonText(rawEvent(data)), gap: null });
  }

  gap(gap: Gap, now: number): void {
    this.#add({ at: now, topic: gap.topic, type: "gap", text: "", gap });
  }

  clear(): void {
    this.lines = [];
    this.forgotten = this.#characters = 0;
  }

  /** Puts what was fetched where the gap is. Returns the gap that is left, if it is worth to ask on. */
  fill(gap: TailLine, events: AnyEvent[], isWhole: boolean): TailLine | null {
    const at = this.lines.indexOf(gap);
    if (at < 0) return null;
    const lines: TailLine[] = events.map((event) => ({ ...lineOf(event, gap.at), number: gap.number }));
    for (const { text } of lines) this.#characters += text.length;
    const left: TailLine | null = isWhole ? null : { ...gap, gap: restOf(gap.gap!, events), isGone: events.length === 0 };
    if (left) lines.push(left);
    this.lines.splice(at, 1, ...lines);
    return left?.isGone ? null : left;
  }

  #add(line: Omit<TailLine, "number">): void {
    this.lines.push({ ...line, number: ++this.newest });
    this.#characters += line.text.length;
    let gone = 0;
    if (this.lines.length > MOST_LINES + SLACK) while (this.lines.length - gone > MOST_LINES) this.#characters -= this.lines[gone++]!.text.length;
    while (this.#characters > MOST_CHARACTERS && gone < this.lines.length - 1) this.#characters -= this.lines[gone++]!.text.length;
    if (gone === 0) return;
    this.lines.splice(0, gone);
    this.forgotten += gone;
  }
}

/** Bytes as an event: as text where they are text. */
function rawEvent(data: ArrayBuffer): object {
  try {
    return { type: "raw", data: new TextDecoder("utf-8", { fatal: true }).decode(data) };
  } catch {
    const bytes = Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join("");
    return { type: "raw", encoding: "base64", data: btoa(bytes) };
  }
}

/** What of the gap is missing still: what lies behind the last event that came. */
function restOf(gap: Gap, events: AnyEvent[]): Gap {
  const last = /:(\d+)$/.exec(events[events.length - 1]?.["@id"] ?? "")?.[1];
  if (last === undefined || gap.to === undefined) return gap;
  const from = BigInt(last) + 1n;
  const isSmall = typeof gap.to === "number";
  return { ...gap, from: isSmall ? Number(from) : from, missed: Number(BigInt(gap.to) - from) + 1 };
}

/** Gaps are shown whatever is filtered: what is missing might have fitted. */
export function fits({ type, text, topic, gap }: TailLine, filter: TailFilter): boolean {
  if (gap) return true;
  if (filter.type !== "" && type !== filter.type) return false;
  return filter.text === "" || text.toLowerCase().includes(filter.text) || topic.toLowerCase().includes(filter.text);
}

/** A count beyond 2^53 as digits, like any other number. */
const gapText = (gap: Gap): string => jsonText(Object.fromEntries(Object.entries({ type: "gap", ...gap }).map(([name, value]) => [name, typeof value === "bigint" ? new Digits(String(value)) : value])));
export const ndjson = (lines: TailLine[]): string => lines.map(({ text, gap }) => `${gap ? gapText(gap) : text}\n`).join("");
