// What is different between two events: the names of their members, as a person reads them.
import { fields, jsonText } from "../values";

/** `data` is looked into, for it holds what a producer says. */
export function changedMembers(before: unknown, now: unknown): string[] {
  const [old, current] = [fields(before), fields(now)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(current)])].filter((name) => !name.startsWith("@") && name !== "timestamp");
  return names.flatMap((name) => {
    if (jsonText(old[name]) === jsonText(current[name])) return [];
    const [oldData, data] = [fields(old[name]), fields(current[name])];
    const inner = name === "data" ? [...new Set([...Object.keys(oldData), ...Object.keys(data)])].filter((each) => jsonText(oldData[each]) !== jsonText(data[each])) : [];
    return inner.length ? inner.map((each) => `${name}.${each}`) : [name];
  });
}
