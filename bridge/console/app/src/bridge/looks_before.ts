// What /metrics would have said in the minute before this page first looked, as far as the bridge's samples of the past tell:
// so whoever opens the page after a loss sees that there was one in the last minute.
import { byLabel, type Figures } from "./prometheus";
import { finite } from "../values";

export interface Look {
  at: number;
  figures: Figures;
}

const EVERY_S = 5;
const MINUTE_S = 60;

/** The counter that a column of the samples counts the same as; what is refused is there without its reason. */
function counterOf(column: string, figures: Figures): string | undefined {
  const rejected = byLabel(figures, "zws_ingest_rejected_total").filter(([, count]) => count > 0);
  if (column === "rejected") return rejected.length === 1 ? `zws_ingest_rejected_total{reason="${rejected[0]![0]}"}` : undefined;
  if (column === "missed") return "zws_ingest_gaps_total";
  return column.startsWith("dropped_") ? `zws_dropped_total{reason="${column.slice("dropped_".length)}"}` : undefined;
}

/** The oldest first. `columns`: the answer of /samples, a list for each figure. */
export function looksBefore({ at, figures }: Look, columns: Record<string, unknown[]>): Look[] {
  const times = (columns["time"] ?? []).map((time) => finite(time) ?? 0);
  const newest = Math.max(0, ...times); // by the bridge's clock, which may not be this page's
  const looks: Look[] = [];
  for (let ago = MINUTE_S; ago > 0; ago -= EVERY_S) {
    const before = new Map(figures);
    for (const [column, counts] of Object.entries(columns)) {
      const counter = counterOf(column, figures);
      const now = counter === undefined ? undefined : figures.get(counter);
      if (counter === undefined || now === undefined) continue;
      const since = counts.reduce<number>((sum, count, i) => sum + (times[i]! > newest - ago ? (finite(count) ?? 0) : 0), 0);
      before.set(counter, Math.max(0, now - since));
    }
    looks.push({ at: at - ago, figures: before });
  }
  return looks;
}
