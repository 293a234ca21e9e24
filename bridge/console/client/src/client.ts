import { Channel } from "./channel.js";
import { now } from "./clock.js";
import { TOKEN } from "./close_code.js";
import { addressesOf, Connection } from "./connection.js";
import { bindOwn, EventHandlers, guarded, type WaitOptions } from "./event_handlers.js";
import { Fetches, type FetchRequest, type Held } from "./fetches.js";
import { parsePosition, parseSequence } from "./positions.js";
import { refusalOf, Requests } from "./requests.js";
import { subscribeMessages } from "./subscribe_message.js";
import { Subscription, type SubscribeOptions } from "./subscription.js";
import { type GetToken, STALE, TokenKeeper } from "./token_keeper.js";
import { type AnyEvent, type ConnectionState, type Gap, type Identity, type Message, type Source, type WebSocketConstructor, ZwsError, type ZwsEvent } from "./types.js";
import { offAbort, onAbort } from "./watchers.js";

const HEARTBEAT_S = 25; // when the greeting names none
const MOST_UNSUBSCRIBED = 150; // topics in one message, which stays below 64 KiB
const RENEWAL_PAUSE_MS = 5000;
const rank = (channel: Channel): number => (channel.positions.known ? 0 : 2) + Number(channel.isPattern);

/** As an answer to subscribe has it; of a pattern with `topic`. */
interface KnownSource {
  readonly src: string;
  readonly alive: boolean;
  /** It is alive, and late. */
  readonly silent?: boolean;
  readonly heard: string;
  readonly topic?: string;
}

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
  /** Refusals and errors the bridge told, and failures to renew the token. Without it they are on the console, if nobody else listens. */
  onError?: (error: ZwsError) => void;
  /** Reads the JSON of an event in place of JSON.parse, as one that keeps integers beyond 2^53. */
  parse?: (text: string) => unknown;
  /** Closes the client. */
  signal?: AbortSignal;
  /** Payloads of `raw` routes, as they came: the bridge sends them as bytes, whatever they hold. */
  onRaw?: (data: ArrayBuffer) => void;
}

export interface Fetched {
  readonly events: AnyEvent[];
  /** Whether nothing of what was asked for is missing. */
  readonly complete: boolean;
}

/**
 * One connection to a bridge, and the subscriptions on it. It connects at once and comes back until close().
 * Handlers given to `on` hear all events of a type, whatever their topic.
 */
export class ZwsClient extends EventHandlers {
  readonly #options: ClientOptions;
  readonly #tokens: TokenKeeper;
  readonly #connection: Connection;
  readonly #requests = new Requests((text) => this.#connection.put(text));
  readonly #channels = new Map<string, Channel>();
  readonly #fetches = new Fetches((held) => this.#deliver(held));
  #patterns: Channel[] = [];
  /** Topics given up of which the bridge has not yet said that they are: the `id` of the request, 0 before there is one. */
  readonly #left = new Map<string, number>();
  #identity: Identity | null = null;
  #clockMs = 0; // the bridge's clock minus ours
  #flushing = false;

