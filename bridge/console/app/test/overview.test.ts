// What the overview draws of fifteen minutes, and whom it names for a loss.
import { describe, expect, it, vi } from "vitest";

const call = vi.fn();
vi.mock("../src/bridge/calls", () => ({ call }));
vi.stubGlobal("location", { hash: "" });
vi.stubGlobal("addEventListener", vi.fn());
const { whoOf, worst } = await import("../src/bridge/behind");
const { thinned } = await import("../src/bridge/thinned");

const sample = (at: number, lost: number) => ({ at, in: 0, out: 0, clients: 0, queued: 0, memory: 0, lost });

describe("a line of the past", () => {
  const samples = Array.from({ length: 900 }, (_, i) => sample(1_800_000_000 + i, i === 433 ? 7 : 0));
  it("is small, and keeps every peak", () => {
    const line = thinned(samples, "lost", 5);
    expect(line).toHaveLength(180);
    expect(Math.max(...line)).toBe(7);
  });
  it("stays as it is while time goes on", () => {
    const inside = (line: number[]): number[] => line.slice(1, -1);
    const later = thinned(samples.slice(2), "lost", 5);
    expect(inside(later)).toEqual(inside(thinned(samples, "lost", 5)));
  });
});

describe("who is behind a loss", () => {
  it.each([
    ['zws_dropped_total{reason="slow_consumer"}', "connections"],
    ['zws_dropped_total{reason="lane_overload"}', "lane"],
    ['zws_dropped_total{reason="disconnected"}', "left"],
    ["zws_ingest_gaps_total", "sources"],
    ['zws_ingest_rejected_total{reason="too_big"}', "log"],
  ])("of %s: %s", (loss, who) => expect(whoOf(loss)).toBe(who));

  it("are those that lost something, each with an address of its own", async () => {
    call.mockResolvedValueOnce({ connections: [{ client_id: "c1", user: null, address: "::1", dropped: 9 }, { client_id: "c2", user: "ada", address: "::1", dropped: 0 }] });
    expect(await worst("connections")).toEqual([{ name: null, about: "::1", lost: 9, link: "#/connections?sort=-dropped&connection=c1" }]);
    call.mockResolvedValueOnce({ sources: [{ topic: "a&b", src: "s", missed: 2 }] });
    expect(await worst("sources")).toEqual([{ name: "a&b", about: "s", lost: 2, link: "#/topics?topic=a%26b" }]);
  });
});
