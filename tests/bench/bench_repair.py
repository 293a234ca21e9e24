"""What repair costs where nothing is lost, and what it does where something is.

Four things, each with the daemon on core 0 and all else on core 1:

- held:  `publish` with and without keeping what was sent, by the programs of docs/PERFORMANCE.md; and the bridge's CPU
         for each event, with a publisher that it may ask and with one that it may not, in turns.
- hole:  so many events of one source are lost in one piece; how long until the bridge has them all.
- loss:  one event in a hundred is lost at random; what the repaired ones and all others waited.
- herd:  publishers with many topics come back to a bridge that has just started, all at once; what live events wait.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).parents[2]
PUBLISH_RATE = ROOT / "publishers/python/bench/publish_rate.py"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "publishers/python/src")]

from bench_work import Server  # noqa: E402
from zwsbridge import Publisher  # noqa: E402

from support.lossy_link import LossyLink  # noqa: E402
from support.raw_socket import TEXT, RawSocket  # noqa: E402

Figures = dict[str, Any]
Serve = Callable[[str, Server, dict[str, Any]], Any]  # a context with the bridge's pid

_FORK = multiprocessing.get_context("fork")
_PATIENCE = 60.0  # seconds; only what fails waits so long
_LOAD_CORE = 1
_LOST = 0.01
_TOPIC = "t"


@dataclass(frozen=True)
class Size:
    """Of one round."""

    publish_events: int
    publish_turns: int
    held_rate: int
    held_seconds: float
    held_turns: int
    hole: int
    loss_rate: int
    loss_seconds: float
    herd: int
    herd_topics: int
    herd_rate: int
    herd_seconds: float


FULL = Size(500_000, 5, 20_000, 3, 9, 10_000, 4000, 30, 200, 1000, 1000, 20)
QUICK = Size(50_000, 2, 10_000, 1, 2, 1000, 1000, 3, 20, 100, 500, 3)


@dataclass(frozen=True)
class Place:
    """A bridge's ports, in a network namespace of our own."""

    server: Server
    repair: str


def asking(binds: list[str]) -> dict[str, Any]:
    """A bridge's settings. Its clients here answer no pings."""
    pings = {"heartbeat.interval": '"10m"', "heartbeat.timeout": '"20m"'}
    return {**pings, "ingest.repair_bind": json.dumps(binds)}


def place(port: int) -> Place:
    ingest, repair = (f"tcp://127.0.0.1:{port + one}" for one in (1, 2))
    return Place(Server(port, ingest, f"ws://127.0.0.1:{port}/api/ws"), repair)


def measure_repair(build: Path, serve: Serve, quick: bool, realtime: bool, loss_minutes: float | None) -> Figures:
    """One round; with `loss_minutes` only of the losses, for so long. `serve` starts a bridge on core 0."""
    size = QUICK if quick else FULL
    os.sched_setaffinity(0, {_LOAD_CORE})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    if loss_minutes is not None:
        return {"loss": repair_losses(serve, replace(size, loss_seconds=60 * loss_minutes))}
    return {
        "publish": publish_ratios(build, size),
        "bridge": bridge_ratio(serve, size),
        "hole": repair_hole(serve, size),
        "loss": repair_losses(serve, size),
        "herd": herd_returns(build, serve, size),
    }


# ---- held ----


