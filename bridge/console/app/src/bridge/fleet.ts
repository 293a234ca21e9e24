// Why no other bridge is listed, if so.
import type { Word } from "../words/en";

/** `up`: what /metrics says of the relay; undefined where none is set. */
export function whyAlone(bridges: number, up: number | undefined): Word | null {
  if (up === 0) return "fleet.apart";
  if (bridges > 1) return null;
  return up === undefined ? "fleet.alone" : "fleet.only";
}
