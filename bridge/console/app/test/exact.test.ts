// Numbers that a browser's numbers cannot hold stay as they were sent, wherever they stand and whatever stands beside them.
import { describe, expect, it, vi } from "vitest";
import { Digits, readJson, writeJson } from "../src/exact";
import { changedMembers } from "../src/bridge/changes";
import { fields, finite, isBranch, jsonText } from "../src/values";

vi.stubGlobal("location", { pathname: "/", origin: "http://b" });
vi.stubGlobal("document", { querySelector: () => null });
const { asCurl, asPython, asZwsPub, payloadOf } = await import("../src/bridge/commands");

const WEI = "123456789012345678901234567890";
const again = (text: string): string => writeJson(readJson(text));

describe("JSON that is read and written again", () => {
  it.each([
    `{"wei":${WEI}}`, `[-${WEI},[${WEI}]]`, WEI, '{"n":9007199254740993}', '{"d":0.1000000000000000055511151231257827}', '{"price":17.0,"p":1.10,"z":-0,"a":[0.0,1E5]}', '{"e":1e400,"f":1E-400}',
    `{"s":"${WEI}","n":${WEI}}`, String.raw`{"s":"say \"${WEI}\", \\","n":${WEI}}`, `{"${WEI}":${WEI}}`, `{"__proto__":${WEI},"n":{"__proto__":{"n":${WEI}}}}`,
    `{"s":"${WEI}","wallet":"0x3e5f","n":12}`, '{"n":9007199254740991,"d":0.30000000000000004,"t":true,"z":null}', `"${WEI}"`,
  ])("has the digits that it had: %s", (text) => expect(again(text)).toBe(text));

  it("holds no trap in a text that looks like one of ours", () => {
    expect(again(`{"s":"\\u0000${WEI}","n":[${WEI},"0.5#${WEI}"]}`)).toBe(`{"s":"\\u0000${WEI}","n":[${WEI},"0.5#${WEI}"]}`);
    expect(({} as Record<string, unknown>)["n"]).toBeUndefined();
  });

  it("may be deep, long or broken", () => {
    const deep = `${"[".repeat(200_000)}${WEI}${"]".repeat(200_000)}`;
    expect(readJson(deep)).toBeInstanceOf(Array);
    expect(jsonText(readJson(deep))).toContain("nested too deeply");
    const long = `{"n":${WEI},"s":"${'\\"'.repeat(4 << 20)}"}`;
    expect(again(long).length).toBe(long.length);
    for (const text of ["", "{", `{"n":${WEI}`, `[${WEI}${WEI}`]) expect(() => readJson(text)).toThrow(SyntaxError);
  });
});

describe("such a number", () => {
  const { wei } = readJson(`{"wei":${WEI}}`) as { wei: Digits };
  it("is no object to look into, and a number to reckon with", () => {
    expect(isBranch(wei)).toBe(false);
    expect(fields(wei)).toEqual({});
    expect(finite(wei)).toBe(1.2345678901234568e29);
    expect(finite(new Digits("1e400"))).toBeNull();
    expect(wei > (0 as unknown as Digits)).toBe(true);
    expect(String(wei)).toBe(WEI);
  });

  it("has changed when its last digit has", () => {
    const event = (digits: string): unknown => readJson(`{"data":{"wei":${digits},"n":1}}`);
    expect(changedMembers(event(WEI), event(WEI))).toEqual([]);
    expect(changedMembers(event(WEI), event(`${WEI.slice(0, -1)}1`))).toEqual(["data.wei"]);
  });

  it("is whole in a command that sends it again", () => {
    const payload = payloadOf(readJson(`{"type":"t","wei":${WEI},"topic":"t","@id":"s:1"}`));
    for (const command of [asZwsPub("t", payload), asCurl("t", payload), asPython("t", payload).replaceAll("\\", "")]) expect(command).toContain(`{"type":"t","wei":${WEI}}`);
  });
});
