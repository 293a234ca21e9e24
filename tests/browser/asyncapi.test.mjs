// docs/asyncapi.yaml: what AsyncAPI 3 allows, what CLIENTS.md shows, and what the daemon really says.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { parse } from "yaml";
import { Bridge, ROOT } from "./support/bridge.mjs";
import { Producer } from "./support/program.mjs";
import { makeToken, newSecret } from "./support/token.mjs";

const document = parse(readFileSync(join(ROOT, "docs/asyncapi.yaml"), "utf8"));
const ajv = formats.default(new Ajv({ strict: false, allErrors: true, allowUnionTypes: true })).addSchema(document, "asyncapi");
const validators = Object.fromEntries(Object.keys(document.components.messages).map((name) => [name, ajv.compile({ $ref: `asyncapi#/components/messages/${name}/payload` })]));

/** What is wrong with a message, by the schema for its type; nothing if it is right. */
function wrong(message) {
  const { type } = message;
  const name = "@id" in message ? "event" : type === "auth" && "success" in message ? "authenticated" : type;
  if (!Object.hasOwn(validators, name)) return [`no message is called ${name}`];
  return validators[name](message) ? [] : validators[name].errors.map((error) => `${name}${error.instancePath} ${error.message}`);
}

describe("asyncapi.yaml", () => {
  it("is AsyncAPI 3", () => {
    const schema = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0.json");
    const validate = formats.default(new Ajv({ strict: false, meta: false, validateSchema: false, logger: false })).compile(schema);
    validate(document);
    expect(validate.errors).toBeNull();
  });

  it("names nothing that is not there, and uses all that is", () => {
    const refs = JSON.stringify(document).match(/"\$ref":"[^"]+"/g).map((ref) => ref.slice(8, -1));
    const resolve = (ref) => ref.slice(2).split("/").reduce((at, key) => at?.[key], document);
    expect(refs.filter((ref) => resolve(ref) === undefined)).toEqual([]);
    const said = [document.operations.hear, document.operations.tell].flatMap(({ messages }) => messages.map(({ $ref }) => $ref.split("/").pop()));
    expect(said.sort()).toEqual(Object.keys(document.components.messages).sort());
  });

  it("describes every message that CLIENTS.md shows", () => {
    const text = readFileSync(join(ROOT, "docs/CLIENTS.md"), "utf8");
    const shown = [...text.matchAll(/^```json\n(.*?)\n```$/gms), ...text.matchAll(/`(\{"type".*?\})`/g)].map(([, json]) => JSON.parse(json));
    expect(shown.length).toBeGreaterThan(25);
    expect(shown.flatMap((message) => wrong(message).map((problem) => `${problem}: ${JSON.stringify(message)}`))).toEqual([]);
  });

  it("refuses what is no message", () => {
    for (const message of [{ type: "subscribe" }, { type: "subscribe", topic: "t", topics: ["t"] }, { type: "subscribe", topic: "t", since: ["17"] }, { type: "gap", topic: "t" }, { type: "error", code: "odd", message: "" }, { type: "x" }]) {
      expect(wrong(message)).not.toEqual([]);
    }
  });
});

describe("the daemon", () => {
  const secret = newSecret();
  let bridge, producer;
  beforeAll(async () => {
    bridge = await Bridge.start({ "auth.hs256_secret": secret });
    producer = await Producer.connect(bridge.endpoint);
  });
  afterAll(async () => {
    await producer?.end();
    await bridge?.stop();
  });

  it("says nothing that asyncapi.yaml does not describe", async () => {
    for (const [i, payload] of [{ type: "t", data: 1 }, { type: "t", topic: "other" }, [1, 2], "text"].entries()) await producer.send("orders", payload, { src: "life", seq: i + 1 });
    const socket = new WebSocket(bridge.wsUrl, ["zws.v1.json", `bearer.${makeToken(secret, "ada", 3600, { topics: ["orders", "orders.*"] })}`]);
    const messages = [];
    const last = new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (text) => {
        messages.push(JSON.parse(text));
        // Figures are asked of every lane, so what is asked later may be answered before them.
        if (["last", "stats"].every((id) => messages.some((message) => message.id === id))) resolve();
      });
    });
    await new Promise((resolve) => socket.once("open", resolve));
    const requests = [
      { type: "subscribe", topic: "orders", since: ["life:2"], id: 1 }, { type: "subscribe", topics: ["orders.*", "forbidden", "a*b"], id: 2 },
      { type: "fetch", topic: "orders", src: "life", from: 1, to: 3 }, { type: "fetch", topic: "orders.*", last: 1 }, { type: "fetch", topic: "forbidden", src: "life", from: 1, to: 3 },
      { type: "subscribe", topic: "orders.none", id: 3 }, { type: "unsubscribe", topic: "orders" }, { type: "subscribe" }, { type: "dance" }, { type: "get_stats", id: "stats" },
      { type: "auth", token: "bad" }, { type: "auth", token: makeToken(secret, "bob") }, { type: "auth", token: makeToken(secret, "ada", 60, { topics: ["nothing"] }) },
      { type: "ping", id: "last" },
    ];
    for (const request of requests) socket.send(JSON.stringify(request));
    socket.send("[");
    await last;
    expect(messages.flatMap((message) => wrong(message).map((problem) => `${problem}: ${JSON.stringify(message)}`))).toEqual([]);
    expect(new Set(messages.map((message) => message.type))).toEqual(new Set(["connection", "subscribed", "unsubscribed", "fetched", "stats", "auth", "error", "pong", "t", "message"]));
    expect(messages.find(({ id }) => id === 3).at).toEqual([expect.stringMatching(/:0$/)]);
    socket.terminate();
  });
});
