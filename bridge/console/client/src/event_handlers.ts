import type { AnyEvent, EventTypes, SourceTypes, TypedEvent } from "./types.js";
import { offAbort, onAbort, Watchers } from "./watchers.js";

type Handler = (event: never) => void;

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

const report = (error: unknown): void => (globalThis.reportError ?? console.error)(error);

let told: unknown; // last, to any handler

/** A handler that throws or rejects must not take the others, or the connection, with it. */
export function guarded<A extends unknown[], R>(handler: ((...args: A) => R) | undefined, ...args: A): R | undefined {
  [told] = args;
  try {
    const result = handler?.(...args);
    if (result instanceof Promise) result.catch(report);
    return result;
  } catch (error) {
    return report(error) as undefined;
  }
}

/**
 * Gives an object these members of its class as its own, bound to it: Vue and others wrap objects in proxies, and
 * through a proxy no method can reach a private member.
 */
export function bindOwn(object: object, names: (string | symbol)[]): void {
  for (const name of names) {
    let at = object;
    let found: PropertyDescriptor | undefined;
    while (!(found = Object.getOwnPropertyDescriptor(at, name))) at = Object.getPrototypeOf(at);
    const kind = found.get ? "get" : "value";
    found[kind] = found[kind].bind(object);
    Object.defineProperty(object, name, found);
  }
}

/** Handlers by event type; "*" hears every type. */
export abstract class EventHandlers {
  #byType = new Map<string, Set<Handler>>();
  /** @internal */
  readonly watchers = new Watchers();

  /** Returns the function that takes the handler away again; so does the signal. */
  on<K extends keyof EventTypes>(type: K, handler: (event: TypedEvent<K>) => void, options?: WaitOptions): () => void;
  on<K extends keyof SourceTypes>(type: K, handler: (word: SourceTypes[K]) => void, options?: WaitOptions): () => void;
  on(type: string, handler: (event: AnyEvent) => void, options?: WaitOptions): () => void;
  on(type: string, handler: Handler, { signal }: WaitOptions = {}): () => void {
    const handlers = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, handlers.add(handler));
    const off = (): void => {
      offAbort(signal, off);
      handlers.delete(handler);
      if (handlers.size === 0 && this.#byType.get(type) === handlers) this.#byType.delete(type);
    };
    onAbort(signal, off);
    return off;
  }

  /** The next event of a type, behind the one that is being told. Rejects when none can come any more, or when aborted. */
  once<K extends keyof EventTypes>(type: K, options?: WaitOptions): Promise<TypedEvent<K>>;
  once<K extends keyof SourceTypes>(type: K, options?: WaitOptions): Promise<SourceTypes[K]>;
  once(type: string, options?: WaitOptions): Promise<AnyEvent>;
  once(type: string, { signal }: WaitOptions = {}): Promise<AnyEvent> {
    let heard: AnyEvent | undefined;
    const before = told;
    const off = this.on(type, (event: AnyEvent) => {
      if (event !== before) heard = event;
      this.watchers.look();
    });
    return this.watchers.until(() => heard ?? this.failed(), signal).finally(off);
  }

  /** Throws if this has ended. @internal */
  protected abstract failed(): undefined;

  /** @internal */
  emit(event: AnyEvent | SourceTypes[keyof SourceTypes]): void {
    for (const type of new Set([event.type, "*"])) for (const handler of this.#byType.get(type) ?? []) guarded(handler, event as never);
  }
}
