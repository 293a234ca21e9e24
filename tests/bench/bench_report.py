"""Results as tables, aims met or not, and plots. A figure is the median of its rounds; a ratio is taken
within each round, of runs that followed one another, and is the median of those."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench_machine import QUIET
from bench_plot import Panel, number, page
from bench_work import BRIDGE, CURVES, EACH, JOINED, REPAIR, WORKLOADS

Record = dict[str, Any]
Figure = Callable[[Record], float | None]

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def at(*keys: str) -> Figure:
    """The figure under these keys of a result; None when that run has none."""

    def get(result: Record) -> float | None:
        value: Any = result
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return None
            value = value[key]
        return float(value)

    return get


def share(above: Figure, below: Figure) -> Figure:
    def get(result: Record) -> float | None:
        one, other = above(result), below(result)
        return one / other if one is not None and other else None

    return get


CPU = at("traffic", "server_us_per_delivery", "total")
P99 = at("traffic", "latency_ms", "p99")

COLUMNS: dict[str, Figure] = {
    "deliveries/s": at("traffic", "deliveries_per_second"),
    "server CPU us/delivery": CPU,
    "of it user": at("traffic", "server_us_per_delivery", "user"),
    "server cores": at("traffic", "server_us_per_delivery", "cores"),
    "load cores": at("traffic", "generator_cores"),
    "messages a read": at("traffic", "messages_per_read"),
    "p50 ms": at("traffic", "latency_ms", "p50"),
    "p99 ms": P99,
    "p99.9 ms": at("traffic", "latency_ms", "p99_9"),
    "max ms": at("traffic", "latency_ms", "max"),
    "connects/s": at("connect", "per_second"),
    "resident B/connection": at("rest", "resident_bytes_per_connection"),
    "missing": at("loss", "missing"),
}


@dataclass(frozen=True)
class Aim:
    workload: str
    what: str
    bound: float
    figure: Figure
    against: str | None = None  # a ratio to this server, else the bridge's own figure
    at_least: bool = False
    peer: str = ""


AIMS = [
    Aim("W1", "CPU per delivery / bare loop", 1.25, CPU, JOINED, peer="uWebSockets 2.5, NATS 2.4"),
    Aim("W2", "CPU per delivery / bare loop", 1.10, CPU, EACH, peer="uWebSockets 1.0-1.1, nchan 1.4, NATS 1.8"),
    Aim("W2", "p99 / bare loop", 1.15, P99, EACH, peer="uWebSockets 1.0"),
    Aim("W3", "CPU per event / bare loop", 1.15, CPU, JOINED, peer="uWebSockets 1.06, nchan 1.7, NATS 1.7"),
    Aim("W3", "p99, ms", 0.25, P99, peer="uWebSockets 0.14"),
    # The two that the clock decides are as good as the machine: so beside the bare loop too, in the proportion that aim
    # and bare loop have on the reference machine (0.25 ms and 0.15 ms, 10,000 and 24,389 a second).
    Aim("W3", "p99 / bare loop", 1.67, P99, JOINED),
    Aim("W3", "connects and subscribes a second / bare loop (W4)", 0.41, COLUMNS["connects/s"], JOINED, at_least=True),
    Aim("W3", "resident bytes per idle connection", 4608, COLUMNS["resident B/connection"], peer="uWebSockets 700"),
    Aim(
        "W3", "connects and subscribes a second (W4)", 10_000, COLUMNS["connects/s"], at_least=True, peer="nchan 36,000"
    ),
    Aim("stopped", "p99 of the others, with / without", 1.10, share(at("stop", "latency_ms", "p99"), P99)),
    Aim("stopped", "events the others lost", 0, at("loss", "missing_steady")),
    Aim("reconnect", "p99 of live events while all return, ms", 250, at("live_latency_ms", "returning", "p99")),
    Aim("reconnect", "clients that did not recover", 0, at("return", "not_recovered")),
    Aim(REPAIR, "the bridge's CPU for an event, with / without", 1.01, at("bridge", "ratio")),
    Aim(REPAIR, "Python `publish` of a dict, with / without", 1.05, at("publish", "python")),
    Aim(REPAIR, "C++ `publish`, CPU, with / without", 1.05, at("publish", "cpp")),
    Aim(REPAIR, "1 % lost: p99 of the repaired events less that of the others, ms", 20, at("loss", "p99_ms_more")),
    Aim(REPAIR, "1 % lost: events that were not repaired", 0, at("loss", "not_repaired")),
    Aim(REPAIR, "200 publishers with 1,000 topics each come back: p99 of live events, ms", 50, at("herd", "p99_ms")),
]

REPAIR_ROWS: dict[str, Figure] = {
    "the bridge's CPU for an event, us": at("bridge", "us"),
    "the same with a publisher that cannot be asked": at("bridge", "us_without"),
    "C++ `publish`, CPU more for an event, ns": at("publish", "cpp_ns_more"),
    "Python `publish` of bytes, time with / without": at("publish", "python_bytes"),
    "events lost in one piece": at("hole", "events"),
    "until all of them have come, ms": at("hole", "ms"),
    "of them in a second": at("hole", "per_second"),
    "1 % lost: events": at("loss", "events"),
    "of them repaired": at("loss", "repaired"),
    "p99 of the repaired, ms": at("loss", "p99_ms_repaired"),
    "p99 of all others, ms": at("loss", "p99_ms"),
    "the bridge's CPU for an event, us, 1 % lost": at("loss", "us"),
    "a herd comes back with so many events": at("herd", "events"),
    "of them that did not come": at("herd", "missing"),
    "the longest that a live event waited, ms": at("herd", "max_ms"),
    "the bridge's CPU until 20,000 live events had come, s": at("herd", "cpu_seconds"),
}


def results(record: Record, workload: str, server: str, place: int | None = None) -> dict[int, Record]:
    """By round."""
    return {
        run["round"]: run["result"]
        for run in record["runs"]
        if (run["workload"], run["server"], run["at"]) == (workload, server, place)
    }


def spread(values: Iterable[float | None]) -> list[float]:
    """Lowest, median, highest; empty when there are none."""
    known = [value for value in values if value is not None]
    return [min(known), median(known), max(known)] if known else []


def tables(record: Record) -> str:
    parts = [machine_text(record), aims_table(record)]
    for name, work in WORKLOADS.items():
        servers = [server for server in work.servers if results(record, name, server)]
        if servers:
            parts.append(workload_table(record, name, servers))
    repair = results(record, REPAIR, BRIDGE)
    if repair:
        parts.append(repair_table(repair.values()))
    for name in CURVES:
        if any(run["workload"] == name for run in record["runs"]):
            parts.append(curve_table(record, name))
    return "\n".join(parts)


def machine_text(record: Record) -> str:
    machine = record["machine"]
    lines = [
        f"{machine['date']}, commit {machine['commit']}. {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB; {machine['system']}, Linux {machine['kernel']}; "
        f"TCP {machine['congestion_control']}. Median of the rounds (lowest to highest)."
    ]
    if record["quick"]:
        lines.append("\n**Quick run: shows that everything works, not how fast.**")
    if record["realtime"]:
        lines.append(
            "\nServer and load ran under SCHED_RR, ahead of all other programs; 5 % of a core is kept from them."
        )
    if machine["others_cores"] > QUIET:
        lines.append(
            f"\n**The machine was not quiet: others used {machine['others_cores']} cores during the run. "
            "The figures are noise.**"
        )
    return "\n".join(lines) + "\n"


def aims_table(record: Record) -> str:
    lines = ["| work | what | aim | measured | met | best peers |", "| --- | --- | --- | --- | --- | --- |"]
    for aim in AIMS:
        found = spread(aim_values(record, aim))
        if not found:
            continue
        met = found[1] >= aim.bound if aim.at_least else found[1] <= aim.bound
        sign = "≥" if aim.at_least else "≤"
        shown = f"{number(found[1])} ({number(found[0])} to {number(found[2])})"
        lines.append(
            f"| {aim.workload} | {aim.what} | {sign} {number(aim.bound)} | {shown} | "
            f"{'yes' if met else '**no**'} | {aim.peer} |"
        )
    return "\n".join(lines) + "\n"


def aim_values(record: Record, aim: Aim) -> Iterable[float | None]:
    ours = results(record, aim.workload, BRIDGE)
    if aim.against is None:
        return [aim.figure(result) for result in ours.values()]
    theirs = results(record, aim.workload, aim.against)
    pairs = [(aim.figure(ours[i]), aim.figure(theirs[i])) for i in sorted(ours.keys() & theirs.keys())]
    return [one / other if one is not None and other else None for one, other in pairs]


def workload_table(record: Record, workload: str, servers: list[str]) -> str:
    rows = {server: results(record, workload, server) for server in servers}
    columns = {
        name: figure
        for name, figure in COLUMNS.items()
        if any(figure(result) is not None for rounds in rows.values() for result in rounds.values())
    }
    lines = [f"**{workload}**: {WORKLOADS[workload].says}", ""]
    lines.append("| server | rounds | " + " | ".join(columns) + " |")
    lines.append("| --- " * (len(columns) + 2) + "|")
    for server, rounds in rows.items():
        cells = [cell(spread(figure(result) for result in rounds.values())) for figure in columns.values()]
        lines.append(f"| {server} | {len(rounds)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def repair_table(rounds: Iterable[Record]) -> str:
    known = list(rounds)
    lines = [
        f"**{REPAIR}**: what it costs, and how fast it is; {len(known)} rounds",
        "",
        "| figure | |",
        "| --- | --- |",
    ]
    for name, figure in REPAIR_ROWS.items():
        lines.append(f"| {name} | {cell(spread(map(figure, known)))} |")
    return "\n".join(lines) + "\n"


def cell(found: list[float]) -> str:
    if not found:
        return "-"
    low, middle, high = map(number, found)
    return middle if low == high else f"{middle} ({low} to {high})"


def curve_table(record: Record, name: str) -> str:
    curve = CURVES[name]
    places, series = curve_series(record, name)
    lines = [f"**{name}**: {curve.says}; server CPU us per delivery", ""]
    lines.append(f"| {curve.x} | " + " | ".join(series) + " |")
    lines.append("| --- " * (len(series) + 1) + "|")
    for i, place in enumerate(places):
        cells = ["-" if values[i] is None else number(values[i]) for values in series.values()]
        lines.append(f"| {place:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def curve_series(record: Record, name: str) -> tuple[list[int], dict[str, list[Any]]]:
    runs = [run for run in record["runs"] if run["workload"] == name]
    places = sorted({run["at"] for run in runs})
    servers = sorted({run["server"] for run in runs})
    series = {}
    for server in servers:
        found = [spread(CPU(result) for result in results(record, name, server, place).values()) for place in places]
        series[server] = [values[1] if values else None for values in found]
    return places, series


def result_plot(record: Record) -> str:
    compared = [
        (name, work.servers[1])
        for name, work in WORKLOADS.items()
        if len(work.servers) > 1 and results(record, name, BRIDGE) and results(record, name, work.servers[1])
    ]
    ratio = Panel("Server CPU per delivery", [name for name, _ in compared], "bare loop = 1", bars=True)
    ratio.series = {
        BRIDGE: [spread(aim_values(record, Aim(name, "", 0, CPU, other)))[1] for name, other in compared],
        "bare loop": [1.0 for _ in compared],
    }
    panels = [ratio] if compared else []
    quantiles = {"p50": "p50", "p90": "p90", "p99": "p99", "p99.9": "p99_9", "max": "max"}
    for name, _ in compared:
        if name not in ("W2", "W3"):
            continue
        panel = Panel(f"{name}: latency", list(quantiles), "ms", logarithmic=True)
        for server in WORKLOADS[name].servers:
            rounds = results(record, name, server).values()
            panel.series[server] = [
                spread(at("traffic", "latency_ms", key)(result) for result in rounds)[1] for key in quantiles.values()
            ]
        panels.append(panel)
    return page(panels)


def curve_plot(record: Record) -> str:
    panels = []
    for name, curve in CURVES.items():
        places, series = curve_series(record, name)
        if places:
            panel = Panel(f"CPU per delivery: {name}", [f"{place:,}" for place in places], f"us; {curve.says}")
            panels.append(panel)
            panel.series = dict(series)
    return page(panels)


def paste(path: Path, text: str) -> None:
    """Puts `text` between the marks of a Markdown file."""
    old = path.read_text()
    new = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}{END}", old, flags=re.DOTALL)
    if BEGIN not in old or END not in old:
        raise SystemExit(f"bench.py: {path} has no place for results: {BEGIN} ... {END}")
    path.write_text(new)
