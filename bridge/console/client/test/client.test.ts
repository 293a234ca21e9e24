import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClientOptions, type Gap, ZwsClient } from "../src/index.js";
import { FakeSocket } from "./fake_socket.js";

let client: ZwsClient;
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function connected(options: ClientOptions = {}): Promise<FakeSocket> {
  client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket, ...options });
  await turn();
  return FakeSocket.last.greet();
}

async function reconnected(code = 1012): Promise<FakeSocket> {
  FakeSocket.last.end(code);
  await vi.advanceTimersByTimeAsync(1000);
  return FakeSocket.last.greet();
}

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

describe("subscribing", () => {
  it("asks in one message for everything of one turn", async () => {
    const socket = await connected();
    for (let i = 0; i < 500; i++) client.subscribe(`import:${i}`);
    await turn();
    expect(socket.count("subscribe")).toBe(1);
    expect(socket.request("subscribe")["topics"]).toHaveLength(500);
  });

  it("asks as soon as there is a connection", async () => {
    client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket });
    const subscription = client.subscribe("t", { last: 3 });
    expect(subscription.state.name).toBe("pending");
    await turn();
    FakeSocket.last.greet();
    expect(FakeSocket.last.request("subscribe")).toMatchObject({ topics: ["t"], last: 3 });
    FakeSocket.last.subscribed("t");
    expect(subscription.state.name).toBe("active");
  });

  it("has one subscription on the wire for a topic, however many there are", async () => {
    const socket = await connected();
    const heard: string[] = [];
    const one = client.subscribe("t", { onEvent: (event) => heard.push(`one ${event["@id"]}`) });
    const two = client.subscribe("t", { onEvent: (event) => heard.push(`two ${event["@id"]}`) });
    await turn();
    socket.subscribed("t").event("t", "a:1");
    const three = client.subscribe("t");
    expect(three.state.name).toBe("active");
    one.unsubscribe();
    one.unsubscribe();
    socket.event("t", "a:2");
    two.unsubscribe();
    expect(socket.count("unsubscribe")).toBe(0);
    three.unsubscribe();
    expect(socket.count("subscribe")).toBe(1);
    expect(socket.request("unsubscribe")).toMatchObject({ topic: "t" });
    expect(heard).toEqual(["one a:1", "two a:1", "two a:2"]);
  });

  it("tells a refusal by its code, for the one topic that was refused", async () => {
    const socket = await connected();
    const [good, bad] = [client.subscribe("good"), client.subscribe("bad")];
    await turn();
    socket.subscribed("good").subscribed("bad", { success: false, code: "forbidden", message: "no" });
    expect(good.state.name).toBe("active");
    expect(bad.state).toEqual({ name: "refused", code: "forbidden", message: "no" });
  });

  it("tells when the bridge has ended a subscription", async () => {
    const socket = await connected();
    const subscription = client.subscribe("t");
    await turn();
    socket.subscribed("t").give({ type: "unsubscribed", topic: "t", success: true, code: "forbidden" });
    expect(subscription.state).toMatchObject({ name: "refused", code: "forbidden" });
  });

  it("repeats a request that came too fast", async () => {
    const socket = await connected();
    const subscription = client.subscribe("t");
    await turn();
    socket.give({ type: "error", code: "rate_limited", id: socket.request("subscribe")["id"] });
    expect(subscription.state.name).toBe("pending");
    await vi.advanceTimersByTimeAsync(2000);
    expect(socket.count("subscribe")).toBe(2);
    socket.subscribed("t");
    expect(subscription.state.name).toBe("active");
  });
});

