import { ZwsError } from "./types.js";

export type GetToken = () => string | null | Promise<string | null>;

const MOST_TIMER_MS = 2 ** 31 - 1;
const EARLY_MS = 60_000;
// What a subprotocol name may hold (RFC 9110 token); every JWT is made of these.
const TOKEN_TEXT = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * TokenKeeper holds the token in use, and asks `getToken` for another before it ends or when it was refused.
 * The token is kept in memory only and is in no message that this client writes anywhere but to the bridge.
 */
export class TokenKeeper {
  #token: string | null;
  #getToken: GetToken | undefined;
  #refused: string | null = null;
  #endsAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(token: string | null, getToken: GetToken | undefined) {
    this.#token = token;
    this.#getToken = getToken;
  }

  get canRenew(): boolean {
    return this.#getToken !== undefined;
  }

  set(token: string | null): void {
    this.#token = token;
    this.#refused = null;
    this.#endsAt = Infinity;
  }

  /** The bridge did not take the token in use. */
  refuse(): void {
    this.#refused = this.#token;
  }

  /** The token to connect with, or null for none. Throws `invalid_token` if there is only the one that was refused. */
  async forConnecting(): Promise<string | null> {
    const stale = this.#token === null || this.#token === this.#refused || Date.now() >= this.#endsAt;
    if (stale && this.#getToken) await this.renew();
    if (this.#refused !== null && (this.#token === null || this.#token === this.#refused)) throw new ZwsError("invalid_token", "there is no token but the one that was refused");
    if (this.#token !== null && !TOKEN_TEXT.test(this.#token)) throw new ZwsError("invalid_token", "the token holds characters that no token has");
    return this.#token;
  }

  /** Asks getToken; throws what it throws. */
  async renew(): Promise<string | null> {
    const token = await this.#getToken!();
    this.#token = token;
    this.#endsAt = Infinity;
    return token;
  }

  /** The token ends in `ms`: calls `renewal` a minute, or a fifth of the time, before. */
  endsIn(ms: number, renewal: () => void): void {
    this.#endsAt = Date.now() + ms;
    if (this.#getToken) this.#schedule(Math.max(1000, ms - Math.min(EARLY_MS, ms / 5)), renewal);
  }

  retryIn(ms: number, renewal: () => void): void {
    this.#schedule(ms, renewal);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(ms: number, renewal: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(ms > MOST_TIMER_MS ? () => this.#schedule(ms - MOST_TIMER_MS, renewal) : renewal, Math.min(ms, MOST_TIMER_MS));
  }
}