  /**
   * `url`: of the WebSocket, absolute, or relative to the page; or those of several bridges on the same producers, where
   * each break takes it to the next. Throws if it cannot be one. Where there is no page that it could be relative to, as
   * when one is rendered on a server, the client does nothing.
   */
  constructor(url: string | string[], options: ClientOptions = {}) {
    super();
    this.#options = options;
    this.#tokens = new TokenKeeper(options.token ?? null, options.getToken);
    this.#connection = new Connection(addressesOf(url), options.WebSocket, this.#tokens, { take: (data) => this.#take(data), changed: (state) => this.#changed(state) });
    bindOwn(this, ["on", "once", "state", "identity", "connect", "ready", "close", "subscribe", "setToken", "fetch", "stats"]);
    onAbort(options.signal, this.close);
    void Promise.resolve().then(() => this.state.code === 1000 || this.connect());
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Null unless connected. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** Connects now: instead of waiting, or after an end for good. Connected, it asks at once whether the connection lives. */
  connect(): void {
    if (this.#identity) this.#connection.probe();
    else void this.#connection.seek();
  }

  /** Resolves when there is a connection; rejects with a ZwsError when the client does not come back by itself. */
  ready({ signal }: WaitOptions = {}): Promise<Identity> {
    return this.watchers.until(() => this.failed() ?? this.#identity, signal);
  }

  /** Ends the connection and every subscription. */
  close(): void {
    offAbort(this.#options.signal, this.close);
    for (const channel of [...this.#channels.values()]) channel.endAll();
    this.#connection.end();
    this.#tokens.stop();
  }

  /** Subscribes to a topic or pattern; takes effect now or as soon as there is a connection. */
  subscribe<E = ZwsEvent>(topic: string, options: SubscribeOptions<E> = {}): Subscription<E> {
    const subscription = new Subscription<E>(topic, options, (ended) => this.#leave(ended as unknown as Subscription<never>));
    if (subscription.state.name === "closed") return subscription; // its signal had been given before
    let channel = this.#channels.get(topic);
    if (!channel) {
      this.#channels.set(topic, (channel = new Channel(topic)));
      if (channel.isPattern) this.#patterns.push(channel);
    }
    channel.admit(subscription as unknown as Subscription<never>);
    if (channel.asked && options.sources) {
      this.#requests.issue(() => ({ type: "subscribe", topic, sources: true }), (answer) => {
        if (answer.type !== "error" && answer["code"]) this.#tell(refusalOf(answer, topic));
      });
    }
    this.#flushSoon();
    return subscription;
  }

  /**
   * Takes another token, in place if there is a connection. Rejects with a ZwsError if the bridge refuses it; the old
   * identity then stays. `null` signs out, which takes another connection; getToken is not asked until there is a token.
   */
  async setToken(token: string | null): Promise<void> {
    if (token !== null && this.#identity) {
      try {
        return await this.#authenticate(token);
      } catch (error) {
        if ((error as ZwsError).code !== "disconnected" || !this.state.retry) throw error;
        return this.#tokens.adopt(token); // it is lost: the next one begins with this token
      }
    }
    this.#tokens.adopt(token);
    if (this.#failure()?.code !== "closed") void this.#connection.seek();
  }

  /**
   * Asks again for what a gap names, or for the newest of a topic or pattern. Needs the right to the topic, not a
   * subscription; these events go to the caller alone.
   */
  fetch(request: FetchRequest): Promise<Fetched> {
    return new Promise((resolve, reject) =>
      this.#fetch(request, (events, answer) => {
        if (answer["success"]) resolve({ events, complete: answer["complete"] === true });
        else reject(refusalOf(answer, request.topic));
      }),
    );
  }

  /** What the bridge tells about this connection, and more to those who may know it. */
  async stats(): Promise<unknown> {
    this.#flush(); // it tells of what was subscribed to and given up before
    return (await this.#requests.ask({ type: "get_stats" }))["data"];
  }

  // ---- what comes in ----------------------------------------------------------------------------------

  #take(data: unknown): void {
    if (typeof data !== "string") {
      this.#fetches.release(); // bytes are a producer's own, whatever they say; text never is
      return guarded(this.#options.onRaw, data as ArrayBuffer);
    }
    let message: Message | null;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not a word of any bridge
    }
    const id = message?.["@id"];
    if (typeof id === "string") return this.#event(message as AnyEvent, id, data);
    if (message?.type !== "fetched") this.#fetches.release();
    if (message) this.#control(message, data);
  }

  #event(message: AnyEvent, id: string, text: string): void {
    const topic = message["@topic"] ?? (message.topic as string);
    const [src, seq] = parsePosition(id);
    const event = (guarded(this.#options.parse, text) as AnyEvent | undefined) ?? message;
    this.#fetches.hold({ event, topic, src, seq });
  }

  #deliver(held: Held): void {
    const { event, topic } = held;
    this.#channels.get(topic)?.take(held);
    for (const pattern of this.#patterns) if (pattern.matches(topic)) pattern.take(held);
    guarded(this.#options.onEvent, event as unknown as ZwsEvent);
    this.emit(event);
  }

  // Every event has an `@id` and no message of the bridge's own has one.
  #control(message: Message, text: string): void {
    const topic = message["topic"] as string;
    this.#requests.answer(message);
    switch (message.type) {
      case "connection":
        return this.#greeted(message);
      case "source":
        for (const channel of this.#channels.values()) if (channel.matches(topic)) channel.hear(message as unknown as Source);
        return;
      case "subscribed":
        for (const each of (message["sources"] ?? []) as KnownSource[]) this.#control({ type: "source", topic: each.topic ?? topic, src: each.src, state: each.silent ? "silent" : each.alive ? "alive" : "lost", timestamp: each.heard }, text);
        return this.#subscribed(this.#channels.get(topic), message, message["id"]);
      case "unsubscribed":
        if (this.#left.get(topic) === (message["id"] ?? -1)) this.#left.delete(topic);
        else if (message["code"]) this.#ended(this.#channels.get(topic), refusalOf(message, topic));
        return;
      case "gap":
        return this.#gap(message as unknown as Gap, text);
      case "error":
        return this.#failed(message);
      case "reconnect":
        this.#connection.wantedAt = now() + (message["after_ms"] as number);
    }
  }

  // ---- what follows from it ---------------------------------------------------------------------------

  #greeted(message: Message): void {
    this.#clockMs = (Date.parse(message["timestamp"] as string) || Date.now()) - now();
    this.#identify(message, message["client_id"] as string);
    this.#connection.greeted((message["heartbeat"] as number) || HEARTBEAT_S);
  }

  #identify(message: Message, clientId: string): void {
    const { user = null, expires = null } = message as { user?: string | null; expires?: string | null };
    this.#identity = { clientId, user, expires };
    if (expires) this.#tokens.endsIn(Date.parse(expires) - now() - this.#clockMs, this.#renew);
    guarded(this.#options.onIdentity, this.#identity);
  }

  #changed(state: ConnectionState): void {
    if (state.name === "connected") this.#flush();
    else {
      this.#identity = null;
      this.#tokens.stop();
      this.#fetches.lost();
      this.#requests.lost();
      this.#left.clear();
      for (const channel of this.#channels.values()) channel.interrupt();
    }
    guarded(this.#options.onState, state);
    const failure = this.#failure();
    if (failure && state.code !== 1000 && this.#connection.isPossible && !this.#options.onState) this.#tell(failure, this.watchers.any);
    this.watchers.look();
  }

  // Where subscriptions overlap the bridge replays a topic for one of them only, so a loss is told to all of them. An
  // answer to somebody who has gone is not for who has come after.
  #subscribed(channel: Channel | undefined, answer: Message, id: unknown): void {
    if (!channel || channel.asked !== id) return;
    const { isWatched } = channel;
    const outcome = channel.answer(answer);
    if (outcome !== "fine") for (const other of this.#channels.values()) if (other.overlaps(channel)) other.gap({ topic: channel.topic, reason: "resume" });
    if (outcome === "lost") channel.makeDue();
    if (outcome === "again") this.#flushSoon();
    else if (channel.isActive) this.#catchUp(channel);
    else if (answer.type !== "error") this.#tell(channel.refusal!, isWatched); // an `error` has been told
  }

  #ended(channel: Channel | undefined, refusal: ZwsError): void {
    if (!channel) return;
    const { isWatched } = channel;
    channel.end(refusal);
    this.#tell(refusal, isWatched);
  }

  // JSON.parse has rounded what is beyond 2^53, but the digits are in the text; inside a string its quotes are escaped.
  #gap(gap: { -readonly [name in keyof Gap]: Gap[name] }, text: string): void {
    for (const name of ["from", "to"] as const) gap[name] = parseSequence(new RegExp(`"${name}":(\\d+)`).exec(text)![1]!);
    for (const channel of this.#channels.values()) if (channel.matches(gap.topic)) channel.gap(gap);
  }

  // Brings the state they asked for to those, and only those, who came late to what the connection has already.
  #catchUp(channel: Channel): void {
    for (const [last, subscriptions] of channel.takeDue()) {
      this.#fetch({ topic: channel.topic, last }, (events, answer) => {
        const refusal = refusalOf(answer, channel.topic);
        if (refusal.code === "disconnected") return; // it is asked again with the next connection
        const waiting = subscriptions.filter((each) => each.catching === "asked" && each.state.name !== "closed");
        if (answer["success"] || refusal.code === "invalid_message") return waiting.forEach((each) => each.caughtUp(events)); // a raw route has nothing to fetch
        const isWatched = waiting.some((each) => each.isWatched);
        for (const each of waiting) each.setState("refused", refusal);
        if (answer.type !== "error") this.#tell(refusal, isWatched);
      });
    }
  }

  #fetch(request: FetchRequest, done: (events: AnyEvent[], answer: Message) => void): void {
    const { topic, src, from, to, last } = request as Partial<Gap> & { last?: number };
    const more = src && `,"from":${BigInt(from!)},"to":${BigInt(to!)}`; // which throws at what is no integer
    const wants = this.#fetches.begin(request);
    this.#requests.issue(() => ({ type: "fetch", topic, src, last }), (answer) => done(this.#fetches.end(wants, (answer["count"] ?? 0) as number), answer), more);
  }

  // A refusal must not go unseen.
  #tell(error: ZwsError, isWatched = false): void {
    if (this.#options.onError) guarded(this.#options.onError, error);
    else if (!isWatched) console.warn(`zwsbridge: ${error.code}: ${error.message}${error.topic ? ` (${error.topic})` : ""}`);
  }

  #failed(message: Message): void {
    const error = refusalOf(message);
    const { code } = error;
    this.#connection.complaint = code;
    const renews = code.includes("token") && this.#tokens.canRenew && this.#identity; // expired, or invalid: its key was taken out
    if (this.#options.onError || !renews) this.#tell(error);
    if (renews) void this.#renew();
  }

  // Why the client does not come back by itself, if it does not.
  #failure(): ZwsError | undefined {
    const { retry, code, reason } = this.state;
    return retry ? undefined : new ZwsError(code === 1000 ? "closed" : code === TOKEN ? "invalid_token" : "disconnected", reason);
  }

  /** @internal */
  protected override failed(): undefined {
    const failure = this.#failure();
    if (failure) throw failure;
  }

  async #authenticate(token: string): Promise<void> {
    const answer = await this.#requests.ask({ type: "auth", token });
    this.#tokens.adopt(token); // before its end is told, which is then its own
    this.#identify(answer, this.#identity!.clientId);
    for (const channel of this.#channels.values()) channel.reconsider();
    this.#flush();
  }

  #renew = async (): Promise<void> => {
    if (!this.#tokens.canRenew) return;
    let token: string | null = null;
    try {
      token = await this.#tokens.renewInPlace();
      if (token !== null && this.#identity) await this.#authenticate(token);
    } catch (error) {
      if (!this.#identity) return; // the next connection asks for a token itself
      if (error instanceof ZwsError) {
        if (error.code === "forbidden") return void this.#connection.seek(); // another user's: good, but not for this connection
        this.#tokens.refuse(token);
      }
      if (error !== STALE) this.#tell(error instanceof ZwsError ? error : new ZwsError("invalid_token", `getToken: ${error}`));
      this.#tokens.retryIn(RENEWAL_PAUSE_MS, this.#renew);
    }
  };

  // Everything subscribed to in one turn of the event loop goes out in one message.
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void Promise.resolve().then(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#identity) return;
    // What is resumed before what is new, which would else keep from a pattern what it missed of a topic. Then topics
    // before patterns: each topic is then answered for itself, and the pattern for the rest.
    const unasked = [...this.#channels.values()].filter((channel) => !channel.asked).sort((a, b) => rank(a) - rank(b));
    for (const channel of unasked) {
      channel.held = this.#left.delete(channel.topic);
      channel.last = this.#isCovered(channel) ? 0 : channel.wanted;
    }
    const left = [...this.#left.keys()].filter((topic) => !this.#left.get(topic));
    while (left.length > 0) this.#unsubscribe(left.splice(0, MOST_UNSUBSCRIBED));
    for (const message of subscribeMessages(unasked)) {
      for (const channel of message.channels) channel.ask(message.resuming);
      this.#requests.issue((id) => {
        message.channels = message.channels.filter((channel) => this.#channels.get(channel.topic) === channel);
        for (const channel of message.channels) channel.asked = id;
        return message.channels[0] && message.toJSON();
      }, (answer) => {
        if (answer.type !== "error" || answer["code"] === "disconnected") return;
        for (const channel of message.channels) this.#subscribed(this.#channels.get(channel.topic), answer, answer["id"]);
      });
    }
    for (const channel of this.#channels.values()) if (channel.isActive) this.#catchUp(channel);
  }

  // Whether the bridge would leave topics out of what `last` brings: the connection has them already, or they are named
  // in the same messages by somebody who asks for less.
  #isCovered(channel: Channel): boolean {
    const { wanted } = channel;
    if (wanted === 0 || channel.held) return channel.held;
    for (const other of channel.isPattern ? this.#channels.values() : this.#patterns) {
      const isFirst = other.asked || (other.positions.known && !channel.positions.known);
      if (other !== channel && (isFirst || (channel.isPattern && other.wanted < wanted)) && other.overlaps(channel)) return true;
    }
    return false;
  }

  #leave(subscription: Subscription<never>): void {
    const channel = this.#channels.get(subscription.topic);
    if (!channel?.leave(subscription)) return;
    this.#channels.delete(channel.topic);
    this.#patterns = this.#patterns.filter((each) => each !== channel);
    if (!channel.asked || channel.refusal) return;
    this.#left.set(channel.topic, 0);
    this.#flushSoon();
  }

  // Sent again after a while if the bridge was asked too much: without those that somebody wants again.
  #unsubscribe(topics: string[]): void {
    this.#requests.issue((id) => {
      const left = topics.filter((topic) => [0, id].includes(this.#left.get(topic)!));
      for (const topic of left) this.#left.set(topic, id);
      return left.length === 0 ? undefined : { type: "unsubscribe", topics: left };
    });
  }
}
