"""A publisher that keeps what it sent is asked for what PUB/SUB lost on the way."""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import zmq
import zwsbridge

from support.bridge import Bridge
from support.keeper import Keeper
from support.raw_socket import RawSocket
from support.ws_client import WsClient
from support.zmtp import ZmtpProducer

# An answer may take its time on a busy machine; only where a story is about that is the wait the usual one.
PATIENT = {"ingest.repair_wait": "5s"}


@pytest.fixture
def bridge(make_bridge: Any) -> Bridge:
    return make_bridge(PATIENT)


@pytest.fixture
def keeper(bridge: Bridge) -> Iterator[Keeper]:
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as made:
        made.wait_heard()
        yield made


def subscribed(bridge: Bridge, topic: str, **more: Any) -> WsClient:
    client = bridge.connect()
    client.subscribe(topic, **more)
    return client


def numbers(client: WsClient, count: int) -> list[int]:
    """The `seq` of the next `count` events; a gap fails it."""
    return [int(client.receive()["@id"].rpartition(":")[2]) for _ in range(count)]


def test_what_got_lost_comes_in_order_and_no_gap_is_told(bridge: Bridge, keeper: Keeper) -> None:
    client = subscribed(bridge, "t")
    for number in range(1, 201):
        keeper.publish("t", number, lost=number % 3 == 0)
    keeper.publish("t", 201)
    assert numbers(client, 201) == list(range(1, 202))
    bridge.wait_metric("zws_repaired_total", 66)
    assert bridge.metric("zws_ingest_gaps_total") == 0


def test_the_last_event_of_a_burst_comes_too(bridge: Bridge, keeper: Keeper) -> None:
    client = subscribed(bridge, "t")
    keeper.publish("t", 1)
    keeper.publish("t", 2, lost=True)
    keeper.say_what_is_kept()
    assert numbers(client, 2) == [1, 2]


def test_only_what_cannot_be_had_is_told_as_a_gap(bridge: Bridge, keeper: Keeper) -> None:
    client = subscribed(bridge, "t")
    keeper.publish("t", 1)
    keeper.publish("t", 2, lost=True, kept=False)
    keeper.publish("t", 3, lost=True)
    keeper.publish("t", 4)
    assert numbers(client, 1) == [1]
    gap = client.receive()
    assert (gap["type"], gap["from"], gap["to"], gap["reason"]) == ("gap", 2, 2, "producer")
    assert numbers(client, 2) == [3, 4]
    assert bridge.metric("zws_repair_failed_total", reason="gone") == 1


def test_after_a_kill_since_is_recovered_from_what_publishers_keep(bridge: Bridge, keeper: Keeper) -> None:
    client = subscribed(bridge, "t")
    for number in range(1, 21):
        keeper.publish("t", number)
    assert numbers(client, 20) == list(range(1, 21))
    bridge.kill()
    keeper.publish("t", 21, lost=True)
    bridge.start()
    bridge.wait_metric("zws_events_received_total", 21)
    again = bridge.connect()
    answer = again.subscribe("t", since=[f"{keeper.src}:15"])
    assert (answer["recovered"], answer["replayed"]) == (True, 6)
    assert numbers(again, 6) == list(range(16, 22))
    keeper.publish("t", 22)
    assert numbers(again, 1) == [22]


def test_two_bridges_ask_for_themselves(make_bridge: Any) -> None:
    one, two = make_bridge(PATIENT), make_bridge(PATIENT)
    with Keeper(one.endpoint, one.repair_endpoint) as keeper:
        keeper.connect(two.endpoint, two.repair_endpoint)
        keeper.wait_heard(2)
        clients = [subscribed(bridge, "t") for bridge in (one, two)]
        keeper.publish("t", 1)
        keeper.publish("t", 2, lost=True)
        keeper.publish("t", 3)
        for client in clients:
            assert numbers(client, 3) == [1, 2, 3]


def test_a_publisher_that_does_not_answer_delays_and_its_loss_is_told(make_bridge: Any) -> None:
    bridge = make_bridge()
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        client = subscribed(bridge, "t")
        keeper.answers = False
        keeper.publish("t", 1)
        keeper.publish("t", 2, lost=True)
        keeper.publish("t", 3)
        assert numbers(client, 1) == [1]
        assert client.receive()["type"] == "gap"
        assert numbers(client, 1) == [3]
        assert bridge.metric("zws_repair_failed_total", reason="unanswered") == 1


def test_a_publisher_that_stalled_is_asked_for_all_of_it_all_the_same(make_bridge: Any) -> None:
    bridge = make_bridge()
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        for number in range(40):
            keeper.publish(f"t{number}", 1)
            keeper.publish(f"t{number}", 2, lost=True)
        with keeper.stalled():
            keeper.say_what_is_kept()
            bridge.log.wait_for("a publisher did not answer")
        bridge.wait_metric("zws_repaired_total", 40)


