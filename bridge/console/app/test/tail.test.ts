// What a tail keeps, shows and gives away.
import { describe, expect, it, vi } from "vitest";
import type { AnyEvent } from "@zwsbridge/client";

vi.mock("../src/bridge/session", () => ({ client: {} }));
const { fits, MOST_LINES, ndjson, Tail } = await import("../src/bridge/tail");

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

  it("is exported as a line each, gaps too", () => {
    const tail = new Tail();
    tail.event(event(1), 0);
    tail.gap({ topic: "a", reason: "producer", src: "s", from: 2n, to: 3n }, 0);
    expect(ndjson(tail.lines).trim().split("\n").map((line) => JSON.parse(line) as object)).toEqual([event(1), { type: "gap", topic: "a", reason: "producer", src: "s", from: "2", to: "3" }]);
  });
});
