export { ZwsClient, type ClientOptions, type Fetched } from "./client.js";
export { Subscription, type SubscribeOptions } from "./subscription.js";
export type { GetToken } from "./token_keeper.js";
export {
  type AnyEvent, type ConnectionState, type Envelope, type EventTypes, type Freshness, type Gap, type Identity, type Level, type Position,
  type Source, type SourceTypes, type SubscriptionState, type TypedEvent, type WebSocketConstructor, type WebSocketLike, ZwsError, type ZwsEvent,
} from "./types.js";
