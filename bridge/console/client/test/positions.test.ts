import { describe, expect, it } from "vitest";
import { parsePosition, Positions } from "../src/positions.js";

const since = (positions: Positions): Record<string, string[]> => Object.fromEntries(positions.upTo(1000));

describe("parsePosition", () => {
  it("splits at the last colon", () => expect(parsePosition("a-b_c:17")).toEqual(["a-b_c", 17]));
});

describe("Positions of a topic", () => {
  it("knows nothing before the first answer", () => {
    expect(new Positions("t").known).toBe(false);
  });

  it("knows that nothing has been sent yet", () => {
    const positions = new Positions("t");
    positions.begin([], 0);
    expect(positions.known).toBe(true);
    expect(since(positions)).toEqual({ t: [] });
  });

  it("keeps `at` and moves with each event", () => {
    const positions = new Positions("t");
    positions.begin(["a:5", "b:1"], 0);
    positions.move("t", "a", 6);
    positions.move("t", "c", 1);
    expect(since(positions)).toEqual({ t: ["a:6", "b:1", "c:1"] });
  });

  it("moves the given `since` during a replay, and takes up `at` after it", () => {
    const positions = new Positions("t");
    positions.begin(["a:5"], 0);
    positions.begin(["a:8", "b:2"], 3);
    positions.move("t", "a", 6);
    positions.move("t", "a", 7);
    expect(since(positions)).toEqual({ t: ["a:7"] });
    positions.move("t", "a", 8);
    expect(since(positions)).toEqual({ t: ["a:8", "b:2"] });
  });

  it("gives what it has when the connection ends in the middle of a replay", () => {
    const positions = new Positions("t");
    positions.begin(["a:5"], 0);
    positions.begin(["a:9"], 4);
    positions.move("t", "a", 6);
    positions.interrupt();
    expect(since(positions)).toEqual({ t: ["a:6"] });
  });

  it("is still unknown if the first replay brought nothing before the connection ended", () => {
    const positions = new Positions("t");
    positions.begin(["a:9"], 4);
    positions.interrupt();
    expect(positions.known).toBe(false);
  });

  it("drops sources that the bridge no longer knows when it takes up `at`", () => {
    const positions = new Positions("t");
    positions.begin(["old:5"], 0);
    positions.begin(["new:3"], 1);
    positions.move("t", "new", 3);
    expect(since(positions)).toEqual({ t: ["new:3"] });
  });

  it("does not fall back to `at` where live events have overtaken a replaced one", () => {
    const positions = new Positions("t");
    positions.begin(["a:8"], 2);
    positions.move("t", "a", 7);
    positions.move("t", "a", 9); // 8 was conflated away
    expect(since(positions)).toEqual({ t: ["a:9"] });
  });

  it("counts what a gap tells as come, and as accounted for", () => {
    const positions = new Positions("t");
    positions.begin(["a:8"], 3);
    positions.move("t", "a", 6);
    positions.miss("t", "a", 8, 2);
    expect(since(positions)).toEqual({ t: ["a:8"] });
    positions.miss("t", "a", 12, 4);
    positions.miss("t", "a", 3, 1);
    expect(since(positions)).toEqual({ t: ["a:12"] });
  });

  it("counts of a gap only what belongs to the replay", () => {
    const positions = new Positions("t");
    positions.begin(["a:8", "b:4"], 4);
    positions.miss("t", "a", 20, 14); // 7 and 8 are of the replay, and first in the queue
    expect(since(positions)).toEqual({ t: ["a:20"] }); // b:3 and b:4 are yet to come
    positions.move("t", "b", 3);
    positions.move("t", "b", 4);
    expect(since(positions)).toEqual({ t: ["a:20", "b:4"] });
  });

  it("follows a source that counts from one again", () => {
    const positions = new Positions("t");
    positions.begin(["a:500"], 0);
    positions.move("t", "a", 1);
    expect(since(positions)).toEqual({ t: ["a:1"] });
  });

  it("keeps 64 sources", () => {
    const positions = new Positions("t");
    positions.begin([], 0);
    for (let i = 0; i < 1000; i++) positions.move("t", `s${i}`, 1);
    const kept = since(positions)["t"]!;
    expect(kept).toHaveLength(64);
    expect(kept).toContain("s999:1");
  });

  it("takes a topic called __proto__ for a topic", () => {
    const positions = new Positions("__proto__");
    positions.begin(["a:1"], 0);
    expect(positions.upTo(10)).toEqual([["__proto__", ["a:1"]]]);
  });
});

describe("Positions of a pattern", () => {
  it("gathers a list for each topic it hears", () => {
    const positions = new Positions("t:*");
    positions.begin(undefined, 0);
    expect(positions.known).toBe(true);
    positions.move("t:1", "a", 1);
    positions.move("t:2", "a", 7);
    positions.move("t:1", "a", 2);
    expect(since(positions)).toEqual({ "t:1": ["a:2"], "t:2": ["a:7"] });
  });

  it("takes `at` as an object too", () => {
    const positions = new Positions("t:*");
    positions.begin({ "t:1": ["a:4"] }, 0);
    expect(since(positions)).toEqual({ "t:1": ["a:4"] });
  });

  it("begins anew when the bridge could not recover", () => {
    const positions = new Positions("t:*");
    positions.begin(undefined, 0);
    positions.move("t:1", "a", 4);
    positions.begin(undefined, 1, true);
    positions.move("t:2", "a", 9);
    expect(since(positions)).toEqual({ "t:2": ["a:9"] });
  });

  it("keeps 256 topics, those heard last", () => {
    const positions = new Positions("t:*");
    positions.begin(undefined, 0);
    positions.move("t:often", "b", 1);
    for (let i = 0; i < 10_000; i++) {
      positions.move("t:often", "a", i + 1);
      positions.move(`t:${i}`, "a", 1);
    }
    const kept = since(positions);
    expect(Object.keys(kept)).toHaveLength(256);
    expect(kept["t:often"]).toEqual(["b:1", "a:10000"]);
    expect(kept["t:9999"]).toEqual(["a:1"]);
  });

  it("is not taken back behind `at` by a replay that has less than all, such as the newest of each key", () => {
    const positions = new Positions("t");
    positions.begin(["a:7"], 1);
    positions.move("t", "a", 5);
    expect(since(positions)).toEqual({ t: ["a:7"] });
  });

  it("gives the newest heard when only some fit", () => {
    const positions = new Positions("t:*");
    positions.begin(undefined, 0);
    for (let i = 0; i < 100; i++) positions.move(`t:${i}`, "a", 1);
    expect(positions.upTo(2).map(([topic]) => topic)).toEqual(["t:99", "t:98"]);
  });
});
