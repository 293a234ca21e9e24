import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClientOptions, type Freshness, type Source, type Subscription, type SubscribeOptions, ZwsClient } from "../src/index.js";
import { FakeSocket } from "./fake_socket.js";

let client: ZwsClient;
const HEARD = "2026-01-02T03:04:05.000Z";
const LATER = "2026-01-02T03:05:00.000Z";
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function connected(options: ClientOptions = {}): Promise<FakeSocket> {
  client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket, ...options });
  await turn();
  return FakeSocket.last.greet();
}

async function reconnected(): Promise<FakeSocket> {
  FakeSocket.last.end(1012);
  await vi.advanceTimersByTimeAsync(1000);
  return FakeSocket.last.greet();
}

/** What a subscription with `sources` is told, in words. */
function listen(topic = "t", options: SubscribeOptions = {}): { subscription: Subscription; told: string[] } {
  const told: string[] = [];
  const subscription = client.subscribe(topic, { sources: true, ...options });
  subscription.on("source", ({ topic, src, state }: Source) => told.push(`${topic} ${src} ${state}`));
  for (const type of ["fresh", "stale"] as const) subscription.on(type, ({ type, why }: Freshness) => told.push(why ? `${type}: ${why}` : type));
  return { subscription, told };
}

const word = (socket: FakeSocket, src: string, state: Source["state"], topic = "t"): FakeSocket => socket.give({ type: "source", topic, src, state, timestamp: LATER });
const known = (src: string, alive: boolean): object => ({ src, alive, heard: HEARD });

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
  FakeSocket.all = [];
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("asking for sources", () => {
  it("asks for those topics only of which somebody wants to know", async () => {
    const socket = await connected();
    client.subscribe("plain");
    client.subscribe("watched", { sources: true });
    client.subscribe("watched");
    client.subscribe("seen", { sources: true });
    await turn();
    const asked = socket.sent.map(({ topics, sources }) => ({ topics, sources }));
    expect(asked).toEqual([{ topics: ["plain"] }, { topics: ["watched", "seen"], sources: true }]);
  });

  it("asks again with each connection", async () => {
    const socket = await connected();
    listen();
    await turn();
    socket.subscribed("t", { at: ["a:1"], sources: [known("a", true)] });
    const next = await reconnected();
    expect(next.request("subscribe")).toMatchObject({ topics: ["t"], since: { t: ["a:1"] }, sources: true });
  });

  it("asks for them alone when somebody comes later, and brings nothing else anew", async () => {
    const socket = await connected();
    const recovered = vi.fn();
    client.subscribe("t", { onRecovered: recovered, onGap: recovered });
    await turn();
    socket.subscribed("t", { at: ["a:1"] }).event("t", "a:2");
    const { subscription, told } = listen();
    await turn();
    const { id, ...request } = socket.request("subscribe");
    expect(request).toEqual({ type: "subscribe", topic: "t", sources: true });
    socket.give({ type: "subscribed", topic: "t", success: true, at: ["a:2"], id, sources: [known("a", true)] });
    expect(told).toEqual(["t a alive", "fresh"]);
    expect(subscription.freshness).toEqual({ type: "fresh", topic: "t", why: null });
    expect(recovered).not.toHaveBeenCalled();
    const next = await reconnected();
    expect(next.request("subscribe")).toMatchObject({ topics: ["t"], since: { t: ["a:2"] }, sources: true });
  });

  it("says so when they are refused to who comes later, who has the events", async () => {
    const onError = vi.fn();
    const socket = await connected({ onError });
    client.subscribe("*");
    await turn();
    socket.subscribed("*", { at: undefined });
    const { subscription } = listen("*");
    socket.give({ type: "subscribed", topic: "*", success: false, code: "limit_exceeded", message: "too many", id: socket.request("subscribe")["id"] });
    expect(onError.mock.calls).toMatchObject([[{ code: "limit_exceeded", topic: "*" }]]);
    expect(subscription.state.name).toBe("active");
  });
});

