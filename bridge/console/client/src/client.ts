import { Channel } from "./channel.js";
import { Connection } from "./connection.js";
import { EventHandlers, guarded } from "./event_handlers.js";
import { parsePosition } from "./positions.js";
import { Requests } from "./requests.js";
import { subscribeMessages } from "./subscribe_message.js";
import { Subscription, type SubscribeOptions } from "./subscription.js";
import { type GetToken, TokenKeeper } from "./token_keeper.js";
import { type AnyEvent, type ConnectionState, type Gap, type Identity, type Message, type WebSocketConstructor, ZwsError, type ZwsEvent } from "./types.js";

const HEARTBEAT_S = 25; // when the greeting names none
const RENEWAL_PAUSE_MS = 5000;

export interface ClientOptions {
  token?: string | null;
  /** Gives a token: for the first connection if `token` is not given, before a token ends, and when one was refused. */
  getToken?: GetToken;
  /** For Node before 22: `import { WebSocket } from "ws"`. */
  WebSocket?: WebSocketConstructor;
  onState?: (state: ConnectionState) => void;
  onIdentity?: (identity: Identity) => void;
  /** Every event once, also those to `@all` and to this user, which come without a subscription. */
  onEvent?: (event: ZwsEvent) => void;
  /** Errors the bridge told, and failures to renew the token. */
  onError?: (error: ZwsError) => void;
  /** Payloads of `raw` routes, as they came. */
  onRaw?: (data: string | ArrayBuffer) => void;
}

export interface Fetched {
  readonly events: AnyEvent[];
  /** Whether nothing of what was asked for is missing. */
  readonly complete: boolean;
}

interface Fetch { readonly topic: string; readonly src: string; readonly from: number; readonly to: number; readonly events: AnyEvent[] }

/**
 * One connection to a bridge, and the subscriptions on it. It connects at once and comes back until close().
 * Handlers given to `on` hear all events of a type, whatever their topic.
 */
export class ZwsClient extends EventHandlers {
  readonly #options: ClientOptions;
  readonly #tokens: TokenKeeper;
  readonly #connection: Connection;
  readonly #requests = new Requests((text) => this.#connection.send(text));
  readonly #channels = new Map<string, Channel>();
  readonly #fetches = new Set<Fetch>();
  #patterns: Channel[] = [];
  #identity: Identity | null = null;
  #clockMs = 0; // the bridge's clock minus ours
  #flushing = false;

