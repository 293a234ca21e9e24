// What travels: events as the bridge sends them (docs/CLIENTS.md), and the values this client hands out.

/** Members that every event has. An `@id` names an event only together with its topic. */
export interface Envelope {
  readonly type: string;
  readonly topic?: string;
  /** The topic the event came on, when its own `topic` member says something else. */
  readonly "@topic"?: string;
  /** `SRC:SEQ`: the source and its count on this topic. */
  readonly "@id": string;
  readonly timestamp?: string;
}

/** Any JSON object a producer may send. */
export interface AnyEvent extends Envelope {
  readonly [member: string]: unknown;
}

export type Level = "info" | "success" | "warning" | "error";

/**
 * The known event types. Add your own by declaration merging:
 * `declare module "@zwsbridge/client" { interface EventTypes { trade: { data: { price: number } } } }`
 */
export interface EventTypes {
  import_progress: {
    readonly task_id: string;
    readonly data: {
      readonly status?: string;
      readonly total?: number;
      readonly processed?: number;
      readonly success?: number;
      readonly failed?: number;
      /** Percent, 0 to 100. */
      readonly progress?: number;
      /** Seconds left. */
      readonly eta?: number;
    };
  };
  wallet_update: { readonly wallet_address: string; readonly data: { readonly [name: string]: unknown } };
  notification: { readonly data: { readonly title: string; readonly content?: string; readonly level?: Level } };
  system_status: { readonly data: { readonly cpu?: number; readonly memory?: number; readonly [name: string]: unknown } };
  /** What the bridge makes of a payload that is not a JSON object with a `type`. */
  message: { readonly data: unknown; readonly encoding?: "base64" };
}

export type TypedEvent<K extends keyof EventTypes> = Envelope & { readonly type: K } & EventTypes[K];
/** A union that `switch (event.type)` narrows. */
export type ZwsEvent = { [K in keyof EventTypes]: TypedEvent<K> }[keyof EventTypes];

/** One source's place in a topic's history is `SRC:SEQ`; a list has one for each source. */
export type Position = string;
/** A source's count; a bigint beyond 2^53. */
export type Sequence = number | bigint;

/** Events that this client will not get by itself. `fetch` may get those of which src, from and to are known. */
export interface Gap {
  readonly topic: string;
  /**
   * `slow_consumer`, `producer`: told by the bridge. `resume`: after a reconnect the bridge no longer had all
   * that was missed. `buffer`: a `for await` loop took its events too slowly.
   */
  readonly reason: "slow_consumer" | "producer" | "resume" | "buffer";
  readonly src?: string;
  readonly from?: Sequence;
  readonly to?: Sequence;
  /** How many; absent where nobody can know. */
  readonly missed?: number;
}

export interface ConnectionState {
  readonly name: "connecting" | "connected" | "disconnected";
  /** Close code of the connection that ended; null when there was none or none was given. */
  readonly code: number | null;
  readonly reason: string;
  /** Whether the client comes back by itself. False only in `disconnected`. */
  readonly retry: boolean;
}

export interface SubscriptionState {
  /** `pending`: asked for, or waiting for a connection. `refused`: see code. `closed`: unsubscribed. */
  readonly name: "pending" | "active" | "refused" | "closed";
  readonly code: string | null;
  readonly message: string;
}

/**
 * What the bridge says of one source of a topic, to who asked for `sources`. An event whose type is `source` is told from
 * this by its `@id`.
 */
export interface Source {
  readonly type: "source";
  readonly topic: string;
  readonly src: string;
  /** `lost`: what it was heard over has ended. `silent`: it is there, and late (a route's `expect`). */
  readonly state: "alive" | "silent" | "lost";
  readonly timestamp: string;
}

/** Whether events come, as far as the bridge can tell. */
export interface Freshness {
  readonly type: "fresh" | "stale";
  /** Of the subscription. */
  readonly topic: string;
  /**
   * Why none come; null when they do. `pending`: there is no connection, or no answer yet. `refused`, `closed`: not
   * subscribed. With `sources`, while none is alive, also what was said last: `silent`, or `lost`, also where there was none.
   */
  readonly why: "pending" | "refused" | "closed" | "silent" | "lost" | null;
}

/** What a subscription with `sources` tells beside events. */
export interface SourceTypes {
  source: Source;
  fresh: Freshness;
  stale: Freshness;
}

/** Who this connection is, as the bridge sees it. */
export interface Identity {
  readonly clientId: string;
  readonly user: string | null;
  /** When the token ends (RFC 3339), or null. */
  readonly expires: string | null;
}

/** A refusal: `code` is one of the bridge's, or of this client's own: `disconnected`, `closed`, `aborted`. */
export class ZwsError extends Error {
  declare readonly code: string;
  /** Of what topic or pattern, if of one. */
  declare readonly topic: string | undefined;
  constructor(code: string, message?: string, topic?: string) {
    super(message || code);
    this.name = "ZwsError";
    this.code = code;
    this.topic = topic;
  }
}

/** The part of the standard WebSocket that is used; `ws` for Node has it too. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(): void;
}
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** A message of the bridge's own, looked at member by member. */
export interface Message {
  readonly type?: unknown;
  readonly [member: string]: unknown;
}
