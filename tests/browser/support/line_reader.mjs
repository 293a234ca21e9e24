import { createInterface } from "node:readline";

/** The lines of a stream, kept and waited for. */
export class LineReader {
  #lines = [];
  #at = 0;
  #ended = false;
  #wake = () => {};

  constructor(stream) {
    const reader = createInterface({ input: stream });
    reader.on("line", (line) => { this.#lines.push(line); this.#wake(); });
    reader.on("close", () => { this.#ended = true; this.#wake(); });
  }

  text() {
    return this.#lines.slice(-40).join("\n");
  }

  /** The next line that `wanted` says yes to; throws at the end of the stream. */
  async find(wanted = () => true) {
    for (;;) {
      while (this.#at < this.#lines.length) {
        const line = this.#lines[this.#at++];
        if (wanted(line)) return line;
      }
      if (this.#ended) throw new Error(`the program has ended:\n${this.text()}`);
      await new Promise((resolve) => { this.#wake = resolve; });
    }
  }
}
