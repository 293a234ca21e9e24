"""What a client receives for each kind of payload: exact to the byte."""

import base64
import itertools
import json
import random
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.short

TS = 1_700_000_000_123_000_000  # ns
SENT = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)


ids = itertools.count(1)


@pytest.fixture
def carry(shared_bridge, shared_producer):
    """Sends a payload, on topic `t` unless told, and returns the frame that arrives. Each has an id of
    its own, which is written p:1 in what is returned."""
    client = shared_bridge.connect()
    client.subscribe("*")

    def carry(payload: bytes, topic: str = "t") -> str:
        source = f"s{next(ids)}"
        shared_producer.send(topic, payload, {"src": source, "seq": 1, "ts": TS})
        while f'"@id":"{source}:1"}}' not in (frame := client.receive_frame()):
            pass  # the event of the test before, which reached the lane of this client only now
        return frame.replace(f'"@id":"{source}:1"}}', '"@id":"p:1"}')

    return carry


@pytest.mark.parametrize(
    ("payload", "frame"),
    [
        ('{"type":"x"}', '{"type":"x","topic":"t","@id":"p:1"}'),
        ('{"type":"x","n":1e2,"a":[1, 2]}', '{"type":"x","n":1e2,"a":[1, 2],"topic":"t","@id":"p:1"}'),
        (' { "type" : "x" } \n', ' { "type" : "x" ,"topic":"t","@id":"p:1"} \n'),
        ('{"type":"x","topic":"t"}', '{"type":"x","topic":"t","@id":"p:1"}'),
        ('{"topic":"\\u0074","type":"x"}', '{"topic":"\\u0074","type":"x","@id":"p:1"}'),
        ('{"type":"x","topic":"other"}', '{"type":"x","topic":"other","@topic":"t","@id":"p:1"}'),
        ('{"type":"x","@topic":"u"}', '{"type":"x","@topic":"u","topic":"t","@topic":"t","@id":"p:1"}'),
        ('{"type":"x","topic":7}', '{"type":"x","topic":7,"@topic":"t","@id":"p:1"}'),
        ('{"type":"x","@id":"mine"}', '{"type":"x","@id":"mine","topic":"t","@id":"p:1"}'),
        ('{"type":"x","d":{"topic":"t"}}', '{"type":"x","d":{"topic":"t"},"topic":"t","@id":"p:1"}'),
        ('{"\\u0074ype":"x"}', '{"\\u0074ype":"x","topic":"t","@id":"p:1"}'),
        ('{"type":"x","s":"}\\"}"}', '{"type":"x","s":"}\\"}","topic":"t","@id":"p:1"}'),
        ('{"type":"","s":"温"}', '{"type":"","s":"温","topic":"t","@id":"p:1"}'),
        ('{"type":"x","s":"\\ud800"}', '{"type":"x","s":"\\ud800","topic":"t","@id":"p:1"}'),
        ('{"type":"x","n":1e999}', '{"type":"x","n":1e999,"topic":"t","@id":"p:1"}'),
        (
            '{"type":"x","n":123456789012345678901234567890}',
            '{"type":"x","n":123456789012345678901234567890,"topic":"t","@id":"p:1"}',
        ),
    ],
)
def test_an_object_with_a_type_is_passed_on_with_topic_and_id(carry, payload, frame):
    assert carry(payload.encode()) == frame


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        '{"a":{"type":"x"}}',
        '{"type":1}',
        '{"type":null,"a":2}',
        "[]",
        "[1, {}]",
        "0",
        "-1.5e3",
        '"s"',
        "true",
        "null",
    ],
)
def test_other_json_is_the_data_of_a_message(carry, payload):
    frame = carry(payload.encode())
    assert frame.startswith('{"type":"message","topic":"t","data":' + payload + ',"timestamp":"')
    assert frame.endswith('Z","@id":"p:1"}')
    message = json.loads(frame)
    assert list(message) == ["type", "topic", "data", "timestamp", "@id"]
    assert datetime.fromisoformat(message["timestamp"]) == SENT


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "hello",
        'a "quoted" \\ one',
        "line\nline\ttab\x00\x1f\x7f",
        '{"type":"x"',
        "{'type':'x'}",
        "NaN",
        "01",
        "[1,]",
        "温度",
        "\ufeff{}",
        "\u2028",
        '{"type":"x"}{}',
        "nul",
    ],
)
def test_text_that_is_not_json_is_a_json_string(carry, payload):
    message = json.loads(carry(payload.encode()))
    assert message["type"] == "message" and message["topic"] == "t"
    assert message["data"] == payload
    assert "encoding" not in message


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"\x80abc", b"\xed\xa0\x80", b"\xc0\xaf", b'{"type":"\xff"}', bytes(range(256)), b"\xf4\x90\x80\x80"],
)
def test_bytes_that_are_not_utf8_are_base64(carry, payload):
    message = json.loads(carry(payload))
    assert message["encoding"] == "base64"
    assert base64.b64decode(message["data"], validate=True) == payload


