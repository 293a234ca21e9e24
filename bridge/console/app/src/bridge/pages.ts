// A list that the bridge gives in pages: the first when what is asked for changes, more of it when a person wants more.
import { computed, onScopeDispose, type Ref, ref, type ShallowRef, shallowRef, watch } from "vue";
import { Refusal } from "./calls";
import { connection } from "./session";
import { whileTyping } from "./typing";

export interface Page<T> {
  items: T[];
  cursor: string | null;
}
export interface Pages<T, Q> {
  items: Ref<T[]>;
  /** What the items are the answer to; while another is asked for it is not `query()`. */
  asked: ShallowRef<Q>;
  hasMore: Ref<boolean>;
  isAsking: Ref<boolean>;
  trouble: Ref<Refusal | null>;
  more: () => Promise<void>;
  again: () => Promise<void>;
}

const TYPING_MS = 200; // not a call for each letter

/** `nameOf`: by what a row is known that moved meanwhile, and comes again on a later page: it is where it is now. */
export function usePages<T, Q>(query: () => Q, call: (query: Q, cursor: string | null, signal: AbortSignal) => Promise<Page<T>>, nameOf: (item: T) => unknown = (item) => item): Pages<T, Q> {
  const items = shallowRef<T[]>([]);
  const asked = shallowRef(query());
  const cursor = ref<string | null>(null);
  const isAsking = ref(false);
  const trouble = shallowRef<Refusal | null>(null);
  let controller = new AbortController();

  function withMore(more: T[]): T[] {
    const again = new Set(more.map(nameOf));
    return [...items.value.filter((each) => !again.has(nameOf(each))), ...more];
  }
  async function ask(given: Q, from: string | null): Promise<void> {
    controller.abort();
    const mine = (controller = new AbortController());
    isAsking.value = true;
    try {
      const page = await call(given, from, mine.signal);
      if (mine !== controller) return;
      items.value = from === null ? page.items : withMore(page.items);
      asked.value = given;
      cursor.value = page.cursor;
      trouble.value = null;
    } catch (error) {
      if (mine === controller && !mine.signal.aborted) trouble.value = error instanceof Refusal ? error : new Refusal(0, "unreadable", String(error));
    } finally {
      if (mine === controller) isAsking.value = false;
    }
  }
  const again = (): Promise<void> => ask(query(), null);

  const typing = whileTyping(() => void again(), TYPING_MS);
  void again();
  watch(query, typing.changed);
  // What is shown is old, and it may be another bridge that comes back.
  watch(() => connection.value.name, (name) => void (name === "connected" && again()));
  onScopeDispose(() => {
    typing.stop();
    controller.abort();
  });
  return { items, asked, isAsking, trouble, again, hasMore: computed(() => cursor.value !== null), more: () => ask(asked.value, cursor.value) };
}
