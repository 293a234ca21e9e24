// A view's subscription: the past that it begins with.
import { expect, it, vi } from "vitest";
import { effectScope, shallowRef } from "vue";
import type { AnyEvent, SubscribeOptions } from "@zwsbridge/client";

const client = shallowRef<unknown>();
vi.mock("../src/bridge/session", () => ({ client }));
const { subscribe } = await import("../src/bridge/subscription");

it("brings its past after all when the connection went before it had come, and once", async () => {
  const past: AnyEvent[] = [{ type: "t", topic: "a", "@id": "s:1" }];
  const fetch = vi.fn().mockRejectedValueOnce(new Error("disconnected")).mockResolvedValue({ events: past, complete: true });
  let options: SubscribeOptions<AnyEvent> = {};
  client.value = { fetch, subscribe: (_topic: string, given: SubscribeOptions<AnyEvent>) => ((options = given), { on: () => {} }) };
  const heard: AnyEvent[][] = [];
  effectScope(true).run(() => subscribe("a", { last: 5, onEvent: () => {}, onPast: (events) => void heard.push(events) }));
  const begin = (): void => {
    for (const name of ["pending", "active"] as const) options.onState!({ name, code: null, message: "" });
  };
  begin();
  await vi.waitFor(() => expect(heard).toEqual([[]]));
  begin();
  await vi.waitFor(() => expect(heard).toEqual([[], past]));
  begin();
  expect(fetch).toHaveBeenCalledTimes(2);
});
