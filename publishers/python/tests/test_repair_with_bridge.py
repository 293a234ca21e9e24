"""The real daemon asks a publisher for what got lost on the way: everything comes once, and in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import zmq
from stand_in import wait_until
from support.bridge import Bridge

from zwsbridge import Publisher


@pytest.fixture
def daemon(start_daemon: Callable[..., Bridge]) -> Bridge:
    """One with patience: on a busy machine an answer may take its time."""
    return start_daemon({"ingest.repair_wait": "5s"})


class LossyLink:
    """Passes events on to a bridge as it pleases `loses`, which is given their numbers in order of arrival."""

    def __init__(self, bridge: str, loses: Callable[[int], bool]) -> None:
        self._loses = loses
        self.lost = 0
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.XSUB)
        self._front.rcvhwm = 0
        self.endpoint = f"tcp://127.0.0.1:{self._front.bind_to_random_port('tcp://127.0.0.1')}"
        self._back = self._context.socket(zmq.XPUB)
        self._back.sndhwm = 0
        self._back.connect(bridge)
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        self._stopped = self._context.socket(zmq.PAIR)
        self._stopped.connect("inproc://stop")
        self._thread = threading.Thread(target=self._pass_on, name="lossy-link")
        self._thread.start()

    def _pass_on(self) -> None:
        poller = zmq.Poller()
        for each in (self._front, self._back, self._stopped):
            poller.register(each, zmq.POLLIN)
        arrived = 0
        while self._stopped not in (ready := dict(poller.poll())):
            if self._back in ready:
                self._front.send(self._back.recv())  # a subscription
            if self._front in ready:
                frames = self._front.recv_multipart()
                arrived += 1
                if self._loses(arrived):
                    self.lost += 1
                else:
                    self._back.send_multipart(frames)

    def stop(self) -> None:
        self._stop.send(b"")
        self._thread.join()
        for each in (self._front, self._back, self._stop, self._stopped):
            each.close(linger=0)
        self._context.term()


@pytest.fixture
def lossy() -> Iterator[Callable[..., LossyLink]]:
    links: list[LossyLink] = []

    def start(*args: Any) -> LossyLink:
        links.append(LossyLink(*args))
        return links[-1]

    yield start
    for link in links:
        link.stop()


def begin(publisher: Publisher) -> None:
    """Publishes the first event. When this returns the bridge knows whom to ask for what comes next."""
    assert publisher.wait_ready(10) and publisher.publish("t", {"type": "n", "n": 1})
    assert publisher._repair is not None
    (asker,) = publisher._repair._talk.askers
    wait_until(lambda: asker._say_at > 0)


def test_what_a_link_loses_comes_all_the_same(daemon: Bridge, lossy: Callable[..., LossyLink]) -> None:
    """Every tenth event is lost, and the last ones."""
    link = lossy(daemon.endpoint, lambda number: number % 10 == 0 or number > 1990)
    client = daemon.connect()
    client.subscribe("t")
    with Publisher(link.endpoint, repair=daemon.repair_endpoint) as publisher:
        begin(publisher)
        for number in range(2, 2001):
            assert publisher.publish("t", {"type": "n", "n": number})
        heard = [client.receive() for _ in range(2000)]
        assert [message.get("n") for message in heard] == list(range(1, 2001))
        assert [message["@id"] for message in heard] == [f"{publisher.src}:{number}" for number in range(1, 2001)]
    assert link.lost == 209
    assert client.receive_all() == []


def test_bridge_that_was_killed_begins_with_what_is_kept(daemon: Bridge) -> None:
    with Publisher(daemon.endpoint, repair=daemon.repair_endpoint) as publisher:
        assert publisher.wait_ready(10)
        client = daemon.connect()
        client.subscribe("t")
        for number in range(1, 51):
            assert publisher.publish("t", {"type": "n", "n": number})
        at = [client.receive() for _ in range(50)][19]["@id"]
        daemon.kill()
        daemon.start()
        daemon.wait_metric("zws_repaired_total", 50)
        client = daemon.connect()
        answer = client.subscribe("t", since=[at])
        assert answer["recovered"] is True and answer["replayed"] == 30
        assert [client.receive()["n"] for _ in range(30)] == list(range(21, 51))


def test_what_a_full_queue_did_not_take_comes_all_the_same(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("t")
    with Publisher(daemon.endpoint, repair=daemon.repair_endpoint, queue_size=5, linger=10) as publisher:
        begin(publisher)
        for number in range(2, 3001):
            publisher.publish("t", {"type": "n", "n": number})
        assert publisher.dropped
    assert [client.receive().get("n") for _ in range(3000)] == list(range(1, 3001))
