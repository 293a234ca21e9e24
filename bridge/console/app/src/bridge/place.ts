// Where this bridge is. It serves the page at "/": what stands before that in the page's address is a proxy's prefix.

const prefix = location.pathname.replace(/\/+$/, "");
/** Of the WebSocket and, before their names, of the calls: `/api/ws` unless the configuration says otherwise. */
const path = document.querySelector<HTMLMetaElement>("meta[name=zws-path]")?.content ?? "/api/ws";

/** An address of the bridge, from its own root: `/metrics`. */
export const rootUrl = (from: string): string => location.origin + prefix + from;
/** An address below the WebSocket's: `/topics`. */
export const callUrl = (from: string): string => rootUrl(path.replace(/\/$/, "") + from);
export const socketUrl = (): string => rootUrl(path).replace(/^http/, "ws");
