"""Who gets what: exact topics, patterns, overlaps, and the end of a subscription."""

import pytest

from support.ws_client import knows_nothing

pytestmark = pytest.mark.short


def names_received(client, producer, topics):
    """Publishes one event to each topic and then one to `end`; the topics that reached the client."""
    for topic in topics:
        producer.send(topic, {"type": "event"})
    producer.send("end", {"type": "event"})
    received = []
    while (topic := client.receive()["topic"]) != "end":
        received.append(topic)
    return received


@pytest.mark.parametrize(
    ("pattern", "matched", "not_matched"),
    [
        ("import:task-1", ["import:task-1"], ["import:task-10", "import:task-", "import:task-1:x", "import"]),
        ("import:*", ["import:", "import:task-1", "import:a:b"], ["import", "imports:x", "x:import:y"]),
        ("imp*", ["imp", "import:task-1", "imp.x"], ["im", "Import"]),
        ("a.*.c", ["a.b.c", "a.bb.c"], ["a..c", "a.b", "a.b.d", "a.b.b.c", "a.b:b.c"]),
        ("a/*:c", ["a/b:c"], ["a/b/c", "a:b:c"]),
        ("*:done", ["import:done"], ["import:x:done", ":done", "import:done2"]),
        ("*", ["anything", "a:b", "温度/1"], []),
        ("温度/*", ["温度/1"], ["温/1"]),
    ],
)
def test_a_subscription_matches_whole_topics(bridge, producer, pattern, matched, not_matched):
    client = bridge.connect()
    client.subscribe(pattern)
    client.subscribe("end")
    assert names_received(client, producer, not_matched + matched) == matched


def test_a_pattern_never_matches_the_bridges_own_names(bridge, producer):
    client = bridge.connect()
    client.subscribe("*")
    producer.send("@user/somebody-else", {"type": "secret"})
    producer.send("open", {"type": "event"})
    assert client.receive()["type"] == "event"


def test_overlapping_subscriptions_give_an_event_once(bridge, producer):
    client = bridge.connect()
    for topic in ("import:task-1", "import:*", "*", "*:task-1", "end"):
        client.subscribe(topic)
    assert names_received(client, producer, ["import:task-1"]) == ["import:task-1"]


def test_what_overlaps_stays_when_one_of_them_ends(bridge, producer):
    client = bridge.connect()
    for topic in ("import:task-1", "import:*", "end"):
        client.subscribe(topic)
    client.ask({"type": "unsubscribe", "topic": "import:*"})
    assert names_received(client, producer, ["import:task-2", "import:task-1"]) == ["import:task-1"]


def test_many_topics_in_one_request_are_answered_one_by_one(bridge, producer):
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": ["a", "b:*", "**", "end"], "id": 7})
    answers = [client.receive() for _ in range(4)]
    assert [(a["type"], a["topic"], a["success"], a["id"]) for a in answers] == [
        ("subscribed", "a", True, 7),
        ("subscribed", "b:*", True, 7),
        ("subscribed", "**", False, 7),
        ("subscribed", "end", True, 7),
    ]
    assert answers[2]["code"] == "invalid_topic" and answers[2]["message"]
    assert names_received(client, producer, ["a", "b:1", "c"]) == ["a", "b:1"]


def test_subscribing_twice_succeeds_and_changes_nothing(bridge, producer):
    client = bridge.connect()
    for topic in ("a", "a", "end"):
        client.subscribe(topic)
    assert names_received(client, producer, ["a"]) == ["a"]
    client.ask({"type": "unsubscribe", "topic": "a"})
    assert names_received(client, producer, ["a"]) == []


def test_unsubscribing_ends_delivery_and_always_succeeds(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    client.subscribe("end")
    answer = {"type": "unsubscribed", "topic": "a", "success": True, "id": 1}
    for _ in range(2):
        assert client.ask({"type": "unsubscribe", "topic": "a", "id": 1}) == answer
    assert names_received(client, producer, ["a"]) == []


def test_the_answer_tells_where_live_events_begin(bridge, producer):
    first, late = bridge.connect(), bridge.connect()
    assert knows_nothing(first.subscribe("a")["at"])
    assert "at" not in first.subscribe("b:*")
    producer.send("a", {"type": "event"}, {"src": "p", "seq": 4})
    first.receive()
    assert late.subscribe("a")["at"] == ["p:4"]


def test_a_client_that_left_costs_nothing(bridge, producer):
    leaver, stayer = bridge.connect(), bridge.connect()
    for client in (leaver, stayer):
        client.subscribe("a")
    leaver.close()
    bridge.wait_metric("zws_connections", 1)
    producer.send("a", {"type": "event"})
    stayer.receive()
    bridge.wait_metric("zws_deliveries_total", 1)
    assert bridge.metric("zws_subscriptions") == 1
