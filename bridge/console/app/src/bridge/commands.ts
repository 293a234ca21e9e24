// An event as a command that sends it again: at a terminal, over HTTP, from Python.
import { callUrl } from "./place";
import { type Fields, fields, jsonText } from "../values";

/** What its producer sent, as far as that can be told: the bridge's own members are left out. */
export function payloadOf(event: unknown): unknown {
  const { "@id": _id, "@topic": _topic, topic: _own, ...rest } = fields(event);
  return isWrapped(rest) ? rest["data"] : rest;
}
const isWrapped = (event: Fields): boolean => event["type"] === "message" && "data" in event && "timestamp" in event && Object.keys(event).every((name) => ["type", "data", "timestamp", "encoding"].includes(name));

/** What its producer sent, in base64, where that was no text; null where it was. */
export function bytesOf(event: unknown): string | null {
  const { encoding, data } = fields(event);
  return encoding === "base64" && typeof data === "string" && payloadOf(event) === data ? data : null;
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

/** Bytes go out as bytes, which neither a shell's word nor JSON can be. */
export const asPythonBytes = (topic: string, base64: string): string =>
  `import base64, zwsbridge\n\nwith zwsbridge.Publisher("tcp://127.0.0.1:5556") as publisher:\n    publisher.publish(${JSON.stringify(topic)}, base64.b64decode(${JSON.stringify(base64)}))\n`;
