#!/usr/bin/env python3
"""How many events a second one core publishes: bare pyzmq, and Publisher without headers, with them, and with repair;
with the JSON of the standard library, and with orjson's.

This process, ZeroMQ's thread included, is kept on one core; the receiver, which throws events away in C, on another.
The ways take turns, so that a busy machine is unfair to all of them alike, and the median of the rounds is printed.
Queues hold a whole round, so nothing is dropped and nothing waits.

    python publish_rate.py [--events 100000] [--rounds 7] [--size 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import Callable

import orjson
import zmq

from zwsbridge import Publisher

TOPIC = "import:task-123"


def receive(port_to: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})
    context = zmq.Context()
    bridge = context.socket(zmq.SUB)
    bridge.rcvhwm = 0
    bridge.subscribe(b"")
    port_to.send(bridge.bind_to_random_port("tcp://127.0.0.1"))
    nobody = context.socket(zmq.PUB)
    nobody.bind("inproc://nobody")
    zmq.proxy(bridge, nobody)


def bare_socket(endpoint: str, queue_size: int) -> zmq.Socket[bytes]:
    socket = zmq.Context.instance().socket(zmq.XPUB)
    socket.sndhwm = queue_size
    socket.connect(endpoint)
    socket.recv()  # the subscription
    return socket


def message_of(size: int) -> dict[str, object]:
    """An import's progress, made as long as asked for when it is JSON."""
    data = {"status": "processing", "total": 1000, "processed": 500, "success": 480, "failed": 20, "progress": 50.0}
    message = {"type": "import_progress", "task_id": "task-123", "topic": TOPIC, "data": data, "note": ""}
    message["note"] = "." * (size - len(json.dumps(message, separators=(",", ":"))))
    return message


def ways(endpoint: str, queue_size: int, size: int) -> dict[str, Callable[[int], None]]:
    message = message_of(size)
    payload = json.dumps(message, separators=(",", ":")).encode()
    topic = TOPIC.encode()
    socket = bare_socket(endpoint, queue_size)
    plain = Publisher(endpoint, headers=False, queue_size=queue_size)
    counted = Publisher(endpoint, queue_size=queue_size, repair=None)
    kept = Publisher(endpoint, queue_size=queue_size)
    fast = Publisher(endpoint, queue_size=queue_size, dumps=orjson.dumps)
    if not all(publisher.wait_ready(10) for publisher in (plain, counted, kept, fast)):
        sys.exit("the receiver did not subscribe")

    def bare_multipart(count: int) -> None:
        for _ in range(count):
            socket.send_multipart([topic, payload])

    def bare_sends(count: int) -> None:
        for _ in range(count):
            socket.send(topic, zmq.SNDMORE)
            socket.send(payload)

    def bare_json(count: int) -> None:
        for _ in range(count):
            socket.send_multipart([topic, json.dumps(message).encode()])

    def all_taken(publisher: Publisher, what: object) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                publisher.publish(TOPIC, what)
            if publisher.dropped:
                sys.exit(f"{publisher.dropped} events dropped")

        return run

    return {
        "bare send_multipart": bare_multipart,
        "bare send + send": bare_sends,
        "headers off, bytes": all_taken(plain, payload),
        "headers on, bytes": all_taken(counted, payload),
        "headers, repair, bytes": all_taken(kept, payload),
        "bare json.dumps, multipart": bare_json,
        "headers on, dict": all_taken(counted, message),
        "headers, repair, dict": all_taken(kept, message),
        "headers, repair, orjson": all_taken(fast, message),
    }


def measure(options: argparse.Namespace) -> dict[str, list[float]]:
    cores = sorted(os.sched_getaffinity(0))
    port_from, port_to = multiprocessing.Pipe(duplex=False)
    receiver = multiprocessing.Process(target=receive, args=(port_to, cores[-1]), daemon=True)
    receiver.start()
    try:
        os.sched_setaffinity(0, {cores[0]})
        # Half a queue counts as read only once that much was: twice a round never fills.
        running = ways(f"tcp://127.0.0.1:{port_from.recv()}", 4 * options.events, options.size)
        rates: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(options.rounds):
            for name, run in running.items():
                started = time.perf_counter()
                run(options.events)
                rates[name].append(options.events / (time.perf_counter() - started))
                time.sleep(0.2)  # what is still queued leaves outside of anyone's time
        return rates
    finally:
        receiver.kill()
        receiver.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=200, help="bytes of payload, 180 or more")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rates = measure(options)
    if options.json:
        print(json.dumps({name: round(statistics.median(of_way)) for name, of_way in rates.items()}))
        return
    print(f"pyzmq {zmq.__version__}, libzmq {zmq.zmq_version()}, Python {sys.version.split()[0]}, {options.size} bytes")
    for name, of_way in rates.items():
        median = statistics.median(of_way)
        print(f"{name:27s} {median:9,.0f} events/s  (from {min(of_way):,.0f} to {max(of_way):,.0f})")


if __name__ == "__main__":
    main()
