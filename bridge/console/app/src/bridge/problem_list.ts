// The open problems of the bridge that this page looks at.
import { computed } from "vue";
import { bridgeNowMs, figures, lately, readiness } from "./figures";
import { type Problem, problemsOf } from "./problems";

export const problems = computed<Problem[]>(() => (figures.value ? problemsOf(figures.value, readiness.value, lately, bridgeNowMs.value / 1000) : []));