def test_answers_that_nobody_asked_for_reach_nobody(bridge: Bridge, keeper: Keeper) -> None:
    client = subscribed(bridge, "t")
    header = json.dumps({"src": keeper.src, "seq": 1}).encode()
    keeper.say([b"event", b"t", b"never published", header])
    keeper.say([b"end", keeper.src.encode(), b"t", b"1", b"1"])
    keeper.say([b"have", b"not a source!", b"t", b"1", b"1"])
    keeper.say([b"have", keeper.src.encode(), b"t", b"7"])
    keeper.say([b"have", keeper.src.encode(), b"t", b"1", b"x"])
    keeper.say([b"what"])
    keeper.say([b"have"] + [b"1"] * 5000)
    bridge.wait_metric("zws_repair_failed_total", 6, reason="unasked")
    keeper.publish("t", 1)
    assert numbers(client, 1) == [1]


def test_a_message_that_never_ends_takes_no_memory(make_bridge: Any) -> None:
    bridge = make_bridge({**PATIENT, "ingest.memory_bytes": 1 << 20})
    with pytest.raises(OSError), ZmtpProducer(bridge.repair_endpoint, b"DEALER") as endless:
        for _ in range(1000):
            endless.send_part(bytes(100_000))
            if bridge.metric("zws_ingest_resets_total") >= 1:
                endless.wait_cut()
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        client = subscribed(bridge, "t")
        keeper.publish("t", 1)
        keeper.publish("t", 2, lost=True)
        keeper.publish("t", 3)
        assert numbers(client, 3) == [1, 2, 3]


def test_the_line_of_the_start_says_where_publishers_are_asked(bridge: Bridge) -> None:
    assert f"producers at {bridge.endpoint}, repair at {bridge.repair_endpoint};" in bridge.log.wait_for("listening on")


def test_an_endless_message_at_the_repair_port_costs_producers_nothing(make_bridge: Any) -> None:
    bridge = make_bridge({**PATIENT, "ingest.memory_bytes": 4 << 20})
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        client = subscribed(bridge, "t")
        mark = bridge.log.mark()
        with pytest.raises(OSError), ZmtpProducer(bridge.repair_endpoint, b"DEALER") as endless:
            while True:
                endless.send_part(bytes(1 << 20))
        bridge.log.wait_for("connections to the repair port", after=mark)
        bridge.wait_metric("zws_ingest_resets_total", 1)
        assert bridge.metric("zws_producers_lost_total") == 0, "the producers' socket is as it was"
        bridge.wait_until(lambda: keeper.heard >= 2, "its publisher comes again")
        keeper.publish("t", 1)
        keeper.publish("t", 2, lost=True)
        keeper.publish("t", 3)
        assert numbers(client, 3) == [1, 2, 3]


def test_strangers_by_the_thousand_at_the_repair_port_keep_nobody_out(make_bridge: Any) -> None:
    bridge = make_bridge({**PATIENT, "ingest.connections": 8, "limits.handshake_timeout": "30s"})
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        client = subscribed(bridge, "t")
        before = bridge.metric("process_open_fds")
        mark = bridge.log.mark()
        port = int(bridge.repair_endpoint.rsplit(":", 1)[1])
        with ExitStack() as crowd:
            for _ in range(3000):
                crowd.enter_context(RawSocket(port))
            bridge.wait_metric("zws_producers_refused_total", 3000 + 1 - 8, reason="too_many")
            bridge.log.wait_for(r"repair_bind\): there are as many connections", after=mark)
            bridge.wait_until(lambda: bridge.metric("process_open_fds") <= before + 7 + 2, "the rest is gone")
            assert bridge.get("/healthz").status == 200
            keeper.publish("t", 1)
            keeper.publish("t", 2, lost=True)
            keeper.publish("t", 3)
            assert numbers(client, 3) == [1, 2, 3]
            with Keeper(bridge.endpoint, bridge.repair_endpoint) as newcomer:
                newcomer.wait_heard()


def leave_descriptors(bridge: Bridge, count: int) -> None:
    """So many can be opened, and no more."""
    taken = {int(name) for name in os.listdir(f"/proc/{bridge.pid}/fd")}
    limit = next(n for n in itertools.count() if len(set(range(n)) - taken) == count)
    hard = resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (limit, hard))


