// What is wrong with the bridge, in words, from its figures: what the badge counts and the overview lists.
import type { Word } from "../words/en";
import type { Readiness } from "./figures";
import { byLabel, type Figures, total } from "./prometheus";

export interface Problem {
  word: Word;
  values: Record<string, string | number>;
  /** Seconds, for the one word that holds a time. */
  seconds?: number;
  /** The view, and what it should show, where one sees more. */
  link?: [view: string, query: Record<string, string>];
}

const CERTIFICATE_SOON_S = 14 * 86_400;
const MEMORY_HIGH = 0.85; // from there on the bridge refuses new clients

/** `lately`: how much a counter grew in the last minute. `now`: Unix time. */
export function problemsOf(figures: Figures, readiness: Readiness | null, lately: (key: string) => number, now: number): Problem[] {
  const found: Problem[] = [];
  const grown = (name: string): number => [...figures.keys()].filter((key) => key === name || key.startsWith(`${name}{`)).reduce((sum, key) => sum + lately(key), 0);
  const add = (word: Word, values: Problem["values"] = {}, more: Partial<Problem> = {}): void => void found.push({ word, values, ...more });

  for (const why of readiness?.reasons ?? []) add(readiness!.ready ? "problem.reason" : "problem.unready", { why });
  if (readiness && !readiness.ready && readiness.reasons.length === 0) add("problem.unready", { why: "" });
  const dropped = grown("zws_dropped_total");
  if (dropped > 0) add("problem.dropped", { n: dropped }, { link: ["connections", { sort: "-dropped" }] });
  const rejected = grown("zws_ingest_rejected_total");
  if (rejected > 0) add("problem.rejected", { n: rejected });
  const gaps = grown("zws_ingest_gaps_total");
  if (gaps > 0) add("problem.gaps", { n: gaps });
  if (figures.get("zws_producers") === 0) add("problem.producers");
  const unreached = byLabel(figures, "zws_ingest_endpoints").filter(([state]) => state !== "connected").reduce((sum, [, value]) => sum + value, 0);
  if (unreached > 0) add("problem.endpoints", { n: unreached });
  if (figures.get("zws_config_last_reload_successful") === 0) add("problem.reload", {}, { link: ["configuration", {}] });
  if (figures.get("zws_relay_up") === 0) add("problem.relay", {}, { link: ["fleet", {}] });
  const ends = figures.get("zws_tls_certificate_not_after") ?? 0;
  if (ends > 0 && ends - now < CERTIFICATE_SOON_S) add("problem.certificate", {}, { seconds: ends - now });
  const limit = figures.get("zws_memory_limit_bytes") ?? 0;
  const share = limit > 0 ? total(figures, "process_resident_memory_bytes") / limit : 0;
  if (share >= MEMORY_HIGH) add("problem.memory", { percent: Math.round(share * 100) });
  return found;
}
