// What the bar and the overview draw. The bridge sends a sample each second to who listens to `@stats`, and keeps those of
// the past; what is not in them is looked up in /metrics from time to time, while somebody looks at the page.
import { computed, effectScope, reactive, ref, shallowReactive, shallowRef, triggerRef, watch } from "vue";
import { call, root } from "./calls";
import { type Look, looksBefore } from "./looks_before";
import { byLabel, type Figures, parseFigures, quantile, total } from "./prometheus";
import { fields, finite } from "../values";
import { connection, isAdmin } from "./session";
import { subscribe } from "./subscription";

const EVERY_MS = 5000;
const EVERY_ALONE_MS = 2000; // of a bridge that sends no samples
const MINUTES = 15;
const KEPT = MINUTES * 60;
const MINUTE_S = 60;

/** One second, as numbers to draw. */
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
/** When the newest figures came (without any: when the bridge was last connected), by this page's clock; and now. */
export const clockMs = reactive({ heard: 0, now: Date.now() });

/** How far the bridge's clock is ahead of this page's; 0 where they agree but for what a sample takes to come. */
const aheadMs = ref(0);
const AGREE_MS = 5000;
/** Now, by the bridge's clock: what its times are compared with. */
export const bridgeNowMs = computed(() => clockMs.now + aheadMs.value);

const looks: Look[] = [];
/** The samples of the past, until they have told what came before the first look. */
let past: Record<string, unknown[]> | null = null;

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
  lookBack();
  if (looks.length > KEPT) looks.shift();
  if (from && !isSent.value)
    samples.push({
      at, in: perSecond("zws_events_received_total"), out: perSecond("zws_deliveries_total"), clients: now.get("zws_connections") ?? 0,
      queued: now.get("zws_queue_bytes") ?? 0, memory: now.get("process_resident_memory_bytes") ?? 0, lost: Math.max(0, lostOf(now) - lostOf(from.figures)),
    });
  if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
  clockMs.heard = Date.now();
  figures.value = now;
}

function lookBack(): void {
  if (past === null || looks.length === 0) return;
  if (looks.length === 1) looks.unshift(...looksBefore(looks[0]!, past));
  past = null;
  triggerRef(figures);
}

async function look(): Promise<void> {
  try {
    const [text, ready] = [await root("/metrics"), await root("/readyz", ({ status }) => status === 200 || status === 503)];
    if (isAdmin.value !== true) return; // they have left meanwhile
    take(parseFigures(text));
    readiness.value = JSON.parse(ready) as Readiness;
  } catch {
    // no answer: what is shown greys with its age
  }
}

// ---- the bridge's own samples ----

/** Whether the bridge sends them; else they are made of what /metrics says. */
const isSent = ref(false);

/** A sample of the bridge's. What was lost is what never came, and what was dropped for any reason. */
export function sampleOf(given: Record<string, unknown>): Sample {
  const number = (name: string): number => finite(given[name]) ?? 0;
  const lost = Object.keys(given).filter((name) => name.startsWith("dropped_")).reduce((sum, name) => sum + number(name), number("missed"));
  return { at: number("time"), in: number("events"), out: number("deliveries"), clients: number("connections"), queued: number("queue_bytes"), memory: number("resident_bytes"), lost };
}

/** The answer of /samples, a list for each figure, as one sample each second. */
export function samplesOf(columns: Record<string, unknown[]>): Sample[] {
  return (columns["time"] ?? []).map((_, i) => sampleOf(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]]))));
}

async function takePast(): Promise<void> {
  try {
    const { samples: columns } = await call<{ samples: Record<string, unknown[]> }>("/samples", { query: { minutes: MINUTES } });
    const kept = samplesOf(columns);
    const newest = kept[kept.length - 1]?.at ?? 0;
    past = columns;
    lookBack();
    samples.splice(0, samples.length, ...kept, ...samples.filter(({ at }) => at > newest));
  } catch {
    // a bridge that keeps none: the page's own past begins now
  }
}

function listen(): () => void {
  const scope = effectScope(true);
  scope.run(() =>
    subscribe("@stats", {
      isQuiet: true,
      onEvent: (event) => {
        const sample = sampleOf(fields(fields(event["data"])["sample"]));
        const ahead = sample.at * 1000 - Date.now();
        aheadMs.value = Math.abs(ahead) > AGREE_MS ? ahead : 0;
        while ((latest.value?.at ?? 0) >= sample.at) samples.pop(); // its clock was set back
        samples.push(sample);
        if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
      },
      onState: ({ name }) => {
        isSent.value = name === "active";
        if (name === "active") void takePast();
      },
    }),
  );
  return () => scope.stop();
}

// What an administrator saw is not left to who comes after.
function forget(): void {
  figures.value = readiness.value = null;
  samples.splice(0);
  looks.length = 0;
  past = null;
}

let asking = false;
/** Called once, by the page. Ordinary users see no figures, and ask for none. */
export function watchFigures(): void {
  const tick = async (): Promise<void> => {
    clockMs.now = Date.now();
    if (figures.value === null && connection.value.name === "connected") clockMs.heard = clockMs.now;
    const every = isSent.value ? EVERY_MS : EVERY_ALONE_MS;
    if (asking || isAdmin.value !== true || connection.value.name !== "connected" || document.visibilityState === "hidden") return;
    const waitedMs = clockMs.now - clockMs.heard;
    if (figures.value !== null && waitedMs >= 0 && waitedMs < every - 100) return; // less than none: this machine's clock was set back
    asking = true;
    await look();
    asking = false;
  };
  setInterval(() => void tick(), 1000);
  watch(() => connection.value.name, () => void tick());
  let end = (): void => {};
  watch(
    isAdmin,
    (now) => {
      void tick();
      end();
      end = now === true ? listen() : () => {};
      if (now === false) forget();
    },
    { immediate: true },
  );
}
