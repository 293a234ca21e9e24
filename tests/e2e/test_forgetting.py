"""What the bridge remembers of topics and sources, when it forgets, and what a client is told then."""

import os
import time
from pathlib import Path

import pytest

from support.ws_client import knows_nothing

CLIENTS = 12  # enough to meet every lane


def publish(producer, topic, numbers, src="p", **more):
    for n in numbers:
        producer.send(topic, {"type": "n", "n": n}, {"src": src, "seq": n, **more})


def wait_received(bridge, count):
    bridge.wait_metric("zws_events_received_total", count)


def wait_expired(bridge, topic):
    """Returns when nothing is left of the topic's events; that is so at one instant on every lane."""
    until = time.monotonic() + 30
    while True:
        client = bridge.connect()
        left = client.subscribe(topic, last=1)["replayed"]
        client.close()
        if left == 0:
            return
        assert time.monotonic() < until


def answers(bridge, topic, **more):
    """What each of many clients is told, on whatever lane it is."""
    told = []
    for _ in range(CLIENTS):
        client = bridge.connect()
        told.append(client.subscribe(topic, **more))
        client.close()
    return told


@pytest.fixture
def brief(make_bridge):
    """A bridge that keeps events for a second."""
    return make_bridge({"history.ttl": "1s", "server.threads": 3})


# ---- topics ----


@pytest.mark.short
def test_a_topic_with_a_subscriber_on_any_lane_is_not_forgotten_on_others(brief, make_producer):
    producer = make_producer(brief.endpoint)
    witness = brief.connect()
    witness.subscribe("a")
    publish(producer, "a", [1, 2])
    wait_received(brief, 2)
    wait_expired(brief, "a")
    assert {tuple(answer["at"]) for answer in answers(brief, "a")} == {("p:2",)}
    assert all(answer["recovered"] for answer in answers(brief, "a", since="p:2"))
    assert not any(answer["recovered"] for answer in answers(brief, "a", since="p:1"))
    publish(producer, "a", [3])
    wait_received(brief, 3)
    assert {(answer["recovered"], answer["replayed"]) for answer in answers(brief, "a", since="p:2")} == {(True, 1)}


def test_a_topic_with_neither_subscribers_nor_history_is_forgotten(brief, make_producer):
    producer = make_producer(brief.endpoint)
    witness = brief.connect()
    witness.subscribe("a")
    publish(producer, "a", [1, 2])
    wait_received(brief, 2)
    brief.wait_metric("zws_topics", 1)
    witness.close()
    brief.wait_metric("zws_topics", 0)
    assert all(knows_nothing(answer["at"]) for answer in answers(brief, "a"))
    assert not any(answer["recovered"] for answer in answers(brief, "a", since="p:2"))


def test_who_subscribes_too_late_to_hold_a_topic_hears_it_from_its_first_event(brief, make_producer):
    """Of events without a header the bridge gives the numbers, and begins anew when it has forgotten."""
    producer = make_producer(brief.endpoint)
    for n in range(3):
        producer.send("plain", {"type": "n", "n": n})
    wait_received(brief, 3)
    brief.wait_metric("zws_topics", 0)
    client = brief.connect()
    at = client.subscribe("plain")["at"]
    assert knows_nothing(at)
    producer.send("plain", {"type": "n", "n": 3})
    assert client.receive()["@id"].endswith(":1")
    client.close()
    assert {(answer["recovered"], answer["replayed"]) for answer in answers(brief, "plain", since=at)} == {(True, 1)}


def test_a_topic_that_is_held_keeps_the_bridges_own_numbers(brief, make_producer):
    producer = make_producer(brief.endpoint)
    client = brief.connect()
    client.subscribe("plain")
    producer.send("plain", {"type": "n"})
    source = client.receive()["@id"].removesuffix(":1")
    wait_expired(brief, "plain")
    producer.send("plain", {"type": "n"})
    assert client.receive()["@id"] == f"{source}:2"


@pytest.mark.short
def test_who_heard_nothing_is_not_told_that_it_missed_nothing(brief, make_producer):
    """What came meanwhile is gone, and nothing but the client's own `at` shows that it was not there."""
    producer = make_producer(brief.endpoint)
    client = brief.connect()
    before = client.subscribe("quiet")["at"]
    client.close()
    assert {answer["recovered"] for answer in answers(brief, "quiet", since=before)} == {True}, "nothing came yet"
    publish(producer, "quiet", [1])
    wait_received(brief, 1)
    assert {(told["recovered"], told["replayed"]) for told in answers(brief, "quiet", since=before)} == {(True, 1)}
    brief.wait_metric("zws_topics", 0)
    for since in (before, []):
        assert {told["recovered"] for told in answers(brief, "quiet", since=since)} == {False}, since
    assert {told["recovered"] for told in answers(brief, "quiet*", since={})} == {False}
    client = brief.connect()
    after = client.subscribe("quiet")["at"]
    client.close()
    assert {told["recovered"] for told in answers(brief, "quiet", since=after)} == {True}


