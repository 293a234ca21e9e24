"""Producers known to be alive: who asks is told which sources of a topic are lost, silent and alive again."""

import contextlib
import signal
import subprocess
import sys

import pytest
import zmq

from support.producer import DEADLINE
from support.tokens import bearer

GOOD = {"type": "x"}

each_number_of_lanes = pytest.mark.parametrize("lanes", [1, 2], ids=["one lane", "two lanes"])

PROGRAM = """
import sys, zmq
socket = zmq.Context().socket(zmq.XPUB)
socket.connect(sys.argv[1])
assert socket.recv() == b"\\x01"
for n in range(1, 1_000_000):
    socket.send_multipart([b"a", b"1", b'{"src":"%s","seq":%d}' % (sys.argv[2].encode(), n)])
    socket.poll(50)
"""


@contextlib.contextmanager
def program(endpoint, src):
    """A producer that is another process, and sends twenty events a second."""
    started = subprocess.Popen([sys.executable, "-c", PROGRAM, endpoint, src])
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def send(producer, topic, src, seq):
    producer.send(topic, GOOD, {"src": src, "seq": seq})


def next_source(client):
    while (message := client.receive())["type"] != "source":
        pass
    return message


def told(client):
    message = next_source(client)
    return message["topic"], message["src"], message["state"]


def heard(client):
    """What kind of message comes next, by its id or state."""
    message = client.receive()
    return message.get("@id") or message["state"]


def ask(client, topic, sources):
    return client.ask({"type": "subscribe", "topic": topic, "sources": sources})


def state_of(admin, src):
    return {source["src"]: source for source in admin.get("/api/ws/sources")["sources"]}[src]


# ---- lost, and alive again ----


@pytest.mark.short
@each_number_of_lanes
def test_a_source_whose_producer_goes_is_lost_behind_its_last_event_and_alive_when_it_is_back(
    make_bridge, make_producer, lanes
):
    bridge = make_bridge({"server.threads": lanes})
    client, other = bridge.connect(), bridge.connect()
    assert client.subscribe("a", sources=True)["sources"] == []
    other.subscribe("a")
    producer = make_producer(bridge.endpoint)
    send(producer, "a", "p", 1)
    assert [heard(client), heard(client)] == ["alive", "p:1"]
    for seq in range(2, 500):
        send(producer, "a", "p", seq)
    producer.close()
    assert [heard(client) for _ in range(499)] == [f"p:{seq}" for seq in range(2, 500)] + ["lost"]
    back = make_producer(bridge.endpoint)
    send(back, "a", "p", 500)
    assert {heard(client), heard(client)} == {"alive", "p:500"}, "at most one a second, so perhaps behind the event"
    assert [heard(other) for _ in range(500)] == [f"p:{seq}" for seq in range(1, 501)], "who did not ask is not told"
    assert [each.ask({"type": "ping"})["type"] for each in (client, other)] == ["pong", "pong"]
    assert bridge.metric("zws_deliveries_total") == 1000, "no sum counts what is told of sources"


def test_who_subscribes_is_told_what_is_the_case(bridge, make_producer):
    gone, here = make_producer(bridge.endpoint), make_producer(bridge.endpoint)
    watcher = bridge.connect()
    watcher.subscribe("*", sources=True)
    send(gone, "a", "gone", 1)
    send(here, "a", "here", 1)
    assert {told(watcher) for _ in range(2)} == {("a", "gone", "alive"), ("a", "here", "alive")}
    gone.close()
    assert told(watcher) == ("a", "gone", "lost")
    answer = bridge.connect().subscribe("a", sources=True)
    assert {source["src"]: source["alive"] for source in answer["sources"]} == {"gone": False, "here": True}
    assert all(set(source) == {"src", "alive", "heard"} for source in answer["sources"])
    assert "sources" not in bridge.connect().subscribe("a")


def test_only_the_end_of_the_last_connection_of_a_source_is_told(bridge, make_producer):
    producers = [make_producer(bridge.endpoint) for _ in range(3)]
    client = bridge.connect()
    client.subscribe("a", sources=True)
    for seq, producer in enumerate(producers, start=1):
        send(producer, "a", "p", seq)
        while heard(client) != f"p:{seq}":
            pass
    for lost, producer in enumerate(producers[1:], start=1):
        producer.close()
        bridge.wait_metric("zws_producers_lost_total", lost)
    send(producers[0], "a", "p", 4)
    assert heard(client) == "p:4", "nothing was told"
    producers[0].close()
    assert heard(client) == "lost"


