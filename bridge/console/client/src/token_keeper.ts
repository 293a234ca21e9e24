import { now } from "./clock.js";
import { ZwsError } from "./types.js";

export type GetToken = () => string | null | Promise<string | null>;

const MOST_TIMER_MS = 2 ** 31 - 1;
const EARLY_MS = 60_000;
// What a subprotocol name may hold (RFC 9110 token); every JWT is made of these.
const TOKEN_TEXT = /^[!#$%&'*+.^`|~\w-]+$/;

/** Login libraries give a stale token again until they notice: it is worth to ask once more, later. */
export const STALE = new Error("not a new token");

/**
 * TokenKeeper holds the token in use, and asks `getToken` for another before it ends or when it was refused.
 * The token is kept in memory only and is in no message that this client writes anywhere but to the bridge.
 */
export class TokenKeeper {
  #token: string | null;
  #getToken: GetToken | undefined;
  #sets = 0;
  #signedOut = false;
  #used: string | null = null; // by the connection
  #refused: string | null = null;
  #endsAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(token: string | null, getToken: GetToken | undefined) {
    this.#token = token;
    this.#getToken = getToken;
  }

  get canRenew(): boolean {
    return !!this.#getToken && !this.#signedOut;
  }

  /** `null`: there is none, and `getToken` is not asked until there is one again. */
  adopt(token: string | null): void {
    this.#token = this.#used = token;
    this.#sets++;
    this.#signedOut = token === null;
    this.#refused = null;
    this.#endsAt = Infinity;
  }

  /** The bridge did not take, or takes no longer, the token that the connection was opened with. */
  refuse(token = this.#used): void {
    this.#refused = token;
  }

  /**
   * The token to connect with, or null for none. Throws a ZwsError if there is none but the one that was refused, and
   * another error if it is worth to ask again later.
   */
  async forConnecting(): Promise<string | null> {
    if (this.#isStale && this.canRenew) await this.renew();
    if (this.#token !== null && this.#isStale && this.canRenew) throw STALE;
    if (this.#refused !== null && (this.#token === null || this.#token === this.#refused)) throw new ZwsError("invalid_token", "the refused token");
    if (this.#token !== null && !TOKEN_TEXT.test(this.#token)) throw new ZwsError("invalid_token", "not a token");
    return (this.#used = this.#token);
  }

  // What cannot be a token counts as well: a proxy whose backend restarts, or a network that wants a login first, gives a
  // page of its own in place of what getToken fetches, and a moment later gives it no more.
  get #isStale(): boolean {
    return this.#token === null || this.#token === this.#refused || now() >= this.#endsAt || !TOKEN_TEXT.test(this.#token);
  }

  /** Asks getToken; throws what it throws. */
  async renew(): Promise<string | null> {
    const sets = this.#sets;
    // Backends put quotes around it, where a framework makes JSON of a string, or end the line.
    const token = (await this.#getToken!())?.replace(/"|\s+$/g, "") ?? null;
    if (sets !== this.#sets) return this.#token; // somebody has set another meanwhile
    if (token !== this.#token) this.#endsAt = Infinity;
    return (this.#token = token);
  }

  /** Asks getToken for another than the one in use, and throws if it has none. */
  async renewInPlace(): Promise<string | null> {
    const before = this.#token;
    const token = await this.renew();
    if (token !== null && (token === before || this.#isStale)) throw STALE;
    return token;
  }

  /** The token ends in `ms`: calls `renewal` a minute, or a fifth of the time, before. */
  endsIn(ms: number, renewal: () => void): void {
    this.#endsAt = now() + ms;
    if (this.canRenew) this.retryIn(Math.max(1000, ms - Math.min(EARLY_MS, ms / 5)), renewal);
  }

  retryIn(ms: number, renewal: () => void): void {
    this.stop();
    this.#timer = setTimeout(ms > MOST_TIMER_MS ? () => this.retryIn(ms - MOST_TIMER_MS, renewal) : renewal, Math.min(ms, MOST_TIMER_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
