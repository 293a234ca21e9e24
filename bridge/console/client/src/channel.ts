import { isPattern, matcher } from "./pattern.js";
import { Positions } from "./positions.js";
import type { Subscription } from "./subscription.js";
import type { AnyEvent, Gap, Message, SubscriptionState } from "./types.js";

/** One subscription on the wire, shared by all Subscriptions of its topic. */
export class Channel {
  readonly topic: string;
  readonly isPattern: boolean;
  readonly matches: (topic: string) => boolean;
  readonly positions: Positions;
  /** Of the first Subscription: how many of the newest events to get first. */
  readonly last: number | undefined;
  /** False until this connection has been asked for the topic. */
  asked = false;
  #resuming = false;
  #subscribers = new Set<Subscription<never>>();
  #state: SubscriptionState = { name: "pending", code: null, message: "" };

  constructor(topic: string, last: number | undefined) {
    this.topic = topic;
    this.isPattern = isPattern(topic);
    this.matches = matcher(topic);
    this.positions = new Positions(topic);
    this.last = last;
  }

  join(subscription: Subscription<never>): void {
    this.#subscribers.add(subscription);
    const { name, code, message } = this.#state;
    subscription.setState(name, code, message);
  }

  /** Returns true if nobody is left. */
  leave(subscription: Subscription<never>): boolean {
    this.#subscribers.delete(subscription);
    return this.#subscribers.size === 0;
  }

  /** Everybody who is here. */
  get subscribers(): Subscription<never>[] {
    return [...this.#subscribers];
  }

  /** The subscribe message with this topic is on its way, with or without `since`. */
  ask(resuming: boolean): void {
    this.asked = true;
    this.#resuming = resuming;
  }

  /** The connection is gone. */
  interrupt(): void {
    this.asked = false;
    this.positions.interrupt();
    this.#setState("pending");
  }

  /** Whether some topic may belong to both; of two patterns it is assumed. */
  overlaps(other: Channel): boolean {
    return (this.isPattern && other.isPattern) || this.matches(other.topic) || other.matches(this.topic);
  }

  /**
   * Takes the answer to subscribe. `lost`: what was missed cannot be had again, and everybody who might have missed
   * it is to be told. `again`: lost too, and the topic is to be asked for without positions.
   */
  answer(answer: Message): "fine" | "lost" | "again" {
    const resumed = this.#resuming;
    this.#resuming = false;
    if (answer["success"] !== true) return this.#refused(resumed, String(answer["code"] ?? "internal"), String(answer["message"] ?? ""));
    const replayed = Number(answer["replayed"] ?? 0);
    const lost = resumed && answer["recovered"] !== true;
    this.positions.begin(answer["at"], replayed, lost);
    this.#setState("active");
    if (resumed && !lost) for (const each of this.#subscribers) each.tellRecovered(replayed);
    return lost ? "lost" : "fine";
  }

  /** The bridge has ended this subscription: the right to it is gone. */
  end(code: string): void {
    this.#setState("refused", code);
  }

  /** This connection has other rights now: what was refused is asked for again. */
  reconsider(): void {
    if (this.#state.name !== "refused") return;
    this.asked = false;
    this.#setState("pending");
  }

  take(event: AnyEvent, topic: string, src: string, seq: number): void {
    this.positions.move(topic, src, seq);
    for (const each of this.#subscribers) each.take(event);
  }

  gap(gap: Gap): void {
    if (gap.src !== undefined) this.positions.miss(gap.topic, gap.src, gap.to!, gap.missed!);
    for (const each of this.#subscribers) each.tellGap(gap);
  }

  // A `since` the bridge cannot use (a raw route, too many sources) is no reason to be without the topic.
  #refused(resumed: boolean, code: string, message: string): "fine" | "again" {
    if (resumed && (code === "invalid_message" || code === "limit_exceeded")) {
      this.positions.forget();
      this.asked = false;
      return "again";
    }
    this.#setState("refused", code, message);
    return "fine";
  }

  #setState(name: SubscriptionState["name"], code: string | null = null, message = ""): void {
    this.#state = { name, code, message };
    for (const each of this.#subscribers) each.setState(name, code, message);
  }
}
