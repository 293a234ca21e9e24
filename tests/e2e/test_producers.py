"""Producers that harm nobody: oversized, silent, endless, too many, and endpoints that are away."""

import contextlib
import os
import select
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
import zmq

from support.bridge import free_port
from support.raw_socket import RawSocket
from support.zmtp import ZmtpProducer, hello

MIB = 1 << 20
GOOD = {"type": "x"}

each_number_of_lanes = pytest.mark.parametrize("lanes", [1, 2], ids=["one lane", "two lanes"])


def numbered(producer, topic, numbers):
    for n in numbers:
        producer.send(topic, {"type": "n", "n": n})


# ---- too big ----


@pytest.mark.short
def test_an_event_over_the_limit_is_named_and_its_neighbours_lose_nothing(bridge, make_producer):
    big, neighbour = make_producer(bridge.endpoint), make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("*")
    mark = bridge.log.mark()
    numbered(neighbour, "neighbour", range(20))
    big.send("import:huge", bytes(3 * MIB))
    numbered(neighbour, "neighbour", range(20, 40))
    assert [client.receive()["n"] for _ in range(40)] == list(range(40))
    line = bridge.log.wait_for("larger than limits.event_bytes", after=mark)
    assert '"import:huge"' in line and f"({3 * MIB} bytes)" in line
    bridge.wait_metric("zws_ingest_rejected_total", 1, reason="too_big")
    big.send("small", GOOD)
    assert client.receive()["topic"] == "small", "it is still connected"
    assert bridge.metric("zws_producers") == 2
    assert bridge.metric("zws_producers_lost_total") == 0


def test_a_frame_over_the_bound_cuts_its_producer_alone_and_says_why(make_bridge, make_producer):
    bridge = make_bridge({"ingest.frame_bytes": 2 * MIB})
    huge, neighbour = make_producer(bridge.endpoint), make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("*")
    bridge.wait_metric("zws_producers", 2)
    mark = bridge.log.mark()
    numbered(neighbour, "neighbour", range(20))
    huge.send("import:huge", bytes(3 * MIB))
    bridge.wait_metric("zws_producers_refused_total", 1, reason="too_big")
    numbered(neighbour, "neighbour", range(20, 40))
    assert [client.receive()["n"] for _ in range(40)] == list(range(40))
    line = bridge.log.wait_for("larger than ingest.frame_bytes", after=mark)
    assert "(127.0.0.1:" in line, "who it was"
    assert bridge.metric("zws_producers_lost_total") == 1
    huge.wait_ready()
    huge.send("small", GOOD)
    assert client.receive()["topic"] == "small", "it came back by itself"


def test_a_producer_that_leaves_is_counted(bridge, make_producer):
    make_producer(bridge.endpoint).close()
    bridge.wait_metric("zws_producers_lost_total", 1)
    assert bridge.metric("zws_producers") == 0
    assert bridge.metric("zws_producers_refused_total") == 0


# ---- headers ----


def test_a_wrong_member_of_a_header_is_logged_by_its_name(bridge, producer):
    client = bridge.connect()
    client.subscribe("*")
    mark = bridge.log.mark()
    producer.send("other:software", GOOD, {"ts": "now"})
    producer.send("orders", GOOD, {"src": "p", "seq": 0})
    producer.send("orders", GOOD, b'{"src":"p","seq":17.0,"ts":1.7e18}')
    assert client.receive()["topic"] == "other:software"
    assert not client.receive()["@id"].startswith("p:"), "delivered as headerless"
    assert client.receive()["@id"] == "p:17"
    line = bridge.log.wait_for("ignored the header", after=mark)
    assert '"orders"' in line and '"seq"' in line
    assert bridge.metric("zws_ingest_header_ignored_total") == 2
    assert not any("other:software" in line for line in bridge.log.since(mark))


# ---- sockets of another type ----

OTHER_TYPES = [zmq.PUSH, zmq.DEALER, zmq.PAIR, zmq.ROUTER, zmq.REQ, zmq.SUB]


@contextlib.contextmanager
def socket_of(kind):
    with zmq.Context() as context, context.socket(kind) as made:
        made.linger = 0
        yield made


