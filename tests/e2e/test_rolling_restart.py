"""An upgrade of a fleet by the book: two bridges behind a real nginx, one history in a real Redis, and clients that
come back through the same address while one bridge after the other is restarted under a stream of events."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zwsbridge
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.bridge import ROOT, Bridge
from support.nginx import Nginx
from support.redis import Redis
from support.tokens import Issuer, bearer
from support.ws_client import Message, WsClient

CLIENTS = 20
EVERY = 0.01  # seconds between two events of the stream
PAUSE = 0.1  # seconds until a client tries again that was refused
STREAM, SELDOM = "stream", "seldom"
ROOMY = {"history.size": 20_000, "limits.replay_events": 20_000, "limits.queue_bytes": 8 << 20}


class Traveller:
    """A client as ours for browsers is: it keeps its positions, comes back whenever it is closed, and counts what it
    has heard and what it was told that it has missed."""

    def __init__(self, front: Nginx, headers: dict[str, str]) -> None:
        self._front = front
        self._headers = headers
        self._at: dict[str, list[str]] = {}
        self._last = threading.Event()
        self.heard: dict[str, list[int]] = {STREAM: [], SELDOM: []}
        self.told: dict[str, int] = {STREAM: 0, SELDOM: 0}  # events that it knows it has missed
        self.visits: list[bool | None] = []  # what was said when it came, of each topic: None the first time
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._travel)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()
        if self.failure:
            raise self.failure

    def _travel(self) -> None:
        try:
            while not self._last.is_set():
                self._visit()
        except BaseException as failure:
            self.failure = failure

    def _visit(self) -> None:
        """From one connection to its end."""
        try:
            with self._front.connect(headers=self._headers) as client:
                for topic in (STREAM, SELDOM):
                    self._subscribe(client, topic)
                while not self._last.is_set():
                    self._take(client.receive())
        except ConnectionClosed:
            return
        except InvalidStatus:  # for a moment nginx knows no bridge that it may ask
            self._last.wait(PAUSE)

    def _subscribe(self, client: WsClient, topic: str) -> None:
        since = {"since": self._at[topic]} if topic in self._at else {}
        answer = client.subscribe(topic, **since)
        self.visits.append(answer.get("recovered"))
        self._at.setdefault(topic, answer["at"])

    def _take(self, message: Message) -> None:
        topic = message.get("topic", "")
        if message["type"] == "n":
            self.heard[topic].append(message["n"])
            self._at[topic] = [message["@id"]]
        elif message["type"] == "gap":
            self.told[topic] += message["missed"]
            self._at[topic] = [f"{message['src']}:{message['to']}"]
        elif message["type"] == "last":
            self._last.set()
        else:
            assert message["type"] == "reconnect", message


class Stream:
    """A publisher of numbered events that both bridges hear, one every few milliseconds until the end of the `with`."""

    def __init__(self, publisher: zwsbridge.Publisher) -> None:
        self._publisher = publisher
        self._newest = dict.fromkeys((STREAM, SELDOM), 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def say(self, topic: str) -> None:
        self._newest[topic] += 1
        self._publisher.publish(topic, {"type": "n", "n": self._newest[topic]})

    def sent(self, topic: str) -> list[int]:
        return list(range(1, self._newest[topic] + 1))

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            self.say(STREAM)


@pytest.fixture
def redis(tmp_path) -> Iterator[Redis]:
    with Redis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def fleet(make_bridge, redis, issuer, tmp_path) -> list[Bridge]:
    settings = {**ROOMY, **issuer.settings(tmp_path), "relay.redis": redis.url()}
    fleet = [make_bridge(settings) for _ in range(2)]
    for bridge in fleet:
        bridge.wait_metric("zws_relay_up", 1)
    return fleet


@pytest.fixture
def publisher(fleet) -> Iterator[zwsbridge.Publisher]:
    """It gives nothing again: what a bridge that begins has not heard, Redis must have."""
    with zwsbridge.Publisher([bridge.endpoint for bridge in fleet], repair=None) as publisher:
        for bridge in fleet:
            bridge.wait_metric_at_least("zws_producers", 1)
        yield publisher


@pytest.fixture
def front(fleet) -> Iterator[Nginx]:
    with Nginx(*(bridge.port for bridge in fleet)) as front:
        yield front


@contextmanager
def travellers(fleet: list[Bridge], front: Nginx, issuer: Issuer) -> Iterator[list[Traveller]]:
    headers = bearer(issuer.token("ada"))
    clients = [Traveller(front, headers) for _ in range(CLIENTS)]
    wait_subscribed(fleet)
    yield clients
    for client in clients:
        client.join()


def wait_subscribed(fleet: list[Bridge]) -> None:
    """Until every client is somewhere, and has subscribed to both topics there."""
    fleet[0].wait_until(
        lambda: sum(bridge.metric("zws_subscriptions") for bridge in fleet) == 2 * CLIENTS, "all are in"
    )


def back_in_service(bridge: Bridge, front: Nginx, headers: dict[str, str]) -> None:
    """What the next bridge's turn waits for: this one is of the fleet, hears the producers, and gets new clients. Then the
    commands of the manual say so."""
    bridge.wait_metric("zws_relay_up", 1)
    bridge.wait_metric_at_least("zws_events_received_total", 1)
    bridge.wait_until(lambda: comes_to(bridge, front, headers), "nginx sends it clients")
    with front.connect(headers=headers):
        said = as_the_manual_asks(bridge)
    assert "relay:" not in said
    shown = dict(re.findall(r"^(zws_\w+) (\d+)$", said, re.M))
    assert set(shown) == {"zws_relay_up", "zws_producers", "zws_connections"} and "0" not in shown.values(), said


def as_the_manual_asks(bridge: Bridge) -> str:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/OPERATING.md").read_text(), re.M | re.S)
    (commands,) = (block for block in blocks if "zws_(relay_up|" in block)
    here = commands.replace("127.0.0.1:8000", f"127.0.0.1:{bridge.port}")
    return subprocess.run(["bash", "-euc", here], capture_output=True, text=True, check=True).stdout


def comes_to(bridge: Bridge, front: Nginx, headers: dict[str, str]) -> bool:
    """Whether the next client does: the bridge that has fewest gets it."""
    try:
        with front.connect(headers=headers):
            return bridge.metric("zws_connections") > 0
    except InvalidStatus:
        return False


def test_one_bridge_after_the_other_is_restarted_and_no_client_misses_anything(fleet, front, publisher, issuer):
    """The topic on which hardly anything is said no bridge has heard at the end: what is known of it is in Redis."""
    with travellers(fleet, front, issuer) as clients:
        with Stream(publisher) as stream:
            stream.say(SELDOM)
            for bridge in fleet:
                bridge.wait_metric_at_least("zws_events_received_total", 1)
            for bridge in fleet:
                bridge.restart()
                back_in_service(bridge, front, bearer(issuer.token("ada")))
                wait_subscribed(fleet)
            stream.say(SELDOM)
        publisher.publish(STREAM, {"type": "last"})
    for client in clients:
        assert client.heard == {topic: stream.sent(topic) for topic in (STREAM, SELDOM)}
        assert client.told == {STREAM: 0, SELDOM: 0}
        assert client.visits[:2] == [None, None] and all(client.visits[2:]), client.visits
    assert any(len(client.visits) == 6 for client in clients), "all of the first bridge's clients have moved twice"
