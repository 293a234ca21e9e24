import { ZwsError } from "./types.js";

/** Calls `end` when the signal says so, or at once if it has. Returns the function that lets go of the signal. */
export function onAbort(signal: AbortSignal | undefined, end: () => void): () => void {
  if (signal?.aborted) end();
  else signal?.addEventListener("abort", end);
  return () => signal?.removeEventListener("abort", end);
}

/** Promises that wait for something to become true. */
export class Watchers {
  #attempts = new Set<() => void>();

  /** Something has changed. */
  look(): void {
    for (const attempt of [...this.#attempts]) attempt();
  }

  get any(): boolean {
    return this.#attempts.size > 0;
  }

  /** Resolves to what `check` returns as soon as that is not undefined; rejects with what it throws, or when aborted. */
  until<T>(check: () => T | undefined, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#attempts.delete(attempt);
        release?.();
        settle();
      };
      const attempt = (): void => {
        try {
          const value = check();
          if (value !== undefined) end(() => resolve(value));
        } catch (error) {
          end(() => reject(error));
        }
      };
      let release: (() => void) | undefined;
      this.#attempts.add(attempt);
      release = onAbort(signal, () => end(() => reject(signal!.reason ?? new ZwsError("aborted"))));
      if (this.#attempts.has(attempt)) attempt();
    });
  }
}
