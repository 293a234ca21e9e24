#!/usr/bin/env python3
"""What others feel while ten thousand people sign in: delivery times of a running fan-out, in peace and in the storm.

    tests/bench/sign_in_bench.py [--build build/dev] [--rounds 3] [--connects 10000]

1,000 clients of one topic hear 100 events a second (`zws bench latency`) from a bridge with one lane. In every second run,
once its traffic flows, clients come with HS256 tokens that differ, 128 at a time and as fast as they are taken, and stay.
The bridge has core 0. The storm shares core 1 with the load generator but yields to it (SCHED_IDLE), so that its
own work is not taken for the bridge's. Prints one JSON object; ends with 1 when a client was refused or the storm outlived
the measured time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import selectors
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

import jwt
from bench_work import BRIDGE, SERVERS

from bench import ROOT, enter_namespace, on_core, serving

SECONDS = 10.0
AT_A_TIME = 128
LOAD = f"latency --clients 1000 --rate 100 --seconds {SECONDS} --warmup 1 --json".split()
PORT = SERVERS[BRIDGE].port


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/dev", help="tree with zwsbridge and zws")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-results", help="for the bridge's log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connects", type=int, default=10_000)
    options = parser.parse_args()
    options.realtime = False
    enter_namespace()
    options.out.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_hex(32)
    tokens = [
        jwt.encode({"sub": f"user-{n}", "exp": int(time.time()) + 3600}, secret, "HS256")
        for n in range(options.connects)
    ]
    runs = [(one_run(options, secret, []), one_run(options, secret, tokens)) for _ in range(options.rounds)]
    result = {
        "connects": options.connects,
        "p99_ms": {
            "peace": middle(run["p99_ms"] for run, _ in runs),
            "storm": middle(run["p99_ms"] for _, run in runs),
        },
        "p50_ms": {
            "peace": middle(run["p50_ms"] for run, _ in runs),
            "storm": middle(run["p50_ms"] for _, run in runs),
        },
        "p99_ratio": middle(storm["p99_ms"] / peace["p99_ms"] for peace, storm in runs),
        "storm_seconds": middle(run["storm_seconds"] for _, run in runs),
        "runs": runs,
    }
    print(json.dumps(result, indent=1))
    return 0 if all(run["good"] for pair in runs for run in pair) else 1


def middle(values: Any) -> float:
    return round(median(values), 4)


def one_run(options: argparse.Namespace, secret: str, tokens: list[str]) -> dict[str, Any]:
    settings = {"auth.hs256_secret": f'"{secret}"', "auth.anonymous.subscribe": '["*"]'}
    with serving(options, BRIDGE, settings) as target:
        command = [*on_core(options, 1), str(options.build / "tools/zws/zws"), "bench", *LOAD, *target]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            seconds, welcome = (0.0, 0)
            if tokens:
                wait_for_events(150)  # the warm-up is over
                seconds, welcome = storm(tokens)
            output, _ = load.communicate()
    traffic = json.loads(output)["traffic"]
    good = load.returncode == 0 and welcome == len(tokens) and seconds < SECONDS - 1
    latency = traffic["latency_ms"]
    return {"p50_ms": latency["p50"], "p99_ms": latency["p99"], "storm_seconds": seconds, "good": good}


def wait_for_events(count: int) -> None:
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        heard = next(float(line.split()[1]) for line in lines if line.startswith("zws_events_received_total "))
        if heard >= count:
            return
        os.sched_yield()


def storm(tokens: list[str]) -> tuple[float, int]:
    """Connects with every token; the seconds until the last has its `connection`, and how many have."""
    os.sched_setaffinity(0, {1})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ready = selectors.DefaultSelector()
    waiting, guests, welcome = list(reversed(tokens)), [], 0
    began = time.monotonic()
    while waiting or ready.get_map():
        while waiting and len(ready.get_map()) < AT_A_TIME:
            guest = socket.create_connection(("127.0.0.1", PORT))
            guest.sendall(
                b"GET /api/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                b"Authorization: Bearer " + waiting.pop().encode() + b"\r\n\r\n"
            )
            guest.setblocking(False)
            ready.register(guest, selectors.EVENT_READ, bytearray())
            guests.append(guest)
        for key, _ in ready.select():
            data = key.fileobj.recv(4096)
            key.data.extend(data)
            if b'"status":"connected"' in key.data or not data:
                welcome += bool(data)
                ready.unregister(key.fileobj)
    seconds = time.monotonic() - began
    for guest in guests:
        guest.close()
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return round(seconds, 2), welcome


if __name__ == "__main__":
    sys.exit(main())
