// Full jitter, so that ten thousand tabs do not come back in one instant.

const FIRST_MS = 500;
const MOST_MS = 20_000;
const LATER_MS = 5_000;
const STABLE_MS = 10_000;

/** How long to wait before the next attempt. */
export class Backoff {
  #attempt = 0;

  /** Milliseconds. `later`: the bridge asked for patience. */
  next(later: boolean): number {
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** this.#attempt++);
    return Math.min(MOST_MS, (later ? LATER_MS : 0) + Math.random() * most);
  }

  /** A connection that lasted begins the count anew; one that was thrown out at once does not. */
  lasted(ms: number): void {
    if (ms >= STABLE_MS) this.#attempt = 0;
  }
}
