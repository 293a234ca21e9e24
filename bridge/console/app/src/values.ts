// Values in what producers send: whatever they are, they are looked at before they are used.
import { Digits, writeJson } from "./exact";

export type Fields = Record<string, unknown>;

/** Whether there is something in it: an object or a list. */
export const isBranch = (value: unknown): value is Fields | unknown[] => typeof value === "object" && value !== null && !(value instanceof Digits);
export const fields = (value: unknown): Fields => (isBranch(value) && !Array.isArray(value) ? value : {});
/** To reckon with: rounded, where it has more digits than that takes. */
export const finite = (value: unknown): number | null => {
  const number = value instanceof Digits ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
};
/** To show: with all its digits. */
export const exact = (value: unknown): number | Digits | null => (value instanceof Digits && finite(value) !== null ? value : finite(value));
export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

// What cannot be seen, or turns round what stands beside it: controls, and marks of direction and of no width.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
/** A producer's text so that it can do nothing but be read: what is unseen as its escape. */
export const visible = (text: string): string => text.replace(UNSEEN, (unseen) => `\\u${unseen.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Texts that are shown have a bound, too. */
export const short = (value: unknown, most = 500): string => {
  const text = String(value);
  return visible(text.length > most ? `${text.slice(0, most)}…` : text);
};

/** A time that the bridge told, as a person reads it: to the second. */
export const moment = (time: string): string => short(time.replace("T", " ").replace(/\.\d+Z$/, "Z"), 40);

/** A Map that forgets the entry touched longest ago when it grows past `bound`. */
export class Recent<V> extends Map<string, V> {
  constructor(readonly bound: number) {
    super();
  }
  touch(key: string, value: V): void {
    this.delete(key);
    this.set(key, value);
    if (this.size > this.bound) this.delete(this.keys().next().value!);
  }
}

/** JSON as one line, with the digits that were sent; what is nested deeper than a browser can write is said so. */
export function jsonText(value: unknown): string {
  try {
    return writeJson(value);
  } catch {
    return '"(nested too deeply to be shown)"';
  }
}

/** Calls `draw` once per frame at most, however often it is asked. */
export function onceAFrame(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
