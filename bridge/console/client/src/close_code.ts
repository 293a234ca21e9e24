// Close codes and whether to come back (docs/PROTOCOL.md). A code that is not here, as 1006, means: come back.

/** Coming back would end the same way. */
export const TERMINAL: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009, 4400, 4403]);
/** Come back, but not soon: the bridge is full, or this client was too fast. */
export const LATER: ReadonlySet<number | null> = new Set([1013, 4429]);
/** Come back only with a token other than the one that was refused. */
export const TOKEN = 4401;
/** No sign of life: what this client says of a bridge that has gone silent, as the bridge says of a client. */
export const SILENT = 4408;
