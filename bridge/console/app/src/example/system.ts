// The figures of `system_status`, each with its newest values.
import type { AnyEvent } from "@zwsbridge/client";
import { fields, finite, Recent, short } from "../values";

const POINTS = 60;

export interface Metric {
  name: string;
  points: number[];
  isPercent: boolean;
}

export class SystemStatus {
  readonly #known = new Recent<Metric>(12);

  note(event: AnyEvent): void {
    for (const [given, value] of Object.entries(fields(event["data"])).slice(0, 100)) {
      const number = finite(value);
      if (number === null) continue;
      const name = short(given, 60);
      const points = [...(this.#known.get(name)?.points ?? []).slice(1 - POINTS), number];
      // Kept where it stands: the tiles should not dance.
      const metric = { name, points, isPercent: /^(cpu|memory|disk|swap)$|percent$/.test(name) };
      if (this.#known.has(name)) this.#known.set(name, metric);
      else this.#known.touch(name, metric);
    }
  }

  list(): Metric[] {
    return [...this.#known.values()];
  }
}
