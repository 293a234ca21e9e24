#!/usr/bin/env python3
"""A rolling restart under load: what clients of a fleet see of it.

    tests/bench/restart_bench.py [--clients 2000] [--topics 100] [--rate 1000] [--realtime]

Two bridges with one Redis on core 0, one lane each; clients that know both addresses, the producer and Redis on core 1. One
bridge after the other is stopped and started while events go on; who is closed goes to the other address with its
position. Every client checks each number. Prints one JSON object; ends with 1 when a number was missing or came twice.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any

import zmq
from bench_machine import Neighbours, describe_machine
from fleet_bench import ROOT, UPGRADE, Bridge, fleet_of, say, some_redis

NUMBERED = re.compile(rb'"n":(\d+),"at":(\d+)')
CLOSE = 0x88
AT_REST = 2.0  # seconds of traffic before the first restart and after the last
PATIENCE = 30.0  # for what is still on its way at the end


class Client:
    """One position on one topic, over as many connections as it takes."""

    def __init__(self, ports: list[int], number: int, topic: str) -> None:
        self._ports = ports
        self._turn = number
        self.topic = topic
        self.newest = 0
        self.wrong = 0  # numbers that did not follow
        self.told = 0  # gaps, and returns that were not recovered
        self.returns = -1
        self.connect()

    def connect(self) -> None:
        self.returns += 1
        while True:  # as ours for browsers does: who refuses is passed over
            self._turn += 1
            try:
                self.socket = socket.create_connection(("127.0.0.1", self._ports[self._turn % len(self._ports)]))
                break
            except ConnectionRefusedError:
                continue
        self.socket.sendall(UPGRADE)
        self.socket.setblocking(False)
        self._greeted, self._closed, self._data = False, False, b""

    def read(self, late: list[float]) -> bool:
        """What has come; False once the bridge has closed."""
        more = self.socket.recv(65536)
        self._data += more
        if not self._greeted:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end or b"heartbeat" not in rest:
                return more != b""
            self._greeted = head.startswith(b"HTTP/1.1 101")
            self._data = rest
            since = {"since": [f"p:{self.newest}"]} if self.newest else {}
            say(self.socket, {"type": "subscribe", "topic": self.topic, **since})
        now = time.monotonic_ns()
        for text in self._frames():
            self._take(text, now, late)
        return more != b"" and not self._closed

    def _frames(self) -> Iterator[bytes]:
        data, at = self._data, 0
        while len(data) >= at + 4:
            self._closed = self._closed or data[at] == CLOSE
            length, head = data[at + 1], 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            if len(data) < at + head + length:
                break
            yield data[at + head : at + head + length]
            at += head + length
        self._data = data[at:]

    def _take(self, text: bytes, now: int, late: list[float]) -> None:
        if event := NUMBERED.search(text):
            number = int(event[1])
            self.wrong += number != self.newest + 1 and self.newest != 0
            self.newest = number
            late.append((now - int(event[2])) / 1e6)
        elif b'"gap"' in text or b'"recovered":false' in text:
            self.told += 1


class Crowd:
    """All clients, the producer, and the loop that serves both."""

    def __init__(self, bridges: list[Bridge], clients: int, topics: int, rate: int) -> None:
        self._rate = rate
        self._sent = [0] * topics
        self._events = 0
        self._producer = zmq.Context.instance().socket(zmq.XPUB)
        self._producer.sndhwm, self._producer.xpub_verbose, self._producer.reconnect_ivl = 0, True, 20
        for bridge in bridges:
            self._producer.connect(bridge.endpoint)
        for _ in bridges:
            self._producer.recv()
        self._ready = select.epoll()
        self._by_number: dict[int, Client] = {}
        ports = [bridge.port for bridge in bridges]
        self.late: list[float] = []
        self.clients = [Client(ports, number, f"t:{number % topics}") for number in range(clients)]
        for client in self.clients:
            self._watch(client)

    def _watch(self, client: Client) -> None:
        self._by_number[client.socket.fileno()] = client
        self._ready.register(client.socket, select.EPOLLIN)

    def publish_one(self) -> None:
        topic = self._events % len(self._sent)
        self._events += 1
        self._sent[topic] += 1
        payload = b'{"type":"x","n":%d,"at":%d,"data":"%s"}' % (self._sent[topic], time.monotonic_ns(), b"." * 150)
        header = b'{"src":"p","seq":%d,"ts":%d}' % (self._sent[topic], time.time_ns())
        self._producer.send_multipart([b"t:%d" % topic, payload, header])

    def serve(self, timeout: float) -> None:
        for number, _ in self._ready.poll(timeout):
            client = self._by_number[number]
            try:
                still_open = client.read(self.late)
            except ConnectionError:
                still_open = False
            if not still_open:
                self._ready.unregister(number)
                del self._by_number[number]
                client.socket.close()
                client.connect()
                self._watch(client)

    def run_while(self, going: Any) -> None:
        began, before = time.monotonic(), self._events
        while going():
            due = before + (time.monotonic() - began) * self._rate
            while self._events < due:
                self.publish_one()
            self.serve(1 / self._rate)

    def finish(self) -> int:
        """Until everybody has the newest of its topic; how many have not."""
        until = time.monotonic() + PATIENCE
        while behind := sum(client.newest != self._sent[int(client.topic[2:])] for client in self.clients):
            if time.monotonic() > until:
                break
            self.serve(0.05)
        return behind


def restart_all(bridges: list[Bridge], seconds: list[float], over: threading.Event) -> None:
    """Ends when all is over: what a thread has started would end with it."""
    os.sched_setaffinity(0, {0})  # of this thread, and of what it starts
    for bridge in bridges:
        began = time.monotonic()
        bridge.restart()
        bridge.wait_metric("zws_relay_up", 1)
        bridge.wait_metric_at_least("zws_events_received_total", 1)
        seconds.append(round(time.monotonic() - began, 2))
    over.wait()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    more = {"server.drain_timeout": "10s", "history.size": 1000, "history.bytes": 256 << 20}
    with some_redis() as redis, fleet_of(2, redis, **more) as bridges:
        crowd = Crowd(bridges, options.clients, options.topics, options.rate)
        rest = time.monotonic() + AT_REST
        crowd.run_while(lambda: time.monotonic() < rest)
        calm, crowd.late = crowd.late, []
        seconds: list[float] = []
        over = threading.Event()
        restarts = threading.Thread(target=restart_all, args=(bridges, seconds, over), daemon=True)
        restarts.start()
        crowd.run_while(lambda: len(seconds) < len(bridges) and restarts.is_alive())
        rest = time.monotonic() + AT_REST
        crowd.run_while(lambda: time.monotonic() < rest)
        behind = crowd.finish()
        for client in crowd.clients:
            client.socket.close()
    wrong, told = (sum(getattr(client, name) for client in crowd.clients) for name in ("wrong", "told"))
    return {
        "deliveries": len(calm) + len(crowd.late),
        "restart_seconds": seconds,
        "returns": sum(client.returns for client in crowd.clients),
        "calm_ms": shape(calm),
        "restarts_ms": shape(crowd.late),
        "behind": behind,
        "out_of_order_or_missing": wrong,
        "told_of_a_loss": told,
        "good": not (behind or wrong or told),
    }


def shape(values: list[float]) -> dict[str, float]:
    p99 = quantiles(values, n=100)[98]
    return {"p50": round(median(values), 2), "p99": round(p99, 2), "max": round(max(values), 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--topics", type=int, default=100)
    parser.add_argument("--rate", type=int, default=1000, help="events a second over all topics")
    parser.add_argument("--realtime", action="store_true", help="ahead of all other programs, for a busy machine; root")
    options = parser.parse_args()
    if options.realtime:  # what is started inherits it
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    machine, neighbours = describe_machine(ROOT), Neighbours()
    result = measure(options)
    print(json.dumps({"machine": {**machine, "others_cores": round(neighbours.cores(), 3)}, **result}, indent=1))
    return 0 if result["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