describe("events", () => {
  it("reach a topic, its patterns, and the client's own handlers once each", async () => {
    const heard: string[] = [];
    const socket = await connected({ onEvent: (event) => heard.push(`client ${event["@id"]}`) });
    client.on("import_progress", (event) => heard.push(`typed ${event.task_id}`));
    client.subscribe("import:*", { onEvent: (event) => heard.push(`pattern ${event["@id"]}`) });
    client.subscribe("import:1", { onEvent: (event) => heard.push(`topic ${event["@id"]}`) });
    await turn();
    socket.subscribed("import:*", { at: undefined }).subscribed("import:1");
    socket.event("import:1", "a:1", { type: "import_progress", task_id: "1" });
    socket.event("import:10", "a:2");
    expect(heard).toEqual(["topic a:1", "pattern a:1", "client a:1", "typed 1", "pattern a:2", "client a:2"]);
  });

  it("are known by their @id, whatever their type says", async () => {
    const heard: string[] = [];
    const socket = await connected();
    const subscription = client.subscribe("t", { onEvent: (event) => heard.push(event.type) });
    await turn();
    socket.subscribed("t");
    socket.event("t", "a:1", { type: "subscribed", success: false, code: "forbidden" });
    socket.event("t", "a:2", { type: "error", code: "token_expired" });
    expect(heard).toEqual(["subscribed", "error"]);
    expect(subscription.state.name).toBe("active");
  });

  it("belong to the topic they came on, not to the one they name", async () => {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("real", { onEvent: (event) => heard.push(`real ${event["@id"]}`) });
    client.subscribe("said", { onEvent: (event) => heard.push(`said ${event["@id"]}`) });
    await turn();
    socket.give('{"type":"x","topic":"said","@id":"mine","@topic":"real","@id":"a:1"}');
    expect(heard).toEqual(["real a:1"]);
  });

  it("to this user come without a subscription", async () => {
    const titles: string[] = [];
    const socket = await connected();
    client.on("notification", (event) => titles.push(event.data.title));
    socket.event("@user/ada", "a:1", { type: "notification", data: { title: "For you" } });
    expect(titles).toEqual(["For you"]);
  });

  it("of raw routes are handed over as they came", async () => {
    const raw: unknown[] = [];
    const socket = await connected({ onRaw: (data) => raw.push(data) });
    const bytes = new ArrayBuffer(3);
    for (const data of ["plain", '{"price":1}', "17", "null", "[]"]) socket.give(data);
    socket.onmessage!({ data: bytes });
    expect(raw).toEqual(["plain", '{"price":1}', "17", "null", "[]", bytes]);
    expect(socket.binaryType).toBe("arraybuffer");
  });
});

describe("resuming", () => {
  it("asks for everything in one message, with its positions", async () => {
    let socket = await connected();
    client.subscribe("t");
    client.subscribe("import:*");
    client.subscribe("quiet");
    await turn();
    socket.subscribed("t", { at: ["a:5", "b:2"] }).subscribed("import:*", { at: undefined }).subscribed("quiet");
    socket.event("t", "a:6").event("import:7", "c:1");
    socket = await reconnected();
    expect(socket.sent).toEqual([{ type: "subscribe", topics: ["t", "quiet", "import:*"], since: { t: ["a:6", "b:2"], quiet: [], "import:7": ["c:1"] }, id: expect.any(Number) }]);
  });

  it("asks apart for what has no position yet", async () => {
    let socket = await connected();
    client.subscribe("old");
    await turn();
    socket.subscribed("old", { at: ["a:1"] });
    client.subscribe("new:*", { last: 5 });
    socket = await reconnected();
    expect(socket.sent).toMatchObject([{ topics: ["old"], since: { old: ["a:1"] } }, { topics: ["new:*"], last: 5 }]);
    expect(socket.sent[1]).not.toHaveProperty("since");
  });

  it("asks for the newest events in case that nothing can be recovered", async () => {
    let socket = await connected();
    client.subscribe("bar", { last: 1 });
    await turn();
    socket.subscribed("bar", { at: ["a:7"], replayed: 1 }).event("bar", "a:7");
    socket = await reconnected();
    expect(socket.sent).toMatchObject([{ topics: ["bar"], since: { bar: ["a:7"] }, last: 1 }]);
  });

  it("tells recovered before the missed events, or a gap", async () => {
    const told: unknown[] = [];
    let socket = await connected();
    const hooks = { onRecovered: (n: number) => told.push(`recovered ${n}`), onGap: (gap: Gap) => told.push(gap), onEvent: (event: { "@id": string }) => told.push(event["@id"]) };
    client.subscribe("t", hooks);
    await turn();
    socket.subscribed("t", { at: ["a:1"] });
    socket = await reconnected();
    socket.subscribed("t", { at: ["a:3"], recovered: true, replayed: 2 }).event("t", "a:2").event("t", "a:3").event("t", "a:4");
    socket = await reconnected();
    expect(socket.request("subscribe")["since"]).toEqual({ t: ["a:4"] });
    socket.subscribed("t", { at: ["b:9"], recovered: false, replayed: 1 }).event("t", "b:9");
    expect(told).toEqual(["recovered 2", "a:2", "a:3", "a:4", { topic: "t", reason: "resume" }, "b:9"]);
    socket = await reconnected();
    expect(socket.request("subscribe")["since"]).toEqual({ t: ["b:9"] });
  });

  it.each(["invalid_message", "limit_exceeded"])("does without positions that the bridge cannot use, and tells the gap (%s)", async (code) => {
    const gaps: Gap[] = [];
    let socket = await connected();
    const subscription = client.subscribe("raw", { onGap: (gap) => gaps.push(gap) });
    await turn();
    socket.subscribed("raw");
    socket = await reconnected();
    socket.subscribed("raw", { success: false, code });
    await turn();
    expect(socket.request("subscribe")).not.toHaveProperty("since");
    socket.subscribed("raw");
    expect(subscription.state.name).toBe("active");
    expect(gaps).toEqual([{ topic: "raw", reason: "resume" }]);
  });

  it("keeps every message under the bridge's bound, with long topics and many sources", async () => {
    let socket = await connected();
    const topics = Array.from({ length: 300 }, (_, i) => `${"é".repeat(100)}${i}`);
    for (const topic of topics) client.subscribe(topic);
    client.subscribe("many:*");
    await turn();
    for (const topic of topics) socket.subscribed(topic, { at: ["source-of-some-length-1:123456", "source-of-some-length-2:123456"] });
    socket.subscribed("many:*", { at: undefined });
    for (let i = 0; i < 1000; i++) socket.event(`many:${"x".repeat(240)}${i}`, `${"s".repeat(64)}:${i + 1}`);
    socket = await reconnected();
    const asked = socket.sent.filter((message) => message["type"] === "subscribe");
    expect(asked.flatMap((message) => message["topics"])).toEqual([...topics, "many:*"]);
    for (const message of asked) expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThan(60_000);
  });
});

