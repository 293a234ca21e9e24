// What was sent from this page: kept while it is open and somebody's, and nowhere else.
import { shallowRef, watch } from "vue";
import type { Draft, Sent } from "./sending";
import { sitting } from "./session";

export const sentBefore = shallowRef<{ at: Date; draft: Draft; answer: Sent }[]>([]);
watch(sitting, () => (sentBefore.value = []));
