// JSON whose numbers stay as they were sent. A browser's numbers have 53 bits: a balance in wei, or a count in nanoseconds,
// comes out of JSON.parse as another one, and 17.0 without its point. Neither depth nor size is a trouble here, for nothing
// calls itself.

/** A number that the browser would write otherwise than it came: its digits. */
export class Digits {
  constructor(readonly text: string) {}
  valueOf(): number {
    return Number(this.text);
  }
  toString(): string {
    return this.text;
  }
  /** For `writeJson`, which takes the mark and the quotes away again. */
  toJSON(): string {
    return MARK + this.text;
  }
}

/** Without any of these, also in texts and names, all numbers are. */
const DOUBTFUL = /\d{16}|\d[.eE]|-0/;
/** Numbers, and what tells where a text begins and ends: what stands in it is none. */
const TOKEN = /\\.|"|-?\d[\d.eE+-]*/g;
/** What a number is kept as in between. No sender can know it, so no text of theirs begins with it. */
const MARK = `${Math.random()}#`;
const MARKED = new RegExp(`"${MARK.replace(".", "\\.")}([^"]*)"`, "g");

const isSafe = (token: string): boolean => !/\d/.test(token) || String(Number(token)) === token;

export function readJson(text: string): unknown {
  if (!DOUBTFUL.test(text)) return JSON.parse(text);
  let isText = false;
  const marked = text.replace(TOKEN, (token) => {
    if (token === '"') isText = !isText;
    return isText || isSafe(token) ? token : `"${MARK}${token}"`;
  });
  const whole = [JSON.parse(marked) as unknown];
  if (marked !== text) unmark(whole);
  return whole[0];
}

function unmark(whole: object): void {
  const open = [whole as Record<string, unknown>];
  for (let at = open.pop(); at; at = open.pop()) {
    for (const [name, value] of Object.entries(at)) {
      if (typeof value === "string") value.startsWith(MARK) && (at[name] = new Digits(value.slice(MARK.length)));
      else if (value !== null && typeof value === "object") open.push(value as Record<string, unknown>);
    }
  }
}

/** In one line. Throws where it is nested deeper than the browser can write. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.includes(MARK) ? text.replace(MARKED, "$1") : text;
}
