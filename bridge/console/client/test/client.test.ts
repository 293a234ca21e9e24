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
    await turn();
    expect(socket.count("subscribe")).toBe(1);
    expect(socket.request("unsubscribe")).toMatchObject({ topics: ["t"] });
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

describe("giving up and coming back", () => {
  const topics = Array.from({ length: 400 }, (_, i) => `row:${i}`);

  async function mounted(socket: FakeSocket): Promise<() => void> {
    const subscriptions = topics.map((topic) => client.subscribe(topic));
    await turn();
    const { id } = socket.request("subscribe");
    for (const topic of topics) socket.subscribed(topic, { id });
    return () => subscriptions.forEach((each) => each.unsubscribe());
  }

  it("tells the bridge in few messages of everything given up in one turn", async () => {
    const socket = await connected();
    (await mounted(socket))();
    await turn();
    const sent = socket.sent.filter((message) => message["type"] === "unsubscribe");
    expect(sent).toHaveLength(3);
    expect(sent.flatMap((message) => message["topics"])).toEqual(topics);
  });

  it("names in one message no more than the bridge reads", async () => {
    const socket = await connected();
    const names = topics.map((topic) => topic + "x".repeat(240));
    const subscriptions = names.map((name) => client.subscribe(name));
    await turn();
    for (const each of subscriptions) each.unsubscribe();
    await turn();
    const sent = socket.sent.filter((message) => message["type"] === "unsubscribe");
    expect(sent).toHaveLength(3);
    for (const message of sent) expect(JSON.stringify(message).length).toBeLessThan(64 * 1024);
    expect(sent.flatMap((message) => message["topics"])).toEqual(names);
  });

  it("says no second time that it has given up what it wants again", async () => {
    const socket = await connected();
    (await mounted(socket))();
    await turn();
    for (const { type, id } of socket.sent) if (type === "unsubscribe") socket.give({ type: "error", code: "rate_limited", id });
    topics.pop();
    await mounted(socket);
    await vi.advanceTimersByTimeAsync(2000);
    expect(socket.count("unsubscribe")).toBe(4);
    expect(socket.request("unsubscribe")["topics"]).toEqual(["row:399"]);
    socket.give({ type: "unsubscribed", topic: "row:399", success: true, id: socket.request("unsubscribe")["id"] });
    await vi.advanceTimersByTimeAsync(2000);
    expect(socket.count("unsubscribe")).toBe(4);
  });

  it("has nothing left to give up on the next connection", async () => {
    let socket = await connected();
    const given = client.subscribe("t", { last: 1 });
    await turn();
    socket.subscribed("t");
    given.unsubscribe();
    await turn();
    socket = await reconnected();
    client.subscribe("t", { last: 1 });
    await turn();
    expect(socket.count("unsubscribe")).toBe(0);
    expect(socket.request("subscribe")).toMatchObject({ topics: ["t"], last: 1 });
  });

  it("asks no second time for what was given up while the request was put off", async () => {
    const socket = await connected();
    const [gone] = [client.subscribe("gone"), client.subscribe("here")];
    await turn();
    gone.unsubscribe();
    socket.give({ type: "error", code: "rate_limited", id: socket.request("subscribe")["id"] });
    await vi.advanceTimersByTimeAsync(2000);
    expect(socket.request("subscribe")["topics"]).toEqual(["here"]);
  });

  it.each([[0, 3], [3, 3], [3, undefined]])("hears the state once, whatever was under way for who has gone (after %s, last: %s)", async (late, last) => {
    const heard: string[] = [];
    const socket = await connected();
    const first = client.subscribe("t", { last: 3 });
    await turn();
    const { id } = socket.request("subscribe");
    first.unsubscribe();
    if (late) await turn();
    const second = client.subscribe("t", { ...(last ? { last } : {}), onEvent: (event) => heard.push(event["@id"]) });
    await turn();
    expect(socket.request("subscribe")["last"]).toBeUndefined();
    socket.subscribed("t", { id, replayed: 1, at: ["a:1"] }).event("t", "a:1");
    expect(second.state.name).toBe("pending");
    if (late) socket.give({ type: "unsubscribed", topic: "t", success: true, id: socket.request("unsubscribe")["id"] });
    socket.subscribed("t", { replayed: 0, at: ["a:1"] });
    if (last) socket.event("t", "a:1").give({ type: "fetched", topic: "t", success: true, count: 1, complete: true, id: socket.request("fetch")["id"] });
    socket.event("t", "a:2");
    expect(second.state.name).toBe("active");
    expect(heard).toEqual(last ? ["a:1", "a:2"] : ["a:2"]);
  });

  it("asks for the state with the topic once the bridge has let go of it", async () => {
    const socket = await connected();
    const first = client.subscribe("t", { last: 1 });
    await turn();
    socket.subscribed("t");
    first.unsubscribe();
    await turn();
    socket.give({ type: "unsubscribed", topic: "t", success: true, id: socket.request("unsubscribe")["id"] });
    client.subscribe("t", { last: 1 });
    await turn();
    expect(socket.request("subscribe")).toMatchObject({ topics: ["t"], last: 1 });
  });
});

