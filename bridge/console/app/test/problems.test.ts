// What the badge counts.
import { describe, expect, it } from "vitest";
import { problemsOf } from "../src/bridge/problems";
import { parseFigures } from "../src/bridge/prometheus";

const NOW = 1_800_000_000;
const well = "zws_producers 1\nzws_config_last_reload_successful 1\nzws_tls_certificate_not_after 0\nzws_memory_limit_bytes 0\n";
const words = (text: string, grown: Record<string, number> = {}, readiness = { ready: true, reasons: [] as string[] }): string[] =>
  problemsOf(parseFigures(well + text), readiness, (key) => grown[key] ?? 0, NOW).map(({ word }) => word);

describe("the open problems", () => {
  it("are none of a bridge that is well", () => {
    expect(words("")).toEqual([]);
  });

  it("are losses of the last minute, not those of before", () => {
    const key = 'zws_dropped_total{reason="slow_consumer"}';
    expect(words(`${key} 7`)).toEqual([]);
    expect(words(`${key} 7`, { [key]: 2 })).toEqual(["problem.dropped"]);
  });

  it.each([
    ["zws_producers 0", "problem.producers"],
    ["zws_config_last_reload_successful 0", "problem.reload"],
    ["zws_relay_up 0", "problem.relay"],
    [`zws_tls_certificate_not_after ${NOW + 86_400}`, "problem.certificate"],
    ['zws_ingest_endpoints{state="unresolved"} 1', "problem.endpoints"],
    ["zws_memory_limit_bytes 100\nprocess_resident_memory_bytes 86", "problem.memory"],
  ])("%s is %s", (text, word) => {
    expect(words(text)).toEqual([word]);
  });

  it("are what the bridge says of its readiness", () => {
    expect(words("", {}, { ready: true, reasons: ["keys cannot be fetched"] })).toEqual(["problem.reason"]);
    expect(words("", {}, { ready: false, reasons: [] })).toEqual(["problem.unready"]);
  });
});
