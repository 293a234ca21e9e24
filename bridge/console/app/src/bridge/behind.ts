// Who is behind a number of losses: those who lost most, by name where the bridge knows them.
import { to } from "../address";
import { call } from "./calls";
import type { Connection, SourceLoad } from "./shapes";

/** `connections`, `sources`: they can be asked for. Else where to look: who left is known no more, and producers that are refused are named in the log. */
export type Who = "connections" | "sources" | "left" | "lane" | "log";

export interface Named {
  /** Null: nobody who signed in. */
  name: string | null;
  about: string;
  lost: number;
  link: string;
}

const SHOWN = 3;

/** `loss`: a series of /metrics, with its label. */
export function whoOf(loss: string): Who {
  if (loss === "zws_ingest_gaps_total") return "sources";
  if (loss.startsWith("zws_ingest_rejected_total")) return "log";
  return loss.includes('"slow_consumer"') ? "connections" : loss.includes('"lane_overload"') ? "lane" : "left";
}

export async function worst(who: "connections" | "sources"): Promise<Named[]> {
  if (who === "connections") {
    const { connections } = await call<{ connections: Connection[] }>("/connections", { query: { sort: "-dropped", limit: SHOWN } });
    return connections.filter(({ dropped }) => dropped > 0).map((each) => ({ name: each.user, about: each.address, lost: each.dropped, link: to("connections", { sort: "-dropped", connection: each.client_id }) }));
  }
  const { sources } = await call<{ sources: SourceLoad[] }>("/sources", { query: { sort: "-missed", limit: SHOWN } });
  return sources.filter(({ missed }) => missed > 0).map((each) => ({ name: each.topic, about: each.src, lost: each.missed, link: to("topics", { topic: each.topic }) }));
}
