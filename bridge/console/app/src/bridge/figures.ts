// What the bar and the overview draw. The bridge tells it each second to who listens to `@stats`, and keeps the samples of
// the past. Only what there is before it first tells is asked for, once for each connection.
import { computed, effectScope, reactive, ref, shallowReactive, shallowRef, triggerRef, watch } from "vue";
import { call, root } from "./calls";
import { type Look, looksBefore } from "./looks_before";
import { byLabel, type Figures, parseFigures, quantile } from "./prometheus";
import { fields, finite } from "../values";
import { askRights, connection, isAdmin } from "./session";
import type { FleetBridge } from "./shapes";
import { subscribe } from "./subscription";

const MINUTES = 15;
const KEPT = MINUTES * 60;
const MINUTE_S = 60;
const STARTED = "process_start_time_seconds";

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
/** How many lines of the log and of the audit there ever were, in one text; other ones, and there is something to ask for. */
export const linesTold = ref("");
/** The bridges of the fleet, as last told. */
export const bridges = shallowRef<FleetBridge[] | null>(null);
/** When the newest figures came (without any: when the bridge was last connected), by this page's clock; and now. */
export const clockMs = reactive({ heard: 0, now: Date.now() });

/** How far the bridge's clock is ahead of this page's; 0 where they agree but for what a sample takes to come. */
const aheadMs = ref(0);
const AGREE_MS = 5000;
/** Now, by the bridge's clock: what its times are compared with. */
export const bridgeNowMs = computed(() => clockMs.now + aheadMs.value);

const looks: Look[] = [];
/** The samples of the past, until they have told what came before the first look; and whether they have. */
let past: Record<string, unknown[]> | null = null;
let isPastTold = false;

export const version = computed(() => (figures.value ? byLabel(figures.value, "zws_build_info")[0]?.[0] ?? "" : ""));
export const startedAt = computed(() => figures.value?.get(STARTED) ?? null);
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
  // Another life of the bridge, or nothing was heard of its last minute: its samples tell of it.
  if (last && (at - last.at > MINUTE_S || now.get(STARTED) !== last.figures.get(STARTED))) {
    looks.length = 0;
    isPastTold = false;
  }
  looks.push({ at, figures: now });
  lookBack();
  while (looks.length > 1 && at - looks[1]!.at >= MINUTE_S) looks.shift();
  clockMs.heard = Date.now();
  figures.value = now;
}

function lookBack(): void {
  if (past === null || looks.length === 0) return;
  if (!isPastTold) looks.unshift(...looksBefore(looks[0]!, past));
  isPastTold = true;
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

// ---- what the bridge tells by itself ----

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

function told(data: Record<string, unknown>): void {
  const sample = sampleOf(fields(data["sample"]));
  const ahead = sample.at * 1000 - Date.now();
  aheadMs.value = Math.abs(ahead) > AGREE_MS ? ahead : 0;
  while ((latest.value?.at ?? 0) >= sample.at) samples.pop(); // its clock was set back
  samples.push(sample);
  if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
  if (typeof data["metrics"] !== "string") return; // an older bridge's: what is shown greys with its age
  readiness.value = data["ready"] as Readiness;
  linesTold.value = JSON.stringify(data["lines"]);
  if (Array.isArray(data["bridges"])) bridges.value = data["bridges"] as FleetBridge[];
  take(parseFigures(data["metrics"]));
}

function listen(): () => void {
  const scope = effectScope(true);
  scope.run(() =>
    subscribe("@stats", {
      isQuiet: true,
      onEvent: (event) => told(fields(event["data"])),
      onState: ({ name }) => {
        if (name === "active") void takePast();
        if (name === "refused") void askRights(); // no administrator any more, or an older bridge's
      },
    }),
  );
  return () => scope.stop();
}

// What an administrator saw is not left to who comes after.
function forget(): void {
  figures.value = readiness.value = bridges.value = null;
  linesTold.value = "";
  samples.splice(0);
  looks.length = 0;
  past = null;
  isPastTold = false;
}

/** Called once, by the page. Ordinary users see no figures, and ask for none. */
export function watchFigures(): void {
  const tick = (): void => {
    clockMs.now = Date.now();
    if (figures.value === null && connection.value.name === "connected") clockMs.heard = clockMs.now;
  };
  setInterval(tick, 1000);
  watch(() => connection.value.name, tick);
  watch([isAdmin, () => connection.value.name], ([admin, name]) => void (admin === true && name === "connected" && look()), { immediate: true });
  let end = (): void => {};
  watch(
    isAdmin,
    (now) => {
      end();
      end = now === true ? listen() : () => {};
      if (now === false) forget();
    },
    { immediate: true },
  );
}
