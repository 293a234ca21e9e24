import { Backoff } from "./backoff.js";
import { now } from "./clock.js";
import { LATER, SILENT, TERMINAL, TOKEN } from "./close_code.js";
import type { TokenKeeper } from "./token_keeper.js";
import { type ConnectionState, type WebSocketConstructor, type WebSocketLike, ZwsError } from "./types.js";

const OPEN = 1;
const PATIENCE_MS = 10_000; // for a greeting, and for an answer to a ping
const TOKEN_PATIENCE_MS = 30_000; // for getToken: what it waits for may never come, as after a sleep
const TICK_MS = 5_000;
const ASLEEP_MS = 90_000; // more than browsers hold back the timers of a page that nobody sees
const SUBPROTOCOL = "zws.v1.json";
/** What a page is told when there may be a network again, or it has slept. */
const WAKES = ["online", "pageshow", "visibilitychange"];

export interface ConnectionOwner {
  /** A text or binary message came. */
  take(data: unknown): void;
  /** Called after every change of state. */
  changed(state: ConnectionState): void;
}

/**
 * What a WebSocket is given as its address, for each `url`, absolute, or relative to the page. None for what is relative
 * where there is no page, as when one is rendered on a server. Throws if it cannot be one.
 */
export function addressesOf(urls: string | string[]): string[] {
  const page = globalThis.location?.href;
  return [urls].flat().flatMap((url) => {
    const isAbsolute = /^(http|ws)s?:/i.test(url);
    if (!isAbsolute && !page) return [];
    const { href } = new URL(url, page);
    return (isAbsolute ? url : href).replace(/^http/i, "ws"); // React Native's URL puts a slash behind all it is given
  });
}

/**
 * Connection keeps one WebSocket to the bridge: it comes back after every end that is not for good, and notices a
 * network that has gone silent. `connecting` lasts until the bridge's greeting.
 */
export class Connection {
  readonly #urls: string[];
  readonly #WebSocket: WebSocketConstructor | undefined;
  readonly #tokens: TokenKeeper;
  readonly #owner: ConnectionOwner;
  readonly #backoff = new Backoff();
  #state: ConnectionState = { name: "connecting", code: null, reason: "", retry: true };
  #socket: WebSocketLike | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined; // one at a time: the next attempt, the greeting, or the watchdog
  #attempt = 0; // each is for the next address
  #heardAt = 0;
  #probing = false;
  #greetedAt = Infinity; // never
  #heartbeatMs = 0;
  /** Why the bridge is about to close: the code of its last `error`. */
  complaint = "";
  /** When the bridge wants this client back: it closes then. */
  wantedAt = Infinity;

