// What a tail holds: the newest lines, in order, with a bound; what it shows of them is chosen by filters.
import type { AnyEvent, Gap } from "@zwsbridge/client";
import { jsonText } from "../values";
import { topicOf } from "./subscription";

export const MOST_LINES = 100_000;
/** Of all lines together, for an event may be a megabyte. */
const MOST_CHARACTERS = 32 << 20;
const SLACK = 1000; // so that not each new line moves all others

export interface TailLine {
  number: number;
  at: number;
  topic: string;
  type: string;
  /** What came, as JSON in one line; of a gap, empty. */
  text: string;
  gap: Gap | null;
}

export interface TailFilter {
  type: string;
  text: string;
}

const lineOf = (event: AnyEvent, at: number): Omit<TailLine, "number"> => ({ at, topic: topicOf(event), type: String(event.type), text: jsonText(event), gap: null });

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

  gap(gap: Gap, now: number): void {
    this.#add({ at: now, topic: gap.topic, type: "gap", text: "", gap });
  }

  clear(): void {
    this.lines = [];
    this.forgotten = this.#characters = 0;
  }

  /** Puts what was fetched where the gap is. */
  fill(gap: TailLine, events: AnyEvent[], isWhole: boolean): void {
    const at = this.lines.indexOf(gap);
    if (at < 0) return;
    const lines = events.map((event) => ({ ...lineOf(event, gap.at), number: gap.number }));
    this.lines.splice(at, isWhole ? 1 : 0, ...lines);
    for (const { text } of lines) this.#characters += text.length;
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

/** Gaps are shown whatever is filtered: what is missing might have fitted. */
export function fits({ type, text, topic, gap }: TailLine, filter: TailFilter): boolean {
  if (gap) return true;
  if (filter.type !== "" && type !== filter.type) return false;
  return filter.text === "" || text.toLowerCase().includes(filter.text) || topic.toLowerCase().includes(filter.text);
}

export const ndjson = (lines: TailLine[]): string => lines.map(({ text, gap }) => `${gap ? JSON.stringify({ type: "gap", ...gap }, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)) : text}\n`).join("");
