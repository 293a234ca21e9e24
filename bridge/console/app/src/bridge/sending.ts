// What an administrator sends: the three calls, from the fields of one form.
import { call } from "./calls";

export const KINDS = ["publish", "notify", "broadcast"] as const;
export type Kind = (typeof KINDS)[number];

export interface Draft {
  kind: Kind;
  topic: string;
  /** JSON, as it was typed: it goes out byte for byte. */
  message: string;
  title: string;
  content: string;
  level: string;
  /** Separated by commas; empty: all who listen to notifications. */
  users: string;
}

export interface Sent {
  recipients: number;
  id?: string;
  bridges?: number;
}

export const listOf = (text: string): string[] => text.split(",").map((each) => each.trim()).filter(Boolean);

/** The name that is being typed, behind the last comma; and the text with another in its place, so that the others stay. */
export const lastOf = (text: string): string => text.slice(text.lastIndexOf(",") + 1).trim();
export const withLast = (text: string, name: string): string => [...listOf(text.slice(0, Math.max(0, text.lastIndexOf(",")))), name].join(", ");

/** What is wrong with the message, by the browser's words; null if it is JSON. */
export function jsonFault(message: string): string | null {
  try {
    JSON.parse(message);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The body of the call. The message is put in as it is, so that large numbers stay what they are. */
export function bodyOf({ kind, topic, message, title, content, level, users }: Draft): string {
  if (kind === "publish") return `{"topic":${JSON.stringify(topic)},"message":${message}}`;
  if (kind === "broadcast") return topic === "" ? `{"message":${message}}` : `{"message":${message},"topic":${JSON.stringify(topic)}}`;
  return JSON.stringify({ title, content, level, ...(users.trim() ? { target_users: listOf(users) } : {}) });
}

export const send = (draft: Draft): Promise<Sent> => call<Sent>(`/${draft.kind}`, { method: "POST", body: bodyOf(draft) });
