#!/usr/bin/env python3
"""What others feel while three clients do the worst that their limits allow, to a bridge that knows a million topics.

    tests/bench/greedy_bench.py [--build build/dev] [--rounds 3] [--topics 1000000] [--realtime]

50 clients of one topic hear 100 events a second (`zws bench latency`) from a bridge with one lane. In every second run
three more clients ask all the time, as often as they may, and take what they are sent:

    patterns  subscribes to patterns that match every topic, with the newest 1,000 events of each, and leaves again
    names     subscribes to 1,000 names with 100 events of each, and leaves again
    since     comes back to all topics and names 1,500 of them, each with a source that is not the bridge's

The longest that an event was on its way (`max_ms`) beyond the longest in peace is how long they held up the lane. The bridge has
core 0. They share core 1 with the load generator, but yield to it (SCHED_IDLE). Prints one JSON object; ends with 1 when somebody was cut off.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import zmq
from bench_work import BRIDGE, SERVERS
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench import ROOT, bench, enter_namespace, serving

LOAD_SECONDS = 11.0
PAUSE_SECONDS = 0.025  # between two requests, which are 80 messages a second: 100 are allowed
LOAD = "latency --clients 50 --rate 100 --seconds 10 --warmup 1".split()
SERVER = SERVERS[BRIDGE]
SETTINGS = {"history.bytes": 1 << 31, "limits.topics": 2_000_000, "ingest.memory_bytes": 1 << 30}

EVERY = ["deep:"[:letters] + "*" for letters in range(6)]
NAMES = [f"deep:{number}" for number in range(1000)]
SINCE = {f"deep:{number * 7}": ["nobody:1"] for number in range(1500)}
ASKED = {
    "patterns": [{"type": "subscribe", "topics": EVERY, "last": 1000}, {"type": "unsubscribe", "topics": EVERY}],
    "names": [{"type": "subscribe", "topics": NAMES, "last": 100}, {"type": "unsubscribe", "topics": NAMES}],
    "since": [{"type": "subscribe", "topic": "*", "since": SINCE}, {"type": "unsubscribe", "topic": "*"}],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/dev", help="tree with zwsbridge and zws")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-results", help="for the bridge's log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--topics", type=int, default=1_000_000)
    parser.add_argument("--realtime", action="store_true", help="ahead of all other programs, for a busy machine; root")
    options = parser.parse_args()
    enter_namespace()
    options.out.mkdir(parents=True, exist_ok=True)
    with serving(options, BRIDGE, SETTINGS) as target:
        known = tell_topics(options.topics)
        runs = [(one_run(options, target, []), one_run(options, target, list(ASKED))) for _ in range(options.rounds)]
    result = {
        "topics": known,
        "p50_ms": {"peace": middle(runs, 0, "p50_ms"), "greedy": middle(runs, 1, "p50_ms")},
        "p99_ms": {"peace": middle(runs, 0, "p99_ms"), "greedy": middle(runs, 1, "p99_ms")},
        "max_ms": {"peace": middle(runs, 0, "max_ms"), "greedy": middle(runs, 1, "max_ms")},
        "p50_ratio": round(median(greedy["p50_ms"] / peace["p50_ms"] for peace, greedy in runs), 3),
        "runs": runs,
    }
    print(json.dumps(result, indent=1))
    return 0 if known and all(run["good"] for pair in runs for run in pair) else 1


def middle(runs: list[tuple[dict[str, Any], dict[str, Any]]], which: int, name: str) -> float:
    return round(median(pair[which][name] for pair in runs), 4)


def tell_topics(count: int) -> int:
    """An event on each of so many topics, as fast as the bridge keeps up; how many it knows, which is all or 0."""
    with zmq.Context() as context, context.socket(zmq.PUB) as producer, connect(SERVER.url) as witness:
        producer.sndhwm = 0
        producer.connect(SERVER.ingest)
        witness.recv()
        witness.send('{"type":"subscribe","topic":"heard"}')
        heard = False
        while not heard:  # what is sent before the bridge subscribes is gone
            producer.send_multipart([b"heard", b'{"here":1}'])
            heard = '"here"' in next(receive(witness, 0.1), "")
        for first in range(0, count, 1000):
            for number in range(first, min(first + 1000, count)):
                producer.send_multipart([b"deep:%d" % number, b'{"progress":50}'])
            producer.send_multipart([b"heard", b'{"first":%d}' % first])
            while f'"first":{first}' not in witness.recv():
                pass
        witness.send(json.dumps({"type": "subscribe", "topics": ["deep:0", f"deep:{count - 1}"], "last": 1}))
        return count if sum('"progress"' in text for text in receive(witness, 1.0)) == 2 else 0


def receive(client: ClientConnection, seconds: float) -> Iterator[str]:
    """What comes until nothing has for so long."""
    while True:
        try:
            yield str(client.recv(timeout=seconds))
        except TimeoutError:
            return


def one_run(options: argparse.Namespace, target: list[str], kinds: list[str]) -> dict[str, Any]:
    with ProcessPoolExecutor(len(ASKED)) as pool:
        asking = {kind: pool.submit(ask, kind) for kind in kinds}
        code, result = bench(options, [*LOAD, *target])
    latency = result["traffic"]["latency_ms"]
    asked = {kind: times.result() for kind, times in asking.items()}
    return {
        "p50_ms": latency["p50"],
        "p99_ms": latency["p99"],
        "max_ms": latency["max"],
        "asked": asked,
        "good": code == 0 and all(times > 0 for times in asked.values()),
    }


def ask(kind: str) -> int:
    """Asks until the measured time is over; how many times, or 0 when it was cut off."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, {1})
    times, until = 0, time.monotonic() + LOAD_SECONDS
    with connect(SERVER.url, max_size=None) as client:
        try:
            while time.monotonic() < until:
                for request in ASKED[kind]:
                    client.send(json.dumps(request))
                times += 1
                ends = ("unsubscribed", "rate_limited")  # what costs much uses up the rate, too
                answer = next((text for text in receive(client, 30.0) if any(end in text for end in ends)), "")
                if not answer:
                    return 0
                for _ in receive(client, 1.0 if "rate_limited" in answer else PAUSE_SECONDS):
                    pass
        except ConnectionClosed:
            return 0
    return times


if __name__ == "__main__":
    sys.exit(main())
