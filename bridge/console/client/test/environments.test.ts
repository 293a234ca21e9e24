// Where a client is made: on a server that renders pages, in React Native, under Jest, inside a framework's proxies.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AnyEvent, type Subscription, ZwsClient } from "../src/index.js";
import { FakeSocket } from "./fake_socket.js";

const dist = (file: string): string => new URL(`../dist/${file}`, import.meta.url).pathname;
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("on a server that renders pages", () => {
  it("a client of the page's own bridge does nothing, and says why", async () => {
    const warn = vi.spyOn(console, "warn");
    const client = new ZwsClient("/api/ws", { WebSocket: FakeSocket });
    const subscription = client.subscribe("t", { last: 1 });
    await turn();
    expect(client.state).toEqual({ name: "disconnected", code: null, reason: "a relative URL needs a page", retry: false });
    expect(subscription.state.name).toBe("pending");
    expect(vi.getTimerCount()).toBe(0);
    expect(FakeSocket.all).toEqual([]);
    await expect(client.ready()).rejects.toMatchObject({ code: "disconnected" });
    client.close();
    expect(warn).not.toHaveBeenCalled();
  });

  it("is importable where there is nothing of a browser", () => {
    expect(execFileSync(process.execPath, ["-p", `typeof require(${JSON.stringify(dist("cjs/client.js"))}).ZwsClient`], { encoding: "utf8" })).toBe("function\n");
  });

  it("without a WebSocket it says so instead of throwing", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const client = new ZwsClient("ws://bridge.test/api/ws");
    await turn();
    expect(client.state).toMatchObject({ name: "disconnected", retry: false, reason: "pass options.WebSocket" });
    expect(warn.mock.calls).toEqual([["zwsbridge: disconnected: pass options.WebSocket"]]);
  });
});

// What jest-environment-jsdom and React Native's Hermes have in common: they lack what a browser has had for years.
class BareURL {
  readonly href: string;
  constructor(url: string) { this.href = `${url}/`; } // as React Native's
  set protocol(_: string) { throw new Error("URL.protocol is not implemented"); }
}

describe.each(["cjs/client.js", "client.iife.js"])("%s, without TextEncoder, queueMicrotask, performance, document, window or a whole URL", (file) => {
  it("connects, subscribes and resumes", async () => {
    const { setTimeout, clearTimeout, console } = globalThis;
    const own = { setTimeout, clearTimeout, console, WebSocket: FakeSocket, URL: BareURL, exports: {}, module: { exports: {} as Record<string, unknown> }, zws: {} as Record<string, unknown> };
    const context = createContext(own);
    runInContext(readFileSync(dist(file), "utf8"), context);
    const Client = (own.module.exports["ZwsClient"] ?? own.zws["ZwsClient"]) as typeof ZwsClient;
    const client = new Client("https://bridge.test/api/ws");
    const heard: string[] = [];
    client.subscribe("é", { onEvent: (event) => heard.push(event["@id"]) });
    await turn();
    expect(FakeSocket.last.url).toBe("wss://bridge.test/api/ws");
    const socket = FakeSocket.last.greet();
    socket.subscribed("é", { at: ["a:1"] }).event("é", "a:2").end(1006);
    expect(heard).toEqual(["a:2"]);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.greet();
    expect(FakeSocket.last.request("subscribe")["since"]).toEqual({ é: ["a:2"] });
    client.close();
  });
});

/** What Vue's reactive() and others make of an object: all that is found in it is wrapped, too. */
function deepProxy<T extends object>(object: T): T {
  return new Proxy(object, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof value === "object" && value !== null ? deepProxy(value) : value;
    },
  });
}

describe("inside a framework's proxies", () => {
  it("a client and its subscriptions do all that they do outside", async () => {
    const client = deepProxy(new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket }));
    const ready = client.ready();
    await turn();
    const socket = FakeSocket.last.greet({ user: "ada" });
    expect((await ready).user).toBe("ada");
    expect([client.state.name, client.identity?.user]).toEqual(["connected", "ada"]);
    const heard: string[] = [];
    const off = client.on("message", (event) => heard.push(`client ${event["@id"]}`));
    const subscription: Subscription<AnyEvent> = deepProxy(client.subscribe<AnyEvent>("t"));
    subscription.on("message", (event) => heard.push(`subscription ${event["@id"]}`));
    const once = subscription.once("message");
    const loop = (async () => { for await (const event of subscription) heard.push(`loop ${event["@id"]}`); })();
    await turn();
    socket.subscribed("t");
    expect((await subscription.ready()).name).toBe("active");
    socket.event("t", "a:1");
    off();
    socket.event("t", "a:2");
    expect((await once)["@id"]).toBe("a:1");
    await turn();
    subscription.unsubscribe();
    await loop;
    expect(heard).toEqual(["subscription a:1", "client a:1", "subscription a:2", "loop a:1", "loop a:2"]);
    const [stats, fetched] = [client.stats(), client.fetch({ topic: "t", last: 1 })];
    socket.give({ type: "stats", data: 1, id: socket.request("get_stats")["id"] });
    socket.give({ type: "fetched", topic: "t", success: true, count: 0, complete: true, id: socket.request("fetch")["id"] });
    expect([await stats, await fetched]).toEqual([1, { events: [], complete: true }]);
    client.connect();
    const signedIn = client.setToken("x");
    client.close();
    await expect(signedIn).rejects.toMatchObject({ code: "disconnected" });
    expect(client.state.code).toBe(1000);
  });
});