describe("gaps", () => {
  it("told by the bridge reach the topic and its patterns, and count as heard", async () => {
    const gaps: Gap[] = [];
    let socket = await connected();
    client.subscribe("t", { onGap: (gap) => gaps.push(gap) });
    client.subscribe("*", { onGap: (gap) => gaps.push(gap) });
    client.subscribe("other", { onGap: (gap) => gaps.push(gap) });
    await turn();
    socket.subscribed("t", { at: ["a:1"] }).subscribed("*", { at: undefined }).subscribed("other");
    socket.give({ type: "gap", topic: "t", src: "a", from: 2, to: 4, missed: 3, reason: "slow_consumer" });
    expect(gaps).toHaveLength(2);
    expect(gaps[0]).toMatchObject({ topic: "t", src: "a", from: 2, to: 4, missed: 3, reason: "slow_consumer" });
    socket = await reconnected();
    expect(socket.request("subscribe")["since"]).toEqual({ t: ["a:4"], other: [] });
  });

  it("can be fetched, and those events go to the caller alone", async () => {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("t", { onEvent: (event) => heard.push(event["@id"]) });
    await turn();
    socket.subscribed("t", { at: ["a:1"] });
    const fetched = client.fetch({ topic: "t", src: "a", from: 2, to: 3 });
    socket.event("t", "a:5").event("t", "a:2").event("t", "a:3");
    socket.give({ type: "fetched", topic: "t", success: true, count: 2, complete: true, id: socket.request("fetch")["id"] });
    const { events, complete } = await fetched;
    expect(events.map((event) => event["@id"])).toEqual(["a:2", "a:3"]);
    expect(complete).toBe(true);
    expect(heard).toEqual(["a:5"]);
  });

  it("cannot be fetched without the right, or without a connection", async () => {
    const socket = await connected();
    const refused = client.fetch({ topic: "t", src: "a", from: 1, to: 2 });
    socket.give({ type: "fetched", topic: "t", success: false, code: "forbidden", id: socket.request("fetch")["id"] });
    await expect(refused).rejects.toMatchObject({ code: "forbidden" });
    const lost = client.fetch({ topic: "t", src: "a", from: 1, to: 2 });
    socket.end(1006);
    await expect(lost).rejects.toMatchObject({ code: "disconnected" });
    await expect(client.stats()).rejects.toMatchObject({ code: "disconnected" });
  });
});

describe("stats", () => {
  it("are what the bridge tells", async () => {
    const socket = await connected();
    const stats = client.stats();
    socket.give({ type: "stats", data: { queued: 0 }, id: socket.request("get_stats")["id"] });
    expect(await stats).toEqual({ queued: 0 });
  });
});

describe("close", () => {
  it("ends every subscription and its loops", async () => {
    const socket = await connected();
    const subscription = client.subscribe("t");
    await turn();
    socket.subscribed("t");
    const loop = (async () => { for await (const _ of subscription) throw new Error("unexpected"); })();
    client.close();
    await loop;
    expect(subscription.state.name).toBe("closed");
  });
});