@pytest.mark.short
@pytest.mark.parametrize("kind", OTHER_TYPES, ids=lambda kind: kind.name)
def test_a_socket_of_another_type_is_told_to_be_pub(make_bridge, make_producer, kind):
    """One that the bridge dials, and one that comes. Whichever side sees first that they do not fit."""
    with socket_of(kind) as bound, socket_of(kind) as connected:
        dialled = f"tcp://127.0.0.1:{bound.bind_to_random_port('tcp://127.0.0.1')}"
        bridge = make_bridge({"ingest.connect": [dialled]})
        bridge.log.wait_for(f"{dialled} .* is no PUB")
        connected.connect(bridge.endpoint)
        bridge.log.wait_for(f"{bridge.endpoint} .* is no PUB")
        assert bridge.metric("zws_producers") == 0
        client = bridge.connect()
        client.subscribe("a")
        make_producer(bridge.endpoint).send("a", GOOD)
        assert client.receive()["topic"] == "a"


def test_an_endpoint_where_no_handshake_succeeds_is_not_called_unknown(make_bridge):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        bridge = make_bridge({"ingest.connect": [dialled]})
        with listener.accept()[0] as push:
            push.sendall(hello(b"PUSH"))
            line = bridge.log.wait_for(f"cannot .* {dialled} .ingest.connect")
            assert "somebody is there, but no handshake succeeds" in line


def test_a_socket_of_another_type_is_counted_and_told_once_a_minute(bridge):
    host, port = bridge.endpoint.removeprefix("tcp://").split(":")
    for times in (1, 2, 3):
        with socket.create_connection((host, int(port))) as push:
            push.sendall(hello(b"PUSH"))
            bridge.wait_metric("zws_producers_refused_total", times, reason="wrong_type")
    lines = [line for line in bridge.log.since(0) if "is no PUB" in line]
    assert len(lines) == 1
    assert " warning " in lines[0] and bridge.endpoint in lines[0] and "in place of PUSH, DEALER, PAIR" in lines[0]


# ---- silent ----

QUICK = {"ingest.heartbeat": "300ms", "ingest.heartbeat_timeout": "1s"}


def test_a_producer_that_gives_no_sign_of_life_is_lost_and_one_that_is_idle_is_not(make_bridge, make_producer):
    bridge = make_bridge(QUICK)
    make_producer(bridge.endpoint)
    mark = bridge.log.mark()
    with ZmtpProducer(bridge.endpoint):
        bridge.wait_metric("zws_producers", 2)
        bridge.log.wait_for("no sign of life", after=mark)
        bridge.wait_metric("zws_producers", 1)
    assert bridge.metric("zws_producers_lost_total") == 1, "the idle one answers pings"
    assert bridge.metric("zws_producers_refused_total") == 0


def test_a_producer_that_falls_silent_at_a_ping_is_not_said_to_have_sent_too_large_a_frame(make_bridge):
    """Of all the silences that end a connection this is the shortest."""
    bridge = make_bridge({"ingest.heartbeat": "1s", "ingest.heartbeat_timeout": "2s"})
    mark = bridge.log.mark()
    with ZmtpProducer(bridge.endpoint) as producer:
        while not select.select([producer.socket], [], [], 0.01)[0]:
            producer.send_part(b"a")
            producer.send_part(b"1", last=True)
        bridge.log.wait_for("no sign of life", after=mark)
    assert bridge.metric("zws_producers_refused_total") == 0


def test_without_pings_the_kernel_watches_over_connections(make_bridge, make_producer):
    """By keepalive, which finds a machine that lost power; the timer of the bridge's end is running."""
    bridge = make_bridge({"ingest.heartbeat": "0s"})
    make_producer(bridge.endpoint)
    bridge.wait_metric("zws_producers", 1)
    port = f":{int(bridge.endpoint.rsplit(':', 1)[1]):04X}"

    def timers():
        lines = [line.split() for line in Path(f"/proc/{bridge.pid}/net/tcp").read_text().splitlines()]
        return [line[5][:2] for line in lines if line[1].endswith(port) and line[3] == "01"]

    bridge.wait_until(lambda: timers() == ["02"], "keepalive is on")


