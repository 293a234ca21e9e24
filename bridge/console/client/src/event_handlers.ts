import type { AnyEvent, EventTypes, TypedEvent } from "./types.js";

type Handler = (event: never) => void;

/** A handler that throws must not take the others, or the connection, with it. */
export function guarded<A extends unknown[]>(handler: ((...args: A) => void) | undefined, ...args: A): void {
  if (!handler) return;
  try {
    handler(...args);
  } catch (error) {
    (globalThis.reportError ?? console.error)(error);
  }
}

/** Handlers by event type; "*" hears every type. */
export class EventHandlers {
  #byType = new Map<string, Set<Handler>>();

  /** Returns the function that takes the handler away again. */
  on<K extends keyof EventTypes>(type: K, handler: (event: TypedEvent<K>) => void): () => void;
  on(type: string, handler: (event: AnyEvent) => void): () => void;
  on(type: string, handler: Handler): () => void {
    const handlers = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, handlers.add(handler));
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0 && this.#byType.get(type) === handlers) this.#byType.delete(type);
    };
  }

  emit(event: AnyEvent): void {
    if (this.#byType.size === 0) return;
    for (const type of [event.type, "*"]) for (const handler of this.#byType.get(type) ?? []) guarded(handler, event as never);
  }
}