  constructor(urls: string[], WebSocket: WebSocketConstructor | undefined, tokens: TokenKeeper, owner: ConnectionOwner) {
    this.#urls = urls;
    this.#WebSocket = WebSocket;
    this.#tokens = tokens;
    this.#owner = owner;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** False where a page is rendered on a server: that there is no connection is no trouble then. */
  get isPossible(): boolean {
    return this.#urls.length > 0;
  }

  /** Connects now, whatever state this is in; an open connection is given up for the new one. */
  async seek(): Promise<void> {
    const attempt = ++this.#attempt; // an attempt that was overtaken while it waited for a token must not go on
    this.#drop();
    if (!this.isPossible) return this.#giveUp(null, "a relative URL needs a page");
    for (const wake of WAKES) globalThis.addEventListener?.(wake, this.#wake); // twice is once
    this.#after(TOKEN_PATIENCE_MS, () => {
      this.#attempt++;
      this.#comeBack(null, "getToken: no answer");
    });
    this.#set("connecting"); // last: who hears of it may close
    let token: string | null;
    try {
      token = await this.#tokens.forConnecting();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof ZwsError) this.#giveUp(TOKEN, error.message);
      else this.#comeBack(null, `getToken: ${(error as Error | null)?.message ?? error}`);
      return;
    }
    if (attempt === this.#attempt) this.#dial(this.#urls.at((attempt % this.#urls.length) - 1)!, token);
  }

  /** Closes for good: until seek() is called. */
  end(): void {
    this.#attempt++;
    this.#giveUp(1000, "closed by this client");
  }

  /** False if there is no open connection: the message is gone. */
  put(text: string): boolean {
    const isOpen = this.#socket?.readyState === OPEN;
    if (isOpen) this.#socket!.send(text);
    return isOpen;
  }

  /** The bridge's greeting has come. `heartbeat`: seconds after which a healthy connection has been heard. */
  greeted(heartbeat: number): void {
    if (!this.#socket) return; // closed by who heard of its identity
    this.#greetedAt = now();
    this.#heartbeatMs = heartbeat * 1000;
    this.#set("connected");
    if (this.#socket) this.#watch();
  }

  /** Asks at once whether the connection lives, or seeks another instead of waiting, unless the bridge asked for patience. */
  probe(): void {
    const { name, code, retry } = this.#state;
    if (name === "connected") this.#probe();
    else if (name === "disconnected" && retry && !LATER.has(code)) void this.seek();
  }

  #dial(url: string, token: string | null): void {
    const WebSocket = this.#WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (!WebSocket) return this.#giveUp(null, "pass options.WebSocket");
    let socket: WebSocketLike;
    try {
      socket = new WebSocket(url, token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `bearer.${token}`]);
    } catch (error) {
      return this.#giveUp(null, String(error)); // as ws: from a page that came by https:
    }
    this.#socket = socket;
    this.complaint = "";
    this.wantedAt = Infinity;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.#heardAt = now();
      this.#probing = false;
      this.#owner.take(data);
    };
    socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    socket.onerror = () => {}; // what matters comes with onclose; `ws` throws if nobody listens
    this.#after(PATIENCE_MS, () => this.#ended(SILENT, "no greeting"));
  }

  #ended(code: number, reason: string): void {
    this.#backoff.lasted(now() - this.#greetedAt);
    this.#drop();
    const why = code === 1013 || code >= 4000 ? this.complaint || reason : reason; // an old complaint explains no lost network
    if (code === TOKEN) this.#tokens.refuse();
    if (TERMINAL.has(code) || (code === TOKEN && !this.#tokens.canRenew)) this.#giveUp(code, why);
    else this.#comeBack(code, why);
  }

  #comeBack(code: number | null, reason: string): void {
    this.#after(Math.min(this.wantedAt - now(), this.#backoff.next(LATER.has(code))), () => void this.seek());
    this.wantedAt = Infinity;
    this.#set("disconnected", code, reason);
  }

  #giveUp(code: number | null, reason: string): void {
    this.#drop();
    for (const wake of WAKES) globalThis.removeEventListener?.(wake, this.#wake);
    this.#set("disconnected", code, reason, false);
  }

  // Pings of the bridge are invisible to a browser's script. So silence is broken by a ping of our own, and judged after
  // it. A machine that has slept is noticed by its wall clock: timers, and the clock that nobody sets, sleep with it.
  #watch(): void {
    const left = this.#heartbeatMs - (now() - this.#heardAt);
    if (left <= 0) return this.#probe();
    const from = Date.now();
    this.#after(Math.min(left, TICK_MS), () => (Date.now() - from > ASLEEP_MS ? this.#probe() : this.#watch()));
  }

  #probe(): void {
    if (this.#probing) return; // whoever looks at the page again and again must not put off the verdict
    this.#probing = true;
    this.put('{"type":"ping"}');
    this.#after(Math.min(PATIENCE_MS, this.#heartbeatMs), () => {
      if (this.#probing) this.#ended(SILENT, "no sign of life");
      else this.#watch();
    });
  }

  #wake = (): void => {
    if (globalThis.document?.visibilityState !== "hidden") this.probe();
  };

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  // Does not wait for a closing handshake, which a dead network would never answer.
  #drop(): void {
    clearTimeout(this.#timer);
    this.#greetedAt = Infinity;
    this.#probing = false;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(name: ConnectionState["name"], code: number | null = null, reason = "", retry = true): void {
    this.#state = { name, code, reason, retry };
    this.#owner.changed(this.#state);
  }
}
