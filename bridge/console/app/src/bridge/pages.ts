// A list that the bridge gives in pages: the first when what is asked for changes, more of it when a person wants more.
import { computed, onScopeDispose, type Ref, ref, shallowRef, watch, type WatchSource } from "vue";
import { Refusal } from "./calls";
import { connection } from "./session";

export interface Page<T> {
  items: T[];
  cursor: string | null;
}
export interface Pages<T> {
  items: Ref<T[]>;
  hasMore: Ref<boolean>;
  isAsking: Ref<boolean>;
  trouble: Ref<Refusal | null>;
  more: () => Promise<void>;
  again: () => Promise<void>;
}

const TYPING_MS = 200; // not a call for each letter

export function usePages<T>(call: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>, on: WatchSource[]): Pages<T> {
  const items = shallowRef<T[]>([]);
  const cursor = ref<string | null>(null);
  const isAsking = ref(false);
  const trouble = shallowRef<Refusal | null>(null);
  let controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(from: string | null): Promise<void> {
    clearTimeout(timer);
    controller.abort();
    const mine = (controller = new AbortController());
    isAsking.value = true;
    try {
      const page = await call(from, mine.signal);
      if (mine !== controller) return;
      items.value = from === null ? page.items : [...items.value, ...page.items];
      cursor.value = page.cursor;
      trouble.value = null;
    } catch (error) {
      if (mine === controller && !mine.signal.aborted) trouble.value = error instanceof Refusal ? error : new Refusal(0, "unreadable", String(error));
    } finally {
      if (mine === controller) isAsking.value = false;
    }
  }
  const again = (): Promise<void> => ask(null);

  void again();
  watch(on, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void again(), TYPING_MS);
  });
  watch(() => connection.value.name, (name) => void (name === "connected" && trouble.value && again()));
  onScopeDispose(() => {
    clearTimeout(timer);
    controller.abort();
  });
  return { items, isAsking, trouble, again, hasMore: computed(() => cursor.value !== null), more: () => ask(cursor.value) };
}
