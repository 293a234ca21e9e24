"""What one message may ask for and cost: ids, long lists of topics, refusals, members that are null."""

import json

import pytest

from support.raw_socket import TEXT

QUEUE = 65_536


def topics(count):
    return [f"t{number}" for number in range(count)]


def test_a_long_id_is_refused_and_not_repeated(bridge):
    client = bridge.connect()
    assert client.ask({"type": "ping", "id": "x" * 128})["type"] == "pong"
    for id_ in ("x" * 129, "ü" * 65):
        client.send({"type": "ping", "id": id_})
        answer = client.receive()
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert "id" not in answer


def test_each_topic_of_a_request_is_answered_once(bridge):
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": ["a", "b", "a", "a", "b"]})
    assert [answer["topic"] for answer in client.receive_all()] == ["a", "b"]
    client.send({"type": "unsubscribe", "topics": ["a", "a"]})
    assert [answer["topic"] for answer in client.receive_all()] == ["a"]


def test_null_is_absent_and_10_0_is_10(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for number in range(12):
        producer.send("a", {"type": "event", "n": number})
        client.receive()
    other = bridge.connect()
    other.send('{"type":"subscribe","topic":"a","topics":null,"since":null,"id":null,"last":10.0}')
    answer = other.receive()
    assert (answer["success"], answer["replayed"]) == (True, 10)
    assert "id" not in answer and "recovered" not in answer


def test_a_since_need_not_name_the_topic(bridge, producer):
    """A topic that it leaves out is one of which nothing was seen."""
    client = bridge.connect()
    client.subscribe("a")
    producer.send("a", {"type": "event"}, {"src": "p", "seq": 1})
    client.receive()
    for since in ({}, {"b": ["p:1"]}):
        other = bridge.connect()
        answer = other.subscribe("a", since=since)
        assert (answer["recovered"], answer["replayed"]) == (True, 1)
        assert other.receive()["@id"] == "p:1"


def test_a_since_names_each_topic_its_own(bridge, producer):
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": ["a", "b", "c"]})
    client.receive_all()
    for topic in "abc":
        for seq in (1, 2):
            producer.send(topic, {"type": "event"}, {"src": "p", "seq": seq})
            client.receive()
    other = bridge.connect()
    since = {"a": ["p:2"], "b": ["p:1"], "c": ["q:1"]}
    other.send({"type": "subscribe", "topics": ["c", "b", "a"], "since": since})
    answers = [message for message in other.receive_all() if message["type"] == "subscribed"]
    assert [(a["topic"], a["recovered"], a["replayed"]) for a in answers] == [
        ("c", False, 0),
        ("b", True, 1),
        ("a", True, 0),
    ]


def test_last_is_bounded_by_replay_events(make_bridge):
    client = make_bridge({"limits.replay_events": 3}).connect()
    assert client.ask({"type": "subscribe", "topic": "a", "last": 4})["code"] == "limit_exceeded"
    assert client.subscribe("a", last=3)["replayed"] == 0


def test_events_of_a_raw_route_are_not_fetched(make_bridge):
    client = make_bridge(tables='[[route]]\nmatch = "raw:*"\nformat = "raw"\n').connect()
    answer = client.ask({"type": "fetch", "topic": "raw:1", "src": "p", "from": 1, "to": 2})
    assert (answer["type"], answer["success"], answer["code"]) == ("fetched", False, "invalid_message")
    for pattern in ("raw:*", "*"):
        answer = client.ask({"type": "subscribe", "topic": pattern, "since": {"raw:1": []}})
        assert (answer["success"], answer["code"]) == (False, "invalid_message")


def test_who_must_sign_in_first_fetches_nothing(make_bridge, issuer, tmp_path):
    client = make_bridge({**issuer.settings(tmp_path), "auth.anonymous.connect": False}).connect()
    for request in (
        {"type": "fetch", "topic": "a", "src": "p", "from": 1, "to": 2},
        {"type": "subscribe", "topic": "a"},
    ):
        answer = client.ask(request)
        assert (answer["success"], answer["code"]) == (False, "unauthorized")


def test_a_since_is_found_wherever_its_name_stands(bridge, producer):
    """Patterns and names that begin alike, with others between them."""
    names = ["a", "a:1", "a:1x", "a:10", "a:2", "a/1", "ab", "b:1"]
    watcher = bridge.connect()
    watcher.subscribe("*")
    for name in names:
        for seq in (1, 2):
            producer.send(name, {"type": "event"}, {"src": "p", "seq": seq})
            watcher.receive()
    since = {name: ["p:1"] for name in names}
    for pattern, brought in (
        ("a:1", ["a:1"]),
        ("a:1*", ["a:1", "a:1x", "a:10"]),
        ("a:*", ["a:1", "a:1x", "a:10", "a:2"]),
        ("*:1", ["a:1", "b:1"]),
        ("*", names),
    ):
        client = bridge.connect()
        answer = client.subscribe(pattern, since=since)
        assert (answer["recovered"], answer["replayed"]) == (True, len(brought))
        assert [client.receive()["@id"] for _ in brought] == ["p:2"] * len(brought)


def test_the_names_of_a_connections_subscriptions_are_bounded_in_bytes(make_bridge):
    client = make_bridge({"limits.subscriptions": 100}).connect()
    long = [f"{number:03}" + "x" * 252 for number in range(100)]
    client.send({"type": "subscribe", "topics": long})
    answers = client.receive_all()
    held = (4096 + 100 * 128) // 255
    assert [answer["success"] for answer in answers] == [True] * held + [False] * (100 - held)
    assert {answer["code"] for answer in answers[held:]} == {"limit_exceeded"}
    client.ask({"type": "unsubscribe", "topic": long[0]})
    client.subscribe(long[99])


def test_what_is_said_after_a_long_request_waits_for_its_end(make_bridge):
    bridge = make_bridge({"limits.subscriptions": 3000})
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": topics(3000), "id": 1})
    client.send({"type": "unsubscribe", "topics": topics(3000), "id": 2})
    answers = client.receive_all()
    assert [(a["type"], a["topic"]) for a in answers] == [
        *(("subscribed", topic) for topic in topics(3000)),
        *(("unsubscribed", topic) for topic in topics(3000)),
    ]
    assert bridge.metric("zws_subscriptions") == 0


def test_answers_stop_at_the_queues_bound_and_go_on_as_room_comes(make_bridge):
    bridge = make_bridge({"limits.queue_bytes": QUEUE, "limits.subscriptions": 100})
    named = topics(6000)
    with bridge.raw(receive_buffer=4096) as greedy:
        assert greedy.upgrade()[0] == 101
        greedy.frame()
        greedy.send_frame(TEXT, json.dumps({"type": "subscribe", "topics": named, "id": "x" * 128}).encode())
        bridge.wait_metric("zws_subscriptions", 100)
        witness = bridge.connect()
        for _ in range(100):
            assert witness.ask({"type": "ping"})["type"] == "pong"
        assert bridge.metric("zws_queue_bytes") <= 2 * QUEUE
        answers = [json.loads(greedy.frame().payload) for _ in named]
        assert [answer["topic"] for answer in answers] == named
        assert [answer["success"] for answer in answers] == [True] * 100 + [False] * 5900
        greedy.send_frame(TEXT, b'{"type":"get_stats"}')
        assert json.loads(greedy.frame().payload)["type"] == "stats", "it is heard again"


def test_a_client_that_leaves_in_a_long_request_leaves_nothing(make_bridge):
    bridge = make_bridge({"limits.queue_bytes": QUEUE, "limits.subscriptions": 6000})
    for _ in range(5):
        with bridge.raw(receive_buffer=4096) as leaver:
            assert leaver.upgrade()[0] == 101
            leaver.send_frame(TEXT, json.dumps({"type": "subscribe", "topics": topics(6000)}).encode())
            leaver.frame()
    bridge.wait_metric("zws_connections", 0)
    assert bridge.metric("zws_subscriptions") == 0
    assert bridge.metric("zws_queue_bytes") == 0


def test_a_refused_request_is_one_error_however_many_topics_it_names(make_bridge):
    bridge = make_bridge({"limits.errors_per_minute": 3})
    client = bridge.connect()
    for _ in range(3):
        client.send({"type": "subscribe", "topics": ["**", "***", "a*b"]})
        assert [answer["code"] for answer in client.receive_all()] == ["invalid_topic"] * 3
    client.send({"type": "fetch", "topic": "*", "src": "p", "from": 1, "to": 1})
    code, messages = client.wait_closed()
    assert (code, [message["code"] for message in messages]) == (4400, ["invalid_topic"])


def test_a_long_request_counts_as_many_messages(make_bridge):
    bridge = make_bridge({"limits.messages_per_second": 2})
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": topics(1000)})
    client.send({"type": "ping"})
    answers = [client.receive() for _ in range(1001)]
    assert {answer["type"] for answer in answers[:1000]} == {"subscribed"}
    assert answers[1000]["code"] == "rate_limited"


@pytest.mark.parametrize("pattern", ["a:*", "*:1", "*"])
def test_what_needs_too_many_looks_is_not_recovered(make_bridge, make_producer, pattern):
    bridge = make_bridge({"limits.request_looks": 20})
    producer = make_producer(bridge.endpoint)
    watcher = bridge.connect()
    watcher.subscribe("*")
    sent = 0
    for looked_at in (20, 21):
        for number in range(sent, looked_at):
            producer.send(f"a:{number}", {"type": "event"}, {"src": "p", "seq": 1})
            watcher.receive()
        sent = looked_at
        enough = looked_at == 20
        brought = 0 if not enough else 1 if pattern == "*:1" else 20
        answer = bridge.connect().subscribe(pattern, since={})
        assert (answer["recovered"], answer["replayed"]) == (enough, brought)
        answer = bridge.connect().subscribe(pattern, last=1)
        assert answer["replayed"] == brought
    answer = bridge.connect().ask({"type": "fetch", "topic": pattern, "last": 1})
    assert (answer["type"], answer["count"], answer["complete"]) == ("fetched", 0, False)


def test_all_patterns_of_a_request_share_its_looks(make_bridge, make_producer):
    bridge = make_bridge({"limits.request_looks": 25})
    producer = make_producer(bridge.endpoint)
    watcher = bridge.connect()
    watcher.subscribe("*")
    for number in range(10):
        producer.send(f"a:{number}", {"type": "event"})
        watcher.receive()
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": [f"*:{number}" for number in range(4)], "last": 1})
    answers = [message for message in client.receive_all() if message["type"] == "subscribed"]
    assert [answer["replayed"] for answer in answers] == [1, 1, 0, 0]
