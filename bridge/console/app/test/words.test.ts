// Both languages fill in the same.
import { describe, expect, it } from "vitest";
import { en, type Word } from "../src/words/en";
import { zhCn } from "../src/words/zh_cn";

const braces = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe("the words", () => {
  it.each(Object.keys(en) as Word[])("%s", (word) => {
    expect(braces(zhCn[word])).toEqual(braces(en[word]));
    expect(zhCn[word]).not.toBe("");
  });
});
