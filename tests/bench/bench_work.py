"""What is measured: the servers, the workloads of the comparison with other products, and the curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BRIDGE = "bridge"
JOINED = "raw joined"  # one send per drain and client
EACH = "raw each"  # one send per event and client
SAME_BYTES = "raw joined, bridge's bytes"  # and the members that a bridge adds to an event


REPAIR = "repair"  # a work of its own: bench_repair.py


@dataclass(frozen=True)
class Server:
    """A program to measure. In a network namespace of our own the ports are ours."""

    port: int
    ingest: str
    url: str
    flags: tuple[str, ...] = ()

    def command(self, build: Path, out: Path, settings: dict[str, Any]) -> list[str]:
        if self.flags:
            return [
                str(build / "tests/bench/raw_fanout"),
                "--port",
                str(self.port),
                "--ingest",
                self.ingest,
                *self.flags,
            ]
        chosen = {
            "server.listen": f'"127.0.0.1:{self.port}"',
            "server.threads": 1,
            "ingest.bind": f'["{self.ingest}"]',
            "auth.admin_token_file": f'"{out.resolve() / "admin-token"}"',
            "log.level": '"warning"',
            **settings,
        }
        sets = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
        return [str(build / "bridge/zwsbridge"), *sets]


def raw(*flags: str) -> Server:
    return Server(8100, "tcp://127.0.0.1:5557", "ws://127.0.0.1:8100/", flags)


SERVERS = {
    BRIDGE: Server(8000, "tcp://127.0.0.1:5556", "ws://127.0.0.1:8000/api/ws"),
    JOINED: raw("--mode", "joined"),
    EACH: raw("--mode", "each"),
    SAME_BYTES: raw("--mode", "joined", "--envelope"),
}


@dataclass(frozen=True)
class Point:
    """One run of zws bench for each server."""

    arguments: list[str]
    servers: tuple[str, ...]
    at: int | None = None  # place on a curve
    settings: dict[str, Any] = field(default_factory=dict)  # of the bridge


def words(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True)
class Workload:
    name: str
    says: str
    servers: tuple[str, ...]
    full: str  # arguments of zws bench
    quick: str
    rounds: int = 5

    def points(self, quick: bool) -> list[Point]:
        return [Point(words(self.quick if quick else self.full), self.servers)]


def named(*works: Any) -> dict[str, Any]:
    return {work.name: work for work in works}


W3 = "latency --rate 20000 --burst 4"

WORKLOADS: dict[str, Workload] = named(
    Workload(
        "W1",
        "1,000 clients, 1 topic, 200 B, flat out, 256 in flight",
        (BRIDGE, JOINED, SAME_BYTES),
        "fanout --clients 1000 --in-flight 256 --seconds 5",
        "fanout --clients 1000 --in-flight 256 --seconds 1",
    ),
    Workload(
        "W1w16",
        "the same, 16 in flight",
        (BRIDGE, JOINED),
        "fanout --clients 1000 --in-flight 16 --seconds 5",
        "fanout --clients 1000 --in-flight 16 --seconds 1",
    ),
    Workload(
        "W2",
        "1,000 clients, 1 topic, 100 events/s",
        (BRIDGE, EACH),
        "latency --clients 1000 --rate 100 --seconds 10",
        "latency --clients 1000 --rate 100 --seconds 2",
    ),
    Workload(
        "W3",
        "10,000 clients on own topics; 5 s idle, then 20,000 events/s, each to one client",
        (BRIDGE, JOINED),
        f"{W3} --clients 10000 --topics 10000 --rest 5 --seconds 10",
        f"{W3} --clients 2000 --topics 2000 --rest 1 --seconds 2",
    ),
    Workload(
        "stopped",
        "1,000 clients, 100 events/s, one of them stops reading for 30 s",
        (BRIDGE,),
        "latency --clients 1000 --rate 100 --seconds 30 --stopped 1 --stop-seconds 30",
        "latency --clients 1000 --rate 100 --seconds 3 --stopped 1 --stop-seconds 3",
    ),
    Workload(
        "reconnect",
        "10,000 clients come back within 5 s with `since`, 20,000 live deliveries/s",
        (BRIDGE,),
        "reconnect --clients 10000 --within 5",
        "reconnect --clients 2000 --within 1 --seconds 2",
    ),
)


@dataclass(frozen=True)
class Curve:
    """The same work at several sizes; the same number of deliveries a second at each."""

    name: str
    says: str
    x: str
    places: tuple[int, ...]
    point: Callable[[int], Point]
    rounds: int = 2

    def points(self, quick: bool) -> list[Point]:
        return [self.point(place) for place in (self.places[::3] if quick else self.places)]


DELIVERIES = 20_000  # a second


def clients_point(clients: int) -> Point:
    rate = max(2, DELIVERIES // clients)
    return Point(words(f"latency --clients {clients} --rate {rate} --seconds 3"), (BRIDGE, EACH), clients)


def topics_point(topics: int, flags: str = "", servers: tuple[str, ...] = (BRIDGE, JOINED)) -> Point:
    receivers = max(1, 1000 // topics)
    arguments = f"latency --clients 1000 --topics {topics} --rate {DELIVERIES // receivers} --seconds 3 {flags}"
    return Point(words(arguments), servers, topics)


def lanes_point(lanes: int, arguments: str) -> Point:
    return Point(words(arguments), (BRIDGE,), lanes, {"server.threads": lanes})


CURVES: dict[str, Curve] = named(
    Curve("clients", "one topic", "clients", (10, 30, 100, 300, 1000, 3000, 10_000), clients_point),
    Curve("topics", "1,000 clients", "topics", (1, 10, 100, 1000, 10_000, 100_000), topics_point),
    Curve(
        "patterns",
        "1,000 clients, every subscription a pattern",
        "patterns",
        (1, 10, 100, 1000, 10_000, 100_000),
        lambda topics: topics_point(topics, "--patterns", (BRIDGE,)),
    ),
    Curve(
        "lanes, all want it",
        "1,000 clients on one topic, all lanes on one core",
        "lanes",
        (1, 2, 4, 8, 16, 32, 64),
        lambda lanes: lanes_point(lanes, "latency --clients 1000 --rate 20 --seconds 3"),
    ),
    Curve(
        "lanes, one wants it",
        "1,000 clients on own topics, all lanes on one core",
        "lanes",
        (1, 2, 4, 8, 16, 32, 64),
        lambda lanes: lanes_point(lanes, "latency --clients 1000 --topics 1000 --rate 20000 --seconds 3"),
    ),
)