def test_past_limits_topics_the_one_heard_from_longest_ago_is_forgotten(make_bridge, make_producer):
    bridge = make_bridge({"limits.topics": 2})
    producer = make_producer(bridge.endpoint)
    for topic, seq in (("x", 1), ("y", 1), ("x", 2), ("z", 1)):
        publish(producer, topic, [seq])
    wait_received(bridge, 4)
    for topic, at in (("x", ["p:2"]), ("z", ["p:1"])):
        assert {tuple(answer["at"]) for answer in answers(bridge, topic)} == {tuple(at)}
    assert all(knows_nothing(answer["at"]) for answer in answers(bridge, "y"))
    publish(producer, "x", [4])
    publish(producer, "y", [4])
    wait_received(bridge, 6)
    assert bridge.metric("zws_ingest_gaps_total") == 1, "only of a topic that is known"


# ---- sources ----


def test_past_sources_per_topic_the_one_heard_from_longest_ago_is_forgotten(make_bridge, make_producer):
    bridge = make_bridge({"limits.sources_per_topic": 2})
    producer = make_producer(bridge.endpoint)
    for source, seq in (("a", 1), ("b", 1), ("a", 2), ("c", 1)):
        publish(producer, "t", [seq], source)
    wait_received(bridge, 4)
    assert {frozenset(answer["at"]) for answer in answers(bridge, "t")} == {frozenset({"a:2", "c:1"})}
    for since, recovered in ((["a:2", "b:1"], False), (["a:2"], True), (["a:1"], False), ([], False)):
        assert {answer["recovered"] for answer in answers(bridge, "t", since=since)} == {recovered}, since


def test_a_thousand_sources_in_one_since_are_too_many(bridge):
    client = bridge.connect()
    for since in ([f"s{n}:1" for n in range(1000)], {"t": [f"s{n}:1" for n in range(1000)]}):
        answer = client.ask({"type": "subscribe", "topic": "t", "since": since})
        assert (answer["type"], answer["success"], answer["code"]) == ("subscribed", False, "limit_exceeded")
    assert client.subscribe("t", since=[f"s{n}:1" for n in range(100)])["recovered"] is False


def test_numbers_that_are_none_make_an_event_headerless(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    headers = ["0", "-1", "1.5", '"1"', "null", "9223372036854775808", "1e400", "99999999999999999999999"]
    for seq in headers:
        producer.send("t", {"type": "x"}, f'{{"src":"p","seq":{seq}}}')
    ids = [client.receive()["@id"] for _ in headers]
    source = ids[0].rpartition(":")[0]
    assert source != "p" and ids == [f"{source}:{n + 1}" for n in range(len(headers))]
    assert bridge.metric("zws_ingest_header_ignored_total") == len(headers)
    publish(producer, "t", [2**63 - 1])
    assert client.receive()["@id"] == f"p:{2**63 - 1}"
    answer = bridge.connect().subscribe("t", since=[f"p:{2**63 - 1}", f"{source}:{len(headers)}"])
    assert (answer["recovered"], answer["replayed"]) == (True, 0)


def test_a_source_that_goes_backwards_is_dropped_and_moves_nothing(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    for seq in (5, 4, 1, 5, 6):
        publish(producer, "t", [seq])
    assert [client.receive()["@id"] for _ in range(2)] == ["p:5", "p:6"]
    assert client.receive_all() == []
    assert bridge.metric("zws_ingest_rejected_total", reason="duplicate") == 3
    assert bridge.metric("zws_ingest_gaps_total") == 0


# ---- memory ----


def resident_bytes(pid):
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.as_released
def test_topics_that_live_once_stay_within_the_bound_index_and_sources_included(make_bridge, make_producer):
    """Real memory: all that 150,000 topics leave behind, each with a source of its own."""
    bound = 16 << 20
    bridge = make_bridge({"history.bytes": bound, "ingest.memory_bytes": 32 << 20})
    producer = make_producer(bridge.endpoint)
    header = {"src": "a-publisher-of-its-own", "seq": 1}

    def send(topics):
        for n in topics:
            producer.send(f"import:7d1c9e40-{n}", b'{"type":"import_progress"}', header)
            if (n + 1) % 5_000 == 0:  # so that no queue grows where the machine is slow
                wait_received(bridge, n + 1)

    send(range(150_000))  # what ingest takes for itself, and both bounds reached: topics and sources
    before = resident_bytes(bridge.pid)
    assert bridge.metric("zws_history_bytes") <= bound
    send(range(150_000, 300_000))
    assert bridge.metric("zws_history_bytes") <= bound
    assert bridge.metric("zws_topics") < 60_000
    assert resident_bytes(bridge.pid) < before + (4 << 20)


def test_more_lanes_keep_no_less(make_bridge, make_producer):
    """The bound is the machine's affair and not the cores'."""
    kept = []
    for lanes in (1, 15):
        bridge = make_bridge({"server.threads": lanes, "history.bytes": 8 << 20})
        producer = make_producer(bridge.endpoint)
        for n in range(10_000):
            producer.send(f"import:{n}", b"1", {"src": "p", "seq": 1})
            if (n + 1) % 2_000 == 0:
                wait_received(bridge, n + 1)
        kept.append(bridge.metric("zws_topics"))
    assert kept[0] == kept[1] > 1_000
