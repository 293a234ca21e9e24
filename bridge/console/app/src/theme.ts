// Light or dark: what the machine says, until a person chooses.
import { computed, ref, watchEffect } from "vue";
import { remember, remembered } from "./bridge/remembered";

export type Theme = "auto" | "dark" | "light";
const NEXT: Record<Theme, Theme> = { auto: "dark", dark: "light", light: "auto" };

export const theme = ref<Theme>(remembered<Theme>("theme", "auto"));
const machine = matchMedia("(prefers-color-scheme: dark)");
const machineIsDark = ref(machine.matches);
machine.addEventListener("change", ({ matches }) => (machineIsDark.value = matches));

export const isDark = computed(() => (theme.value === "auto" ? machineIsDark.value : theme.value === "dark"));
watchEffect(() => document.documentElement.classList.toggle("dark", isDark.value));

export function nextTheme(): void {
  theme.value = NEXT[theme.value];
  remember("theme", theme.value);
}
