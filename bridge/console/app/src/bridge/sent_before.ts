// What was sent from this page: kept while it is open, and nowhere else.
import { shallowRef } from "vue";
import type { Draft, Sent } from "./sending";

export const sentBefore = shallowRef<{ at: Date; draft: Draft; answer: Sent }[]>([]);