def test_producers_without_a_header_are_the_topics_own_source(bridge, make_producer):
    one, two = make_producer(bridge.endpoint), make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a", sources=True)
    one.send("a", GOOD)
    assert heard(client) == "alive"
    own = client.receive()["@id"].rpartition(":")[0]
    two.send("a", GOOD)
    assert heard(client) == f"{own}:2"
    one.close()
    bridge.wait_metric("zws_producers_lost_total", 1)
    two.send("a", GOOD)
    assert heard(client) == f"{own}:3"
    two.close()
    assert told(client) == ("a", own, "lost")


def test_who_publishes_by_rest_cannot_be_lost(guarded, admin, issuer):
    client = guarded.connect(headers=bearer(issuer.token("ada")))
    client.subscribe("a", sources=True)
    admin.done("POST", "/api/ws/publish", {"topic": "a", "message": GOOD})
    assert heard(client) == "alive"
    own = client.receive()["@id"].rpartition(":")[0]
    assert state_of(admin, own)["alive"]


# ---- which topics ----


def test_by_a_pattern_the_sources_of_all_its_topics_are_told(bridge, make_producer):
    old, new = make_producer(bridge.endpoint), make_producer(bridge.endpoint)
    hearer = bridge.connect()
    hearer.subscribe("*")
    send(old, "import:1", "p", 1)
    send(old, "other", "p", 1)
    assert [heard(hearer), heard(hearer)] == ["p:1", "p:1"]
    client = bridge.connect()
    answer = client.subscribe("import:*", sources=True)
    assert [(source["topic"], source["src"], source["alive"]) for source in answer["sources"]] == [
        ("import:1", "p", True)
    ]
    send(new, "import:2", "q", 1)
    assert told(client) == ("import:2", "q", "alive")
    old.close()
    assert told(client) == ("import:1", "p", "lost")
    new.close()
    assert told(client) == ("import:2", "q", "lost")


def test_each_of_several_topics_has_its_own_sources_and_unsubscribing_ends_it(bridge, make_producer):
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("c")
    client.send({"type": "subscribe", "topics": ["a", "b", "c"], "sources": True})
    assert [client.receive()["sources"] for _ in range(3)] == [[], [], []], "c, too, which it had without sources"
    for topic in ("a", "b", "c"):
        send(producer, topic, "p", 1)
    assert [told(client)[0] for _ in range(3)] == ["a", "b", "c"]
    client.ask({"type": "unsubscribe", "topic": "b"})
    producer.close()
    assert {told(client) for _ in range(2)} == {("a", "p", "lost"), ("c", "p", "lost")}
    assert client.ask({"type": "ping"})["type"] == "pong"


def test_who_was_told_something_else_than_others_is_told_what_it_becomes(guarded, make_producer, admin, issuer):
    """The others are told a second later, where that is then so: to them nothing has changed."""
    early, late = (guarded.connect(headers=bearer(issuer.token(user))) for user in ("ada", "bob"))
    early.subscribe("a", sources=True)
    producer = make_producer(guarded.endpoint)
    send(producer, "a", "p", 1)
    assert {heard(early), heard(early)} == {"alive", "p:1"}
    producer.close()
    guarded.wait_until(lambda: not state_of(admin, "p")["alive"], "the source is lost")
    assert [source["alive"] for source in late.subscribe("a", sources=True)["sources"]] == [False]
    back = make_producer(guarded.endpoint)
    send(back, "a", "p", 2)
    assert told(late) == ("a", "p", "alive")


