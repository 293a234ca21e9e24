// The answer of one call, asked anew when what it depends on changes; an answer that was overtaken is not shown.
import { onScopeDispose, type Ref, ref, shallowRef, watch, type WatchSource } from "vue";
import { Refusal } from "./calls";
import { connection } from "./session";

export interface Answer<T> {
  answer: Ref<T | null>;
  trouble: Ref<Refusal | null>;
  isAsking: Ref<boolean>;
  ask: () => Promise<void>;
}

export function useAnswer<T>(call: (signal: AbortSignal) => Promise<T>, on: WatchSource[] = []): Answer<T> {
  const answer = shallowRef<T | null>(null);
  const trouble = shallowRef<Refusal | null>(null);
  const isAsking = ref(false);
  let controller = new AbortController();

  async function ask(): Promise<void> {
    controller.abort();
    const mine = (controller = new AbortController());
    isAsking.value = true;
    try {
      const given = await call(mine.signal);
      if (mine !== controller) return;
      answer.value = given;
      trouble.value = null;
    } catch (error) {
      if (mine !== controller || mine.signal.aborted) return;
      trouble.value = error instanceof Refusal ? error : new Refusal(0, "unreadable", String(error));
    } finally {
      if (mine === controller) isAsking.value = false;
    }
  }

  void ask();
  watch(on, ask);
  // What was shown before the bridge was away is old, and it may be another one that comes back.
  watch(() => connection.value.name, (name) => void (name === "connected" && ask()));
  onScopeDispose(() => controller.abort());
  return { answer, trouble, isAsking, ask };
}
