"""Floods from producers: what is too much is dropped, counted and told, and everything else goes on."""

import os
import re
import resource
import signal
import threading

import pytest
from websockets.exceptions import ConnectionClosed

from support.administrator import Administrator
from support.raw_socket import RawSocket
from support.zmtp import ZmtpProducer

MIB = 1 << 20
FILLER = "x" * 1000
ROUNDS_MAX = 50
SMALL_INBOX = {"ingest.lane_bytes": 65536, "heartbeat.timeout": "10m"}

# One lane drains the producers itself; two are posted to by a thread of the source's own.
each_number_of_lanes = pytest.mark.parametrize("lanes", [1, 2])


def resident(bridge):
    return int(bridge.metric("process_resident_memory_bytes"))


def burst(bridge, send):
    """All that `send` sends arrives at once, because the bridge stands still meanwhile."""
    bridge.signal(signal.SIGSTOP)
    send()
    bridge.signal(signal.SIGCONT)


@pytest.mark.short
@each_number_of_lanes
def test_what_waits_before_a_lane_is_bounded_and_its_loss_is_told(make_bridge, make_producer, lanes):
    bridge = make_bridge({"server.threads": lanes, **SMALL_INBOX})
    producer = make_producer(bridge.endpoint)
    clients = [bridge.connect() for _ in range(4)]
    for client in clients:
        client.subscribe("a")
    published, next_of, missed = 0, [1] * len(clients), [0] * len(clients)
    for _ in range(ROUNDS_MAX):
        burst(bridge, lambda: [producer.send("a", {"type": "n", "filler": FILLER}) for _ in range(2000)])
        published += 2000
        for i, client in enumerate(clients):
            while next_of[i] <= published:
                message = client.receive()
                if message["type"] == "gap":
                    assert (message["from"], message["reason"]) == (next_of[i], "slow_consumer")
                    assert message["missed"] == message["to"] - message["from"] + 1
                    missed[i] += message["missed"]
                    next_of[i] = message["to"] + 1
                else:
                    assert message["@id"].endswith(f":{next_of[i]}"), "headerless events are numbered as they came"
                    next_of[i] += 1
            assert next_of[i] == published + 1
        if all(missed):
            break
    of_lanes = bridge.metric("zws_dropped_total", reason="lane_overload")
    of_clients = bridge.metric("zws_dropped_total", reason="slow_consumer")
    assert of_lanes > 0
    bridge.log.wait_for("events were dropped ahead of a lane")
    assert sum(missed) <= of_lanes * len(clients) + of_clients
    if lanes == 1:
        assert sum(missed) == of_lanes * len(clients) + of_clients, "what is counted is what is told"


@pytest.mark.too_slow_under_tsan  # ingest then brings no more than lanes can take
@each_number_of_lanes
def test_a_reload_changes_the_bound_and_each_loss_is_logged_once(make_bridge, make_producer, lanes):
    bridge = make_bridge({"server.threads": lanes, "heartbeat.timeout": "10m"})
    admin = Administrator(bridge, bridge.admin_token)
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a")
    bridge.settings["ingest.lane_bytes"] = 65536
    bridge.reload()
    seen, published = 0, 0
    while bridge.metric("zws_dropped_total", reason="lane_overload") == 0:
        assert published < 2000 * ROUNDS_MAX, "no flood was too much"
        burst(bridge, lambda: [producer.send("a", {"type": "n", "filler": FILLER}) for _ in range(2000)])
        published += 2000
        while seen < published:
            message = client.receive()
            seen = message["to"] if message["type"] == "gap" else int(message["@id"].rpartition(":")[2])
    dropped = bridge.metric("zws_dropped_total", reason="lane_overload")

    def logged():
        return sum(int(count) for count in re.findall(r"(\d+) events were dropped ahead", bridge.log.tail(10_000)))

    def seconds():
        return len(admin.get("/api/ws/samples?minutes=60")["samples"]["time"])

    bridge.wait_until(lambda: logged() >= dropped, "all of it is logged")
    soon = seconds() + 3
    bridge.wait_until(lambda: seconds() >= soon, "some seconds have passed")
    assert logged() == dropped


