// Reads the figures of /metrics: Prometheus' text format, as far as the bridge writes it.

/** Name, with its label as it stands (`zws_closed_total{code="1000"}`) -> value. */
export type Figures = Map<string, number>;

export function parseFigures(text: string): Figures {
  const figures: Figures = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    const value = Number(line.slice(at + 1));
    if (at > 0 && !Number.isNaN(value)) figures.set(line.slice(0, at), value);
  }
  return figures;
}

/** The values of one metric by those of its only label. */
export function byLabel(figures: Figures, name: string): [label: string, value: number][] {
  const found: [string, number][] = [];
  for (const [key, value] of figures) {
    const label = key.startsWith(`${name}{`) ? /="(.*)"}$/.exec(key)?.[1] : undefined;
    if (label !== undefined) found.push([label, value]);
  }
  return found;
}

export const total = (figures: Figures, name: string): number => byLabel(figures, name).reduce((sum, [, value]) => sum + value, figures.get(name) ?? 0);

/** The upper bound of a histogram's bucket below which `share` of what came between two looks lies; null: nothing came. */
export function quantile(now: Figures, before: Figures, name: string, share: number): number | null {
  const buckets = byLabel(now, `${name}_bucket`).map(([le, value]) => [le === "+Inf" ? Infinity : Number(le), value - (before.get(`${name}_bucket{le="${le}"}`) ?? 0)] as const);
  const all = Math.max(0, ...buckets.map(([, value]) => value));
  if (all === 0) return null;
  return buckets.sort(([a], [b]) => a - b).find(([, value]) => value >= share * all)?.[0] ?? null;
}