describe("who has unsubscribed", () => {
  it("hears no more of the state that is being brought", async () => {
    const socket = await connected();
    client.subscribe("t");
    await turn();
    socket.subscribed("t");
    const heard: string[] = [];
    const one = client.subscribe("t", { last: 3, onEvent: (event) => { heard.push(event["@id"]); one.unsubscribe(); two.unsubscribe(); } });
    const two = client.subscribe("t", { last: 3, onEvent: () => heard.push("two") });
    one.on("*", () => heard.push("on"));
    await turn();
    for (const id of ["a:1", "a:2", "a:3"]) socket.event("t", id);
    socket.give({ type: "fetched", topic: "t", success: true, count: 3, complete: true, id: socket.request("fetch")["id"] });
    expect(heard).toEqual(["a:1"]);
  });

  it("is told no gap that a neighbour hears first", async () => {
    const socket = await connected();
    const told: string[] = [];
    client.subscribe("t", { onGap: () => two.unsubscribe() });
    const two = client.subscribe("t", { onGap: () => told.push("gap") });
    await turn();
    socket.subscribed("t").give({ type: "gap", topic: "t", src: "a", from: 1, to: 1, missed: 1, reason: "producer" });
    expect(told).toEqual([]);
  });
});

it.each([null, "token"])("a closed client stays closed when it is given a token (%s)", async (token) => {
  await connected();
  client.close();
  await client.setToken(token);
  await turn();
  expect(FakeSocket.all).toHaveLength(1);
  expect(client.state).toMatchObject({ name: "disconnected", code: 1000, retry: false });
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

  it("of the type that stands for all are heard once", async () => {
    const socket = await connected();
    const heard: unknown[] = [];
    client.on("*", (event) => heard.push(event["@id"]));
    socket.event("t", "a:1", { type: "*" });
    expect(heard).toEqual(["a:1"]);
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
    socket.onmessage!({ data: bytes });
    expect(raw).toEqual([bytes]);
    expect(socket.binaryType).toBe("arraybuffer");
  });

  it("of raw routes are never taken for the bridge's word, nor its words for theirs", async () => {
    const raw: string[] = [];
    const heard: unknown[] = [];
    const socket = await connected({ onRaw: (data) => raw.push(new TextDecoder().decode(data)), onEvent: (event) => heard.push(event), onError: (error) => heard.push(error) });
    const words = ['{"type":"error","code":"token_expired"}', '{"type":"x","topic":"t","@id":"a:1"}', "17", "null"];
    for (const word of words) socket.onmessage!({ data: new TextEncoder().encode(word).buffer });
    for (const data of ["plain", '{"type":"later"}', "17", "null", "[]"]) socket.give(data);
    expect(raw).toEqual(words);
    expect(heard).toEqual([]);
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

  it("names no more sources in a message than the bridge takes", async () => {
    let socket = await connected();
    const topics = Array.from({ length: 30 }, (_, i) => `t:${i}`);
    for (const topic of topics) client.subscribe(topic);
    await turn();
    const at = Array.from({ length: 60 }, (_, i) => `s${i}:1`);
    for (const topic of topics) socket.subscribed(topic, { at });
    socket = await reconnected();
    const asked = socket.sent.filter((message) => message["type"] === "subscribe");
    expect(asked.flatMap((message) => message["topics"])).toEqual(topics);
    const counts = asked.map((message) => Object.values(message["since"] as Record<string, string[]>).flat().length);
    expect(counts).toEqual([480, 480, 480, 360]);
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
    const gone = client.fetch({ topic: "t", src: "a", from: 2, to: 3 });
    socket.event("t", "a:3").give({ type: "fetched", topic: "t", success: true, count: 1, complete: false, id: socket.request("fetch")["id"] });
    expect(await gone).toMatchObject({ complete: false });
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

  it.each([{ from: 1 }, { from: 1, to: NaN }, { from: 1.5, to: 2 }, { to: 2 }])("cannot be fetched by %o, which would make no JSON and have no answer", async (range) => {
    const socket = await connected();
    const heard: string[] = [];
    client.subscribe("t", { onEvent: (event) => heard.push(event["@id"]) });
    await expect(client.fetch({ topic: "t", src: "a", ...range } as never)).rejects.toThrow("BigInt");
    expect(socket.count("fetch")).toBe(0);
    socket.event("t", "a:1");
    expect(heard).toEqual(["a:1"]);
  });
});

describe("a fetch", () => {
  const fetchedBy = (socket: FakeSocket, count: number): FakeSocket => socket.give({ type: "fetched", topic: "t", success: true, count, complete: true, id: socket.request("fetch")["id"] });
  const ids = (events: readonly { "@id": string }[]): string[] => events.map((event) => event["@id"]);

  async function listening(): Promise<[FakeSocket, string[]]> {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("t", { onEvent: (event) => heard.push(event["@id"]), onGap: (gap) => heard.push(`gap ${gap.to}`) });
    await turn();
    socket.subscribed("t", { at: ["a:1"] });
    return [socket, heard];
  }

  it("swallows no live event, whatever it asks for", async () => {
    const [socket, heard] = await listening();
    const fetched = client.fetch({ topic: "t", src: "a", from: 1, to: 1000 });
    socket.event("t", "a:2").event("t", "a:3").event("u", "a:1");
    socket.event("t", "a:4").event("t", "a:5");
    for (const seq of [1, 2, 3, 4, 5]) socket.event("t", `a:${seq}`);
    fetchedBy(socket, 5);
    expect(ids((await fetched).events)).toEqual(["a:1", "a:2", "a:3", "a:4", "a:5"]);
    expect(heard).toEqual(["a:2", "a:3", "a:4", "a:5"]);
  });

  it("keeps live events, gaps and answers in their order", async () => {
    const [socket, heard] = await listening();
    const fetched = client.fetch({ topic: "t", last: 1 });
    socket.event("t", "a:2").give({ type: "gap", topic: "t", src: "a", from: 3, to: 4, missed: 2, reason: "producer" }).event("t", "a:5");
    socket.event("t", "a:5");
    fetchedBy(socket, 1);
    expect(ids((await fetched).events)).toEqual(["a:5"]);
    expect(heard).toEqual(["a:2", "gap 4", "a:5"]);
  });

  it("gives two callers that ask for the same what each asked for", async () => {
    const [socket, heard] = await listening();
    const one = client.fetch({ topic: "t", last: 2 });
    const { id } = socket.request("fetch");
    const two = client.fetch({ topic: "t", last: 1 });
    socket.event("t", "a:8").event("t", "a:9").give({ type: "fetched", topic: "t", success: true, count: 2, complete: true, id });
    socket.event("t", "a:10").event("t", "a:10");
    fetchedBy(socket, 1);
    expect([ids((await one).events), ids((await two).events)]).toEqual([["a:8", "a:9"], ["a:10"]]);
    expect(heard).toEqual(["a:10"]);
  });

  it("of which a full queue has lost a part takes no live event in its place", async () => {
    const [socket, heard] = await listening();
    const fetched = client.fetch({ topic: "t", last: 3 });
    socket.event("t", "a:9").event("t", "a:8").event("t", "a:9");
    fetchedBy(socket, 3);
    expect(ids((await fetched).events)).toEqual(["a:8", "a:9"]);
    expect(heard).toEqual(["a:9"]);
  });

  it("that ends with the connection loses nothing: what was not sorted yet is asked for again", async () => {
    const [socket, heard] = await listening();
    const fetched = client.fetch({ topic: "t", last: 9 });
    socket.event("t", "a:2");
    const again = reconnected();
    await expect(fetched).rejects.toMatchObject({ code: "disconnected", topic: "t" });
    expect((await again).request("subscribe")["since"]).toEqual({ t: ["a:1"] });
    expect(heard).toEqual([]);
  });

  it("that is refused gives back what it held", async () => {
    const [socket, heard] = await listening();
    const fetched = client.fetch({ topic: "t", last: 9 });
    socket.event("t", "a:2").give({ type: "fetched", topic: "t", success: false, code: "limit_exceeded", id: socket.request("fetch")["id"] });
    await expect(fetched).rejects.toMatchObject({ code: "limit_exceeded" });
    expect(heard).toEqual(["a:2"]);
  });
});

describe("who comes late", () => {
  const fetches = (socket: FakeSocket): unknown[] => socket.sent.filter((message) => message["type"] === "fetch").map(({ topic, last }) => [topic, last]);
  const fetched = (socket: FakeSocket, topic: string, count: number, members = {}): FakeSocket => socket.give({ type: "fetched", topic, success: true, count, complete: true, id: socket.request("fetch")["id"], ...members });
  const listener = (heard: string[], name: string): { onEvent: (event: { "@id": string }) => void; onState: (state: { name: string }) => void } => ({
    onEvent: (event) => heard.push(`${name} ${event["@id"]}`), onState: (state) => heard.push(`${name} ${state.name}`),
  });

  it("to a topic gets the state it asks for, then live events, and nobody hears it twice", async () => {
    const heard: string[] = [];
    const everything: string[] = [];
    const socket = await connected({ onEvent: (event) => everything.push(event["@id"]) });
    client.subscribe("t", { last: 1, ...listener(heard, "first") });
    await turn();
    expect(socket.request("subscribe")).toMatchObject({ topics: ["t"], last: 1 });
    socket.subscribed("t", { at: ["a:5"], replayed: 1 }).event("t", "a:5");
    client.subscribe("t", { last: 2, ...listener(heard, "second") });
    await turn();
    expect(fetches(socket)).toEqual([["t", 2]]);
    socket.event("t", "a:6"); // which the second has among its newest two
    socket.event("t", "a:5").event("t", "a:6");
    fetched(socket, "t", 2).event("t", "a:7");
    expect(heard).toEqual(["first active", "first a:5", "first a:6", "second active", "second a:5", "second a:6", "first a:7", "second a:7"]);
    expect(everything).toEqual(["a:5", "a:6", "a:7"]);
    expect(socket.count("subscribe")).toBe(1);
  });

  it("in the same turn is served by one message, which asks for the most that anybody wants", async () => {
    const socket = await connected();
    client.subscribe("t");
    client.subscribe("t", { last: 3 });
    client.subscribe("t", { last: 1 });
    await turn();
    socket.subscribed("t", { replayed: 0 });
    await turn();
    expect(socket.sent).toMatchObject([{ type: "subscribe", topics: ["t"], last: 3 }]);
  });

  it("to a topic under a pattern that is held already gets its state apart", async () => {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("import:*", listener(heard, "pattern"));
    await turn();
    socket.subscribed("import:*", { at: undefined });
    client.subscribe("import:7", { last: 1, ...listener(heard, "bar") });
    await turn();
    expect(socket.request("subscribe")).not.toHaveProperty("last");
    socket.subscribed("import:7", { at: ["a:5"] });
    socket.event("import:7", "a:5");
    fetched(socket, "import:7", 1).event("import:7", "a:6");
    expect(heard).toEqual(["pattern active", "bar active", "bar a:5", "bar a:6", "pattern a:6"]);
  });

  it("to a pattern of topics that are held already gets their state, too", async () => {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("import:7", listener(heard, "bar"));
    client.subscribe("import:*", { last: 1, ...listener(heard, "pattern") });
    await turn();
    expect(socket.sent).toMatchObject([{ topics: ["import:7", "import:*"] }]);
    expect(socket.sent[0]).not.toHaveProperty("last");
    socket.subscribed("import:7", { at: ["a:5"] }).subscribed("import:*", { at: undefined });
    expect(fetches(socket)).toEqual([["import:*", 1]]);
    socket.event("import:7", "a:5").event("import:8", "a:1");
    fetched(socket, "import:*", 2);
    expect(heard).toEqual(["bar active", "pattern active", "pattern a:5", "pattern a:1"]);
  });

  it("asks again after a reconnect, and the others resume", async () => {
    const heard: string[] = [];
    let socket = await connected();
    client.subscribe("t", listener(heard, "first"));
    await turn();
    socket.subscribed("t", { at: ["a:5"] });
    client.subscribe("t", { last: 1, ...listener(heard, "second") });
    await turn();
    socket = await reconnected();
    expect(socket.sent).toMatchObject([{ type: "subscribe", topics: ["t"], since: { t: ["a:5"] }, last: 1 }]);
    socket.subscribed("t", { at: ["a:6"], recovered: true, replayed: 1 }).event("t", "a:6");
    expect(fetches(socket)).toEqual([["t", 1]]);
    socket.event("t", "a:6");
    fetched(socket, "t", 1);
    expect(heard).toEqual(["first active", "first pending", "first active", "first a:6", "second active", "second a:6"]);
  });

  it("is refused if the bridge refuses what it asks for, and no one else is", async () => {
    const errors: unknown[] = [];
    const socket = await connected({ onError: ({ code, topic }) => errors.push([code, topic]) });
    const first = client.subscribe("t");
    await turn();
    socket.subscribed("t");
    const second = client.subscribe("t", { last: 1e9 });
    await turn();
    fetched(socket, "t", 0, { success: false, code: "limit_exceeded", message: "too many" });
    expect([first.state.name, second.state]).toEqual(["active", { name: "refused", code: "limit_exceeded", message: "too many" }]);
    expect(errors).toEqual([["limit_exceeded", "t"]]);
  });

  it("to a raw topic, of which nothing can be fetched, gets what is live", async () => {
    const socket = await connected();
    client.subscribe("raw");
    await turn();
    socket.subscribed("raw");
    const second = client.subscribe("raw", { last: 1 });
    await turn();
    fetched(socket, "raw", 0, { success: false, code: "invalid_message" });
    expect(second.state.name).toBe("active");
  });

  it("and goes at once leaves nothing behind", async () => {
    const heard: string[] = [];
    const socket = await connected();
    client.subscribe("t");
    await turn();
    socket.subscribed("t");
    const second = client.subscribe("t", { last: 1, ...listener(heard, "second") });
    await turn();
    second.unsubscribe();
    socket.event("t", "a:1");
    fetched(socket, "t", 1);
    expect(heard).toEqual(["second closed"]);
  });
});

describe("a refusal", () => {
  const refused = { success: false, code: "forbidden", message: "no" };
  let warn: ReturnType<typeof vi.spyOn>;
  beforeEach(() => { warn = vi.spyOn(console, "warn").mockImplementation(() => {}); });

  it("reaches onError, with its topic", async () => {
    const errors: unknown[] = [];
    const socket = await connected({ onError: ({ code, message, topic }) => errors.push([code, message, topic]) });
    client.subscribe("t");
    client.subscribe("u");
    await turn();
    socket.subscribed("t", refused).subscribed("u").give({ type: "unsubscribed", topic: "u", success: true, code: "forbidden" });
    expect(errors).toEqual([["forbidden", "no", "t"], ["forbidden", "forbidden", "u"]]);
    expect(warn).not.toHaveBeenCalled();
  });

  it("is on the console where nobody listens", async () => {
    const socket = await connected();
    client.subscribe("t");
    await turn();
    socket.subscribed("t", refused).give({ type: "error", code: "invalid_json", message: "what?" });
    expect(warn.mock.calls).toEqual([["zwsbridge: forbidden: no (t)"], ["zwsbridge: invalid_json: what?"]]);
  });

  it.each(["onState", "ready", "once", "loop"])("is not on the console where somebody listens: %s", async (how) => {
    const socket = await connected();
    const subscription = client.subscribe("t", how === "onState" ? { onState: () => {} } : {});
    const told = how === "ready" ? subscription.ready() : how === "once" ? subscription.once("message") : how === "loop" ? subscription[Symbol.asyncIterator]().next() : null;
    const outcome = told?.catch((error: { code: string }) => error.code);
    await turn();
    socket.subscribed("t", refused);
    if (outcome) expect(await outcome).toBe("forbidden");
    expect(warn).not.toHaveBeenCalled();
  });

  it("of the whole client is told, too", async () => {
    const errors: unknown[] = [];
    (await connected({ onError: ({ code, message }) => errors.push([code, message]) })).end(4403, "thrown out");
    expect(errors).toEqual([["disconnected", "thrown out"]]);
    client.close();
    (await connected()).end(4403, "thrown out");
    expect(warn.mock.calls).toEqual([["zwsbridge: disconnected: thrown out"]]);
    client.close();
    (await connected({ onState: () => {} })).end(4403, "thrown out");
    client.close();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it("of a token that is renewed anyway is not on the console", async () => {
    const tokens = ["old", "new"];
    const socket = await connected({ getToken: () => tokens.shift()! });
    socket.give({ type: "error", code: "token_expired" });
    await turn();
    expect(warn).not.toHaveBeenCalled();
    expect(socket.count("auth")).toBe(1);
  });
});

describe("waiting", () => {
  it("ready() resolves with the connection, and rejects when the client does not come back", async () => {
    client = new ZwsClient("ws://bridge.test/api/ws", { WebSocket: FakeSocket });
    const ready = client.ready();
    await turn();
    FakeSocket.last.greet({ user: "ada" });
    expect((await ready).user).toBe("ada");
    FakeSocket.last.end(1012);
    const again = client.ready();
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.greet({ user: "bob" });
    expect((await again).user).toBe("bob");
    FakeSocket.last.end(1012);
    const never = client.ready().catch((error: { code: string; message: string }) => [error.code, error.message]);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.end(4403, "thrown out");
    expect(await never).toEqual(["disconnected", "thrown out"]);
    client.connect();
    const denied = client.ready().catch((error: { code: string }) => error.code);
    await turn();
    FakeSocket.last.end(4401);
    expect(await denied).toBe("invalid_token");
    client.close();
    await expect(client.ready()).rejects.toMatchObject({ code: "closed" });
  });

  it("ready() of a subscription resolves when it is active, and rejects when it is refused or closed", async () => {
    const socket = await connected();
    const [good, bad, gone] = ["good", "bad", "gone"].map((topic) => client.subscribe(topic)) as [ReturnType<ZwsClient["subscribe"]>, ReturnType<ZwsClient["subscribe"]>, ReturnType<ZwsClient["subscribe"]>];
    const outcomes = Promise.all([good, bad, gone].map((each) => each.ready().then((state) => state.name, (error) => error.code)));
    await turn();
    gone.unsubscribe();
    socket.subscribed("good").subscribed("bad", { success: false, code: "forbidden" });
    expect(await outcomes).toEqual(["active", "forbidden", "closed"]);
    expect((await good.ready()).name).toBe("active");
  });

  it("once() resolves with the next event of a type, and rejects when none can come", async () => {
    const socket = await connected();
    const next = client.once("notification");
    socket.event("@all", "a:1").event("@all", "a:2", { type: "notification", data: { title: "one" } }).event("@all", "a:3", { type: "notification", data: { title: "two" } });
    expect((await next).data.title).toBe("one");
    const never = client.once("*").catch((error: { code: string }) => error.code);
    client.close();
    expect(await never).toBe("closed");
  });

  it.each(["on", "onEvent", "client"])("once() of a handler (%s) is of the event behind the one that is being told", async (how) => {
    const socket = await connected();
    const heard: string[] = [];
    const next = ({ "@id": id }: { "@id": string }): void => {
      if (id !== "a:1") return;
      for (const of of [client, subscription]) for (const type of ["message", "*"]) void of.once(type).then((event) => heard.push(event["@id"]));
    };
    const subscription = client.subscribe("t", how === "onEvent" ? { onEvent: next } : {});
    if (how !== "onEvent") (how === "on" ? subscription : client).on("message", next);
    socket.event("t", "a:1").event("t", "a:2").event("t", "a:3");
    await turn();
    expect(heard).toEqual(["a:2", "a:2", "a:2", "a:2"]);
  });

  it("close() ends although a handler that is told so subscribes again each time", async () => {
    await connected();
    let ended = 0;
    const again = (): void => void client.subscribe("t", { onState: ({ name }) => name === "closed" && ++ended < 100 && again() });
    again();
    client.close();
    expect(ended).toBe(1);
  });
});

describe("an AbortSignal", () => {
  it("ends what it was given to, and is let go of by what ends before", async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const socket = await connected();
    client.subscribe("gone", { signal }).unsubscribe();
    const subscription = client.subscribe("t", { signal });
    await turn();
    socket.subscribed("t");
    let heard = 0;
    client.on("*", () => heard++, { signal });
    client.on("*", () => {}, { signal })();
    const outcomes = [client.once("*", { signal }), subscription.ready({ signal }).then(() => subscription.once("*", { signal }))].map((each) => each.catch((error: Error) => error.name));
    await turn();
    abort.abort();
    socket.event("t", "a:1");
    expect(await Promise.all(outcomes)).toEqual(["AbortError", "ZwsError"]); // the subscription has been closed by it
    expect(heard).toBe(0);
    expect(subscription.state.name).toBe("closed");
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  it("closes the client", async () => {
    const abort = new AbortController();
    await connected({ signal: abort.signal });
    abort.abort();
    expect(client.state.code).toBe(1000);
  });

  it("that was given before ends it at once", async () => {
    const signal = AbortSignal.abort();
    const socket = await connected();
    expect(client.subscribe("t", { signal }).state.name).toBe("closed");
    await expect(client.ready({ signal })).rejects.toMatchObject({ name: "AbortError" });
    let heard = 0;
    client.on("*", () => heard++, { signal });
    socket.event("@all", "a:1");
    await turn();
    expect(heard).toBe(0);
    expect(socket.sent).toEqual([]);
    const closed = new ZwsClient("ws://bridge.test/", { WebSocket: FakeSocket, signal });
    await turn();
    expect(closed.state.code).toBe(1000);
  });
});

describe("counts beyond 2^53", () => {
  const big = "9007199254740993";

  it("are kept to the last digit in positions", async () => {
    let socket = await connected();
    client.subscribe("t");
    await turn();
    socket.subscribed("t", { at: ["ns:9007199254740992"] }).event("t", `ns:${big}`);
    socket = await reconnected();
    expect(socket.request("subscribe")["since"]).toEqual({ t: [`ns:${big}`] });
  });

  it("are kept in gaps, and in what is fetched by them", async () => {
    const gaps: Gap[] = [];
    const texts: string[] = [];
    let socket = await connected();
    client.subscribe("t", { onGap: (gap) => gaps.push(gap) });
    await turn();
    socket.subscribed("t", { at: ["ns:9007199254740992"] });
    socket.give(`{"type":"gap","topic":"t","src":"ns","from":${big},"to":9007199254740995,"missed":3,"reason":"slow_consumer"}`);
    expect(gaps).toMatchObject([{ from: 9007199254740993n, to: 9007199254740995n, missed: 3 }]);
    const send = socket.send.bind(socket);
    socket.send = (text) => { texts.push(text); send(text); };
    const fetched = client.fetch({ topic: "t", src: gaps[0]!.src!, from: gaps[0]!.from!, to: gaps[0]!.to! });
    expect(texts[0]).toContain(`"from":${big},"to":9007199254740995`);
    socket.event("t", `ns:${big}`).give({ type: "fetched", topic: "t", success: true, count: 1, complete: false, id: socket.request("fetch")["id"] });
    expect((await fetched).events).toHaveLength(1);
    socket = await reconnected();
    expect(socket.request("subscribe")["since"]).toEqual({ t: ["ns:9007199254740995"] });
  });
});

describe("options.parse", () => {
  it("reads events in place of JSON.parse, and one that fails costs nothing but itself", async () => {
    const heard: unknown[] = [];
    const socket = await connected({ parse: (text) => JSON.parse(text.replace(/"wei":(\d+)/, '"wei":"$1"')) });
    const off = client.on("*", (event) => heard.push([event["@id"], event["wei"]]));
    socket.give('{"type":"x","wei":123456789012345678901234567890,"topic":"@all","@id":"a:1"}');
    expect(heard).toEqual([["a:1", "123456789012345678901234567890"]]);
    off();
    client.close();
    const reported: unknown[] = [];
    globalThis.reportError = (error: unknown) => void reported.push(error);
    const other = await connected({ parse: () => { throw new Error("mine"); } });
    client.on("*", (event) => heard.push(event["@id"]));
    other.event("@all", "a:2");
    expect(heard[1]).toBe("a:2");
    expect(reported).toHaveLength(1);
  });
});

describe("stats", () => {
  it("are what the bridge tells", async () => {
    const socket = await connected();
    const stats = client.stats();
    socket.give({ type: "stats", data: { queued: 0 }, id: socket.request("get_stats")["id"] });
    expect(await stats).toEqual({ queued: 0 });
  });

  it("are asked for behind what was subscribed to and given up before", async () => {
    const socket = await connected();
    const given = client.subscribe("given");
    await turn();
    socket.subscribed("given");
    client.subscribe("t");
    given.unsubscribe();
    const stats = client.stats();
    expect(socket.sent.map(({ type }) => type)).toEqual(["subscribe", "unsubscribe", "subscribe", "get_stats"]);
    socket.give({ type: "stats", data: {}, id: socket.request("get_stats")["id"] });
    await stats;
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
