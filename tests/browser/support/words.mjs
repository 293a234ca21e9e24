// What the console says, in each of its languages.
import { en } from "../../../bridge/console/app/src/words/en.ts";
import { zhCn } from "../../../bridge/console/app/src/words/zh_cn.ts";

/** A browser's language, and what the page then says for a word of the console's. */
export const LANGUAGES = [["en-GB", en], ["zh-CN", zhCn]].map(([locale, words]) => [
  locale,
  (word, values = {}) => words[word].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)),
]);
