"""The real daemon asks a publisher for what got lost on the way: everything comes once, and in order."""

from __future__ import annotations

from typing import Callable

import pytest
from stand_in import wait_until
from support.bridge import Bridge
from support.lossy_link import LossyLink

from zwsbridge import Publisher


@pytest.fixture
def daemon(start_daemon: Callable[..., Bridge]) -> Bridge:
    """One with patience: on a busy machine an answer may take its time."""
    return start_daemon({"ingest.repair_wait": "5s"})


def begin(publisher: Publisher) -> None:
    """Publishes the first event. When this returns the bridge knows whom to ask for what comes next."""
    assert publisher.wait_ready(10) and publisher.publish("t", {"type": "n", "n": 1})
    assert publisher._repair is not None
    (asker,) = publisher._repair._talk.askers
    wait_until(lambda: asker._say_at > 0)


def test_what_a_link_loses_comes_all_the_same(daemon: Bridge) -> None:
    """Every tenth event is lost, and the last ones."""
    client = daemon.connect()
    client.subscribe("t")
    with (
        LossyLink(daemon.endpoint, lambda number: number % 10 == 0 or number > 1990) as link,
        Publisher(link.endpoint, repair=daemon.repair_endpoint) as publisher,
    ):
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
