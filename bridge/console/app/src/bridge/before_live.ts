// What was fetched as the past, without what has come live meanwhile: a fetch may be answered late.
import type { AnyEvent, Gap } from "@zwsbridge/client";

export type Live = { event: AnyEvent } | { gap: Gap };

/** Which source of which topic, and its number; null: it has none. */
function placeOf(topic: unknown, id: unknown): [source: string, seq: bigint] | null {
  const [, src, seq] = /^(.*):(\d+)$/.exec(String(id)) ?? [];
  return seq === undefined ? null : [`${String(topic)}\n${src}`, BigInt(seq)];
}
const nameOf = (event: AnyEvent): unknown => event["@topic"] ?? event.topic;

/** Of `past` what lies before all of `live`, source by source: the rest is told live, or is in a gap of what is. */
export function beforeLive(past: AnyEvent[], live: Live[]): AnyEvent[] {
  const first = new Map<string, bigint>();
  for (const one of live) {
    const place = "event" in one ? placeOf(nameOf(one.event), one.event["@id"]) : placeOf(one.gap.topic, `${one.gap.src}:${one.gap.from}`);
    if (place && !first.has(place[0])) first.set(...place);
  }
  return past.filter((event) => {
    const place = placeOf(nameOf(event), event["@id"]);
    return !place || place[1] < (first.get(place[0]) ?? place[1] + 1n);
  });
}
