// The figures of /metrics as the console reads them.
import { describe, expect, it } from "vitest";
import { byLabel, parseFigures, quantile, total } from "../src/bridge/prometheus";

const figures = parseFigures(`# HELP zws_connections clients
# TYPE zws_connections gauge
zws_connections 12
zws_dropped_total{reason="slow_consumer"} 3
zws_dropped_total{reason="disconnected"} 4
zws_build_info{version="0.1.0"} 1
`);

describe("figures", () => {
  it("are read with their labels", () => {
    expect(figures.get("zws_connections")).toBe(12);
    expect(byLabel(figures, "zws_dropped_total")).toEqual([["slow_consumer", 3], ["disconnected", 4]]);
    expect(byLabel(figures, "zws_build_info")).toEqual([["0.1.0", 1]]);
    expect(total(figures, "zws_dropped_total")).toBe(7);
    expect(total(figures, "zws_connections")).toBe(12);
  });

  it("are none where the text is none", () => {
    expect(parseFigures("<html>\n\nnonsense x").size).toBe(0);
  });

  it("tell a quantile of what came between two looks", () => {
    const at = (a: number, b: number, all: number) => parseFigures(`t_bucket{le="0.1"} ${a}\nt_bucket{le="0.2"} ${b}\nt_bucket{le="+Inf"} ${all}\n`);
    expect(quantile(at(10, 10, 10), at(0, 0, 0), "t", 0.99)).toBe(0.1);
    expect(quantile(at(100, 110, 110), at(100, 100, 100), "t", 0.99)).toBe(0.2);
    expect(quantile(at(0, 0, 1), at(0, 0, 0), "t", 0.99)).toBe(Infinity);
    expect(quantile(at(5, 5, 5), at(5, 5, 5), "t", 0.99)).toBeNull();
  });
});
