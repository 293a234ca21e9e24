// The example application's models, and what they do with events that are not what they say.
import { describe, expect, it, vi } from "vitest";
import type { AnyEvent } from "@zwsbridge/client";

vi.mock("../src/bridge/session", () => ({ client: {} }));
const { Imports, failedShare, isFinished } = await import("../src/example/imports");
const { SystemStatus } = await import("../src/example/system");
const { Wallets } = await import("../src/example/wallets");
const { readJson } = await import("../src/exact");
const { visible } = await import("../src/values");

const progress = (task: string, data: unknown): AnyEvent => ({ type: "import_progress", topic: `import:${task}`, "@id": "s:1", task_id: task, data });

describe("imports", () => {
  it("are running ones first, then those that have ended, the newest first", () => {
    const imports = new Imports();
    imports.note(progress("a", { progress: 100 }));
    imports.note(progress("b", { progress: 10 }));
    imports.note(progress("c", { processed: 5, total: 10 }));
    expect(imports.list().map(({ id, percent }) => [id, percent])).toEqual([["c", 50], ["b", 10], ["a", 100]]);
    imports.clearFinished();
    expect(imports.list().some(isFinished)).toBe(false);
  });

  it("take nothing for granted", () => {
    const imports = new Imports();
    for (const data of [null, 5, "x", [], { progress: "x", total: -1, processed: {}, failed: 1e99 }, { progress: 1e99 }]) imports.note(progress("odd", data));
    const [task] = imports.list();
    expect(task!.percent).toBe(100);
    expect(failedShare({ ...task!, total: 10, failed: 1e99 })).toBe(100);
  });
});

describe("wallets", () => {
  it("have all digits that were sent, and a line of numbers", () => {
    const wallets = new Wallets();
    for (const pnl of ["17.0", "123456789012345678901234567890", "1e400"]) wallets.note(readJson(`{"type":"wallet_update","@id":"s:1","wallet_address":"0xa","data":{"score":45.0,"pnl":${pnl}}}`) as AnyEvent);
    const [wallet] = wallets.list("", "-pnl");
    expect([String(wallet!.pnl), Number(wallet!.score), wallet!.points]).toEqual(["123456789012345678901234567890", 45, [17, 123456789012345678901234567890]]);
  });

  it("are searched and sorted, the unknown last", () => {
    const wallets = new Wallets();
    for (const [address, score] of [["0xa", 1], ["0xb", null], ["0xc", 3]] as const) wallets.note({ type: "wallet_update", "@id": "s:1", wallet_address: address, data: { score } });
    expect(wallets.list("", "-score").map(({ address }) => address)).toEqual(["0xc", "0xa", "0xb"]);
    expect(wallets.list("XC", "score").map(({ address }) => address)).toEqual(["0xc"]);
  });
});

describe("the system's figures", () => {
  it("are numbers only, and stay where they stand", () => {
    const system = new SystemStatus();
    system.note({ type: "system_status", "@id": "s:1", data: { cpu: 1, disk: "x", wallets: 3 } });
    system.note({ type: "system_status", "@id": "s:2", data: { wallets: 4, cpu: 2 } });
    expect(system.list().map(({ name, points, isPercent }) => [name, points, isPercent])).toEqual([["cpu", [1, 2], true], ["wallets", [3, 4], false]]);
  });

  it("is numbers, however they are written", () => {
    const system = new SystemStatus();
    system.note(readJson('{"type":"system_status","@id":"s:1","data":{"cpu":45.0,"load":1e400,"wei":123456789012345678901234567890}}') as AnyEvent);
    expect(system.list().map(({ name, points }) => [name, points])).toEqual([["cpu", [45]], ["wei", [123456789012345678901234567890]]]);
  });
});

describe("text of others", () => {
  it("shows what cannot be seen, or turns text round", () => {
    expect(visible("a\u202eb\u0000\u200bç")).toBe("a\\u202eb\\u0000\\u200bç");
  });
});
