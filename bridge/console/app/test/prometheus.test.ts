// The figures of /metrics as the console reads them.
import { describe, expect, it } from "vitest";
import { looksBefore } from "../src/bridge/looks_before";
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

describe("the minute before the first look", () => {
  const now = parseFigures('zws_ingest_gaps_total 9\nzws_dropped_total{reason="slow_consumer"} 5\nzws_ingest_rejected_total{reason="topic_empty"} 4\nzws_ingest_rejected_total{reason="too_big"} 0');
  const time = Array.from({ length: 120 }, (_, i) => 1_800_000_000 + i);
  const columns = { time, missed: time.map((_, i) => (i === 10 ? 6 : i === 90 ? 3 : 0)), dropped_slow_consumer: time.map((_, i) => (i === 118 ? 5 : 0)), rejected: time.map((_, i) => (i === 70 ? 4 : 0)), events: time.map(() => 1) };
  const looks = looksBefore({ at: 500, figures: now }, columns); // by this page's clock, which is another one
  const of = (counter: string): (number | undefined)[] => looks.map(({ figures: then }) => then.get(counter));

  it("is told by the samples, the oldest look first", () => {
    expect(looks.map(({ at }) => at)).toEqual([440, 445, 450, 455, 460, 465, 470, 475, 480, 485, 490, 495]);
    expect(of("zws_ingest_gaps_total")).toEqual([...Array(7).fill(6), ...Array(5).fill(9)]);
    expect(of('zws_dropped_total{reason="slow_consumer"}')).toEqual(Array(12).fill(0));
    expect(of('zws_ingest_rejected_total{reason="topic_empty"}')).toEqual([0, 0, 0, ...Array(9).fill(4)]);
  });

  it("blames no reason for what several may have refused", () => {
    const then = looksBefore({ at: 500, figures: new Map([...now, ['zws_ingest_rejected_total{reason="too_big"}', 1]]) }, columns)[0]!.figures;
    expect(then.get('zws_ingest_rejected_total{reason="topic_empty"}')).toBe(4);
  });
});
