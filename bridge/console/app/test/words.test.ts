// Both languages fill in the same, and every word is said somewhere.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { en, type Word } from "../src/words/en";
import { zhCn } from "../src/words/zh_cn";

const braces = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

const SOURCES = new URL("../src", import.meta.url).pathname;
const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|vue)$/.test(name) && !/words.(en|zh_cn)\.ts$/.test(name))
  .map((name) => readFileSync(join(SOURCES, name), "utf8")).join("\n");
/** Some are put together: `close.${code}`. */
const isSaid = (word: string): boolean => new RegExp(`["']${word.replace(/\./g, "\\.")}["']`).test(sources) || word.split(".").some((_, i, parts) => i > 0 && sources.includes(`\`${parts.slice(0, i).join(".")}.\${`));

describe("the words", () => {
  it.each(Object.keys(en) as Word[])("%s", (word) => {
    expect(braces(zhCn[word])).toEqual(braces(en[word]));
    expect(zhCn[word]).not.toBe("");
    expect(isSaid(word)).toBe(true);
  });
});
