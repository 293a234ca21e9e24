import { Backoff } from "./backoff.js";
import { LATER, SILENT, TERMINAL, TOKEN } from "./close_code.js";
import type { TokenKeeper } from "./token_keeper.js";
import { type ConnectionState, type WebSocketConstructor, type WebSocketLike, ZwsError } from "./types.js";

const OPEN = 1;
const PATIENCE_MS = 10_000; // for a greeting, and for an answer to a ping
const MOST_HEARTBEAT_MS = 3_600_000; // far below what a timer can hold
const SUBPROTOCOL = "zws.v1.json";

export interface ConnectionOwner {
  /** A text or binary message came. */
  take(data: unknown): void;
  /** Called after every change of state. */
  changed(state: ConnectionState): void;
}

/**
 * Connection keeps one WebSocket to the bridge: it comes back after every end that is not for good, and notices a
 * network that has gone silent. `connecting` lasts until the bridge's greeting.
 */
export class Connection {
  readonly #url: string;
  readonly #WebSocket: WebSocketConstructor;
  readonly #tokens: TokenKeeper;
  readonly #owner: ConnectionOwner;
  readonly #backoff = new Backoff();
  #state: ConnectionState = { name: "connecting", code: null, reason: "", retry: true };
  #socket: WebSocketLike | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined; // one at a time: the next attempt, the greeting, or the watchdog
  #attempt = 0;
  #heardAt = 0;
  #greetedAt = 0;
  #heartbeatMs = 0;
  /** Why the bridge is about to close: the code of its last `error`. */
  complaint = "";

  constructor(url: string, WebSocket: WebSocketConstructor, tokens: TokenKeeper, owner: ConnectionOwner) {
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#tokens = tokens;
    this.#owner = owner;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects now, whatever state this is in; an open connection is given up for the new one. */
  async open(): Promise<void> {
    const attempt = ++this.#attempt; // an attempt that was overtaken while it waited for a token must not go on
    this.#drop();
    globalThis.addEventListener?.("online", this.#online); // twice is once
    this.#set("connecting", null, "", true);
    try {
      const token = await this.#tokens.forConnecting();
      if (attempt !== this.#attempt) return;
      this.#dial(token);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof ZwsError) this.#set("disconnected", TOKEN, error.message, false);
      else this.#comeBack(null, `getToken: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Closes for good: until open() is called. */
  close(): void {
    this.#attempt++;
    this.#drop();
    globalThis.removeEventListener?.("online", this.#online);
    this.#set("disconnected", 1000, "closed by this client", false);
  }

  /** False if there is no open connection: the message is gone. */
  send(text: string): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  /** The bridge's greeting has come. `heartbeat`: seconds after which a healthy connection has been heard. */
  greeted(heartbeat: number): void {
    this.#greetedAt = Date.now();
    this.#heartbeatMs = Math.min(heartbeat * 1000, MOST_HEARTBEAT_MS);
    this.#set("connected", null, "", true);
    this.#watch();
  }

  #dial(token: string | null): void {
    const socket = new this.#WebSocket(this.#url, token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `bearer.${token}`]);
    this.#socket = socket;
    this.complaint = "";
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      this.#owner.take(data);
    };
    socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    socket.onerror = () => {}; // what matters comes with onclose; `ws` throws if nobody listens
    this.#after(PATIENCE_MS, () => this.#ended(SILENT, "no greeting from the bridge"));
  }

  #ended(code: number, reason: string): void {
    this.#backoff.lasted(this.#greetedAt === 0 ? 0 : Date.now() - this.#greetedAt);
    this.#drop();
    const why = code === 1013 || code >= 4000 ? this.complaint || reason : reason; // an old complaint explains no lost network
    if (code === TOKEN) this.#tokens.refuse();
    if (TERMINAL.has(code) || (code === TOKEN && !this.#tokens.canRenew)) this.#set("disconnected", code, why, false);
    else this.#comeBack(code, why);
  }

  #comeBack(code: number | null, reason: string): void {
    this.#after(this.#backoff.next(code !== null && LATER.has(code)), () => void this.open());
    this.#set("disconnected", code, reason, true);
  }

  // Pings of the bridge are invisible to a browser's script. So silence is broken by a ping of our own, and judged after it.
  #watch(): void {
    const silence = Date.now() - this.#heardAt;
    if (silence < this.#heartbeatMs) this.#after(this.#heartbeatMs - silence, () => this.#watch());
    else this.#probe();
  }

  #probe(): void {
    this.#heardAt = 0;
    this.send('{"type":"ping"}');
    this.#after(Math.min(PATIENCE_MS, this.#heartbeatMs), () => {
      if (this.#heardAt === 0) this.#ended(SILENT, "no sign of life from the bridge");
      else this.#watch();
    });
  }

  #online = (): void => {
    if (this.#state.name === "connected") this.#probe();
    else if (this.#state.name === "disconnected" && this.#state.retry) void this.open();
  };

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  // Does not wait for a closing handshake, which a dead network would never answer.
  #drop(): void {
    clearTimeout(this.#timer);
    this.#greetedAt = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(name: ConnectionState["name"], code: number | null, reason: string, retry: boolean): void {
    this.#state = { name, code, reason, retry };
    this.#owner.changed(this.#state);
  }
}
