import type { Held } from "./fetches.js";
import { isPattern, matcher } from "./pattern.js";
import { Positions } from "./positions.js";
import { refusalOf } from "./requests.js";
import type { Subscription } from "./subscription.js";
import { type Freshness, type Gap, type Message, type Source, type SubscriptionState, type ZwsError } from "./types.js";

/** One subscription on the wire, shared by all Subscriptions of its topic. */
export class Channel {
  declare readonly topic: string;
  declare readonly isPattern: boolean;
  readonly matches: (topic: string) => boolean;
  declare readonly positions: Positions;
  /** How many of the newest events the subscribe message asks for. */
  last = 0;
  /** The `id` of the request that asked this connection for the topic; 0 until then. */
  asked = 0;
  /** Whether the bridge may have the topic on this connection already, for the sake of one that was given up. */
  held = false;
  #resuming = false;
  #subscribers = new Set<Subscription<never>>();
  #state: SubscriptionState["name"] = "pending";
  /** Sources as the bridge has told of them on this connection; it is the bridge that bounds how many. */
  #alive = new Set<string>();
  /** Why it is refused, while it is. */
  declare refusal: ZwsError | undefined;

  constructor(topic: string) {
    this.topic = topic;
    this.isPattern = isPattern(topic);
    this.matches = matcher(topic);
    this.positions = new Positions(topic);
  }

  /** Who comes when the topic has been asked for, or is to be resumed, gets its state apart: the bridge replays nothing that is had already. */
  admit(subscription: Subscription<never>): void {
    this.#subscribers.add(subscription);
    if (subscription.options.last) subscription.catching = "due";
    this.#tell(subscription);
  }

  /** Whether anybody would notice a refusal. */
  get isWatched(): boolean {
    return [...this.#subscribers].some((each) => each.isWatched);
  }

  get isActive(): boolean {
    return this.#state === "active";
  }

  /** The most that a subscriber wants to have first. */
  get wanted(): number {
    return Math.max(0, ...[...this.#subscribers].map((each) => each.options.last ?? 0));
  }

  /** Whether anybody wants to be told of the sources. */
  get wantsSources(): boolean {
    return [...this.#subscribers].some((each) => each.options.sources);
  }

  /** Those get their state apart to whom the subscribe message does not bring it. */
  makeDue(): void {
    for (const each of this.#subscribers) {
      each.catching = this.held || (each.options.last ?? 0) > this.last ? "due" : "";
      this.#tell(each);
    }
  }

  /** Who waits for how many of the newest events; from now on they are asked for. */
  takeDue(): Map<number, Subscription<never>[]> {
    const due = new Map<number, Subscription<never>[]>();
    for (const each of this.#subscribers) {
      if (each.catching !== "due") continue;
      each.catching = "asked";
      const { last } = each.options;
      if (last) due.set(last, [...(due.get(last) ?? []), each]);
      else each.caughtUp([]); // it waited only until what was under way for somebody who has gone had passed
    }
    return due;
  }

  /** Returns true if nobody is left. */
  leave(subscription: Subscription<never>): boolean {
    this.#subscribers.delete(subscription);
    return !this.#subscribers.size;
  }

  /** Ends the subscription of everybody who is here. */
  endAll(): void {
    for (const each of [...this.#subscribers]) each.unsubscribe(); // not of who comes when told of it
  }

  /** The subscribe message with this topic is on its way, with or without `since`. */
  ask(resuming: boolean): void {
    this.#resuming = resuming;
    if (!resuming) this.makeDue();
  }

  /** The connection is gone. */
  interrupt(): void {
    this.asked = 0;
    this.positions.interrupt();
    this.#alive.clear();
    for (const each of this.#subscribers) {
      each.silence = "lost";
      if (each.catching) each.catching = "due";
    }
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
    if (answer["success"] !== true) return this.#refused(resumed, refusalOf(answer, this.topic));
    const replayed = (answer["replayed"] ?? 0) as number;
    const lost = resumed && answer["recovered"] !== true;
    this.positions.begin(answer["at"], replayed, lost);
    this.#setState("active");
    if (resumed && !lost) for (const each of this.#listening()) each.tell("onRecovered", replayed);
    return lost ? "lost" : "fine";
  }

  /** The bridge has ended this subscription: the right to it is gone. */
  end(refusal: ZwsError): void {
    this.#setState("refused", refusal);
  }

  /** This connection has other rights now: what was refused is asked for again. */
  reconsider(): void {
    if (this.#state !== "refused") return;
    this.asked = 0;
    this.#setState("pending");
  }

  take({ event, topic, src, seq }: Held): void {
    this.positions.move(topic, src, seq);
    for (const each of this.#subscribers) if (!each.catching) each.take(event);
  }

  gap(gap: Gap): void {
    if (gap.src !== undefined) this.positions.miss(gap.topic, gap.src, gap.to!, gap.missed!);
    for (const each of this.#listening()) each.tell("onGap", gap);
  }

  /** The bridge has told of a source. */
  hear(source: Source): void {
    this.#alive[source.state === "alive" ? "add" : "delete"](`${source.topic}\n${source.src}`);
    const silence = this.#alive.size > 0 ? null : (source.state as Freshness["why"]);
    for (const each of this.#subscribers) if (each.options.sources) each.hear(source, silence);
  }

  // A `since` the bridge cannot use (a raw route, too many sources) is no reason to be without the topic.
  #refused(resumed: boolean, refusal: ZwsError): "fine" | "again" {
    if (resumed && (refusal.code === "invalid_message" || refusal.code === "limit_exceeded")) {
      this.positions.forget();
      this.asked = 0;
      return "again";
    }
    this.end(refusal);
    return "fine";
  }

  #setState(name: SubscriptionState["name"], refusal?: ZwsError): void {
    this.#state = name;
    this.refusal = refusal;
    for (const each of this.#subscribers) this.#tell(each);
  }

  #tell(subscription: Subscription<never>): void {
    if (!(this.isActive && subscription.catching)) subscription.setState(this.#state, this.refusal);
  }

  #listening(): Subscription<never>[] {
    return [...this.#subscribers].filter((each) => !each.catching);
  }
}