def test_an_endpoint_that_fell_silent_is_dialled_again(make_bridge):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bridge = make_bridge({**QUICK, "ingest.connect": [f"tcp://127.0.0.1:{listener.getsockname()[1]}"]})
        client = bridge.connect()
        client.subscribe("a")
        with ZmtpProducer.accept(listener):
            bridge.wait_metric("zws_producers", 1)
            with ZmtpProducer.accept(listener) as back:
                back.send_part(b"a")
                back.send_part(b'{"type":"back"}', last=True)
                assert client.receive()["type"] == "back"


# ---- endpoints ----


def test_of_two_endpoints_at_one_port_each_is_itself(make_bridge, make_producer):
    port = free_port()
    endpoints = [f"tcp://127.0.0.{n}:{port}" for n in (1, 2)]
    bridge = make_bridge({"ingest.connect": endpoints, "ingest.frame_bytes": 65536, "limits.event_bytes": 1024})
    healthy, clumsy = [make_producer(endpoint, bind=True) for endpoint in endpoints]
    client = bridge.connect()
    client.subscribe("*")
    bridge.wait_metric("zws_producers", 2)
    clumsy.send("huge", bytes(MIB))
    bridge.wait_metric("zws_producers_refused_total", 1, reason="too_big")
    clumsy.wait_ready()
    bridge.wait_metric("zws_producers_connected_total", 3)
    bridge.wait_metric("zws_producers", 2)
    assert bridge.metric("zws_producers_lost_total") == 1, "the neighbour was left alone"
    for producer, topic in ((healthy, "healthy"), (clumsy, "clumsy")):
        producer.send(topic, GOOD)
        assert client.receive()["topic"] == topic


def test_a_name_without_an_address_is_told_and_holds_nobody_up(make_bridge, make_producer):
    port = free_port()
    away = f"tcp://127.0.0.1:{free_port()}"
    names = ["tcp://nowhere.invalid:5999", f"tcp://localhost:{port}", away]
    bridge = make_bridge({"ingest.connect": names})
    client = bridge.connect()
    client.subscribe("a")
    producer = make_producer(f"tcp://127.0.0.1:{port}", bind=True)
    numbered(producer, "a", range(100))
    assert [client.receive()["n"] for _ in range(100)] == list(range(100))
    for state in ("connected", "connecting", "unresolved"):
        bridge.wait_metric("zws_ingest_endpoints", 1, state=state)
    bridge.log.wait_for("cannot reach tcp://nowhere.invalid:5999")
    assert "tries" in bridge.log.wait_for(f"cannot reach {away}")
    bridge.wait_metric("zws_producers", 1)


# ---- waking up ----


@each_number_of_lanes
def test_an_event_wakes_the_bridge_and_does_not_wait_until_it_looks_around(make_bridge, make_producer, lanes):
    """Which it does every tenth of a second. Only the quickest of many counts, however busy the machine is."""
    bridge = make_bridge({"server.threads": lanes})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a")
    times = []
    for _ in range(50):
        sent = time.monotonic()
        producer.send("a", GOOD)
        client.receive()
        times.append(time.monotonic() - sent)
    assert min(times) < 0.02


# ---- too many ----


def test_strangers_who_say_nothing_keep_no_producer_out(make_bridge, make_producer):
    bridge = make_bridge({"ingest.connections": 4, "limits.handshake_timeout": "30s"})
    port = int(bridge.endpoint.rsplit(":", 1)[1])
    strangers = [RawSocket(port) for _ in range(10)]
    try:
        bridge.wait_metric("zws_producers_refused_total", 6, reason="too_many")
        client = bridge.connect()
        client.subscribe("a")
        make_producer(bridge.endpoint).send("a", GOOD)
        assert client.receive()["topic"] == "a"
        bridge.wait_metric("zws_producers_refused_total", 7, reason="too_many")
    finally:
        for stranger in strangers:
            stranger.socket.close()


def test_a_handshake_of_a_producer_has_its_time(make_bridge):
    bridge = make_bridge({"limits.handshake_timeout": "200ms"})
    with RawSocket(int(bridge.endpoint.rsplit(":", 1)[1])) as stranger:
        while stranger.socket.recv(4096):  # its greeting, and then the end
            pass
    bridge.wait_metric("zws_producers_refused_total", 1, reason="broken_off")


# ---- ipc ----


def refused_start(bridge):
    bridge.launch()
    assert bridge.wait() == 1
    lines = bridge.log.since(0)
    assert len(lines) == 1
    return lines[0]


