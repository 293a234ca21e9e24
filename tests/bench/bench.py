#!/usr/bin/env python3
"""The daemon and the bare loop under the same load, side by side: what a delivery costs above the least it can.

    tests/bench/bench.py [--build build/dev] [--rounds 5] [--quick] [--curves] [--only W1 ... repair]
    tests/bench/bench.py --from build/bench-results/results.json --paste docs/PERFORMANCE.md

The server has core 0, the load generator (`zws bench`) core 1, both in a network namespace of their
own: connection tracking costs a fifth of a send. Servers take turns within each round. Results, table
and plots go to build/bench-results/.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bench_machine import Neighbours, describe_machine
from bench_repair import measure_repair
from bench_report import curve_plot, paste, result_plot, tables
from bench_work import BRIDGE, CURVES, REPAIR, SERVERS, WORKLOADS, Curve, Server, Workload

ROOT = Path(__file__).parents[2]
START_SECONDS = 20.0
REPAIR_ROUNDS = 5
IN_NAMESPACE = "ZWS_BENCH_NAMESPACE"

Run = dict[str, Any]


def main() -> int:
    options = parse_arguments()
    out = options.out
    if options.results:
        record = json.loads(options.results.read_text())
    else:
        enter_namespace()
        out.mkdir(parents=True, exist_ok=True)
        record = measure(options)
        (out / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    text = tables(record)
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.md").write_text(text)
    (out / "results.svg").write_text(result_plot(record))
    if any(run["workload"] in CURVES for run in record["runs"]):
        (out / "curves.svg").write_text(curve_plot(record))
    if options.paste:
        paste(options.paste, text)
    print(text)
    print(f"{out}/: results.json, results.md, results.svg", file=sys.stderr)
    return 0 if all(run["exit"] == 0 for run in record["runs"]) else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/dev", help="tree with zwsbridge, zws, raw_fanout")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-results")
    parser.add_argument("--rounds", type=int, help="default 5; curves 2")
    parser.add_argument("--quick", action="store_true", help="2 short rounds: shows that it works, not how fast")
    parser.add_argument("--curves", action="store_true", help="also clients 10 to 10,000, topics 1 to 100,000, lanes")
    parser.add_argument(
        "--realtime", action="store_true", help="ahead of all other programs: for a busy machine; needs root"
    )
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, REPAIR, *CURVES], metavar="WORK", help="of all")
    parser.add_argument(
        "--loss-minutes", type=float, metavar="M", help="of repair only the losses, for so long and not for 30 s"
    )
    parser.add_argument("--from", dest="results", type=Path, help="a results.json to show instead of measuring")
    parser.add_argument("--paste", type=Path, help="a Markdown file whose marked part becomes the tables")
    options = parser.parse_args()
    options.build = options.build.resolve()
    return options


def enter_namespace() -> None:
    """Runs this program again in a network namespace of its own, where only loopback exists."""
    if os.environ.get(IN_NAMESPACE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # BBR paces in user time of the sender; what peers were measured with is plain Reno.
        Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")
        return
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, "--net", sys.executable, *sys.argv]
    os.execvpe(command[0], command, {**os.environ, IN_NAMESPACE: "1"})


def measure(options: argparse.Namespace) -> dict[str, Any]:
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench.py: needs two cores, one for the server and one for the load")
    names = options.only or [*WORKLOADS, REPAIR, *(CURVES if options.curves else [])]
    record: dict[str, Any] = {
        "machine": describe_machine(ROOT),
        "quick": options.quick,
        "realtime": options.realtime,
        "runs": [],
    }
    neighbours = Neighbours()
    for name in names:
        work = {**WORKLOADS, **CURVES}.get(name)
        rounds = 2 if options.quick else options.rounds or (work.rounds if work else REPAIR_ROUNDS)
        for number in range(rounds):
            record["runs"] += one_round(options, work, number) if work else repair_round(options, number)
    record["machine"]["others_cores"] = round(neighbours.cores(), 3)
    return record


def one_round(options: argparse.Namespace, work: Workload | Curve, number: int) -> Iterator[Run]:
    for point in work.points(options.quick):
        # Alternating the first, so that no server always finds the machine warmer than the other.
        servers = point.servers if number % 2 == 0 else tuple(reversed(point.servers))
        for name in servers:
            label = f"{work.name} {point.at if point.at is not None else ''} {name}, round {number + 1}"
            print(f"{label} ...", file=sys.stderr, flush=True)
            with serving(options, name, point.settings) as target:
                exit_code, result = bench(options, [*point.arguments, *target])
            if exit_code != 0:
                print(f"{label}: zws bench ended with {exit_code}", file=sys.stderr)
            yield {
                "workload": work.name,
                "at": point.at,
                "server": name,
                "round": number,
                "exit": exit_code,
                "result": result,
            }


def repair_round(options: argparse.Namespace, number: int) -> Iterator[Run]:
    print(f"{REPAIR}, round {number + 1} ...", file=sys.stderr, flush=True)

    def serve(name: str, server: Server, settings: dict[str, Any]) -> AbstractContextManager[int]:
        return running(options, name, server, settings)

    result = measure_repair(options.build, serve, options.quick, options.realtime, options.loss_minutes)
    yield {"workload": REPAIR, "at": None, "server": BRIDGE, "round": number, "exit": 0, "result": result}


@contextmanager
def serving(options: argparse.Namespace, name: str, settings: dict[str, Any]) -> Iterator[list[str]]:
    """A server for the time of the block; yields the arguments that point zws bench at it."""
    server = SERVERS[name]
    with running(options, name, server, settings) as pid:
        yield ["--url", server.url, "--publish", server.ingest, "--pid", str(pid)]


@contextmanager
def running(options: argparse.Namespace, name: str, server: Server, settings: dict[str, Any]) -> Iterator[int]:
    """A server on core 0 for the time of the block; yields its process."""
    command = [*on_core(options, 0), *server.command(options.build, options.out, settings)]
    with open(options.out / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for_port(process, server.port, options.out / f"{name}.log")
        yield process.pid
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def on_core(options: argparse.Namespace, core: int) -> list[str]:
    ahead = ["chrt", "--rr", "10"] if options.realtime else []
    return [*ahead, "taskset", "--cpu-list", str(core)]


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"bench.py: {process.args} does not listen; {log} ends with\n{log.read_text()[-2000:]}")
        os.sched_yield()


def bench(options: argparse.Namespace, arguments: list[str]) -> tuple[int, dict[str, Any]]:
    zws = options.build / "tools/zws/zws"
    command = [*on_core(options, 1), str(zws), "bench", *arguments, "--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if not run.stdout:
        sys.exit(f"bench.py: {' '.join(command)} ended with {run.returncode} and no result")
    return run.returncode, json.loads(run.stdout)


if __name__ == "__main__":
    sys.exit(main())
