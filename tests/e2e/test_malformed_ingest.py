"""What producers get wrong is dropped, counted and logged; everything else goes on."""

import itertools

import pytest

from support.raw_socket import RawSocket

pytestmark = pytest.mark.short

GOOD = b'{"type":"x"}'


numbers = itertools.count()


def assert_dropped(bridge, producer, frames):
    client = bridge.connect()
    client.subscribe("*")
    before = bridge.metric("zws_ingest_rejected_total")
    after = f"after-{next(numbers)}"
    producer.send_frames(*frames)
    producer.send(after, GOOD)
    topics = [client.receive()["topic"]]
    while topics[-1] != after:
        topics.append(client.receive()["topic"])
    assert all(topic.startswith("after-") for topic in topics), "another test's may come late, but none else"
    assert bridge.metric("zws_ingest_rejected_total") == before + 1


@pytest.mark.parametrize(
    "frames",
    [
        [b"no-space"],
        [b""],
        [b"", GOOD],
        [b" " + GOOD],
        [b"x" * 256, GOOD],
        [b"\xff", GOOD],
        [b"\xed\xa0\x80", GOOD],
        [b"a\nb", GOOD],
        [b"a\x00", GOOD],
        [b"a\x7f", GOOD],
        ["a\u0085".encode(), GOOD],
        [b"a*", GOOD],
        [b"*", GOOD],
        [b"@", GOOD],
        [b"@everyone", GOOD],
        [b"@user/", GOOD],
    ],
    ids=lambda frames: repr(frames)[:30],
)
def test_a_malformed_event_is_dropped_and_counted(shared_bridge, shared_producer, frames):
    assert_dropped(shared_bridge, shared_producer, frames)


def test_an_event_that_is_too_big_is_dropped_and_counted(make_bridge, make_producer):
    bridge = make_bridge({"limits.event_bytes": 4096})
    producer = make_producer(bridge.endpoint)
    assert_dropped(bridge, producer, [b"big", b"x" * 4097])
    assert_dropped(bridge, producer, [b"big " + b"x" * 4097])


def test_commands_of_producers_can_be_switched_off(make_bridge, make_producer):
    bridge = make_bridge({"ingest.commands": False})
    producer = make_producer(bridge.endpoint)
    assert_dropped(bridge, producer, [b"@all", GOOD])
    assert_dropped(bridge, producer, [b"@user/ada", GOOD])


def test_an_event_of_exactly_the_largest_size_passes(make_bridge, make_producer):
    bridge = make_bridge({"limits.event_bytes": 4096})
    client = bridge.connect()
    client.subscribe("big")
    make_producer(bridge.endpoint).send("big", b"x" * 4096)
    assert client.receive()["data"] == "x" * 4096


def test_reasons_are_told_apart(bridge, producer):
    client = bridge.connect()
    client.subscribe("after")
    malformed = {
        "no_payload": [b"nothing"],
        "topic_empty": [b"", GOOD],
        "topic_too_long": [b"x" * 300, GOOD],
        "topic_not_utf8": [b"\xff", GOOD],
        "topic_control": [b"a\nb", GOOD],
        "topic_wildcard": [b"a*", GOOD],
        "topic_reserved": [b"@x", GOOD],
        "too_big": [b"big", bytes((1 << 20) + 1)],
    }
    for times, frames in enumerate(malformed.values(), 1):
        for _ in range(times):  # so that none is taken for another
            producer.send_frames(*frames)
    producer.send("after", GOOD)
    client.receive()
    lines = [line for line in bridge.get("/metrics").text.splitlines() if line.startswith("zws_ingest_rejected_total{")]
    counted = {reason: bridge.metric("zws_ingest_rejected_total", reason=reason) for reason in malformed}
    assert counted == {reason: times for times, reason in enumerate(malformed, 1)}
    assert bridge.metric("zws_ingest_rejected_total") == sum(counted.values())
    assert not any("\\n" in line or "300" in line for line in lines), "labels hold no topics"


