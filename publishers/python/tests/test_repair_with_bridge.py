"""The real daemon asks a publisher for what got lost on the way: everything comes once, and in order."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from typing import Any, Callable

import pytest
from stand_in import wait_until
from support.bridge import Bridge
from support.lossy_link import LossyLink
from test_docs import DEFAULT_ENDPOINT, REPAIR, blocks

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


def test_program_of_the_page_is_asked_for_what_gets_lost(daemon: Bridge) -> None:
    """Whoever speaks the protocol by hand. The first events had no bridge yet; then every third is lost."""
    page, heading = REPAIR
    (program,) = blocks(page, "python")[heading]
    client = daemon.connect()
    client.subscribe("prices/btc-eur")
    with LossyLink(daemon.endpoint, lambda number: number % 3 == 0) as link:
        program = program.replace(DEFAULT_ENDPOINT, link.endpoint)
        program = program.replace("tcp://127.0.0.1:5557", daemon.repair_endpoint).replace("poll(100)", "poll(1)")
        with subprocess.Popen([sys.executable, "-c", program]) as process:
            try:
                ids = [client.receive()["@id"] for _ in range(300)]  # a gap has none
            finally:
                process.kill()
    assert link.lost
    assert [int(one.rpartition(":")[2]) for one in ids] == list(range(1, 301))


def test_with_a_tenth_lost_and_bridge_killed_again_and_again_all_comes_in_order(
    start_daemon: Callable[..., Bridge],
) -> None:
    """A client that comes back says where it was, and is given all that came since."""
    bridge = start_daemon({"ingest.repair_wait": "5s", "history.size": 10_000, "limits.replay_events": 10_000})
    with (
        LossyLink(bridge.endpoint, lambda number: number % 10 == 0) as link,
        Publisher(link.endpoint, repair=bridge.repair_endpoint, early_seconds=60) as publisher,
    ):
        heard: list[int] = []
        numbers = iter(range(1, 10_000))
        client = bridge.connect()
        client.subscribe("t")
        assert publisher.wait_ready(10)
        for kill in range(5):
            for number in islice(numbers, 200):
                publisher.publish("t", {"type": "n", "n": number})
            at = hear(client, heard, 100)
            bridge.kill()
            for number in islice(numbers, 50):
                publisher.publish("t", {"type": "n", "n": number})
            bridge.start()
            bridge.wait_metric_at_least("zws_events_received_total", 250 * (kill + 1))
            client = bridge.connect()
            assert client.subscribe("t", since=[at])["recovered"] is True
            hear(client, heard, 250 * (kill + 1) - len(heard))
        assert heard == list(range(1, 1251))


def hear(client: Any, heard: list[int], count: int) -> str:
    """So many events more; returns the id of the last."""
    message: dict[str, Any] = {}
    for _ in range(count):
        message = client.receive()
        heard.append(message["n"])
    return str(message["@id"])