def publish_ratios(build: Path, size: Size) -> Figures:
    """Time for one event with repair, divided by that without."""
    ways = ("publisher", "publisher_without_repair")
    cpp = [output(build / "tests/bench/publisher_bench", str(size.publish_events)) for _ in range(size.publish_turns)]
    ns = [{line["bench"]: line["publish_cpu_ns"] for line in map(json.loads, text.splitlines())} for text in cpp]
    kept, not_kept = (median(turn[way] for turn in ns) for way in ways)
    python = [PUBLISH_RATE, "--json", "--rounds", str(size.publish_turns), "--events", str(size.publish_events // 10)]
    rates = json.loads(output(sys.executable, *python))
    return {
        "cpp": kept / not_kept,
        "cpp_ns_more": kept - not_kept,
        "python": rates["headers on, dict"] / rates["headers, repair, dict"],
        "python_bytes": rates["headers on, bytes"] / rates["headers, repair, bytes"],
    }


def output(*command: str | Path) -> str:
    """Of a program that has both cores: it takes what it sends itself."""
    on_both = ["taskset", "--cpu-list", f"0-{_LOAD_CORE}", *command]
    known = {**os.environ, "PYTHONPATH": str(ROOT / "publishers/python/src")}
    return subprocess.run(on_both, stdout=subprocess.PIPE, text=True, check=True, env=known).stdout


def bridge_ratio(serve: Serve, size: Size) -> Figures:
    asks, asks_not = place(8000), place(8010)
    with ExitStack() as stack:
        pids = {
            one: stack.enter_context(serve(name, one.server, asking(binds)))
            for name, one, binds in (("asks", asks, [asks.repair]), ("asks-not", asks_not, []))
        }
        us: dict[Place, list[float]] = {asks: [], asks_not: []}
        for turn in range(size.held_turns):
            for one in (asks, asks_not) if turn % 2 == 0 else (asks_not, asks):
                us[one].append(us_of_an_event(one, pids[one], size))
    pairs = [one / other for one, other in zip(us[asks], us[asks_not])]
    return {"us": median(us[asks]), "us_without": median(us[asks_not]), "ratio": median(pairs)}


def us_of_an_event(one: Place, pid: int, size: Size) -> float:
    """The bridge's CPU, while one client hears them all."""
    count = int(size.held_rate * size.held_seconds)
    with subscribed(one) as client, published(one.server.ingest, one.repair, size.held_rate, count):
        began = 0.0
        for number in numbers_heard(client):
            if number == 1:
                began = cpu_seconds(pid)
            if number == count:
                return (cpu_seconds(pid) - began) / (count - 1) * 1e6
    raise SystemExit("bench.py: events are missing")


def cpu_seconds(pid: int) -> float:
    """The scheduler's run time of all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


# ---- hole ----


def repair_hole(serve: Serve, size: Size) -> Figures:
    one = place(8000)
    # Nobody gives up where a core is busy.
    settings = {
        **asking([one.repair]),
        "ingest.repair_wait": '"10s"',
        "limits.queue_bytes": 64 << 20,
    }
    last = size.hole + 2
    with (
        serve("hole", one.server, settings),
        subscribed(one) as client,
        linked(one.server.ingest, lambda number: 1 < number < last) as link,
        Publisher(link, repair=one.repair, queue_size=2 * last) as publisher,
    ):
        if not publisher.wait_ready(_PATIENCE):
            raise SystemExit("bench.py: the bridge does not subscribe")
        publisher.publish(_TOPIC, payload(1))
        next(numbers_heard(client))
        wait_for_first_word(publisher)
        for number in range(2, last):
            publisher.publish(_TOPIC, payload(number))
        began = time.monotonic()
        publisher.publish(_TOPIC, payload(last))
        heard = b""
        while b'"n":%d,' % last not in heard[-2048:]:  # looked at later: that takes longer than the repair
            heard += client.socket.recv(1 << 20)
        seconds = time.monotonic() - began
    if [int(number) for number in re.findall(rb'"n":(\d+),', heard)] != list(range(2, last + 1)):
        raise SystemExit("bench.py: what was lost in one piece came incomplete")
    return {"events": size.hole, "ms": seconds * 1e3, "per_second": size.hole / seconds}


def wait_for_first_word(publisher: Publisher) -> None:
    """Until it has said how far it is: from then on the bridge knows whom to ask."""
    until = time.monotonic() + _PATIENCE
    assert publisher._repair is not None
    (asker,) = publisher._repair._talk.askers
    while asker._say_at == 0 and time.monotonic() < until:
        os.sched_yield()


# ---- loss ----


def repair_losses(serve: Serve, size: Size) -> Figures:
    one = place(8000)
    count = int(size.loss_rate * size.loss_seconds)
    drawn = random.Random(1)
    lost = {number for number in range(2, count + 1) if drawn.random() < _LOST}
    waited: dict[bool, list[float]] = {True: [], False: []}
    told = 0  # as lost for good
    expected = 1
    with (
        serve("loss", one.server, asking([one.repair])) as pid,
        subscribed(one) as client,
        linked(one.server.ingest, lost.__contains__) as link,
        published(link, one.repair, size.loss_rate, count),
    ):
        began = cpu_seconds(pid)
        while expected <= count:
            message = json.loads(client.frame().payload)
            at = time.monotonic_ns()
            first, last = (message["from"], message["to"]) if message["type"] == "gap" else (message["n"], message["n"])
            if first != expected:
                raise SystemExit(f"bench.py: event {first} came in place of {expected}")
            if message["type"] == "gap":
                told += last - first + 1
            else:
                waited[first in lost].append((at - message["at"]) / 1e6)
            expected = last + 1
        us = (cpu_seconds(pid) - began) / count * 1e6
        repaired = metric(one.server.port, "zws_repaired_total")
    p99 = {was_lost: quantiles(times, n=100)[98] for was_lost, times in waited.items()}
    return {
        "events": count,
        "repaired": repaired,
        "not_repaired": told,
        "p99_ms": p99[False],
        "p99_ms_repaired": p99[True],
        "p99_ms_more": p99[True] - p99[False],
        "us": us,
    }


# ---- herd ----


def herd_returns(build: Path, serve: Serve, size: Size) -> Figures:
    one = place(8000)
    settings = asking([one.repair])
    count = int(size.herd_rate * size.herd_seconds)
    waited: list[float] = []
    with herd(build, one, size) as published_all:
        with serve("herd", one.server, settings):
            published_all()
        with (
            serve("herd", one.server, settings) as pid,
            subscribed(one) as client,
            published(one.server.ingest, one.repair, size.herd_rate, count),
        ):
            for _ in range(count):
                message = json.loads(client.frame().payload)
                waited.append((time.monotonic_ns() - message["at"]) / 1e6)
            cpu = cpu_seconds(pid)
            repaired = metric(one.server.port, "zws_repaired_total")
    return {
        "events": size.herd * size.herd_topics,
        "missing": size.herd * size.herd_topics - repaired,
        "p99_ms": quantiles(waited, n=100)[98],
        "max_ms": max(waited),
        "cpu_seconds": cpu,
    }


@contextmanager
def herd(build: Path, one: Place, size: Size) -> Iterator[Callable[[], None]]:
    """The publishers; what is yielded waits until a bridge has heard them all."""
    # Behind the live publisher and its client, with which it shares a core.
    command = ["nice", "-n", "19", build / "tests/bench/repair_herd", one.server.ingest, one.repair]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*command, str(size.herd), str(size.herd_topics)], **pipes) as process:

        def published_all() -> None:
            assert process.stdout is not None
            if process.stdout.readline() != b"published\n":
                raise SystemExit("bench.py: the bridge does not subscribe at every publisher")

        try:
            yield published_all
        finally:
            process.kill()


# ---- who speaks with the bridge ----


def payload(number: int) -> bytes:
    head = f'{{"type":"n","n":{number},"at":{time.monotonic_ns()},"text":"'
    return (head + "x" * (198 - len(head)) + '"}').encode()


@contextmanager
def published(endpoint: str, repair: str, rate: int, count: int) -> Iterator[None]:
    """A publisher in a process of its own, which answers until the end of the block."""
    ends, told = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=publish, args=(endpoint, repair, rate, count, ends), daemon=True)
    process.start()
    try:
        yield
        told.send(None)
        process.join(_PATIENCE)
    finally:
        process.kill()
        process.join()


def publish(endpoint: str, repair: str, rate: int, count: int, ends: Any) -> None:
    with Publisher(endpoint, repair=repair, queue_size=count) as publisher:
        if not publisher.wait_ready(_PATIENCE):
            sys.exit("the bridge does not subscribe")
        began = time.monotonic()
        sent = 0
        while sent < count:
            due = min(count, 1 + int((time.monotonic() - began) * rate))
            while sent < due:
                sent += 1
                publisher.publish(_TOPIC, payload(sent))
            ends.poll(0.001)
        ends.poll(_PATIENCE)


@contextmanager
def linked(bridge: str, loses: Callable[[int], bool]) -> Iterator[str]:
    """A link in a process of its own; yields where it listens."""
    here, there = _FORK.Pipe()
    process = _FORK.Process(target=link, args=(bridge, loses, there), daemon=True)
    process.start()
    try:
        yield here.recv()
        here.send(None)
        process.join(_PATIENCE)
    finally:
        process.kill()
        process.join()


def link(bridge: str, loses: Callable[[int], bool], ends: Any) -> None:
    with LossyLink(bridge, loses) as lossy:
        ends.send(lossy.endpoint)
        ends.recv()


@contextmanager
def subscribed(one: Place) -> Iterator[RawSocket]:
    with RawSocket(one.server.port) as client:
        client.upgrade()
        client.frame()
        client.send_frame(TEXT, json.dumps({"type": "subscribe", "topic": _TOPIC}).encode())
        client.frame()
        yield client


def numbers_heard(client: RawSocket) -> Iterator[int]:
    while True:
        found = re.search(rb'"n":(\d+),', client.frame().payload)
        if found is None:
            raise SystemExit("bench.py: a gap is told")
        yield int(found[1])


def metric(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(rf"^{name} (\S+)", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0
