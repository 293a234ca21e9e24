// A question is asked at once; of what is typed without a rest, the first and the last.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { seldom, whileTyping } from "../src/bridge/typing";

const REST_MS = 200;
const ask = vi.fn();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  ask.mockReset();
});

describe("while somebody types", () => {
  it("a single change is asked about at once, and once", () => {
    whileTyping(ask, REST_MS).changed();
    expect(ask).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10 * REST_MS);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("of a word the first letter and the whole are asked about", () => {
    const typing = whileTyping(ask, REST_MS);
    for (const _ of "orders") {
      typing.changed();
      vi.advanceTimersByTime(REST_MS / 2);
    }
    expect(ask).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(REST_MS);
    expect(ask).toHaveBeenCalledTimes(2);
    typing.changed(); // after a rest it is a first change again
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("nothing is asked after the view is gone", () => {
    const typing = whileTyping(ask, REST_MS);
    typing.changed();
    typing.changed();
    typing.stop();
    vi.advanceTimersByTime(10 * REST_MS);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe("what changes by itself", () => {
  it("is asked about at once, and then seldom, also while it goes on changing", () => {
    const growing = seldom(ask, REST_MS);
    for (let i = 0; i < 10; i++) {
      growing.changed();
      vi.advanceTimersByTime(REST_MS / 4);
    }
    expect(ask).toHaveBeenCalledTimes(3);
    vi.advanceTimersByTime(REST_MS);
    expect(ask).toHaveBeenCalledTimes(4); // for the last change
    vi.advanceTimersByTime(10 * REST_MS);
    expect(ask).toHaveBeenCalledTimes(4);
    growing.changed();
    growing.stop();
    growing.changed();
    vi.advanceTimersByTime(10 * REST_MS);
    expect(ask).toHaveBeenCalledTimes(5);
  });
});