def test_a_flood_of_malformed_events_writes_few_lines_and_escapes_them(bridge, producer):
    client = bridge.connect()
    client.subscribe("after")
    mark = bridge.log.mark()
    for n in range(5000):
        producer.send_frames(b"evil\x1b[31m\n2026 forged line %d" % n, GOOD)
    producer.send("after", GOOD)
    client.receive()
    lines = [line for line in bridge.log.since(mark) if "evil" in line]
    assert 1 <= len(lines) < 100
    assert not any("\x1b" in line for line in lines)
    assert not any(line.startswith("2026 forged") for line in bridge.log.since(mark))
    assert bridge.metric("zws_ingest_rejected_total") == 5000


def test_an_empty_frame_between_topic_and_payload_costs_nothing(bridge, producer):
    client = bridge.connect()
    client.subscribe("*")
    producer.send_frames(b"task", b"", b'{"type":"x","n":1}')
    producer.send_frames(b"task", b"", b"text")
    producer.send_frames(b"task", b"", b'{"src":"p","seq":7}')
    received = [client.receive() for _ in range(3)]
    assert (received[0]["type"], received[0]["n"]) == ("x", 1)
    assert received[1]["data"] == "text"
    assert (received[2]["data"], received[2]["@id"]) == ("", "p:7"), "that is a header"
    assert bridge.metric("zws_ingest_header_ignored_total") == 0


def test_what_c_and_windows_put_around_a_topic_is_taken_off_or_named(bridge, producer):
    client = bridge.connect()
    client.subscribe("prices")
    producer.send_frames(b"prices\0", GOOD)
    producer.send_frames(b"\xef\xbb\xbfprices", GOOD)
    assert client.receive()["topic"] == "prices"
    line = bridge.log.wait_for("dropped an event")
    assert '"prices\\x00"' in line and "without the NUL" in line
    producer.send_frames(b"", b"prices", GOOD)
    assert "no empty one before it" in bridge.log.wait_for("its topic is empty")


def test_what_json_does_not_know_arrives_as_text(bridge, producer):
    client = bridge.connect()
    client.subscribe("*")
    for payload in ('{"type":"x","n":NaN}', '{"type":"x","n":-Infinity}', '\ufeff{"type":"x"}', '{"type":"x"}\0'):
        producer.send_frames(b"a", payload.encode())
        received = client.receive()
        assert (received["type"], received["data"]) == ("message", payload)


def test_an_event_seen_before_is_a_duplicate(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for seq in (1, 2, 2, 1, 3):
        producer.send("a", {"type": "x"}, {"src": "p", "seq": seq})
    assert [client.receive()["@id"] for _ in range(3)] == ["p:1", "p:2", "p:3"]
    assert client.receive_all() == []
    assert bridge.metric("zws_ingest_rejected_total", reason="duplicate") == 2


def test_a_source_that_begins_again_is_no_duplicate(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for seq, ts in ((1, 1_000), (2, 2_000), (1, 3_000), (2, 4_000)):
        producer.send("a", {"type": "x"}, {"src": "p", "seq": seq, "ts": ts})
    assert [client.receive()["@id"] for _ in range(4)] == ["p:1", "p:2", "p:1", "p:2"]
    assert bridge.metric("zws_ingest_rejected_total") == 0


def test_a_jump_of_seq_is_counted_and_told(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for seq in (1, 5):
        producer.send("a", {"type": "x"}, {"src": "p", "seq": seq})
    messages = [client.receive() for _ in range(3)]
    assert [message["type"] for message in messages] == ["x", "gap", "x"]
    assert messages[1] == {
        "type": "gap",
        "topic": "a",
        "src": "p",
        "from": 2,
        "to": 4,
        "missed": 3,
        "reason": "producer",
    }
    assert bridge.metric("zws_ingest_gaps_total") == 1, "jumps, not the events missed"


def test_a_producer_that_speaks_no_zeromq_disturbs_nobody(bridge, producer):
    client = bridge.connect()
    client.subscribe("after")
    with RawSocket(int(bridge.endpoint.rsplit(":", 1)[1])) as stranger:
        stranger.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(range(256)) * 100)
        producer.send("after", GOOD)
        assert client.receive()["topic"] == "after"
