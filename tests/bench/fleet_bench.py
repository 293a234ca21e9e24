#!/usr/bin/env python3
"""What several bridges cost beside one, and what their Redis does: the figures of docs/SCALING.md.

    tests/bench/fleet_bench.py [spread] [broadcast] [cold]      default: all three
        [--rounds 3] [--seconds 3] [--rate 1000] [--hearers 20] [--broadcasts 300] [--clients 10000] [--realtime]

The bridges share core 0; the load (this program) and Redis have core 1. Points take turns within a round, and a table has
the medians. Prints one JSON object; ends with 1 when a client missed something or was told that it did.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import resource
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import zmq
from bench_machine import Neighbours, describe_machine

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.bridge import Bridge  # noqa: E402
from support.redis import Redis  # noqa: E402

SIZES = (1, 2, 4)
WARM_UP = 0.5
PAYLOAD = json.dumps({"type": "x", "data": "." * 180}).encode()
UPGRADE = (
    b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

Result = dict[str, Any]


def main() -> int:
    works = {"spread": spread, "broadcast": broadcast, "cold": cold}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help=" ".join(works))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured traffic at each point of spread")
    parser.add_argument("--rate", type=int, default=1000, help="events a second")
    parser.add_argument("--hearers", type=int, default=20, help="clients of spread, spread over the bridges; 0: none")
    parser.add_argument("--broadcasts", type=int, default=300)
    parser.add_argument("--clients", type=int, default=10_000, help="of cold, each on a topic of its own")
    parser.add_argument("--realtime", action="store_true", help="ahead of all other programs, for a busy machine; root")
    options = parser.parse_args()
    if options.realtime:  # what is started inherits it
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    machine = describe_machine(ROOT)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    neighbours = Neighbours()
    result = {name: works[name](options) for name in options.works or works}
    print(json.dumps({"machine": {**machine, "others_cores": round(neighbours.cores(), 3)}, **result}, indent=1))
    return 0 if all(each["good"] for each in result.values()) else 1


# ---- the servers ----


@contextmanager
def fleet_of(count: int, redis: Redis | None, **more: Any) -> Iterator[list[Bridge]]:
    settings = {"server.threads": 1, "relay.redis": redis.url() if redis else "", **more}
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, {0})  # what is started inherits it
        bridges = [Bridge(Path(folder) / str(number), settings) for number in range(count)]
        for bridge in bridges:
            bridge.start()
        os.sched_setaffinity(0, {1})
        try:
            for bridge in bridges if redis else []:
                bridge.wait_metric("zws_relay_up", 1)
            yield bridges
        finally:
            for bridge in bridges:
                bridge.stop()


@contextmanager
def some_redis(wanted: bool = True) -> Iterator[Redis | None]:
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        yield opened.enter_context(Redis(Path(folder))) if wanted else None


def cpu_seconds(pid: int) -> float:
    """Of all its threads, as the scheduler counts them."""
    spent = [task.read_text().split()[0] for task in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(map(int, spent)) / 1e9


# ---- the load ----


class Producer:
    """Hands numbered events to all bridges, as plain pyzmq does."""

    def __init__(self, bridges: list[Bridge]) -> None:
        self._socket = zmq.Context.instance().socket(zmq.XPUB)
        self._socket.sndhwm = 0
        self._socket.xpub_verbose = True  # each bridge's subscription is told
        for bridge in bridges:
            self._socket.connect(bridge.endpoint)
        for _ in bridges:
            self._socket.recv()  # it has subscribed
        self._newest: dict[str, int] = {}

    def send(self, topic: str) -> int:
        """The number that the event has."""
        seq = self._newest[topic] = self._newest.get(topic, 0) + 1
        header = b'{"src":"p","seq":%d,"ts":%d}' % (seq, time.time_ns())
        self._socket.send_multipart([topic.encode(), PAYLOAD, header])
        return seq

    def close(self) -> None:
        self._socket.close(linger=0)


def websocket(bridge: Bridge) -> socket.socket:
    """One that has had its greeting."""
    client = socket.create_connection(("127.0.0.1", bridge.port))
    client.sendall(UPGRADE)
    read_until(client, b'"heartbeat"')
    return client


def say(client: socket.socket, message: Result) -> None:
    text = json.dumps(message).encode()
    assert len(text) < 126
    client.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)


def read_until(client: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        more = client.recv(65536)
        assert more, f"closed before {mark!r}, after {data[-200:]!r}"
        data += more
    return data


def subscribed(bridge: Bridge, topic: str) -> socket.socket:
    client = websocket(bridge)
    say(client, {"type": "subscribe", "topic": topic})
    read_until(client, b'"subscribed"')
    return client


def flow(producer: Producer, clients: list[socket.socket], rate: int, seconds: float) -> tuple[int, list[float]]:
    """Events at this rate for so long, while the clients read what comes: how many, and how long each took to the first client, in ms."""
    ready = select.epoll()
    for client in clients:
        client.setblocking(False)
        ready.register(client, select.EPOLLIN)
    by_number = {client.fileno(): client for client in clients}
    first = clients[0].fileno() if clients else None
    sent_at: dict[int, float] = {}
    took: list[float] = []
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * rate:
            sent_at[producer.send("t")] = time.monotonic()
            sent += 1
        for number, _ in ready.poll(max(0.0, (sent + 1) / rate - passed)):
            data = by_number[number].recv(65536)
            if number == first:
                now = time.monotonic()
                took += [
                    (now - sent_at[int(seq)]) * 1e3
                    for seq in re.findall(rb'"@id":"p:(\d+)"', data)
                    if int(seq) in sent_at
                ]
    ready.close()
    return sent, took


# ---- the works ----


def spread(options: argparse.Namespace) -> Result:
    """The same events and clients on one bridge and on several, each alone or as a fleet with its history."""
    points = [
        (size, history, hearers)
        for size in SIZES
        for history in (False, True)
        for hearers in sorted({0, options.hearers})
    ]
    runs: dict[tuple[int, bool, int], list[Result]] = {point: [] for point in points}
    for number in range(options.rounds):
        for point in points if number % 2 == 0 else reversed(points):
            print(f"spread {point}, round {number + 1} ...", file=sys.stderr, flush=True)
            runs[point].append(one_spread(*point, options.rate, options.seconds))
    rows = []
    for size, history, hearers in points:
        made = runs[size, history, hearers]
        row = {name: round(median(run[name] for run in made), 2) for name in made[0] if name != "good"}
        if history:
            ratios = [run["bridges_us"] / alone["bridges_us"] for run, alone in zip(made, runs[size, False, hearers])]
            row["cpu_beside_without"] = [round(each, 2) for each in (median(ratios), min(ratios), max(ratios))]
            if hearers:
                ratios = [run["p99_ms"] / alone["p99_ms"] for run, alone in zip(made, runs[size, False, hearers])]
                row["p99_beside_without"] = [round(each, 2) for each in (median(ratios), min(ratios), max(ratios))]
        if hearers:
            row["deliveries_a_core_second"] = round(hearers / row["bridges_us"] * 1e6)
        rows.append({"bridges": size, "history": history, "clients": hearers, **row})
    return {"rows": rows, "good": all(run["good"] for made in runs.values() for run in made)}


def one_spread(size: int, history: bool, hearers: int, rate: int, seconds: float) -> Result:
    """CPU in us an event: of all bridges together, of Redis, and (with no clients to read for) of the producer."""
    with some_redis(history) as redis, fleet_of(size, redis) as bridges:
        producer = Producer(bridges)
        clients = [subscribed(bridges[number % size], "t") for number in range(hearers)]
        flow(producer, clients, rate, WARM_UP)
        pids = [bridge.pid for bridge in bridges]
        servers = pids if redis is None else [*pids, redis.process.pid]  # type: ignore[union-attr]
        before, ours = [cpu_seconds(pid) for pid in servers], time.process_time()
        events, took = flow(producer, clients, rate, seconds)
        ours = time.process_time() - ours
        spent = [(cpu_seconds(pid) - was) / events * 1e6 for pid, was in zip(servers, before)]
        missed = sum(bridge.metric("zws_dropped_total") + bridge.metric("zws_ingest_gaps_total") for bridge in bridges)
        for client in clients:
            client.close()
        producer.close()
    row = {"bridges_us": sum(spent[:size]), "redis_us": sum(spent[size:]), "good": missed == 0}
    if not hearers:
        return {**row, "producer_us": ours / events * 1e6}
    return {**row, **{f"{name}_ms": value for name, value in shape(took).items() if name != "max"}}


def broadcast(options: argparse.Namespace) -> Result:
    """A call to one of four bridges: until the client of each of them has the message."""
    took, answered, exact = [], [], True
    with some_redis() as redis, fleet_of(4, redis) as bridges:
        clients = [websocket(bridge) for bridge in bridges]
        connection = http.client.HTTPConnection("127.0.0.1", bridges[0].port)
        headers = {"Authorization": f"Bearer {bridges[0].admin_token}", "Content-Type": "application/json"}
        for number in range(options.broadcasts):
            body = json.dumps({"message": {"type": "x", "mark": f"<{number}>"}})
            began = time.monotonic()
            connection.request("POST", "/api/ws/broadcast", body, headers)
            for client in clients:
                read_until(client, b"<%d>" % number)
            took.append((time.monotonic() - began) * 1e3)
            answer = json.loads(connection.getresponse().read())
            answered.append((time.monotonic() - began) * 1e3)
            exact = exact and (answer["recipients"], answer["bridges"]) == (4, 4)
    return {"all_have_it_ms": shape(took), "answer_ms": shape(answered), "recipients_exact": exact, "good": exact}


def shape(values: list[float]) -> Result:
    hundredths = quantiles(values, n=100)
    return {"p50": round(median(values), 2), "p99": round(hundredths[98], 2), "max": round(max(values), 2)}


def cold(options: argparse.Namespace) -> Result:
    """A bridge that has just started, and clients that each ask it for what they missed on a topic of their own."""
    with some_redis() as redis:
        with fleet_of(1, redis) as (first,):
            producer = Producer([first])
            for number in range(2 * options.clients):
                producer.send(f"t:{number % options.clients}")
            first.wait_metric("zws_relay_written_total", 2 * options.clients)
            producer.close()
        with fleet_of(1, redis, **{"limits.connections_per_ip": 0}) as (second,):
            clients = [websocket(second) for _ in range(options.clients)]
            began = time.monotonic()
            for number, client in enumerate(clients):
                say(client, {"type": "subscribe", "topic": f"t:{number}", "since": ["p:1"]})
            answers = [read_until(client, b'"replayed":') for client in clients]
            took = time.monotonic() - began
        memory = dict(line.split(":") for line in redis.ask("INFO", "memory").split("\r\n") if ":" in line)
    whole = sum(b'"recovered":true' in answer for answer in answers)
    return {
        "clients": len(answers),
        "recovered": whole,
        "seconds": round(took, 2),
        "redis_bytes": int(memory["used_memory"]),
        "good": whole == len(answers),
    }


if __name__ == "__main__":
    sys.exit(main())
