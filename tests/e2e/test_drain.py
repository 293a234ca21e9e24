"""SIGTERM while clients are connected: what probes, newcomers and clients see until the end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.bridge import Bridge
from support.raw_socket import CLOSE, RawSocket
from support.tokens import bearer
from support.zws_tool import FAILED, zws

pytestmark = pytest.mark.short


@contextmanager
def draining(bridge: Bridge) -> Iterator[RawSocket]:
    """A bridge that goes on draining, as one client never answers its close."""
    with RawSocket(bridge.port) as deaf:
        deaf.upgrade()
        bridge.signal(signal.SIGTERM)
        while (frame := deaf.frame()).opcode != CLOSE:
            pass
        assert frame.close_code == 1012
        yield deaf


@pytest.fixture
def slow(make_bridge) -> Bridge:
    return make_bridge({"server.drain_timeout": "10m"})


def test_readyz_is_503_with_the_reason_while_healthz_is_well(slow):
    with draining(slow):
        answer = slow.get("/readyz")
        assert answer.status == 503
        assert answer.json == {"ready": False, "reasons": ["the bridge stops"]}
        assert slow.get("/healthz").status == 200
        (bridge,) = slow.get("/api/ws/bridges", bearer(slow.admin_token)).json["bridges"]
        assert bridge["state"] == "draining"
        checked = zws("check", "--url", slow.url)
        assert checked.code == FAILED and "ILL ready" in checked.out and "the bridge stops" in checked.out
        assert slow.metric("zws_connections") == 1
        slow.signal(signal.SIGTERM)
        assert slow.wait() == 0


def test_nobody_is_let_in_any_more(slow):
    with draining(slow):
        with RawSocket(slow.port) as newcomer:
            status, headers = newcomer.upgrade()
            assert status == 503 and int(headers["retry-after"]) > 0
        assert slow.metric("zws_handshakes_total", result="draining") == 1
        assert slow.metric("zws_handshakes_total", result="full") == 0, "the alert ZwsFull sleeps"
        slow.signal(signal.SIGTERM)
        assert slow.wait() == 0


def test_who_has_just_been_let_in_is_told_to_come_back_too(make_bridge):
    bridge = make_bridge({"server.drain_timeout": "5s"})
    clients = [bridge.connect() for _ in range(40)]
    codes: list[int] = []
    watchers = [threading.Thread(target=lambda c=c: codes.append(c.wait_closed()[0])) for c in clients]
    for watcher in watchers:
        watcher.start()
    assert bridge.stop() == 0
    for watcher in watchers:
        watcher.join()
    assert codes == [1012] * 40


def reconnects(received: list[Any]) -> list[int]:
    return [message["after_ms"] for message in received if message.get("type") == "reconnect"]


def test_each_is_told_at_once_when_it_is_to_come_back_and_hears_events_until_then(make_bridge, make_producer):
    bridge = make_bridge({"server.drain_timeout": "10m", "server.threads": 1})
    clients = [bridge.connect() for _ in range(60)]
    for client in clients:
        client.subscribe("news")
    producer = make_producer(bridge.endpoint)
    bridge.signal(signal.SIGTERM)
    told = {}
    for client in clients:
        message = client.receive()
        assert set(message) == {"type", "after_ms"} and message["type"] == "reconnect"
        told[client] = message["after_ms"]
    assert len(set(told.values())) > 30, "each has a time of its own"
    assert max(told.values()) <= 60 * 50, "and few need not be spread over ten minutes"
    last = max(clients, key=lambda client: told[client])
    producer.send("news", {"type": "live"})
    assert last.receive()["type"] == "live"
    assert [client.wait_closed()[0] for client in clients] == [1012] * 60
    assert bridge.wait() == 0
    assert "closed: 1012" not in bridge.log.tail(1000), "nobody looks into what a restart has to do"


def test_the_end_of_the_time_is_for_the_clients_own_half_of_the_close(make_bridge):
    bridge = make_bridge({"server.drain_timeout": "2s", "server.threads": 1})
    clients = [bridge.connect() for _ in range(60)]
    bridge.signal(signal.SIGTERM)
    told = [client.receive()["after_ms"] for client in clients]
    assert 600 < max(told) <= 1200
    assert bridge.wait() == 0


def test_who_grows_old_is_told_to_reconnect_and_closed_a_second_later(make_bridge):
    bridge = make_bridge({"server.max_connection_age": "1s"})
    clients = [bridge.connect() for _ in range(3)]
    for client in clients:
        code, received = client.wait_closed()
        assert (code, reconnects(received)) == (1012, [1000])
    assert bridge.connect().hello["status"] == "connected"


def test_closes_are_spread(make_bridge):
    """With ten minutes to go, three hundred clients are not all closed when the first ones are."""
    bridge = make_bridge({"server.drain_timeout": "10m", "server.threads": 1})
    clients = [bridge.connect() for _ in range(300)]
    bridge.signal(signal.SIGTERM)
    bridge.wait_metric_at_least("zws_closed_total", 1, code="1012")
    told = bridge.metric("zws_closed_total", code="1012")
    assert bridge.metric("zws_connections") > 100
    bridge.signal(signal.SIGTERM)
    assert bridge.wait() == 0
    codes = [client.wait_closed()[0] for client in clients]
    assert told <= codes.count(1012) < 200
    assert codes.count(1006) == 300 - codes.count(1012), "the second signal cuts off who is not told yet"


def test_no_time_to_drain_is_still_a_word_for_each_client(make_bridge):
    bridge = make_bridge({"server.drain_timeout": "0s"})
    clients = [bridge.connect() for _ in range(20)]
    bridge.signal(signal.SIGTERM)
    assert [client.wait_closed()[0] for client in clients] == [1012] * 20
    assert bridge.wait() == 0


def test_it_is_there_again_after_a_kill(bridge):
    client = bridge.connect()
    bridge.kill()
    client.wait_closed()
    bridge.start()
    assert bridge.get("/readyz").status == 200
    assert bridge.connect().hello["status"] == "connected"
