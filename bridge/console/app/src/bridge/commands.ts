// An event as a command that sends it again: at a terminal, over HTTP, from Python.
import { callUrl } from "./place";
import { fields, jsonText } from "../values";

/** What its producer sent, as far as that can be told: the bridge's own members are left out. */
export function payloadOf(event: unknown): unknown {
  const { "@id": _id, "@topic": _topic, topic: _own, ...rest } = fields(event);
  const isWrapped = rest["type"] === "message" && "data" in rest && "timestamp" in rest && Object.keys(rest).every((name) => ["type", "data", "timestamp", "encoding"].includes(name));
  return isWrapped ? rest["data"] : rest;
}

/** A text as one word of a shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;

export const asZwsPub = (topic: string, payload: unknown): string => `zws pub ${quoted(topic)} ${quoted(jsonText(payload))}`;

export const asCurl = (topic: string, payload: unknown): string =>
  `curl -sS ${quoted(callUrl("/publish"))} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d ${quoted(jsonText({ topic, message: payload }))}`;

// JSON's own words differ from Python's, so the payload stays a text of JSON; of a text of JSON, JSON is a literal in both.
export const asPython = (topic: string, payload: unknown): string =>
  `import json, zwsbridge\n\nwith zwsbridge.Publisher("tcp://127.0.0.1:5556") as publisher:\n    publisher.publish(${JSON.stringify(topic)}, json.loads(${JSON.stringify(jsonText(payload))}))\n`;