def test_an_ipc_path_of_another_bridge_is_not_stolen(make_bridge, make_producer, tmp_path):
    endpoint = f"ipc://{tmp_path}/ingest"
    first = make_bridge({"ingest.bind": [endpoint]})
    line = refused_start(make_bridge({"ingest.bind": [endpoint]}, start=False))
    assert endpoint in line and "another process listens" in line
    client = first.connect()
    client.subscribe("a")
    make_producer(endpoint).send("a", GOOD)
    assert client.receive()["topic"] == "a"


def test_what_is_no_socket_is_not_removed(make_bridge, tmp_path):
    file = tmp_path / "precious"
    file.write_text("work of years")
    line = refused_start(make_bridge({"ingest.bind": [f"ipc://{file}"]}, start=False))
    assert str(file) in line and "no socket" in line
    assert file.read_text() == "work of years"


def test_an_ipc_path_that_a_killed_bridge_left_is_taken_with_its_mode(make_bridge, tmp_path):
    bridge = make_bridge({"ingest.bind": [f"ipc://{tmp_path}/ingest"]})
    path = Path(tmp_path / "ingest")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    bridge.kill()
    assert path.exists()
    bridge.settings["ingest.ipc_mode"] = "0600"
    bridge.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# ---- memory ----


@each_number_of_lanes
def test_what_others_hold_is_not_taken_for_the_producers(make_bridge, make_producer, lanes):
    bridge = make_bridge({"server.threads": lanes, "ingest.memory_bytes": 8 * MIB, "history.ttl": "1h"})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("last")
    for n in range(200):
        producer.send(f"topic-{n}", bytes(200_000))
        if n % 10 == 9:  # never much on its way
            producer.send("last", GOOD)
            assert witness.receive()["topic"] == "last"
    bridge.wait_metric_at_least("zws_history_bytes", 40 * MIB)
    assert bridge.metric("zws_ingest_resets_total") == 0
    assert bridge.metric("zws_producers_lost_total") == 0


def peak(bridge):
    for line in Path(f"/proc/{bridge.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@each_number_of_lanes
def test_endless_messages_of_peers_that_come_back_at_once_stay_within_the_bound(make_bridge, make_producer, lanes):
    bound = 32 * MIB
    bridge = make_bridge({"server.threads": lanes, "ingest.memory_bytes": bound})
    producer = make_producer(bridge.endpoint)
    before = peak(bridge)
    mark = bridge.log.mark()
    enough = threading.Event()

    def attack():
        while not enough.is_set():
            try:
                with ZmtpProducer(bridge.endpoint) as endless:
                    while not enough.is_set():
                        endless.send_part(bytes(MIB))
            except (OSError, AssertionError):
                pass  # cut off; and again

    attackers = [threading.Thread(target=attack) for _ in range(3)]
    for attacker in attackers:
        attacker.start()
    try:
        bridge.wait_metric_at_least("zws_ingest_resets_total", 5)
    finally:
        enough.set()
        for attacker in attackers:
            attacker.join()
    assert peak(bridge) < before + 3 * bound
    assert "127.0.0.1:" in bridge.log.wait_for("producers held more", after=mark), "who it was"
    client = bridge.connect()
    client.subscribe("a")
    producer.wait_ready()
    bridge.wait_until(lambda: bridge.metric("zws_producers") == 1, "the attackers are gone")
    producer.send("a", GOOD)
    assert client.receive()["topic"] == "a"


def test_an_ipc_path_is_still_there_after_the_socket_was_made_anew(make_bridge, make_producer, tmp_path):
    endpoint = f"ipc://{tmp_path}/ingest"
    bridge = make_bridge({"ingest.memory_bytes": 8 * MIB})
    bridge.settings["ingest.bind"] = [endpoint, bridge.endpoint]
    bridge.restart()
    with ZmtpProducer(bridge.endpoint) as endless, pytest.raises(OSError):
        while True:
            endless.send_part(bytes(MIB))
    bridge.wait_metric_at_least("zws_ingest_resets_total", 1)
    client = bridge.connect()
    client.subscribe("a")
    make_producer(endpoint).send("a", GOOD)
    assert client.receive()["topic"] == "a"
    assert os.path.exists(tmp_path / "ingest")