  /** `url`: of the WebSocket, absolute, or relative to the page. Throws if it cannot be one. */
  constructor(url: string, options: ClientOptions = {}) {
    super();
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (!WebSocket) throw new TypeError("ZwsClient: no WebSocket here; pass options.WebSocket");
    const target = new URL(url, globalThis.location?.href);
    target.protocol = target.protocol.replace("http", "ws");
    this.#options = options;
    this.#tokens = new TokenKeeper(options.token ?? null, options.getToken);
    this.#connection = new Connection(target.href, WebSocket, this.#tokens, { take: (data) => this.#take(data), changed: (state) => this.#changed(state) });
    queueMicrotask(() => this.state.code === 1000 || this.connect());
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Null unless connected. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** Connects now: instead of waiting, or after an end for good. */
  connect(): void {
    if (this.state.name !== "connected") void this.#connection.open();
  }

  /** Ends the connection and every subscription. */
  close(): void {
    for (const channel of [...this.#channels.values()]) for (const each of [...channel.subscribers]) each.unsubscribe();
    this.#connection.close();
    this.#tokens.stop();
  }

  /** Subscribes to a topic or pattern; takes effect now or as soon as there is a connection. */
  subscribe<E = ZwsEvent>(topic: string, options: SubscribeOptions<E> = {}): Subscription<E> {
    const subscription = new Subscription<E>(topic, options, (ended) => this.#leave(ended as unknown as Subscription<never>));
    let channel = this.#channels.get(topic);
    if (!channel) {
      this.#channels.set(topic, (channel = new Channel(topic, options.last)));
      if (channel.isPattern) this.#patterns.push(channel);
      this.#flushSoon();
    }
    channel.join(subscription as unknown as Subscription<never>);
    return subscription;
  }

  /** Takes another token, in place if there is a connection. Rejects with a ZwsError if the bridge refuses it; the old identity then stays. */
  async setToken(token: string): Promise<void> {
    if (this.state.name === "connected") await this.#authenticate(token);
    this.#tokens.set(token);
    this.connect();
  }

  /** Asks again for what a gap names. Needs the right to the topic, not a subscription; these events go to the caller alone. */
  async fetch({ topic, src, from, to }: { topic: string; src: string; from: number; to: number }): Promise<Fetched> {
    const fetch: Fetch = { topic, src, from, to, events: [] };
    this.#fetches.add(fetch);
    try {
      const answer = await this.#requests.ask({ type: "fetch", topic, src, from, to });
      return { events: fetch.events, complete: answer["complete"] === true };
    } finally {
      this.#fetches.delete(fetch);
    }
  }

  /** What the bridge tells about this connection, and more to those who may know it. */
  async stats(): Promise<unknown> {
    return (await this.#requests.ask({ type: "get_stats" }))["data"];
  }

  // ---- what comes in ----------------------------------------------------------------------------------

  #take(data: unknown): void {
    let message: Message | null = null;
    if (typeof data === "string") {
      try {
        message = JSON.parse(data);
      } catch {
        // Not JSON: a raw route's text.
      }
    }
    const id = message?.["@id"];
    if (typeof id === "string") this.#event(message as AnyEvent, id);
    else if (!message || !this.#control(message)) guarded(this.#options.onRaw, data as string | ArrayBuffer);
  }

  #event(event: AnyEvent, id: string): void {
    const topic = event["@topic"] ?? (event.topic as string);
    const [src, seq] = parsePosition(id);
    if (this.#fetches.size > 0) {
      for (const fetch of this.#fetches) if (fetch.topic === topic && fetch.src === src && fetch.from <= seq && seq <= fetch.to) return void fetch.events.push(event);
    }
    this.#channels.get(topic)?.take(event, topic, src, seq);
    for (const pattern of this.#patterns) if (pattern.matches(topic)) pattern.take(event, topic, src, seq);
    guarded(this.#options.onEvent, event as unknown as ZwsEvent);
    this.emit(event);
  }

  // Every event has an `@id` and no message of the bridge's own has one. Returns false for what is neither.
  #control(message: Message): boolean {
    const topic = message["topic"] as string;
    switch (message.type) {
      case "connection":
        this.#greeted(message);
        return true;
      case "subscribed":
        this.#requests.answer(message);
        this.#subscribed(this.#channels.get(topic), message);
        return true;
      case "unsubscribed":
        this.#requests.answer(message);
        if (message["code"]) this.#channels.get(topic)?.end(String(message["code"]));
        return true;
      case "gap":
        for (const channel of this.#channels.values()) if (channel.matches(topic)) channel.gap(message as unknown as Gap);
        return true;
      case "error":
        this.#failed(message);
        return true;
      case "auth": case "fetched": case "stats":
        this.#requests.answer(message);
        return true;
      case "pong":
        return true;
    }
    return false;
  }

  // ---- what follows from it ---------------------------------------------------------------------------

  #greeted(message: Message): void {
    this.#clockMs = Date.parse(String(message["timestamp"])) - Date.now() || 0;
    this.#identify(message, String(message["client_id"]));
    this.#connection.greeted(Number(message["heartbeat"]) || HEARTBEAT_S);
  }

  #identify(message: Message, clientId: string): void {
    const expires = typeof message["expires"] === "string" ? message["expires"] : null;
    this.#identity = { clientId, user: typeof message["user"] === "string" ? message["user"] : null, expires };
    if (expires !== null) this.#tokens.endsIn(Date.parse(expires) - Date.now() - this.#clockMs, this.#renew);
    guarded(this.#options.onIdentity, this.#identity);
  }

  #changed(state: ConnectionState): void {
    if (state.name === "connected") this.#flush();
    else {
      this.#identity = null;
      this.#tokens.stop();
      this.#requests.clear();
      for (const channel of this.#channels.values()) channel.interrupt();
    }
    guarded(this.#options.onState, state);
  }

  // Where subscriptions overlap the bridge replays a topic for one of them only, so a loss is told to all of them.
  #subscribed(channel: Channel | undefined, answer: Message): void {
    const outcome = channel?.answer(answer) ?? "fine";
    if (outcome === "fine") return;
    for (const other of this.#channels.values()) if (other.overlaps(channel!)) other.gap({ topic: channel!.topic, reason: "resume" });
    if (outcome === "again") this.#flushSoon();
  }

  #failed(message: Message): void {
    const code = String(message["code"]);
    this.#connection.complaint = code;
    this.#requests.answer(message);
    guarded(this.#options.onError, new ZwsError(code, String(message["message"] ?? "")));
    if (code === "token_expired" && this.state.name === "connected") void this.#renew();
  }

  async #authenticate(token: string): Promise<void> {
    const answer = await this.#requests.ask({ type: "auth", token });
    this.#identify(answer, this.#identity!.clientId);
    for (const channel of this.#channels.values()) channel.reconsider();
    this.#flush();
  }

  #renew = async (): Promise<void> => {
    if (!this.#tokens.canRenew) return;
    try {
      const token = await this.#tokens.renew();
      if (token !== null && this.state.name === "connected") await this.#authenticate(token);
    } catch (error) {
      if (this.state.name !== "connected") return; // the next connection asks for a token itself
      if (error instanceof ZwsError) this.#tokens.refuse();
      guarded(this.#options.onError, error instanceof ZwsError ? error : new ZwsError("invalid_token", `getToken: ${String(error)}`));
      this.#tokens.retryIn(RENEWAL_PAUSE_MS, this.#renew);
    }
  };

  // Everything subscribed to in one turn of the event loop goes out in one message.
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.state.name !== "connected") return;
    // Topics before patterns: each topic is then answered for itself, and the pattern for the rest.
    const unasked = [...this.#channels.values()].filter((channel) => !channel.asked).sort((a, b) => Number(a.isPattern) - Number(b.isPattern));
    for (const message of subscribeMessages(unasked)) {
      for (const channel of message.channels) channel.ask(message.resuming);
      this.#requests.send(message.toJSON(), (answer) => {
        if (answer.type !== "error" || answer["code"] === "disconnected") return;
        for (const channel of message.channels) this.#subscribed(channel, answer);
      });
    }
  }

  #leave(subscription: Subscription<never>): void {
    const channel = this.#channels.get(subscription.topic);
    if (!channel?.leave(subscription)) return;
    this.#channels.delete(channel.topic);
    this.#patterns = this.#patterns.filter((each) => each !== channel);
    if (channel.asked) this.#requests.send({ type: "unsubscribe", topic: channel.topic });
  }
}
