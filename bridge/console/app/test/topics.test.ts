// Topics as a tree, what changed between two events, and events as commands.
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("location", { pathname: "/p/", origin: "http://b" });
vi.stubGlobal("navigator", { languages: [] });
vi.stubGlobal("document", { querySelector: () => null, createElement: () => null, documentElement: {} }); // Vue asks for the second
const { topicTree } = await import("../src/bridge/topic_tree");
const { changedMembers } = await import("../src/bridge/changes");
const { asCurl, asPython, asZwsPub, bytesOf, payloadOf } = await import("../src/bridge/commands");
const { snippets } = await import("../src/bridge/snippets");
const { bodyOf, jsonFault, lastOf, withLast } = await import("../src/bridge/sending");

const load = (topic: string, rate = 1, pattern = false) => ({ topic, pattern, rate, events: rate, subscribers: 0 });
type Tree = ReturnType<typeof topicTree>;
const drawn = (nodes: Tree): unknown[] => nodes.map(({ label, children }) => (children.length ? [label, drawn(children)] : label));

describe("the tree of topics", () => {
  it("has a branch where names differ, and sums what is below", () => {
    const tree = topicTree([load("prices.eur"), load("prices.usd", 2), load("prices.*", 9, true), load("import:task-1"), load("a/b/c")]);
    expect(drawn(tree)).toEqual([["prices", [".eur", ".usd", ".*"]], "import:task-1", "a/b/c"]);
    expect(tree[0]).toMatchObject({ topics: 3, rate: 3, topic: null });
  });

  it("keeps a topic that leads to others", () => {
    const tree = topicTree([load("a"), load("a.b"), load("..x"), load("@all")]);
    expect(drawn(tree)).toEqual([["a", [".b"]], "..x", "@all"]);
    expect(tree[0]!.topic!.topic).toBe("a");
  });

  it("draws what only leads on as one, below a branch too", () => {
    expect(drawn(topicTree([load("a.b.x.y"), load("a.b.z")]))).toEqual([["a.b", [".x.y", ".z"]]]);
  });
});

describe("what changed", () => {
  it("is told by member, of data by what is in it", () => {
    const before = { type: "t", "@id": "s:1", timestamp: "1", data: { a: 1, b: { c: 1 } }, x: 1 };
    expect(changedMembers(before, { ...before, "@id": "s:2", timestamp: "2" })).toEqual([]);
    expect(changedMembers(before, { ...before, data: { a: 1, b: { c: 2 }, d: 0 }, x: 2 })).toEqual(["data.b", "data.d", "x"]);
    expect(changedMembers(null, { data: 5 })).toEqual(["data"]);
  });
});

describe("how a program connects", () => {
  it("is told with the members that it will find", () => {
    const python = snippets().find(({ name }) => name === "Python")!.text;
    expect(python).toContain('event.message["data"]'); // the event itself is no dictionary
  });
});

describe("an event as a command", () => {
  it("is what its producer sent", () => {
    expect(payloadOf({ type: "order", n: 1, topic: "t", "@id": "s:1" })).toEqual({ type: "order", n: 1 });
    expect(bytesOf({ type: "message", topic: "t", data: "/wD+", encoding: "base64", timestamp: "2025", "@id": "s:1" })).toBe("/wD+");
    expect(bytesOf({ type: "message", topic: "t", data: "/wD+", timestamp: "2025", "@id": "s:1" })).toBeNull();
    expect(bytesOf({ type: "picture", topic: "t", data: "/wD+", encoding: "base64", "@id": "s:1" })).toBeNull(); // its producer's own words
    expect(payloadOf({ type: "message", topic: "t", data: [1], timestamp: "2025", "@id": "s:1" })).toEqual([1]);
  });

  it("can hold any text", () => {
    const payload = { a: `it's "$HOME" \`x\` \\ 钱` };
    expect(asZwsPub("a'b", payload)).toBe(`zws pub 'a'\\''b' '{"a":"it'\\''s \\"$HOME\\" \`x\` \\\\ 钱"}'`);
    expect([asZwsPub("t", -5), asZwsPub("-t", { a: "{{count}}" })]).toEqual(["zws pub -- 't' '-5'", `zws pub -- '-t' '{"a":"{\\u007bcount}}"}'`]);
    expect(asCurl("t", 1)).toContain(`'http://b/p/api/ws/publish'`);
    expect(asPython("t", { a: 'say "x"' })).toContain(String.raw`publish("t", "{\"a\":\"say \\\"x\\\"\"}".encode())`);
  });
});

describe("what is sent", () => {
  const draft = { kind: "publish" as const, topic: "t", message: '{"n":12345678901234567890}', title: "T", content: "", level: "info", users: "" };
  it("is the message as it was typed", () => {
    expect(bodyOf(draft)).toBe('{"topic":"t","message":{"n":12345678901234567890}}');
    expect(bodyOf({ ...draft, kind: "broadcast", topic: "" })).toBe('{"message":{"n":12345678901234567890}}');
    expect(JSON.parse(bodyOf({ ...draft, kind: "notify", users: "ada, bob," }))).toEqual({ title: "T", content: "", level: "info", target_users: ["ada", "bob"] });
  });
  it("goes to users whose names are completed one by one", () => {
    expect([lastOf(""), lastOf("ada, bo"), lastOf("ada,")]).toEqual(["", "bo", ""]);
    expect([withLast("", "ada"), withLast("ada, bo", "bob"), withLast("a,b,", "c")]).toEqual(["ada", "ada, bob", "a, b, c"]);
  });
  it("is JSON", () => {
    expect(jsonFault("{}")).toBeNull();
    expect(jsonFault("{oops")).toBeTypeOf("string");
  });
});
