// The language of the page: the browser's, until a person chooses. Numbers and times follow it.
import { computed, ref, watchEffect } from "vue";
import { Digits } from "../exact";
import { en, type Word } from "./en";
import { zhCn } from "./zh_cn";
import { remembered } from "../bridge/remembered";

export type Language = "en" | "zh-CN";
const spoken = (): Language => (navigator.languages.some((each) => /^zh\b/i.test(each)) && !/^en\b/i.test(navigator.language) ? "zh-CN" : "en");
export const language = ref<Language>(remembered("language", spoken()));
watchEffect(() => (document.documentElement.lang = language.value));

/** The words for `name`, with what stands in braces filled in. */
export function say(name: Word, values: Record<string, string | number> = {}): string {
  const text = (language.value === "en" ? en : zhCn)[name];
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}

const formats = computed(() => ({
  count: new Intl.NumberFormat(language.value),
  decimal: new Intl.NumberFormat(language.value, { maximumFractionDigits: 2 }),
  signed: new Intl.NumberFormat(language.value, { maximumFractionDigits: 2, minimumFractionDigits: 2, signDisplay: "exceptZero" }),
}));
/** All digits of it, however many: a browser that cannot do that rounds them. */
const whole = (value: number | Digits): number | Intl.StringNumericLiteral => (value instanceof Digits ? (value.text as Intl.StringNumericLiteral) : value);
export const count = (value: number | Digits): string => formats.value.count.format(whole(value));
export const decimal = (value: number | Digits): string => formats.value.decimal.format(whole(value));
export const signed = (value: number | Digits): string => formats.value.signed.format(whole(value));
export const clock = (date: Date): string => date.toLocaleTimeString("en-GB");

/** A number of events a second: one digit behind the point where it is small. */
export const rate = (value: number): string => (value < 10 ? decimal(Math.round(value * 10) / 10) : count(Math.round(value)));

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 || value >= 100 ? count(Math.round(value)) : decimal(Math.round(value * 10) / 10)} ${units[unit]}`;
}

const UNITS = { en: ["s", "min", "h", "d"], "zh-CN": ["秒", "分", "小时", "天"] };
/** Two units of a time are enough for a person: `3 h 20 min`. */
export function span(seconds: number): string {
  const [s, min, h, d] = UNITS[language.value] as [string, string, string, string];
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} ${s}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${min} ${Math.floor(seconds % 60)} ${s}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} ${h} ${Math.floor((seconds % 3600) / 60)} ${min}`;
  return `${Math.floor(seconds / 86_400)} ${d} ${Math.floor((seconds % 86_400) / 3600)} ${h}`;
}
