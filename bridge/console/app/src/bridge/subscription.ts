// Subscriptions of a view: they begin and end with it, and follow whoever signs in.
import { onScopeDispose, reactive, watch } from "vue";
import type { AnyEvent, Freshness, Gap, SubscriptionState, ZwsClient } from "@zwsbridge/client";
import { beforeLive, type Live } from "./before_live";
import { client } from "./session";

export interface Heard {
  /** How many of the newest events to get first. */
  last?: number;
  /** `isPast`: it came before this page asked; such events come first. */
  onEvent: (event: AnyEvent, isPast: boolean) => void;
  /** Takes what came before together, in the order of arrival, in place of `onEvent`. */
  onPast?: (events: AnyEvent[]) => void;
  onGap?: (gap: Gap) => void;
  onState?: (state: SubscriptionState) => void;
  /** Whether its producers live; asked for only if somebody wants to know, since of a pattern there may be more than the bridge tells. */
  onFreshness?: (freshness: Freshness) => void;
  /** A refusal is no news: older bridges do not know the topic. */
  isQuiet?: boolean;
}

/** The topics of this page that the bridge refuses it, so that the page can say so. */
export const refusedTopics = reactive(new Set<string>());

export const topicOf = (event: AnyEvent): string => String(event["@topic"] ?? event.topic ?? "");
export const keyOf = (event: AnyEvent): string => `${topicOf(event)} ${event["@id"]}`;

/** Subscribes until the caller's scope ends, or until the function that is returned is called. */
export function subscribe(topic: string, heard: Heard): () => void {
  let end = (): void => {};
  const unwatch = watch(
    client,
    (now) => {
      end();
      end = now ? listen(now, topic, heard) : () => {};
    },
    { immediate: true },
  );
  const stop = (): void => {
    unwatch();
    end();
    refusedTopics.delete(topic);
  };
  onScopeDispose(stop, true);
  return stop;
}

// What happened before is fetched, not asked for with the subscription: so it can be told from what happens now. Live
// events and gaps wait meanwhile, so that all come in order.
function listen(bridge: ZwsClient, topic: string, heard: Heard): () => void {
  const controller = new AbortController();
  let waiting: Live[] | null = null;
  let isDue = true;

  async function catchUp(): Promise<void> {
    if (!heard.last || waiting) return;
    waiting = [];
    isDue = false;
    const past = await bridge.fetch({ topic, last: heard.last }).then(({ events }) => events, () => {
      isDue = true; // the connection has gone with the answer: the next one is asked
      return [];
    });
    const live = waiting;
    waiting = null;
    if (controller.signal.aborted) return;
    const before = beforeLive(past, live);
    if (heard.onPast) heard.onPast(before);
    else for (const event of before) heard.onEvent(event, true);
    for (const one of live) {
      if ("event" in one) heard.onEvent(one.event, false);
      else heard.onGap?.(one.gap);
    }
  }

  const subscription = bridge.subscribe<AnyEvent>(topic, {
    signal: controller.signal,
    sources: heard.onFreshness !== undefined,
    onEvent: (event) => (waiting ? waiting.push({ event }) : heard.onEvent(event, false)),
    onGap: (gap) => {
      if (waiting) waiting.push({ gap });
      else heard.onGap?.(gap);
      if (gap.reason === "resume") void catchUp(); // what the bridge still has of what was missed
    },
    onState: (state) => {
      if (state.name === "closed") return;
      // A name that is none is no matter of rights.
      if (state.name === "refused" && state.code !== "invalid_topic" && !heard.isQuiet) refusedTopics.add(topic);
      else refusedTopics.delete(topic);
      heard.onState?.(state);
      if (state.name === "active" && isDue) void catchUp();
    },
  });
  if (heard.onFreshness) for (const type of ["fresh", "stale"] as const) subscription.on(type, heard.onFreshness);
  return () => controller.abort();
}
