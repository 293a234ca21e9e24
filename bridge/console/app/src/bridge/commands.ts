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

/** A token as those that the form asks about, made where the bridge's secret is. */
export const asZwsToken = (user: string, roles: string[], topic: string, secretFile: string): string =>
  ["zws token --user", quoted(user || "ada"), ...roles.flatMap((role) => ["--role", quoted(role)]), ...(topic ? ["--topics", quoted(topic)] : []), "--ttl 1h --secret-file", quoted(secretFile)].join(" ");

/** `zws pub` fills in {{count}} and the like, takes what begins with - for an option, and here neither is meant. */
export function asZwsPub(topic: string, payload: unknown): string {
  const text = jsonText(payload).replaceAll("{{", "{\\u007b"); // which is only in texts, and there the same
  return `zws pub ${[topic, text].some((word) => word.startsWith("-")) ? "-- " : ""}${quoted(topic)} ${quoted(text)}`;
}

export const asCurl = (topic: string, payload: unknown): string =>
  `curl -sS ${quoted(callUrl("/publish"))} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d ${quoted(jsonText({ topic, message: payload }))}`;

// JSON's own words and numbers differ from Python's, so the payload stays a text of JSON, which goes out as it is; of a text,
// JSON is a literal in both.
export const asPython = (topic: string, payload: unknown): string =>
  `import zwsbridge\n\nwith zwsbridge.Publisher("tcp://127.0.0.1:5556") as publisher:\n    publisher.publish(${JSON.stringify(topic)}, ${JSON.stringify(jsonText(payload))}.encode())\n`;
