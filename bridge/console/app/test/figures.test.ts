// Whence the page has its figures: asked for once, and then told by the bridge.
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { nextTick, ref } from "vue";
import type { AnyEvent } from "@zwsbridge/client";
import type { Heard } from "../src/bridge/subscription";

const LOST = 'zws_dropped_total{reason="slow_consumer"}';
const page = (lost: number): string => `process_start_time_seconds 1\n${LOST} ${lost}\n`;
const root = vi.fn((path: string) => Promise.resolve(path === "/metrics" ? page(1) : '{"ready":true,"reasons":[]}'));
const call = vi.fn(() => Promise.resolve({ samples: { time: [1, 2], dropped_slow_consumer: [0, 1] } }));
const connection = ref({ name: "connecting" });
const isAdmin = ref<boolean | null>(null);
let heard: Heard;
vi.mock("../src/bridge/calls", () => ({ call, root }));
vi.mock("../src/bridge/session", () => ({ connection, isAdmin }));
vi.mock("../src/bridge/subscription", () => ({ subscribe: (_topic: string, given: Heard) => void (heard = given) }));
const { bridges, figures, lately, linesTold, readiness, watchFigures } = await import("../src/bridge/figures");

const tell = (time: number, lost: number, more: object = {}): void =>
  heard.onEvent({ type: "sample", data: { sample: { time }, metrics: page(lost), ready: { ready: true, reasons: [] }, lines: { log: 1, audit: 0 }, ...more } } as unknown as AnyEvent, false);
const isActive = (): void => heard.onState!({ name: "active", code: null, message: "" });

beforeAll(() => {
  vi.useFakeTimers();
  watchFigures();
});
afterAll(() => void vi.useRealTimers());
beforeEach(async () => {
  isAdmin.value = false;
  await nextTick();
  connection.value = { name: "connected" };
  isAdmin.value = true;
  vi.clearAllMocks();
  await nextTick();
});

it("asks once for each connection, however long it lasts", async () => {
  await vi.advanceTimersByTimeAsync(600_000);
  expect(root.mock.calls).toEqual([["/metrics"], ["/readyz", expect.anything()]]);
  connection.value = { name: "disconnected" };
  await nextTick();
  connection.value = { name: "connected" };
  await vi.advanceTimersByTimeAsync(1000);
  expect(root).toHaveBeenCalledTimes(4);
});

it("hears all that it shows", () => {
  tell(10, 7, { ready: { ready: false, reasons: ["the bridge stops"] }, lines: { log: 2, audit: 9 }, bridges: [{ name: "a" }] });
  expect(figures.value?.get(LOST)).toBe(7);
  expect(readiness.value).toEqual({ ready: false, reasons: ["the bridge stops"] });
  expect(linesTold.value).toBe('{"log":2,"audit":9}');
  expect(bridges.value).toEqual([{ name: "a" }]);
  tell(11, 8);
  expect(bridges.value, "of which nothing came anew").toEqual([{ name: "a" }]);
});

it("counts the minute before, though the bridge told of itself before that had come", async () => {
  isActive();
  tell(10, 1);
  await vi.advanceTimersByTimeAsync(0);
  tell(11, 1);
  expect(lately(LOST)).toBe(1);
});

it("counts what was lost in the last minute, and no longer", async () => {
  isActive();
  await vi.advanceTimersByTimeAsync(0);
  for (let second = 1; second <= 130; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    tell(10 + second, second < 10 ? 1 : 4);
    if (second === 65) expect(lately(LOST)).toBe(3);
  }
  expect(lately(LOST)).toBe(0);
});
