// Every view is an address that can be pasted into a chat: `#/connections?user=ada&sort=-queued`.
import { computed, reactive, type WritableComputedRef } from "vue";

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

const read = (): void => void Object.assign(address, parse(location.hash));

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