describe("`source`", () => {
  it("tells what is known when the topic is subscribed to, and what follows", async () => {
    const socket = await connected();
    const heard: Source[] = [];
    client.subscribe("t", { sources: true }).on("source", (source) => heard.push(source));
    await turn();
    socket.subscribed("t", { sources: [known("a", true), known("b", false), { ...known("c", true), silent: true }] });
    word(socket, "a", "silent");
    expect(heard).toEqual([
      { type: "source", topic: "t", src: "a", state: "alive", timestamp: HEARD },
      { type: "source", topic: "t", src: "b", state: "lost", timestamp: HEARD },
      { type: "source", topic: "t", src: "c", state: "silent", timestamp: HEARD },
      { type: "source", topic: "t", src: "a", state: "silent", timestamp: LATER },
    ]);
  });

  it("is for who asked for it, and no event", async () => {
    const socket = await connected();
    const onEvent = vi.fn();
    listen("t", { onEvent });
    const other = client.subscribe("t");
    const loop = other[Symbol.asyncIterator]().next();
    for (const type of ["source", "fresh", "stale"]) other.on(type, onEvent);
    client.on("*", onEvent);
    await turn();
    socket.subscribed("t", { sources: [known("a", true)] });
    word(socket, "a", "lost");
    expect(onEvent).not.toHaveBeenCalled();
    socket.event("t", "a:1", { type: "source" }); // a producer's own
    expect(onEvent).toHaveBeenCalledTimes(3);
    expect((await loop).value).toMatchObject({ "@id": "a:1" });
  });

  it("tells of each topic of a pattern, and of topics that belong to several", async () => {
    const socket = await connected();
    const pattern = listen("t:*");
    const exact = listen("t:1");
    await turn();
    socket.subscribed("t:1", { sources: [known("a", true)] });
    socket.subscribed("t:*", { at: undefined, sources: [{ topic: "t:2", ...known("a", true) }] });
    word(socket, "a", "lost", "t:1");
    expect(exact.told).toEqual(["t:1 a alive", "fresh", "t:1 a lost", "stale: lost"]);
    expect(pattern.told).toEqual(["t:1 a alive", "t:2 a alive", "fresh", "t:1 a lost"]); // on t:2 it is alive
  });

  it("is told no more to who has unsubscribed meanwhile", async () => {
    const socket = await connected();
    const { subscription, told } = listen();
    subscription.on("source", () => subscription.unsubscribe());
    await turn();
    socket.subscribed("t", { sources: [known("a", true), known("b", true)] });
    expect(told).toEqual(["t a alive", "stale: closed"]);
  });
});

describe("freshness", () => {
  it("is stale while there is no connection or answer", async () => {
    const socket = await connected();
    const { subscription, told } = listen();
    expect(subscription.freshness).toEqual({ type: "stale", topic: "t", why: "pending" });
    await turn();
    socket.subscribed("t", { sources: [known("a", true)] });
    socket.end(1006);
    expect(told).toEqual(["t a alive", "fresh", "stale: pending"]);
    const back = await reconnected();
    back.subscribed("t", { recovered: true, replayed: 0, sources: [known("a", true)] });
    expect(told.slice(3)).toEqual(["t a alive", "fresh"]);
  });

  it("is fresh as long as one source is alive", async () => {
    const socket = await connected();
    const { told } = listen();
    await turn();
    socket.subscribed("t", { sources: [known("a", true), known("b", true)] });
    word(word(word(socket, "a", "lost"), "b", "silent"), "b", "alive");
    expect(told.slice(2)).toEqual(["fresh", "t a lost", "t b silent", "stale: silent", "t b alive", "fresh"]);
  });

  it("is stale where no source was ever heard, until one is", async () => {
    const socket = await connected();
    const { told } = listen();
    await turn();
    socket.subscribed("t", { sources: [] });
    expect(told).toEqual(["stale: lost"]);
    word(socket, "a", "alive");
    expect(told.slice(1)).toEqual(["t a alive", "fresh"]);
  });

  it("believes nothing that another bridge said", async () => {
    const socket = await connected();
    const { subscription, told } = listen();
    await turn();
    socket.subscribed("t", { sources: [known("a", true), known("b", true)] });
    const back = await reconnected();
    back.subscribed("t", { recovered: true, replayed: 0, sources: [] });
    expect(told.slice(3)).toEqual(["stale: pending", "stale: lost"]);
    word(word(back, "a", "alive"), "a", "lost"); // b is not known here
    expect(subscription.freshness.why).toBe("lost");
  });

  it("ends with the subscription, and with the right to it", async () => {
    const socket = await connected({ onError: () => {} });
    const gone = listen("gone");
    const refused = listen("refused");
    await turn();
    socket.subscribed("gone", { sources: [] }).subscribed("refused", { success: false, code: "forbidden" });
    gone.subscription.unsubscribe();
    word(socket, "a", "alive", "gone");
    expect(gone.told).toEqual(["stale: lost", "stale: closed"]);
    expect(refused.told).toEqual(["stale: refused"]);
  });

  it("can be waited for", async () => {
    const socket = await connected();
    const subscription = client.subscribe("t", { sources: true });
    const fresh = subscription.once("fresh");
    await turn();
    socket.subscribed("t", { sources: [known("a", true)] });
    expect(await fresh).toEqual(subscription.freshness);
  });

  it("is that of the subscription alone where nobody asked for sources", async () => {
    const socket = await connected();
    const subscription = client.subscribe("t");
    const told = vi.fn();
    subscription.on("*", told);
    await turn();
    socket.subscribed("t");
    expect(subscription.freshness).toEqual({ type: "fresh", topic: "t", why: null });
    socket.end(1006);
    expect(subscription.freshness.why).toBe("pending");
    expect(told).not.toHaveBeenCalled();
  });
});