@pytest.mark.too_slow_under_tsan  # ingest then brings no more than lanes can take
@each_number_of_lanes
def test_more_losses_than_can_be_told_close_the_clients(make_bridge, make_producer, lanes):
    """Each topic needs a gap of its own; when those alone are too much, coming back tells."""
    bridge = make_bridge({"server.threads": lanes, **SMALL_INBOX}, '[[route]]\nmatch = "*"\noverflow = "drop_newest"\n')
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("*")
    for number in range(ROUNDS_MAX):
        # More with each round: a lane that has little to do with an event keeps up for long.
        topics = {f"r{number}-{n}" for n in range(5000 * 2 ** min(number, 4))}
        burst(bridge, lambda topics=topics: [producer.send(t, {"type": "n", "filler": FILLER}) for t in topics])
        try:
            while topics:
                topics.remove(client.receive()["topic"])
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 4410
            break
    else:
        raise AssertionError("no flood was too much")

    def is_taken_back():
        try:
            return bridge.connect().subscribe("*")["success"]
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 4410, "what it comes too early for is the same flood"
            return False

    bridge.wait_until(is_taken_back, "a client that comes back stays")


@pytest.mark.short
@each_number_of_lanes
def test_the_bridge_answers_while_it_is_flooded(make_bridge, make_producer, lanes):
    bridge = make_bridge({"server.threads": lanes})
    producer = make_producer(bridge.endpoint)
    clients = [RawSocket(bridge.port) for _ in range(20)]
    for client in clients:
        assert client.upgrade()[0] == 101
        client.send_frame(1, b'{"type":"subscribe","topic":"a"}')
    answered = threading.Event()

    def flood():
        payload = b'{"type":"n","filler":"%s"}' % FILLER.encode()
        while not answered.is_set():
            for _ in range(100):
                producer.send("a", payload)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        answers = [bridge.get("/healthz").status for _ in range(20)]
        assert bridge.connect().ask({"type": "ping"})["type"] == "pong"
    finally:
        answered.set()
        flooding.join()
        for client in clients:
            client.socket.close()
    assert answers == [200] * 20


@pytest.mark.short
@each_number_of_lanes
def test_what_is_refused_is_held_no_longer(make_bridge, make_producer, lanes):
    bridge = make_bridge({"server.threads": lanes})
    producer = make_producer(bridge.endpoint)
    producer.send("a", {"type": "small"})
    bridge.wait_metric("zws_events_received_total", 1)
    before = resident(bridge)
    producer.send_frames(b"big", bytes(40 * MIB), bytes(40 * MIB))
    bridge.wait_metric("zws_ingest_rejected_total", 1, reason="too_big")
    bridge.wait_until(lambda: resident(bridge) < before + 30 * MIB, "nothing of it is held, though nothing comes")


@each_number_of_lanes
def test_a_message_without_end_is_cut_off_and_its_memory_is_freed(make_bridge, make_producer, lanes):
    limit = 32 * MIB
    bridge = make_bridge({"server.threads": lanes, "ingest.memory_bytes": limit})
    client = bridge.connect()
    client.subscribe("a")
    producer = make_producer(bridge.endpoint)
    producer.send("a", {"type": "before"})
    assert client.receive()["type"] == "before"
    before = resident(bridge)
    for attack in range(1, 5):
        with ZmtpProducer(bridge.endpoint) as endless, pytest.raises(OSError):
            while True:
                endless.send_part(bytes(MIB))
        assert bridge.metric("zws_ingest_resets_total") >= attack
        producer.wait_ready()  # it has found the new socket by itself
        producer.send("a", {"type": "after"})
        assert client.receive()["type"] == "after"
    bridge.wait_until(lambda: resident(bridge) < before + 2 * limit + 64 * MIB, "what it held is free again")


def test_without_descriptors_it_goes_on_and_recovers(make_bridge, make_producer):
    bridge = make_bridge({"server.threads": 1})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    most = len(os.listdir(f"/proc/{bridge.pid}/fd")) + 20
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (most, most))
    mark = bridge.log.mark()
    crowd = [RawSocket(bridge.port) for _ in range(60)]
    bridge.log.wait_for("no descriptors left", after=mark)
    for n in range(100):
        producer.send("a", {"type": "n", "n": n})
        assert witness.receive()["n"] == n
    assert any([client.at_end() for client in crowd]), "who is refused is not left waiting"
    for client in crowd:
        client.socket.close()
    assert bridge.connect().ask({"type": "ping"})["type"] == "pong"
    assert len([line for line in bridge.log.since(mark) if "no descriptors left" in line]) < 40
