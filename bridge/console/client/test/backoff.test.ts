import { afterEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "../src/backoff.js";

describe("Backoff", () => {
  afterEach(() => vi.restoreAllMocks());
  const highest = (backoff: Backoff, times: number, later = false): number[] => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    return Array.from({ length: times }, () => backoff.next(later));
  };

  it("doubles its bound from half a second to twenty seconds", () => {
    expect(highest(new Backoff(), 8)).toEqual([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
  });

  it("has full jitter: nothing is the least", () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    expect(new Backoff().next(false)).toBe(0);
  });

  it("waits five seconds at least when the bridge asked for patience", () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    expect(new Backoff().next(true)).toBe(5000);
  });

  it("waits twenty seconds at most, also then", () => {
    expect(highest(new Backoff(), 8, true)).toEqual([5500, 6000, 7000, 9000, 13000, 20000, 20000, 20000]);
  });

  it("begins anew after a connection that lasted, not after one that was thrown out at once", () => {
    const backoff = new Backoff();
    highest(backoff, 4);
    backoff.lasted(9999);
    expect(backoff.next(false)).toBe(8000);
    backoff.lasted(10000);
    expect(backoff.next(false)).toBe(500);
  });
});