def test_sockets_that_cannot_be_made_anew_end_connections_once(make_bridge: Any) -> None:
    bridge = make_bridge({**PATIENT, "ingest.frame_bytes": 2 << 20})
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        for count in range(2, 8):  # of which the one socket takes as many as the other
            bridge.wait_metric("zws_producers", 1)
            heard, lost = keeper.heard, bridge.metric("zws_producers_lost_total")
            bridge.settings["ingest.frame_bytes"] = (count + 1) << 20
            bridge.write_config()
            mark = bridge.log.mark()
            leave_descriptors(bridge, count)
            bridge.signal(signal.SIGHUP)
            for _ in range(2):  # each second at most
                line = bridge.log.wait_for("looking after the producers failed|reloaded", after=mark)
                mark = bridge.log.mark()
                if "reloaded" in line:
                    break
            leave_descriptors(bridge, 500)
            if "reloaded" not in line:
                bridge.log.wait_for("reloaded", after=mark)
            bridge.wait_until(lambda heard=heard: keeper.heard > heard, "its publisher is back")
            assert (keeper.heard, bridge.metric("zws_producers_lost_total")) == (heard + 1, lost + 1), count


def test_without_a_port_nothing_is_asked_for(make_bridge: Any) -> None:
    bridge = make_bridge({"ingest.repair_bind": []})
    assert "repair at" not in bridge.log.wait_for("listening on")
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_subscribed()
        client = subscribed(bridge, "t")
        keeper.publish("t", 1)
        keeper.publish("t", 2, lost=True)
        keeper.publish("t", 3)
        assert numbers(client, 1) == [1]
        assert client.receive()["type"] == "gap"
        assert numbers(client, 1) == [3]
        assert keeper.heard == 0


def test_a_port_that_is_taken_ends_the_start(bridge: Bridge, make_bridge: Any) -> None:
    other = make_bridge({"ingest.repair_bind": [bridge.repair_endpoint]}, start=False)
    other.launch()
    assert other.wait() == 1
    assert f"cannot bind {bridge.repair_endpoint} (ingest.repair_bind)" in other.log.tail()


@pytest.mark.own_network  # where the default port is free
def test_a_second_bridge_on_a_machine_need_not_know_of_the_default_port(make_bridge: Any, make_producer: Any) -> None:
    default = "tcp://127.0.0.1:5557"
    make_bridge({"ingest.repair_bind": [default]})
    second = make_bridge({"ingest.repair_bind": [default]})
    line = second.log.wait_for("nothing that producers' events lose on the way is repaired")
    assert default in line and "ingest.repair_bind" in line
    assert "repair at" not in second.log.wait_for("listening on")
    producer = make_producer(second.endpoint)
    client = subscribed(second, "t")
    producer.send("t", {"type": "x", "n": 1})
    assert numbers(client, 1) == [1]
    third = make_bridge({"ingest.bind": ["tcp://127.0.0.1:5556"], "ingest.repair_bind": [default]}, start=False)
    third.launch()
    assert third.wait() == 1, "whose producers know of no other port find theirs"


def test_with_curve_publishers_need_their_keys_to_be_asked(make_bridge: Any, tmp_path: Any) -> None:
    server_public, server_secret = zmq.curve_keypair()
    (tmp_path / "bridge.secret").write_bytes(server_secret)
    bridge = make_bridge({**PATIENT, "ingest.curve_secret_key_file": str(tmp_path / "bridge.secret")})
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as stranger:
        with Keeper(bridge.endpoint, bridge.repair_endpoint, server_key=server_public) as keeper:
            keeper.wait_heard()
            client = subscribed(bridge, "t")
            keeper.publish("t", 1)
            keeper.publish("t", 2, lost=True)
            keeper.publish("t", 3)
            assert numbers(client, 3) == [1, 2, 3]
        assert stranger.heard == 0


def test_one_lane_reads_both_sockets_itself(make_bridge: Any) -> None:
    bridge = make_bridge({**PATIENT, "server.threads": 1})
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        client = subscribed(bridge, "t")
        for number in range(1, 101):
            keeper.publish("t", number, lost=number % 4 == 0)
        keeper.say_what_is_kept()
        assert numbers(client, 100) == list(range(1, 101))
        keeper.answers = False
        keeper.publish("t", 101, lost=True)
        keeper.publish("t", 102)
        assert client.receive()["type"] == "gap", "it is told though nothing more comes"


def test_our_python_publisher_gives_a_bridge_that_was_killed_its_history_back(bridge: Bridge) -> None:
    with zwsbridge.Publisher(bridge.endpoint, repair=bridge.repair_endpoint) as publisher:
        client = subscribed(bridge, "t")
        for number in range(50):
            publisher.publish("t", {"type": "x", "n": number})
        events = [client.receive() for _ in range(50)]
        assert [event["n"] for event in events] == list(range(50))
        bridge.kill()
        bridge.start()
        bridge.wait_metric("zws_repaired_total", 50)
        again = bridge.connect()
        answer = again.subscribe("t", since=[events[39]["@id"]])
        assert (answer["recovered"], answer["replayed"]) == (True, 10)
        publisher.publish("t", {"type": "x", "n": 50})
        assert [again.receive()["n"] for _ in range(11)] == list(range(40, 51))
