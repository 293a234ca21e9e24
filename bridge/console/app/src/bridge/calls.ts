// The administrator's calls (docs/REST.md), with this page's token.
import { readJson } from "../exact";
import { bearer } from "./session";
import { callUrl, rootUrl } from "./place";

/** What the bridge said no with: `code` is one of docs/REST.md, or `unreachable`. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
  /** A bridge of an earlier version does not know this call. */
  get isUnknownCall(): boolean {
    return this.status === 404 && this.message === "there is nothing here";
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;
interface Call {
  method?: "GET" | "POST" | "DELETE";
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

async function ask(url: string, { method = "GET", query = {}, body, signal }: Call): Promise<Response> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  const headers: Record<string, string> = {};
  const token = bearer();
  if (token !== null) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
  if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
  if (signal) init.signal = signal;
  try {
    return await fetch(text ? `${url}?${text}` : url, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, "unreachable", "the bridge cannot be reached");
  }
}

async function refuse(answer: Response): Promise<never> {
  const said = (await answer.json().catch(() => ({}))) as { code?: string; message?: string };
  throw new Refusal(answer.status, said.code ?? String(answer.status), said.message ?? answer.statusText);
}

/** A call below the WebSocket's path; `body` that is a text goes out as it is. */
export async function call<T>(path: string, options: Call = {}): Promise<T> {
  const answer = await ask(callUrl(path), options);
  return answer.ok ? (readJson(await answer.text()) as T) : refuse(answer);
}

/** What everyone may ask, from the bridge's root: `/readyz` answers with 503, too. */
export async function root(path: string, accept: (answer: Response) => boolean = (answer) => answer.ok): Promise<string> {
  const answer = await ask(rootUrl(path), {});
  return accept(answer) ? answer.text() : refuse(answer);
}

/** A topic or user as part of a path. */
export const part = (text: string): string => encodeURIComponent(text);