@pytest.mark.parametrize("topic", ['a"b', "a\\b", "温度/1", "a b", "{}", "x" * 255])
def test_a_topic_is_escaped_where_it_must_be(carry, topic):
    assert json.loads(carry(b'{"type":"x"}', topic))["topic"] == topic
    assert json.loads(carry(b"[]", topic))["topic"] == topic


def test_json_of_any_depth_passes(carry):
    deep = "[" * 20_000 + "]" * 20_000
    assert carry(f'{{"type":"x","deep":{deep}}}'.encode()) == f'{{"type":"x","deep":{deep},"topic":"t","@id":"p:1"}}'
    assert carry(deep.encode()).startswith('{"type":"message","topic":"t","data":' + deep + ',"timestamp":')


def test_events_of_every_size_pass(carry):
    for size in (100, 125, 126, 127, 65_535, 65_536, 1_000_000):
        assert json.loads(carry(b"x" * size))["data"] == "x" * size


def test_whatever_the_payload_it_comes_back_from_valid_json(carry):
    chance = random.Random(1)
    pieces = [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\",
        b'"type"',
        b'"x"',
        b"1",
        b"e",
        b"-",
        b" ",
        b"\n",
        b"\x00",
        b"\xff",
        "é".encode(),
        b"\xe6",
        b"null",
        b"\\u00",
    ]
    for _ in range(1000):
        payload = b"".join(chance.choices(pieces, k=chance.randrange(12)))
        frame = carry(payload)
        message = json.loads(frame)
        if message.get("encoding") == "base64":
            assert base64.b64decode(message["data"]) == payload
        elif message["type"] == "message" and "data" in message:
            try:
                json.loads(payload.decode())
                assert f'"data":{payload.decode()},"timestamp"' in frame
            except ValueError:
                assert message["data"] == payload.decode()
        else:
            assert frame.startswith(payload.decode()[: payload.decode().rindex("}")])


def test_the_time_of_arrival_stands_for_a_missing_ts(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    before = datetime.fromisoformat(client.ask({"type": "ping"})["timestamp"])
    producer.send("t", b"[]")
    sent = datetime.fromisoformat(client.receive()["timestamp"])
    after = datetime.fromisoformat(client.ask({"type": "ping"})["timestamp"])
    assert before <= sent <= after


def test_headerless_events_are_numbered_by_the_bridge_per_topic(bridge, producer):
    client = bridge.connect()
    client.subscribe("*")
    for topic in "aabab":
        producer.send(topic, {"type": "x"})
    ids = [(event["topic"], event["@id"].rsplit(":", 1)) for event in (client.receive() for _ in range(5))]
    assert [(topic, number) for topic, (_, number) in ids] == [
        ("a", "1"),
        ("a", "2"),
        ("b", "1"),
        ("a", "3"),
        ("b", "2"),
    ]
    assert len({source for topic, (source, _) in ids if topic == "a"}) == 1


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x00\x00\x00\x07",
        b"x",
        b"[]",
        b"12",
        b'{"src":""}',
        b'{"src":"a b","seq":1}',
        b'{"src":"p","seq":0}',
        b'{"src":"p","seq":-1}',
        b'{"src":"p","seq":"1"}',
        b'{"src":"p","seq":1e400}',
        b'{"src":"p","seq":9223372036854775808}',
        b'{"src":7,"seq":1}',
        b'{"key":7}',
        b'{"ts":"now"}',
        b'{"src":"p","seq":1',
        b'{"key":"' + b"k" * 256 + b'"}',
        b'{"src":"' + b"s" * 65 + b'","seq":1}',
    ],
)
def test_a_third_frame_that_is_no_header_is_ignored_and_counted(shared_bridge, shared_producer, header):
    before = shared_bridge.metric("zws_ingest_header_ignored_total")
    client = shared_bridge.connect()
    client.subscribe("t")
    shared_producer.send_frames(b"t", b'{"type":"x"}', header)
    event = client.receive()
    assert event["topic"] == "t" and not event["@id"].startswith("p:")
    assert shared_bridge.metric("zws_ingest_header_ignored_total") == before + 1


def test_unknown_members_of_a_header_and_later_frames_are_ignored(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    producer.send_frames(b"t", b'{"type":"x"}', b'{"src":"p","seq":3,"trace":{"id":[1]}}', b"fourth", b"fifth")
    assert client.receive()["@id"] == "p:3"
    assert bridge.metric("zws_ingest_header_ignored_total") == 0


def test_a_raw_route_passes_the_payload_untouched(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "raw:*"\nformat = "raw"\n')
    client = bridge.connect()
    client.subscribe("raw:*")
    producer = make_producer(bridge.endpoint)
    payloads = [b'{"type":"x"}', b"text", b"\xff\x00", b"\x00", b""]
    payloads += [b'{"type":"subscribed","topic":"raw:2","success":false}', b'{"type":"x","topic":"a","@id":"p:1"}']
    for payload in payloads:
        producer.send("raw:1", payload)
    received = [client.receive_frame() for _ in payloads]
    assert received == payloads, "a binary frame, so that no payload passes for the bridge's word or an event"
    assert client.ask({"type": "subscribe", "topic": "raw:2", "since": ["p:1"]})["code"] == "invalid_message"
