import { bindOwn, EventHandlers, guarded, type WaitOptions } from "./event_handlers.js";
import { type AnyEvent, type Freshness, type Gap, type Source, type SubscriptionState, ZwsError, type ZwsEvent } from "./types.js";
import { offAbort, onAbort } from "./watchers.js";

export interface SubscribeOptions<E = ZwsEvent> {
  /** How many of the newest events to get first, and again after a gap that no resume could fill. */
  last?: number;
  onEvent?: (event: E) => void;
  onState?: (state: SubscriptionState) => void;
  /** After a reconnect: all that was missed follows, `replayed` events. */
  onRecovered?: (replayed: number) => void;
  /** Events were lost to this subscription; read the state anew, or `client.fetch()` what the gap names. */
  onGap?: (gap: Gap) => void;
  /** How many events wait for a `for await` loop before the oldest are given up. Default 1000. */
  buffer?: number;
  /** Asks to be told of the sources: handlers given to `on` hear `source`, and `fresh` or `stale` when that changes. */
  sources?: boolean;
  /** Ends the subscription. */
  signal?: AbortSignal;
}

/** What a `for await` loop has not taken yet. */
interface Reader<E> {
  waiting: E[];
  dropped: number;
}
const newReader = <E>(): Reader<E> => ({ waiting: [], dropped: 0 });

/**
 * One subscriber of a topic or pattern. Several of one topic share one subscription on the wire; the events come
 * to each through onEvent, through handlers by type, and through every `for await` loop.
 */
export class Subscription<E = ZwsEvent> extends EventHandlers implements AsyncIterable<E> {
  declare readonly topic: string;
  declare readonly options: SubscribeOptions<E>;
  /** Whether events come, and why not. */
  declare readonly freshness: Freshness;
  #state: SubscriptionState = { name: "pending", code: null, message: "" };
  #refusal: ZwsError | undefined;
  #readers = new Set<Reader<E>>();
  #between = newReader<E>(); // what came while there was no loop is for the next one
  #leave: (subscription: Subscription<E>) => void;
  /** Whether it waits for the state it asked for; until that is there, live events are not for it. @internal */
  catching: "" | "due" | "asked" = "";
  /** Why no source sends; null if one does. @internal */
  silence: Freshness["why"] = "lost";

  /** Made by `client.subscribe()` only. */
  constructor(topic: string, options: SubscribeOptions<E>, leave: (subscription: Subscription<E>) => void) {
    super();
    this.topic = topic;
    this.options = options;
    this.#refresh();
    this.#leave = leave;
    bindOwn(this, ["on", "once", "state", "ready", "unsubscribe", Symbol.asyncIterator]);
    onAbort(options.signal, this.unsubscribe);
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** Resolves when events come; rejects with a ZwsError if this is refused or closed before. */
  ready({ signal }: WaitOptions = {}): Promise<SubscriptionState> {
    return this.watchers.until(() => this.failed() ?? (this.#state.name === "active" && this.#state), signal);
  }

  /** Ends this subscription and its loops. Doing it twice does nothing. */
  unsubscribe(): void {
    if (this.#state.name === "closed") return;
    this.setState("closed");
    offAbort(this.options.signal, this.unsubscribe);
    this.#leave(this);
  }

  /** A loop ends when the subscription is closed, and throws a ZwsError when it is refused. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    const reader = this.#readers.size > 0 ? newReader<E>() : this.#between;
    this.#readers.add(reader);
    try {
      for (;;) {
        await this.watchers.until(() => reader.waiting.length || reader.dropped || this.#state.name === "closed" || this.failed());
        const missed = reader.dropped;
        reader.dropped = 0;
        if (missed > 0) guarded(this.options.onGap, { topic: this.topic, reason: "buffer", missed });
        else if (reader.waiting.length === 0) return;
        else yield reader.waiting.shift()!;
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** @internal */
  take(event: AnyEvent): void {
    this.tell("onEvent", event);
    if (this.#state.name === "closed") return; // now, or by what another heard before
    this.emit(event);
    const { onEvent, last = 0, buffer = 1000 } = this.options;
    const isBetween = this.#readers.size === 0;
    if (isBetween && onEvent) return; // who has heard it
    for (const reader of isBetween ? [this.#between] : this.#readers) {
      reader.waiting.push(event as unknown as E);
      for (; reader.waiting.length > (isBetween ? last : buffer); reader.dropped++) reader.waiting.shift();
    }
    this.watchers.look();
  }

  /** @internal */
  setState(name: SubscriptionState["name"], refusal?: ZwsError): void {
    const now = this.#state;
    const code = refusal?.code ?? null;
    if (now.name === "closed" || (now.name === name && now.code === code)) return;
    this.#refusal = refusal;
    this.#state = { name, code, message: refusal?.message ?? "" };
    guarded(this.options.onState, this.#state);
    this.#refresh();
    this.watchers.look();
  }

  /** The bridge has told of a source; `silence`: why none sends, if so. @internal */
  hear(source: Source, silence: Freshness["why"]): void {
    this.silence = silence;
    this.emit(source);
    this.#refresh();
  }

  /** Whether anybody would notice a refusal. @internal */
  get isWatched(): boolean {
    return !!this.options.onState || this.#readers.size > 0 || this.watchers.any;
  }

  /** What it waited for is there. @internal */
  caughtUp(events: AnyEvent[]): void {
    this.catching = "";
    this.setState("active");
    for (const event of events) this.take(event);
  }

  /** @internal */
  protected override failed(): undefined {
    const { name } = this.#state;
    if (name === "closed") throw new ZwsError("closed", "", this.topic);
    if (name === "refused") throw this.#refusal;
  }

  /** Who has unsubscribed hears no more, also of what is being told at the moment. @internal */
  tell(handler: "onEvent" | "onRecovered" | "onGap", what: unknown): void {
    if (this.#state.name !== "closed") guarded(this.options[handler] as (what: unknown) => void, what);
  }

  #refresh(): void {
    const { name } = this.#state;
    const why = name !== "active" ? name : this.options.sources ? this.silence : null;
    if (why === this.freshness?.why) return;
    (this as { freshness: Freshness }).freshness = { type: why ? "stale" : "fresh", topic: this.topic, why };
    if (this.options.sources) this.emit(this.freshness);
  }
}
