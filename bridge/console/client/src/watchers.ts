import { ZwsError } from "./types.js";

/** Calls `end` when the signal says so, or at once if it has; until offAbort with the same. */
export function onAbort(signal: AbortSignal | undefined, end: () => void): void {
  if (signal?.aborted) end();
  else signal?.addEventListener("abort", end);
}

/** Lets go of the signal. */
export function offAbort(signal: AbortSignal | undefined, end: () => void): void {
  signal?.removeEventListener("abort", end);
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

  /** Resolves to what `check` returns as soon as that is something; rejects with what it throws, or when aborted. */
  until<T>(check: () => T | null | undefined | false, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#attempts.delete(attempt);
        offAbort(signal, abort);
        settle();
      };
      const attempt = (): void => {
        try {
          const value = check();
          if (value) end(() => resolve(value));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const abort = (): void => end(() => reject(signal!.reason ?? new ZwsError("aborted")));
      this.#attempts.add(attempt);
      onAbort(signal, abort);
      if (this.#attempts.has(attempt)) attempt();
    });
  }
}
