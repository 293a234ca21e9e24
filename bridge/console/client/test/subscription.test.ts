import { describe, expect, it } from "vitest";
import { type AnyEvent, type Gap, ZwsError } from "../src/index.js";
import { Subscription, type SubscribeOptions } from "../src/subscription.js";

const make = (options: SubscribeOptions<AnyEvent> = {}): Subscription<AnyEvent> => new Subscription("t", options, () => {});
const event = (seq: number, type = "message"): AnyEvent => ({ type, topic: "t", "@id": `a:${seq}` });

describe("Subscription", () => {
  it("gives each event to onEvent, to the handlers of its type and to those of every type", () => {
    const heard: string[] = [];
    const subscription = make({ onEvent: (each) => heard.push(`onEvent ${each["@id"]}`) });
    subscription.on("import_progress", (each) => heard.push(`typed ${each["@id"]}`));
    subscription.on("*", (each) => heard.push(`any ${each["@id"]}`));
    subscription.take(event(1, "import_progress"));
    subscription.take(event(2));
    expect(heard).toEqual(["onEvent a:1", "typed a:1", "any a:1", "onEvent a:2", "any a:2"]);
  });

  it("takes a handler away", () => {
    let heard = 0;
    const subscription = make();
    const off = subscription.on("message", () => heard++);
    subscription.take(event(1));
    off();
    off();
    subscription.take(event(2));
    expect(heard).toBe(1);
  });

  it("goes on when a handler throws", () => {
    const reported: unknown[] = [];
    globalThis.reportError = (error: unknown) => void reported.push(error);
    const heard: string[] = [];
    const subscription = make({ onEvent: () => { throw new Error("mine"); } });
    subscription.on("message", () => { throw new Error("mine, too"); });
    subscription.on("message", (each) => heard.push(each["@id"]));
    subscription.take(event(1));
    expect(heard).toHaveLength(1);
    expect(reported).toHaveLength(2);
  });

  it("reports what an async handler rejects with", async () => {
    const reported: unknown[] = [];
    globalThis.reportError = (error: unknown) => void reported.push(error);
    const mine = new Error("mine");
    const subscription = make({ onEvent: async () => { throw mine; } });
    subscription.on("message", () => Promise.reject(mine));
    subscription.take(event(1));
    await Promise.resolve();
    expect(reported).toEqual([mine, mine]);
  });

  it("yields events in order and ends when it is closed", async () => {
    const subscription = make();
    const heard: string[] = [];
    const loop = (async () => {
      for await (const each of subscription) {
        heard.push(each["@id"]);
        if (heard.length === 2) subscription.take(event(3));
        if (heard.length === 3) subscription.unsubscribe();
      }
    })();
    subscription.take(event(1));
    subscription.take(event(2));
    await loop;
    expect(heard).toEqual(["a:1", "a:2", "a:3"]);
  });

  it("ends a loop that waits for its first event", async () => {
    const subscription = make();
    const loop = (async () => { for await (const each of subscription) throw new Error(`unexpected ${each["@id"]}`); })();
    subscription.unsubscribe();
    await loop;
  });

  it("throws in the loop when it is refused", async () => {
    const subscription = make();
    const next = subscription[Symbol.asyncIterator]().next();
    subscription.setState("refused", new ZwsError("forbidden", "not yours"));
    await expect(next).rejects.toEqual(new ZwsError("forbidden", "not yours"));
  });

  it("keeps the newest of what a slow loop has not taken, and tells it what is lost", async () => {
    const gaps: Gap[] = [];
    const subscription = make({ buffer: 3, onGap: (gap) => gaps.push(gap) });
    const loop = subscription[Symbol.asyncIterator]();
    const first = loop.next();
    subscription.take(event(1));
    await first;
    for (let seq = 2; seq <= 10; seq++) subscription.take(event(seq));
    const rest = [await loop.next(), await loop.next(), await loop.next()].map((each) => (each.value as AnyEvent)["@id"]);
    expect(rest).toEqual(["a:8", "a:9", "a:10"]);
    expect(gaps).toEqual([{ topic: "t", reason: "buffer", missed: 6 }]);
  });

  it("keeps a thousand for a loop that says nothing of it", async () => {
    const gaps: Gap[] = [];
    const subscription = make({ onGap: (gap) => gaps.push(gap) });
    const loop = subscription[Symbol.asyncIterator]();
    const first = loop.next();
    for (let seq = 1; seq <= 1000; seq++) subscription.take(event(seq));
    expect((await first).value).toEqual(event(1));
    for (let seq = 1001; seq <= 1003; seq++) subscription.take(event(seq));
    expect((await loop.next()).value).toEqual(event(4));
    expect(gaps).toEqual([{ topic: "t", reason: "buffer", missed: 2 }]);
  });

  it("tells a loop that begins late what it has missed, and gives it the newest `last`", async () => {
    const gaps: Gap[] = [];
    const subscription = make({ last: 2, onGap: (gap) => gaps.push(gap) });
    for (let seq = 1; seq <= 5; seq++) subscription.take(event(seq));
    const loop = subscription[Symbol.asyncIterator]();
    expect([await loop.next(), await loop.next()].map(({ value }) => (value as AnyEvent)["@id"])).toEqual(["a:4", "a:5"]);
    expect(gaps).toEqual([{ topic: "t", reason: "buffer", missed: 3 }]);
  });

  it("loses nothing untold between two loops", async () => {
    const gaps: Gap[] = [];
    const subscription = make({ onGap: (gap) => gaps.push(gap) });
    const first = subscription[Symbol.asyncIterator]();
    const began = first.next();
    for (let seq = 1; seq <= 3; seq++) subscription.take(event(seq));
    await began;
    await first.return();
    const second = subscription[Symbol.asyncIterator]();
    expect((await second.next()).value).toEqual(event(2));
    await second.return();
    subscription.take(event(4));
    const third = subscription[Symbol.asyncIterator]().next();
    await Promise.resolve();
    expect(gaps).toEqual([{ topic: "t", reason: "buffer", missed: 2 }]);
    subscription.take(event(5));
    expect((await third).value).toEqual(event(5));
  });

  it("tells no gap of what onEvent has heard", async () => {
    const gaps: Gap[] = [];
    const subscription = make({ onEvent: () => {}, onGap: (gap) => gaps.push(gap) });
    subscription.take(event(1));
    const next = subscription[Symbol.asyncIterator]().next();
    subscription.take(event(2));
    expect((await next).value).toEqual(event(2));
    expect(gaps).toEqual([]);
  });

  it("tells each state once", () => {
    const states: string[] = [];
    const subscription = make({ onState: ({ name, code }) => states.push(code ? `${name} ${code}` : name) });
    subscription.setState("pending");
    subscription.setState("active");
    subscription.setState("active");
    subscription.setState("refused", new ZwsError("forbidden"));
    subscription.unsubscribe();
    subscription.unsubscribe();
    subscription.setState("active");
    expect(states).toEqual(["active", "refused forbidden", "closed"]);
  });
});
