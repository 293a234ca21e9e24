// Every view is an address that can be pasted into a chat: `#/connections?user=ada&sort=-queued`.
import { computed, reactive, ref, type WritableComputedRef } from "vue";

interface Address {
  view: string;
  query: Record<string, string>;
}

export function parse(hash: string): Address {
  const [path = "", text = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { view: path, query: Object.fromEntries(new URLSearchParams(text)) };
}

export function format({ view, query }: Address): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

export const address = reactive<Address>({ view: "", query: {} });

/**
 * A token in the address (`#token=...`) leaves it at once, so that it is in no bookmark, history entry or screenshot.
 * Returns it, if there was one.
 */
export function takeToken(): string | null {
  const token = /^#token=/.test(location.hash) ? new URLSearchParams(location.hash.slice(1)).get("token") : null;
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** How often the page went to an address, as a person does who follows a link; what is typed into a field is none. */
export const visits = ref(0);

function read(): void {
  Object.assign(address, parse(location.hash));
  visits.value++;
}

/** Follows the address. `onToken`: somebody opened an address with a token in this very page. */
export function follow(onToken: (token: string) => void): void {
  addEventListener("hashchange", () => {
    const token = takeToken();
    if (token) onToken(token);
    else read();
  });
  read();
}

/** The link to a view. */
export const to = (view: string, query: Record<string, string> = {}): string => format({ view, query });

export function go(view: string, query: Record<string, string> = {}): void {
  location.hash = to(view, query);
}

/** The parts of a list in the address: each encoded, with commas between. What somebody wrote by hand may be encoded in no way. */
export const listed = (text: string): string[] => text.split(",").filter(Boolean).map(decoded);
export const asList = (parts: string[]): string => parts.map(encodeURIComponent).join(",");

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One member of the address's query, to read and to write. Typing into a field makes no history of each letter. */
export function queryMember(name: string, otherwise = ""): WritableComputedRef<string> {
  return computed({
    get: () => address.query[name] ?? otherwise,
    set: (value) => {
      const query = { ...address.query, [name]: value === otherwise ? "" : value };
      if (query[name] === "") delete query[name];
      address.query = query;
      history.replaceState(null, "", format(address));
    },
  });
}
