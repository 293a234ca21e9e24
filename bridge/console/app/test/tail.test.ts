// What a tail keeps, shows and gives away.
import { describe, expect, it, vi } from "vitest";
import type { AnyEvent } from "@zwsbridge/client";

vi.mock("../src/bridge/session", () => ({ client: {} }));
const { fits, MOST_LINES, ndjson, Tail } = await import("../src/bridge/tail");
const { readJson } = await import("../src/exact");
const { beforeLive } = await import("../src/bridge/before_live");

const event = (n: number, more: object = {}): AnyEvent => ({ type: "t", topic: "a", "@id": `s:${n}`, ...more });
const everything = { type: "", text: "" };

describe("a tail", () => {
  it("keeps the newest lines, and counts those that went", () => {
    const tail = new Tail();
    for (let i = 1; i <= MOST_LINES + 5000; i++) tail.event(event(i), 0);
    expect(tail.lines.length).toBeLessThanOrEqual(MOST_LINES + 1000);
    expect(tail.lines.length + tail.forgotten).toBe(MOST_LINES + 5000);
    expect(tail.lines.at(-1)!.text).toContain(`s:${MOST_LINES + 5000}`);
  });

  it("keeps fewer of large events", () => {
    const tail = new Tail();
    const data = "x".repeat(1 << 20);
    for (let i = 1; i <= 100; i++) tail.event(event(i, { data }), 0);
    expect(tail.lines.length).toBeLessThanOrEqual(32);
    expect(tail.lines.length).toBeGreaterThan(20);
  });

  it("shows what fits, and every gap", () => {
    const tail = new Tail();
    tail.event(event(1, { type: "order", data: "Ada" }), 0);
    tail.event(event(2, { type: "price" }), 0);
    tail.gap({ topic: "a", reason: "producer", missed: 3 }, 0);
    const shown = (filter: object) => tail.lines.filter((line) => fits(line, { ...everything, ...filter })).map(({ type }) => type);
    expect(shown({})).toEqual(["order", "price", "gap"]);
    expect(shown({ type: "price" })).toEqual(["price", "gap"]);
    expect(shown({ text: "ada" })).toEqual(["order", "gap"]);
  });

  it("puts what was fetched where it was missing", () => {
    const tail = new Tail();
    tail.event(event(1), 0);
    tail.gap({ topic: "a", reason: "slow_consumer", src: "s", from: 2, to: 3, missed: 2 }, 0);
    tail.event(event(4), 0);
    tail.fill(tail.lines[1]!, [event(2), event(3)], true);
    expect(tail.lines.map(({ text }) => (JSON.parse(text) as AnyEvent)["@id"])).toEqual(["s:1", "s:2", "s:3", "s:4"]);
  });

  it("keeps what is missing still, where only some could be fetched", () => {
    const tail = new Tail();
    tail.gap({ topic: "a", reason: "slow_consumer", src: "s", from: 2, to: 9, missed: 8 }, 0);
    tail.fill(tail.lines[0]!, [event(2), event(3)], false);
    expect(tail.lines.map(({ gap }) => gap && [gap.from, gap.to, gap.missed])).toEqual([null, null, [4, 9, 6]]);
    tail.fill(tail.lines[2]!, [], false);
    expect(tail.lines.at(-1)).toMatchObject({ isGone: true, gap: { from: 4, to: 9, missed: 6 } });
    const large = new Tail();
    large.gap({ topic: "a", reason: "producer", src: "s", from: 2n ** 60n, to: 2n ** 60n + 3n }, 0);
    large.fill(large.lines[0]!, [event(0, { "@id": `s:${2n ** 60n}` })], false);
    expect(large.lines.at(-1)!.gap!.from).toBe(2n ** 60n + 1n);
  });

  it("begins with the newest N, and shows nothing twice", () => {
    const tail = new Tail();
    tail.past([event(1), event(2), event(3)], 2);
    tail.event(event(4), 0);
    tail.past([event(2), event(3), event(4), event(5)], 3); // after a break
    expect(tail.lines.map(({ text, at }) => [(JSON.parse(text) as AnyEvent)["@id"], at])).toEqual([["s:2", null], ["s:3", null], ["s:4", 0], ["s:5", null]]);
  });

  it("shows bytes of a raw route as text, or else as base64", () => {
    const tail = new Tail();
    tail.raw(new TextEncoder().encode("<b>钱</b>").buffer as ArrayBuffer, 0);
    tail.raw(new Uint8Array([255, 0, 254]).buffer, 0);
    expect(tail.lines.map(({ text }) => JSON.parse(text) as object)).toEqual([{ type: "raw", data: "<b>钱</b>" }, { type: "raw", encoding: "base64", data: "/wD+" }]);
  });

  it("is exported as a line each, gaps too", () => {
    const tail = new Tail();
    tail.event(event(1), 0);
    tail.gap({ topic: "a", reason: "producer", src: "s", from: 2n, to: 3n }, 0);
    expect(ndjson(tail.lines).trim().split("\n").map((line) => JSON.parse(line) as object)).toEqual([event(1), { type: "gap", topic: "a", reason: "producer", src: "s", from: 2, to: 3 }]);
  });

  it("shows, finds and exports the digits that were sent", () => {
    const tail = new Tail();
    const text = '{"type":"t","topic":"a","@id":"s:1","data":{"wei":123456789012345678901234567890}}';
    tail.event(readJson(text) as AnyEvent, 0);
    tail.gap({ topic: "a", reason: "producer", src: "s", from: 2n ** 60n + 1n, to: 2n ** 60n + 1n }, 0);
    expect(tail.lines[0]!.text).toBe(text);
    expect(fits(tail.lines[0]!, { type: "", text: "901234567890}" })).toBe(true);
    expect(ndjson(tail.lines)).toBe(`${text}\n{"type":"gap","topic":"a","reason":"producer","src":"s","from":1152921504606846977,"to":1152921504606846977}\n`);
  });
});

describe("a past that comes late", () => {
  const ids = (events: AnyEvent[]): string[] => events.map((each) => each["@id"]);
  const past = [event(1), event(56), event(57), event(60), event(9, { "@id": "other:9" })];

  it("is what came before all that came live, source by source", () => {
    expect(ids(beforeLive(past, [{ event: event(2) }, { event: event(3) }]))).toEqual(["s:1", "other:9"]);
    expect(ids(beforeLive(past, [{ gap: { topic: "a", reason: "slow_consumer", src: "s", from: 57, to: 59, missed: 3 } }, { event: event(60) }]))).toEqual(["s:1", "s:56", "other:9"]);
  });

  it("is all of it where nothing came", () => {
    expect(beforeLive(past, [])).toEqual(past);
    expect(beforeLive(past, [{ gap: { topic: "a", reason: "resume" } }, { event: event(1, { topic: "b" }) }])).toEqual(past);
  });
});
