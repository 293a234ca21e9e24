// The open problems of the bridge that this page looks at.
import { computed } from "vue";
import { clockMs, figures, lately, readiness } from "./figures";
import { type Problem, problemsOf } from "./problems";

export const problems = computed<Problem[]>(() => (figures.value ? problemsOf(figures.value, readiness.value, lately, clockMs.heard / 1000) : []));
