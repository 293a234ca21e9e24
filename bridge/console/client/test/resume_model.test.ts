import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AnyEvent, type Gap, type Subscription, ZwsClient } from "../src/index.js";
import { matcher } from "../src/pattern.js";
import { FakeBridge } from "./fake_bridge.js";
import { FakeSocket } from "./fake_socket.js";

const SCHEDULES = 400;
const STEPS = 80;

/** Mulberry32: a schedule is named by its seed and runs the same way each time. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Checks the promise for one subscription: each event once and in order, or told as lost. */
class Ledger {
  readonly problems: string[] = [];
  resumes = 0;
  #heard = new Map<string, number>(); // "topic src" -> newest heard or told lost
  #begun = new Set<string>();
  #excused = false; // a resume gap: the next event of any source may be anywhere ahead
  #excusedFrom = new Set<string>();

  /** `isLate`: it begins in the middle, with the newest events, and then hears each. */
  constructor(readonly pattern: string, isLate = false) {
    this.#excused = isLate;
  }

  begin(counters: Map<string, number>): void {
    for (const [counter, seq] of counters) if (matcher(this.pattern)(counter.split(" ")[0]!)) this.#heard.set(counter, seq);
  }

  event(event: AnyEvent): void {
    const [src, seq] = event["@id"].split(":") as [string, string];
    this.#account(`${event.topic} ${src}`, Number(seq), Number(seq));
  }

  gap(gap: Gap): void {
    if (gap.reason !== "resume") return this.#account(`${gap.topic} ${gap.src}`, Number(gap.from), Number(gap.to));
    this.resumes++;
    this.#excused = true;
    this.#excusedFrom = new Set();
  }

  /** All has been delivered on a connection that stands: nothing may be missing at the end. */
  settle(counters: Map<string, number>): void {
    for (const [counter, seq] of counters) {
      if (!matcher(this.pattern)(counter.split(" ")[0]!)) continue;
      const heard = this.#heard.get(counter) ?? 0;
      if (heard > seq) this.problems.push(`${counter}: heard ${heard}, only ${seq} were sent`);
      if (heard < seq && !(this.#excused && !this.#excusedFrom.has(counter))) this.problems.push(`${counter}: heard up to ${heard} of ${seq}`);
    }
  }

  #account(counter: string, from: number, to: number): void {
    const heard = this.#heard.get(counter) ?? 0;
    const mayJump = this.#excused && !this.#excusedFrom.has(counter);
    if (from <= heard && !mayJump) this.problems.push(`${counter}: ${from} after ${heard}`);
    if (from > heard + 1 && !mayJump) this.problems.push(`${counter}: ${from} after ${heard}, nothing told`);
    this.#excusedFrom.add(counter);
    this.#heard.set(counter, to);
    this.#begun.add(counter);
  }
}

async function run(seed: number): Promise<{ problems: string[]; recovered: number; lost: number; late: number }> {
  const dice = random(seed);
  FakeSocket.all = [];
  const bridge = new FakeBridge(2 + dice(12));
  const counters = new Map<string, number>();
  const publish = (lost = false): void => {
    const [topic, src] = [["t:1", "t:2", "u"][dice(3)]!, ["a", "b"][dice(2)]!];
    const { seq } = lost ? bridge.publishLost(topic, src) : bridge.publish(topic, src);
    counters.set(`${topic} ${src}`, seq);
  };
  for (let i = dice(6); i > 0; i--) publish();

  const client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket });
  const accept = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(0);
    if (FakeSocket.last.readyState === 0) bridge.accept(FakeSocket.last);
    await vi.advanceTimersByTimeAsync(0);
  };
  await accept();
  let recovered = 0;
  let states = 0;
  const lateLedgers: [Subscription, Ledger][] = [];
  const ledgers: Ledger[] = [];
  const subscriptions: Subscription[] = [];
  for (const pattern of dice(2) === 0 ? ["t:1", "t:*", "u"] : ["t:*", "t:1", "u"]) {
    const ledger = new Ledger(pattern);
    ledgers.push(ledger);
    subscriptions.push(client.subscribe(pattern, { onEvent: (event) => ledger.event(event as unknown as AnyEvent), onGap: (gap) => ledger.gap(gap), onRecovered: () => recovered++ }));
  }
  await accept();
  bridge.deliver(Infinity); // the first answers: from here on every event counts
  for (const ledger of ledgers) ledger.begin(counters);

  const late: Subscription[] = [];
  const join = (): void => {
    const pattern = ["t:1", "t:2", "t:*", "u", "*"][dice(5)]!;
    const ledger = new Ledger(pattern, true);
    const subscription = client.subscribe(pattern, { last: 1 + dice(3), onEvent: (event) => { ledger.event(event as unknown as AnyEvent); states++; }, onGap: (gap) => ledger.gap(gap) });
    late.push(subscription);
    lateLedgers.push([subscription, ledger]);
  };
  for (let step = 0; step < STEPS; step++) {
    const what = dice(22);
    if (what < 11) publish();
    else if (what < 12) publish(true);
    else if (what < 17) bridge.deliver(dice(6));
    else if (what < 18) bridge.cut();
    else if (what < 19) join();
    else if (what < 20) late.splice(dice(late.length + 1), 1).forEach((each) => each.unsubscribe());
    else await accept();
  }
  await accept();
  bridge.deliver(Infinity);
  await accept();
  bridge.deliver(Infinity); // what was fetched
  for (const ledger of ledgers) ledger.settle(counters);
  for (const [subscription, ledger] of lateLedgers) {
    if (subscription.state.name === "pending") ledger.problems.push("it has got no state");
    if (subscription.state.name === "active") ledger.settle(counters);
    ledgers.push(ledger);
  }
  client.close();
  return { late: states, problems: ledgers.flatMap((ledger) => ledger.problems.map((problem) => `seed ${seed}, ${ledger.pattern}: ${problem}`)), recovered, lost: ledgers.reduce((sum, ledger) => sum + ledger.resumes, 0) };
}

describe("resuming, over random schedules of publishing, arriving, dropping, coming late and losing the connection", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it(`gives every subscription each event once and in order, or tells that it is lost (${SCHEDULES} schedules)`, async () => {
    let [recovered, lost, late] = [0, 0, 0];
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const result = await run(seed);
      expect(result.problems).toEqual([]);
      recovered += result.recovered;
      lost += result.lost;
      late += result.late;
    }
    expect(recovered).toBeGreaterThan(SCHEDULES); // the schedules do reach what they are about
    expect(lost).toBeGreaterThan(SCHEDULES);
    expect(late).toBeGreaterThan(10 * SCHEDULES);
  }, 120_000);
});
