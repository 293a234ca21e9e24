"""The conversation: requests and their answers, every refusal with its code, the limits of a client."""

import json
import re

import pytest
from websockets.exceptions import ConnectionClosed

from support.ws_client import knows_nothing

pytestmark = [pytest.mark.short, pytest.mark.both_wires]

RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_ping_is_answered(shared_bridge):
    client = shared_bridge.connect()
    client.send({"type": "ping"})
    pong = client.receive()
    assert list(pong) == ["type", "timestamp"] and pong["type"] == "pong"
    assert re.fullmatch(RFC3339, pong["timestamp"])


@pytest.mark.parametrize("id", ["a", "", 'ü"\\\n', 0, -1, 1.5, 12345678901234567890])
@pytest.mark.parametrize(
    "request_",
    [
        {"type": "ping"},
        {"type": "get_stats"},
        {"type": "subscribe", "topic": "a"},
        {"type": "subscribe", "topic": "a**"},
        {"type": "unsubscribe", "topic": "a"},
        {"type": "subscribe"},
        {"type": "nothing"},
    ],
    ids=lambda request: json.dumps(request),
)
def test_the_id_of_a_request_comes_back(shared_bridge, request_, id):
    client = shared_bridge.connect()
    client.send({**request_, "id": id})
    assert client.receive()["id"] == id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{",
        '{"type":"ping"',
        "{'type':'ping'}",
        '{"type":"ping"} x',
        "[" * 33 + "]" * 33,
        '{"type":"ping","a":' + "[" * 32 + "]" * 32 + "}",
    ],
)
def test_what_is_not_json_is_invalid_json(shared_bridge, text):
    assert_error(shared_bridge.connect(), text, "invalid_json")


@pytest.mark.parametrize(
    "message",
    [
        [],
        7,
        "ping",
        None,
        {},
        {"type": 7},
        {"type": None},
        {"type": "subscribe"},
        {"type": "subscribe", "topic": 7},
        {"type": "subscribe", "topic": None},
        {"type": "subscribe", "topics": "a"},
        {"type": "subscribe", "topics": ["a", 7]},
        {"type": "subscribe", "topics": {}},
        {"type": "unsubscribe"},
        {"type": "unsubscribe", "topic": []},
        {"type": "subscribe", "topic": "a", "last": -1},
        {"type": "subscribe", "topic": "a", "last": "3"},
        {"type": "subscribe", "topic": "a", "since": 7},
        {"type": "fetch", "topic": "a"},
    ],
    ids=json.dumps,
)
def test_a_request_of_the_wrong_shape_is_invalid_message(shared_bridge, message):
    client = shared_bridge.connect()
    client.send(json.dumps(message))
    answer = client.receive()
    assert answer["code"] == "invalid_message" and answer["message"], answer
    assert answer["type"] == "error" or answer["success"] is False
    assert client.ask({"type": "ping"})["type"] == "pong"


@pytest.mark.parametrize("type", ["", "publish", "Ping", "message", "connection", "ping "])
def test_clients_only_receive(shared_bridge, type):
    assert_error(shared_bridge.connect(), json.dumps({"type": type, "topic": "a", "data": {}}), "unknown_type")


@pytest.mark.parametrize("topic", ["", "a**", "a*b", "*a", "a.*b.c", "a\nb", "\x7f", "x" * 256])
def test_a_topic_that_cannot_be_is_invalid_topic(shared_bridge, topic):
    answer = shared_bridge.connect().ask({"type": "subscribe", "topic": topic})
    assert (answer["type"], answer["success"], answer["code"]) == ("subscribed", False, "invalid_topic")
    assert answer["topic"] == topic and answer["message"]


@pytest.mark.parametrize("topic", ["@", "@user/somebody", "@user/", "@zws", "@all:x"])
def test_the_bridges_own_names_are_forbidden(shared_bridge, topic):
    answer = shared_bridge.connect().ask({"type": "subscribe", "topic": topic})
    assert (answer["type"], answer["success"], answer["code"]) == ("subscribed", False, "forbidden")


def test_everybody_may_name_all_and_has_it_anyway(shared_bridge, shared_producer):
    client = shared_bridge.connect()
    assert knows_nothing(client.subscribe("@all")["at"])
    assert client.ask({"type": "unsubscribe", "topic": "@all"})["success"] is True
    shared_producer.send("@all", {"type": "announcement"})
    assert client.receive()["type"] == "announcement"
    assert client.receive_all() == []


def test_get_stats_tells_about_the_own_connection(shared_bridge, shared_producer):
    client = shared_bridge.connect()
    client.subscribe("counted")
    shared_producer.send("counted", {"type": "x"})
    client.receive()
    stats = client.ask({"type": "get_stats"})
    assert stats["type"] == "stats" and isinstance(stats["data"], dict)
    assert client.hello["client_id"] in json.dumps(stats)


def test_more_subscriptions_than_allowed_are_refused_until_one_ends(make_bridge):
    client = make_bridge({"limits.subscriptions": 3}).connect()
    for topic in "abc":
        client.subscribe(topic)
    assert client.ask({"type": "subscribe", "topic": "d"})["code"] == "limit_exceeded"
    client.subscribe("a")  # again: it takes no room
    client.ask({"type": "unsubscribe", "topic": "a"})
    client.subscribe("d")


def test_too_many_errors_end_the_connection(make_bridge):
    client = make_bridge({"limits.errors_per_minute": 5}).connect()
    for _ in range(6):  # not one more: the close may arrive before it is sent
        client.send("x")
    code, messages = client.wait_closed()
    assert code == 4400
    assert [message["code"] for message in messages] == ["invalid_json"] * 6, "five, and the one too many"


def test_a_client_that_sends_too_fast_is_told_and_then_closed(make_bridge):
    bridge = make_bridge({"limits.messages_per_second": 5, "limits.errors_per_minute": 1_000_000})
    client = bridge.connect()
    for _ in range(11):
        client.send({"type": "ping"})
    answers = [client.receive() for _ in range(11)]
    assert [answer["type"] for answer in answers[:10]] == ["pong"] * 10
    assert answers[10]["type"] == "error" and answers[10]["code"] == "rate_limited"
    assert bridge.metric("zws_refusals_total", code="rate_limited") == 1
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.send({"type": "ping"})
            client.receive()
    assert closed.value.rcvd.code == 4429


def test_errors_leave_the_connection_and_its_subscriptions(shared_bridge, shared_producer):
    client = shared_bridge.connect()
    client.subscribe("a")
    for text in ("x", "{}", '{"type":"y"}', '{"type":"subscribe"}'):
        client.send(text)
        assert client.receive()["type"] == "error"
    shared_producer.send("a", {"type": "event"})
    assert client.receive()["type"] == "event"


def test_messages_of_the_bridge_have_no_id_of_an_event(shared_bridge):
    client = shared_bridge.connect()
    answers = [client.hello, client.subscribe("a"), client.ask({"type": "ping"}), client.ask({"type": "get_stats"})]
    assert not any("@id" in answer for answer in answers)


def assert_error(client, text, code):
    client.send(text)
    answer = client.receive()
    assert (answer["type"], answer["code"]) == ("error", code)
    assert isinstance(answer["message"], str) and answer["message"]
    assert client.ask({"type": "ping"})["type"] == "pong"
