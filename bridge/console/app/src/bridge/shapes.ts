// What the administrator's calls answer, as far as the console shows it (docs/REST.md).

import type { Digits } from "../exact";

export interface Connection {
  client_id: string;
  user: string | null;
  address: string;
  connected_at: string;
  subscriptions: number;
  delivered: number;
  dropped: number;
  queued_bytes: number;
  rate: number;
}

export interface ConnectionDetail {
  connection: Connection;
  identity: { user: string | null; admin: boolean; roles: string[]; expires: string | null } | null;
  subscriptions: { topic: string; pattern: boolean; replaced: number; positions?: string[] }[];
}

export interface TopicLoad {
  topic: string;
  pattern: boolean;
  subscribers: number;
  events: number;
  rate: number;
}

export interface TopicDetail extends TopicLoad {
  route: { match: string | null; format: string; history: number; ttl: string; replay: number; overflow: string; key: string; expect?: string | null } | null;
  /** `own`: the bridge itself. What only a bridge that knows it, and not one of before, tells is optional. */
  sources: { src: string; seq: number | Digits; own?: boolean; missed?: number; heard_at?: string; state?: "alive" | "silent" | "lost" }[];
  kept: { events: number; bytes: number; oldest: string | null; newest: string | null } | null;
  receivers: { client_id: string; user: string | null; address: string }[];
}

export interface HistoryPage {
  topic: string;
  events: unknown[];
  cursor: string | null;
}

export interface SourceLoad {
  topic: string;
  src: string;
  /** The bridge itself, which numbers what came without a number. */
  own: boolean;
  seq: number;
  missed: number;
  heard_at: string;
}

export interface Granted {
  pattern: string;
  /** Whence: `always`, or the key of the configuration or the claim. */
  from: string;
}

export interface Rights {
  valid: boolean;
  reason?: string;
  user?: string | null;
  admin?: boolean;
  roles?: string[];
  expires?: string | null;
  topics?: Granted[];
  calls?: string[];
  asked?: { topic: string; granted: boolean; by?: Granted | null }[];
}

export interface Configuration {
  since: string;
  last_reload_failed: boolean;
  values: { key: string; value: unknown; origin: string; applies: string }[];
  remarks: string[];
}

export interface LogLine {
  time: string;
  level: string;
  text: string;
}

export interface Log {
  log: LogLine[];
  audit: LogLine[];
}

export interface FleetBridge {
  name: string;
  version: string;
  address: string;
  clients: number;
  since: string;
  lag_ms: number | null;
  state: string;
}
