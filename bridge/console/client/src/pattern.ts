// Patterns as in docs/CLIENTS.md: `*` at the end matches any rest, even none; `*` as a whole segment between
// `.`, `:` and `/` matches one or more characters other than those. No pattern matches a name with `@` first.

export const isPattern = (topic: string): boolean => topic.includes("*");

/** Compiles a pattern or an exact topic. What the bridge would refuse is compiled to something; it never gets events. */
export function matcher(pattern: string): (topic: string) => boolean {
  if (!isPattern(pattern)) return (topic) => topic === pattern;
  const open = pattern.endsWith("*");
  const parts = (open ? pattern.slice(0, -1) : pattern).split("*").map((text) => text.replace(/[.+?^${}()|[\]\\/]/g, "\\$&"));
  const expression = new RegExp(`^(?!@)${parts.join("[^.:/]+")}${open ? "" : "$"}`, "u");
  return (topic) => expression.test(topic);
}
