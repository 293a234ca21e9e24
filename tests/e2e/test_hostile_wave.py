"""Strangers, clients and producers at their worst, under one set of invariants: see support/wave.py."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import struct
from pathlib import Path

import pytest

from support.fault_proxy import FaultProxy
from support.raw_socket import PING, TEXT, RawSocket
from support.tokens import Issuer, bearer
from support.wave import Wave
from support.ws_client import WsClient

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds
MASK = b"\1\2\3\4"
KEPT_SECONDS = 30.0


@pytest.fixture
def wave(make_bridge, make_producer, issuer, tmp_path):
    bridge = make_bridge(
        {
            **issuer.settings(tmp_path),
            "auth.anonymous.subscribe": ["*"],
            "limits.handshake_timeout": "1s",
            "heartbeat.interval": "5m",  # witnesses compare bytes, so no pings
            "heartbeat.timeout": "10m",
            "limits.stalled_timeout": "2s",
            "limits.queue_bytes": 65536,
            "history.bytes": 1 << 20,
        }
    )
    with Wave(bridge, make_producer(bridge.endpoint)) as wave:
        yield wave


def reset(client: RawSocket) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.socket.close()


def open_client(bridge) -> RawSocket:
    client = RawSocket(bridge.port)
    assert client.upgrade()[0] == 101
    return client


def subscribe(client: RawSocket, **request) -> None:
    client.send_frame(TEXT, json.dumps({"type": "subscribe", **request}).encode())


# ---- how far a connection gets before it does what it must not ----


def says_nothing(bridge):
    return RawSocket(bridge.port)


def in_the_head(bridge):
    client = RawSocket(bridge.port)
    client.send(b"GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgra")
    return client


def in_a_body(bridge):
    client = RawSocket(bridge.port)
    client.send(b"POST /api/ws/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n\r\n" + bytes(10_000))
    return client


def right_after_the_head(bridge):
    client = RawSocket(bridge.port)
    client.request(
        "GET /api/ws HTTP/1.1",
        {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAECAwQFBgcICQoLDA0ODw==",
            "Sec-WebSocket-Version": "13",
        },
    )
    return client


def upgraded(bridge):
    return open_client(bridge)


def subscribed(bridge):
    client = open_client(bridge)
    subscribe(client, topics=["other", "another"], last=3)
    return client


def in_a_frame(bridge):
    client = open_client(bridge)
    client.send(bytes([0x80 | TEXT, 0x80 | 126]) + b"\x10\x00" + MASK + b"half of what was announced")
    return client


def in_a_message(bridge):
    client = open_client(bridge)
    client.send_frame(TEXT, b'{"type":', final=False)
    return client


def in_a_close(bridge):
    client = open_client(bridge)
    client.send_frame(8, struct.pack("!H", 1000))
    return client


PHASES = [
    says_nothing,
    in_the_head,
    in_a_body,
    right_after_the_head,
    upgraded,
    subscribed,
    in_a_frame,
    in_a_message,
    in_a_close,
]


@pytest.mark.short
def test_resets_in_every_phase(wave):
    for _ in range(20):
        for phase in PHASES:
            reset(phase(wave.bridge))


@pytest.mark.short
def test_peers_that_close_half_in_every_phase(wave):
    """The bridge sees the end of what they say, and must not wait for more."""
    clients = [phase(wave.bridge) for phase in PHASES for _ in range(10)]
    for client in clients:
        client.end_sending()
    for client in clients:
        while not client.at_end():
            client._buffer = b""  # whatever it has to say
        client.socket.close()


def test_peers_that_are_never_done(wave):
    """A byte now and then keeps nothing open: a handshake has its time."""
    clients = [phase(wave.bridge) for phase in (says_nothing, in_the_head, in_a_body) for _ in range(30)]
    for client in clients:
        while not client.at_end():
            client._buffer = b""
        client.socket.close()


@pytest.mark.short
def test_a_flood_of_connects(wave):
    for _ in range(300):
        client = right_after_the_head(wave.bridge)
        client.socket.close()
    for _ in range(100):
        open_client(wave.bridge).socket.close()


@pytest.mark.short
def test_a_flood_of_fragments(wave):
    """Of one message, which has a bound, and of empty ones, which have none but the rate."""
    for final_byte in (b"x", b""):
        client = open_client(wave.bridge)
        client.send_frame(TEXT, b"x", final=False)
        size = bytes([0x00, 0x80 | len(final_byte)]) + bytes(4) + final_byte
        try:
            for _ in range(200):
                client.send(size * 500)
        except OSError:
            pass  # cut off in the middle: as it should be
        reset(client)


@pytest.mark.short
def test_a_flood_of_pings_in_the_middle_of_a_message(wave):
    client = in_a_message(wave.bridge)
    many = (bytes([0x80 | PING, 0x80 | 4]) + MASK + b"ping") * 1000
    client.socket.setblocking(False)
    for _ in range(50):
        try:
            client.socket.send(many)
        except BlockingIOError:
            break  # the bridge reads no further
    reset(client)


@pytest.mark.short
def test_a_flood_of_subscribes(wave):
    """Names without end, and the same again and again; it is slowed down, refused, or thrown out."""
    some = random.Random(5)
    for seed in range(3):
        client = open_client(wave.bridge)
        try:
            for turn in range(200):
                names = [f"flood:{seed}:{some.randrange(10**6)}" for _ in range(500)]
                subscribe(client, topics=names if turn % 2 else ["same"] * 500, last=5)
        except OSError:
            pass
        reset(client)


@pytest.mark.short
def test_calls_of_every_wrong_kind(wave):
    requests = [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST /api/ws/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/ws/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"POST /api/ws/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /api/ws?token=\x1b[31m%1b%0aforged HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50,
    ]
    for request in requests * 5:
        with RawSocket(wave.bridge.port) as client:
            client.send(request)
            client.end_sending()
            while not client.at_end():
                client._buffer = b""


@pytest.mark.short
def test_tokens_of_strangers(wave, issuer):
    """Forged, ended, without end, with control characters: none is let in, and none is in the log."""
    good = issuer.token("ada")
    tokens = [
        Issuer().token("mallory"),
        issuer.token("ada", lives=-3600),
        good[:-3],
        good.split(".")[0] + "." + good.split(".")[1] + ".",
        "eyJ" + "A" * 3000,
        issuer.token("a\x1b[31mb"),
    ]
    for token in tokens * 3:
        client = wave.bridge.connect(headers=bearer(token), greeted=False)
        assert client.wait_closed()[0] == 4401
        client.close()
        client = wave.bridge.connect(f"?token={token}", greeted=False)
        assert client.wait_closed()[0] == 4401
        client.close()
    with wave.bridge.connect(headers=bearer(good)) as client:
        assert client.hello["user"] == "ada"


@pytest.mark.short
def test_noise_at_the_producers_port(wave):
    """Raw noise, half greetings, half handshakes, and what belongs to another protocol."""
    host, port = wave.bridge.endpoint.removeprefix("tcp://").split(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    curve = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
    noise = random.Random(7)
    for _ in range(10):
        for data in (
            b"",
            noise.randbytes(300),
            greeting[:11],
            greeting,
            greeting + b"\x04\x05\x05READY",
            curve + b"\x04\xc8\x05HELLO" + noise.randbytes(50),
            b"GET / HTTP/1.1\r\n\r\n",
            greeting + b"\x02" + b"\x7f" + b"\xff" * 7,
        ):
            with socket.create_connection((host, int(port)), timeout=KEPT_SECONDS) as peer:
                peer.sendall(data)
                if noise.random() < 0.5:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.short
def test_producers_that_make_no_sense(wave, make_producer):
    producer = make_producer(wave.bridge.endpoint)
    for n in range(200):
        producer.send_frames(b"")
        producer.send_frames(b"no-space")
        producer.send_frames(b"a" * 300, b"{}")
        producer.send_frames(b"\xff\xfe", b"{}")
        producer.send_frames(b"a\x1b[31m", b"{}")
        producer.send_frames(b"@user/", b"{}")
        producer.send_frames(b"a", os.urandom(200), b"not a header")
        producer.send_frames(b"a", b"{" * 2000, b'{"src":"x","seq":0}')
        producer.send_frames(*(b"frame" for _ in range(20)))
        producer.send("a", {"n": n}, {"src": "s", "seq": 1 + n % 7, "ts": 5})
    producer.send_frames(b"last", b"{}")
    wave.bridge.wait_metric_at_least("zws_ingest_rejected_total", 200 * 6)


@pytest.mark.short
def test_many_producers_at_once_that_leave_again(wave, make_producer):
    producers = [make_producer(wave.bridge.endpoint) for _ in range(60)]
    for producer in producers:
        producer.send("crowd", {"type": "x"})
    for producer in producers:
        producer.close()
    wave.bridge.wait_metric("zws_producers", 1)


def stands_still(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_machine_that_stands_still(wave):
    """SIGSTOP: what was sent meanwhile arrives, and nobody is thrown out for the bridge's own absence."""
    wave.answers = False
    for _ in range(3):
        os.kill(wave.bridge.pid, signal.SIGSTOP)
        try:
            wave.bridge.wait_until(lambda: stands_still(wave.bridge.pid), "it stands still")
            # As long as a client waits for an answer that cannot come.
            with socket.create_connection(("127.0.0.1", wave.bridge.port), timeout=0.5) as client:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                with pytest.raises(TimeoutError):
                    client.recv(1)
        finally:
            os.kill(wave.bridge.pid, signal.SIGCONT)
        assert wave.bridge.get("/healthz").status == 200
    assert wave.bridge.metric("zws_closed_total", code="4408") == 0


@pytest.mark.short
def test_a_byte_at_a_time(wave):
    """Both ways, through a proxy that cuts everything into single bytes."""
    with FaultProxy(wave.bridge.port, slice_bytes=1) as proxy:
        with WsClient(f"ws://127.0.0.1:{proxy.port}/api/ws") as client:
            client.subscribe("sliced")
            for _ in range(20):
                assert client.ask({"type": "ping"})["type"] == "pong"
        with RawSocket(proxy.port) as client:
            client.request("GET /healthz HTTP/1.1", {"Host": "127.0.0.1"})
            assert client.answer()[0] == 200