def test_the_sources_of_a_topic_without_history_are_lost_to_all_who_asked(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "live:*"\nhistory = 0')
    producer = make_producer(bridge.endpoint)
    send(producer, "live:a", "p", 1)
    bridge.wait_metric("zws_events_received_total", 1)
    by_pattern, by_name = bridge.connect(), bridge.connect()
    by_pattern.subscribe("live:*", sources=True)
    assert [source["alive"] for source in by_name.subscribe("live:a", sources=True)["sources"]] == [True]
    producer.close()
    for client in (by_pattern, by_name):
        assert told(client) == ("live:a", "p", "lost")


def test_sources_of_more_topics_than_a_request_may_look_at_are_refused(make_bridge, make_producer):
    bridge = make_bridge({"limits.request_looks": 20})
    producer = make_producer(bridge.endpoint)
    hearer, client = bridge.connect(), bridge.connect()
    hearer.subscribe("*")
    for n in range(30):
        send(producer, f"many:{n}", "p", 1)
    assert [heard(hearer) for _ in range(30)] == ["p:1"] * 30
    answer = ask(client, "*", True)
    assert (answer["success"], answer["code"]) == (False, "limit_exceeded")
    assert client.subscribe("many:7", sources=True)["sources"][0]["src"] == "p"
    assert client.subscribe("*")["success"], "without sources it may"
    assert ask(client, "x", "yes")["code"] == "invalid_message"


def test_who_may_not_hear_a_topic_is_told_nothing_of_its_sources(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": "x" * 32, "auth.anonymous.subscribe": ["public"]})
    client = bridge.connect()
    assert ask(client, "secret", True)["code"] == "forbidden"
    assert client.subscribe("public", sources=True)["sources"] == []


# ---- silence ----


def test_a_source_that_is_not_heard_for_as_long_as_expected_is_silent(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "tick:*"\nexpect = "1200ms"')
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("*", sources=True)
    send(producer, "tick:1", "p", 1)
    send(producer, "other", "p", 1)
    assert [told(client), told(client)] == [("tick:1", "p", "alive"), ("other", "p", "alive")]
    assert told(client) == ("tick:1", "p", "silent")
    answer = bridge.connect().subscribe("tick:1", sources=True)
    assert (answer["sources"][0]["alive"], answer["sources"][0]["silent"]) == (True, True)
    # Until it is told: that may be a second later, and is not so any more where the bridge is kept from looking until
    # the time is over.
    for seq in range(2, 1_000_000):
        send(producer, "tick:1", "p", seq)
        if (message := client.receive())["type"] == "source":
            break
    assert (message["topic"], message["src"], message["state"]) == ("tick:1", "p", "alive")
    assert told(client) == ("tick:1", "p", "silent")
    producer.close()
    assert {told(client) for _ in range(2)} == {("tick:1", "p", "lost"), ("other", "p", "lost")}


# ---- how producers go ----


def test_a_producer_that_is_killed_is_lost(bridge):
    client = bridge.connect()
    client.subscribe("a", sources=True)
    with program(bridge.endpoint, "p") as started:
        assert told(client) == ("a", "p", "alive")
        started.kill()
        assert told(client) == ("a", "p", "lost")


def test_a_producer_that_is_stopped_is_lost_after_the_heartbeats_and_alive_when_it_goes_on(make_bridge):
    bridge = make_bridge({"ingest.heartbeat": "1s", "ingest.heartbeat_timeout": "3s"})
    client = bridge.connect()
    client.subscribe("a", sources=True)
    with program(bridge.endpoint, "p") as started:
        assert told(client) == ("a", "p", "alive")
        started.send_signal(signal.SIGSTOP)
        assert told(client) == ("a", "p", "lost")
        started.send_signal(signal.SIGCONT)
        assert told(client) == ("a", "p", "alive")


def test_all_are_lost_where_the_bridges_socket_is_made_anew_and_alive_when_they_are_back(make_bridge, make_producer):
    bridge = make_bridge({"ingest.frame_bytes": 2 << 20})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a", sources=True)
    send(producer, "a", "p", 1)
    assert told(client) == ("a", "p", "alive")
    bridge.settings["ingest.frame_bytes"] = 4 << 20
    bridge.reload()
    assert told(client) == ("a", "p", "lost")
    producer.wait_ready()
    send(producer, "a", "p", 2)
    assert told(client) == ("a", "p", "alive")


def test_a_relay_in_between_counts_as_the_producer(bridge):
    context = zmq.Context()
    with context, context.socket(zmq.XPUB) as xpub, context.socket(zmq.PUB) as pub:
        xpub.linger = pub.linger = 0
        with context.socket(zmq.XSUB) as xsub:
            xsub.linger = 0
            port = xsub.bind_to_random_port("tcp://127.0.0.1")
            xsub.send(b"\x01")
            pub.connect(f"tcp://127.0.0.1:{port}")
            xpub.connect(bridge.endpoint)
            client = bridge.connect()
            client.subscribe("a", sources=True)
            assert xpub.poll(DEADLINE * 1000) and xpub.recv() == b"\x01"
            while not xsub.poll(20):
                pub.send_multipart([b"a", b"1"])
            xpub.send_multipart(xsub.recv_multipart())
            assert next_source(client)["state"] == "alive"
            pub.close()
            xpub.send_multipart([b"a", b"2"])
            xpub.close()
            assert [heard(client) for _ in range(3)][-1] == "lost"


# ---- what an administrator sees ----


def test_rest_names_who_is_alive_and_who_is_lost(guarded, make_producer, admin, issuer):
    producer = make_producer(guarded.endpoint)
    client = guarded.connect(headers=bearer(issuer.token("ada")))
    client.subscribe("a", sources=True)
    send(producer, "a", "p", 1)
    assert told(client) == ("a", "p", "alive")
    assert (state_of(admin, "p")["alive"], state_of(admin, "p")["state"]) == (True, "alive")
    producer.close()
    assert told(client) == ("a", "p", "lost")
    assert (state_of(admin, "p")["alive"], state_of(admin, "p")["state"]) == (False, "lost")
    source = admin.get("/api/ws/topics/a")["sources"][0]
    assert (source["src"], source["seq"], source["alive"], source["state"]) == ("p", 1, False, "lost")
