"""Clients that mean no good: memory stays bounded and is given back, and 50 others see every event in order.

Each story has a short form, and a whole one (`pytest -m whole`) with the numbers of a real attack.
"""

import json
import socket
import struct

import pytest

from support.raw_socket import PING, TEXT, RawSocket
from support.witnesses import Witnesses

WITNESSES = 50
QUEUE = 65536
MIB = 1 << 20
# What the process may grow by besides what waits: bookkeeping, and what an allocator (that of a
# sanitizer above all) keeps for later.
CONSTANT = 192 * MIB
SETTINGS = {
    "limits.queue_bytes": QUEUE,
    "limits.unsent_bytes": 16384,
    "limits.stalled_timeout": "10m",
    "heartbeat.interval": "5m",  # witnesses compare bytes, so no pings
    "heartbeat.timeout": "10m",
}
FILLER = "x" * 1000


def forms(few, many):
    """The same story in both its sizes."""
    return pytest.mark.parametrize(
        "size", [pytest.param(few, marks=pytest.mark.short), pytest.param(many, marks=pytest.mark.whole)]
    )


@pytest.fixture(params=[1, 2], ids=["one-lane", "two-lanes"])
def bridge(request, make_bridge):
    return make_bridge({"server.threads": request.param, **SETTINGS})


@pytest.fixture
def witnesses(bridge, producer):
    witnesses = Witnesses(bridge, producer, "a", WITNESSES)
    yield witnesses
    witnesses.close()


@pytest.fixture
def crowd(bridge, witnesses):
    """Makes hostile clients on the witnesses' stream; at the end all must be gone without a trace."""
    clients = []
    before = bridge.metric("process_resident_memory_bytes")

    def make(count):
        for _ in range(count):
            client = RawSocket(bridge.port, receive_buffer=4096)
            assert client.upgrade()[0] == 101
            client.send_frame(TEXT, json.dumps({"type": "subscribe", "topic": "a"}).encode())
            client.frame(), client.frame()  # connection, subscribed
            clients.append(client)
        return clients[-count:]

    yield make
    queued = bridge.metric("zws_queue_bytes")
    grown = bridge.metric("process_resident_memory_bytes") - before
    assert queued <= len(clients) * (QUEUE + 2 * len(FILLER))
    assert grown <= len(clients) * QUEUE + CONSTANT
    for client in clients:
        client.socket.close()
    bridge.wait_metric("zws_connections", WITNESSES)
    bridge.wait_metric("zws_queue_bytes", 0)
    witnesses.see(10)


def fill(bridge, witnesses, events):
    """Publishes until whoever does not read has a queue at its bound."""
    for _ in range(events // 20):
        witnesses.see(20, filler=FILLER)
    assert bridge.metric("zws_dropped_total", reason="slow_consumer") > 0


@forms(few=20, many=1000)
def test_many_that_stop_reading_at_once(bridge, witnesses, crowd, size):
    crowd(size)
    fill(bridge, witnesses, 400)


@forms(few=20_000, many=3_000_000)
def test_one_that_pings_and_never_reads(bridge, witnesses, crowd, size):
    (client,) = crowd(1)
    fill(bridge, witnesses, 400)
    mask = b"\1\2\3\4"
    many = (bytes([0x80 | PING, 0x80 | 125]) + mask + bytes(125)) * 1000
    # The bridge reads no further once the queue is at its bound, so not all of them may leave.
    client.socket.setblocking(False)
    sent = 0
    for _ in range(size // 1000):
        try:
            sent += client.socket.send(many[sent % (len(many) // 1000) :])
        except BlockingIOError:
            pass
        witnesses.see(1)
    assert sent > 0


@forms(few=20_000, many=3_000_000)
def test_one_that_pings_while_nothing_else_waits(bridge, witnesses, crowd, size):
    """Its pings are read no faster than messages, and a waiting pong is replaced by the next."""
    client = RawSocket(bridge.port, receive_buffer=4096)
    assert client.upgrade()[0] == 101
    many = (bytes([0x80 | PING, 0x80 | 125]) + b"\1\2\3\4" + bytes(125)) * 1000
    with client:
        client.socket.setblocking(False)
        sent = 0
        for _ in range(size // 1000):
            try:
                sent += client.socket.send(many[sent % (len(many) // 1000) :])
            except BlockingIOError:
                witnesses.see(1)
        witnesses.see(10)
        assert bridge.metric("zws_queue_bytes") <= QUEUE + 1024
    bridge.wait_metric("zws_connections", WITNESSES)  # with its pongs, which are nobody's in the crowd


@forms(few=10, many=200)
def test_some_that_read_a_byte_at_a_time(bridge, witnesses, crowd, size):
    clients = crowd(size)
    for _ in range(40):
        witnesses.see(10, filler=FILLER)
        for client in clients:
            assert len(client.take(1)) == 1


@forms(few=10, many=500)
def test_some_that_close_half(bridge, witnesses, crowd, size):
    clients = crowd(size)
    fill(bridge, witnesses, 400)
    for client in clients:
        client.socket.shutdown(socket.SHUT_WR)
    witnesses.see(100, filler=FILLER)
    bridge.wait_metric("zws_connections", WITNESSES)


@forms(few=10, many=500)
def test_some_that_reset_in_mid_frame(bridge, witnesses, crowd, size):
    clients = crowd(size)
    fill(bridge, witnesses, 400)
    for client in clients:
        client.send(bytes([0x80 | TEXT, 0x80 | 126]) + b"\x10\x00" + b"\1\2\3\4" + b"half of what was announced")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    witnesses.see(100, filler=FILLER)
    bridge.wait_metric("zws_connections", WITNESSES)


@forms(few=10, many=500)
def test_some_that_vanish(make_bridge, make_producer, size):
    """No reset, no answer, never again: the heartbeat finds out. The witnesses answer pings."""
    bridge = make_bridge({**SETTINGS, "heartbeat.interval": "1s", "heartbeat.timeout": "2s"})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    vanished = [RawSocket(bridge.port, receive_buffer=4096) for _ in range(size)]
    for client in vanished:
        assert client.upgrade()[0] == 101
        client.send_frame(TEXT, b'{"type":"subscribe","topic":"a"}')
    bridge.wait_metric("zws_subscriptions", size + 1)
    n = 0
    while bridge.metric("zws_closed_total", code="4408") < size:
        for _ in range(20):
            n += 1
            producer.send("a", {"type": "n", "n": n, "filler": FILLER})
            assert witness.receive()["n"] == n
    bridge.wait_metric("zws_connections", 1)
    bridge.wait_metric("zws_queue_bytes", 0)
    for client in vanished:
        client.socket.close()
