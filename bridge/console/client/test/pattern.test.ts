import { describe, expect, it } from "vitest";
import { matcher } from "../src/pattern.js";

describe("matcher", () => {
  it.each([
    ["import:task-1", "import:task-1", true],
    ["import:task-1", "import:task-10", false],
    ["import:*", "import:task-1", true],
    ["import:*", "import:", true],
    ["import:*", "import", false],
    ["import*", "imports.all:x/y", true],
    ["*", "anything:at/all", true],
    ["*", "@all", false],
    ["*", "@user/ada", false],
    ["a.*.c", "a.b.c", true],
    ["a.*.c", "a..c", false],
    ["a.*.c", "a.b.b.c", false],
    ["a.*.c", "a.b:b.c", false],
    ["a/*/c:*", "a/ü/c:rest/of.it", true],
    ["a.b", "a+b", false],
    ["(a|b).*", "(a|b).x", true],
    ["(a|b).*", "a.x", false],
    ["line:*", "line:with\nbreak", true],
  ])("%s and %s: %s", (pattern, topic, expected) => {
    expect(matcher(pattern)(topic)).toBe(expected);
  });
});
