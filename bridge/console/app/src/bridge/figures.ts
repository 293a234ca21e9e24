// What the bar and the overview draw: one look at the bridge's figures every two seconds, while somebody looks at the page.
import { computed, reactive, ref, shallowReactive, shallowRef, watch } from "vue";
import { root } from "./calls";
import { byLabel, type Figures, parseFigures, quantile, total } from "./prometheus";
import { connection, isAdmin } from "./session";

const EVERY_MS = 2000;
const KEPT = 450; // fifteen minutes
const MINUTE_S = 60;

/** One look, as numbers to draw. Rates are those since the look before. */
export interface Sample {
  at: number; // Unix time, in seconds
  in: number;
  out: number;
  clients: number;
  queued: number;
  memory: number;
  lost: number;
}

export interface Readiness {
  ready: boolean;
  reasons: string[];
}

/** The newest figures; null until there are some, or where they are not for this user. */
export const figures = shallowRef<Figures | null>(null);
export const samples = shallowReactive<Sample[]>([]);
export const readiness = ref<Readiness | null>(null);
/** When the newest figures came, by this page's clock; and now. */
export const clockMs = reactive({ heard: 0, now: Date.now() });

const looks: { at: number; figures: Figures }[] = [];

const LOST = ["zws_dropped_total", "zws_ingest_gaps_total"];
const lostOf = (now: Figures): number => LOST.reduce((sum, name) => sum + total(now, name), 0);

export const version = computed(() => (figures.value ? byLabel(figures.value, "zws_build_info")[0]?.[0] ?? "" : ""));
export const startedAt = computed(() => figures.value?.get("process_start_time_seconds") ?? null);
export const latest = computed<Sample | null>(() => samples[samples.length - 1] ?? null);

/** The look of a minute ago, or the oldest there is. */
const before = computed<Figures | null>(() => {
  void figures.value; // a new look makes another one that of a minute ago
  const newest = looks[looks.length - 1];
  return newest ? (looks.find(({ at }) => newest.at - at <= MINUTE_S)?.figures ?? null) : null;
});

/** How much a counter grew in the last minute. */
export function lately(key: string): number {
  const now = figures.value?.get(key) ?? 0;
  return Math.max(0, now - (before.value?.get(key) ?? now));
}

export const latency = computed(() => (figures.value && before.value ? quantile(figures.value, before.value, "zws_event_latency_seconds", 0.99) : null));

function take(now: Figures): void {
  const at = Date.now() / 1000;
  const last = looks[looks.length - 1];
  // A counter that fell is another life of the bridge.
  if (last && (now.get("process_start_time_seconds") ?? 0) !== (last.figures.get("process_start_time_seconds") ?? 0)) looks.length = 0;
  const from = looks[looks.length - 1];
  const perSecond = (name: string): number => (from ? Math.max(0, (total(now, name) - total(from.figures, name)) / Math.max(0.5, at - from.at)) : 0);
  looks.push({ at, figures: now });
  if (looks.length > KEPT) looks.shift();
  if (from)
    samples.push({
      at, in: perSecond("zws_events_received_total"), out: perSecond("zws_deliveries_total"), clients: now.get("zws_connections") ?? 0,
      queued: now.get("zws_queue_bytes") ?? 0, memory: now.get("process_resident_memory_bytes") ?? 0, lost: Math.max(0, lostOf(now) - lostOf(from.figures)),
    });
  if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
  clockMs.heard = Date.now();
  figures.value = now;
}

async function look(): Promise<void> {
  try {
    take(parseFigures(await root("/metrics")));
    readiness.value = JSON.parse(await root("/readyz", ({ status }) => status === 200 || status === 503)) as Readiness;
  } catch {
    // no answer: what is shown greys with its age
  }
}

let asking = false;
/** Called once, by the page. Ordinary users see no figures, and ask for none. */
export function watchFigures(): void {
  const tick = async (): Promise<void> => {
    clockMs.now = Date.now();
    if (asking || isAdmin.value !== true || document.visibilityState === "hidden" || clockMs.now - clockMs.heard < EVERY_MS - 100) return;
    asking = true;
    await look();
    asking = false;
  };
  setInterval(() => void tick(), 1000);
  watch(isAdmin, () => void tick());
  watch(() => connection.value.name, () => void tick());
}
