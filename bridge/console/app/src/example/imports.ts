// What is known of imports, from the events on `import:*`.
import type { AnyEvent } from "@zwsbridge/client";
import { topicOf } from "../bridge/subscription";
import { clamp, fields, finite, Recent, short } from "../values";

export interface Import {
  id: string;
  status: string;
  percent: number;
  total: number | null;
  processed: number | null;
  failed: number | null;
  /** Seconds left, as its producer says. */
  eta: number | null;
}

export const isFinished = ({ status, percent }: Import): boolean => percent >= 100 || status === "failed";
/** The part of the bar that failed, in percent. */
export const failedShare = ({ failed, total, percent }: Import): number => (failed && total ? clamp((failed / total) * 100, 0, percent) : 0);

export class Imports {
  readonly #tasks = new Recent<Import>(200);

  note(event: AnyEvent): void {
    const id = short(event["task_id"] ?? topicOf(event).replace(/^import:/, ""), 255);
    const data = fields(event["data"]);
    const total = finite(data["total"]);
    const processed = finite(data["processed"]);
    const counted = total !== null && total > 0 && processed !== null ? (processed / total) * 100 : null;
    const percent = clamp(finite(data["progress"]) ?? counted ?? this.#tasks.get(id)?.percent ?? 0, 0, 100);
    const status = typeof data["status"] === "string" ? short(data["status"], 60) : percent >= 100 ? "completed" : "processing";
    this.#tasks.touch(id, { id, status, percent, total, processed, failed: finite(data["failed"]), eta: finite(data["eta"]) });
  }

  clearFinished(): void {
    for (const [id, task] of this.#tasks) if (isFinished(task)) this.#tasks.delete(id);
  }

  /** Running ones first, in each half the newest first. */
  list(): Import[] {
    return [...this.#tasks.values()].reverse().sort((a, b) => Number(isFinished(a)) - Number(isFinished(b)));
  }
}
