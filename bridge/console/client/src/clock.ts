/** Milliseconds on a clock that nobody sets; for lengths of time only. */
export const now = (): number => globalThis.performance?.now() ?? Date.now();
