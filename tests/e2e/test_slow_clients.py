"""A client that stops reading: it costs nobody else anything, and every loss is counted and told."""

import json

import pytest

from support.raw_socket import CLOSE, TEXT, RawSocket
from support.tokens import bearer

pytestmark = pytest.mark.both_wires

COUNT = 4000
BATCH = 10
FILLER = "x" * 1000
# However slow the machine is, only the test of stalled clients waits for one to be given up.
SLOW = {"limits.queue_bytes": 65536, "limits.unsent_bytes": 16384, "limits.stalled_timeout": "10m"}


class SlowClient(RawSocket):
    """Takes nothing unless told to; what the kernel holds for it is little."""

    def __init__(self, bridge, *topics):
        super().__init__(bridge.port, receive_buffer=4096, tls=bridge.tls)
        assert self.upgrade()[0] == 101
        hello = self.receive()
        assert hello["type"] == "connection"
        self.client_id = hello["client_id"]
        for topic in topics:
            self.send_frame(TEXT, json.dumps({"type": "subscribe", "topic": topic}).encode())
            assert self.receive()["success"] is True

    def receive(self):
        """The next message."""
        while (frame := self.frame()).opcode != TEXT:
            assert frame.opcode != CLOSE, frame
        return json.loads(frame.payload)

    def ask(self, request):
        """The answer to a request, and the messages before it."""
        self.send_frame(TEXT, json.dumps({**request, "id": "asked"}).encode())
        before = []
        while (message := self.receive()).get("id") != "asked":
            before.append(message)
        return message, before


class Account:
    """Books what a client gets of topics numbered 1 .. `count`; a step out of order fails."""

    def __init__(self, count):
        self.count = count
        self.next = {}  # topic -> the number that must come now
        self.received = {}
        self.missed = {}

    def book(self, message):
        topic = message["topic"]
        expected = self.next.get(topic, 1)
        if message["type"] == "gap":
            assert (message["src"], message["reason"]) == ("p", "slow_consumer")
            assert message["from"] == expected
            assert message["missed"] == message["to"] - message["from"] + 1 > 0
            self.missed[topic] = self.missed.get(topic, 0) + message["missed"]
            self.next[topic] = message["to"] + 1
        else:
            assert message["n"] == expected
            self.received[topic] = self.received.get(topic, 0) + 1
            self.next[topic] = expected + 1

    def whole(self, topic):
        return self.next.get(topic, 1) == self.count + 1


def route(overflow, match="*"):
    return f'[[route]]\nmatch = "{match}"\noverflow = "{overflow}"\nkey = "device"\n'


def publish(producer, topic, numbers, **more):
    for n in numbers:
        producer.send(topic, {"type": "n", "n": n, "filler": FILLER, **more}, {"src": "p", "seq": n})


def witness_of(bridge, *topics):
    witness = bridge.connect()
    for topic in topics:
        witness.subscribe(topic)
    return witness


def publish_seen(producer, witness, count, topics=("a",), **more):
    """Publishes 1 .. `count` on each topic. The witness misses nothing, whatever another one does; it is
    waited for in between, because it has no larger queue than others."""
    for first in range(1, count + 1, BATCH):
        numbers = range(first, min(first + BATCH, count + 1))
        for n in numbers:
            for topic in topics:
                publish(producer, topic, [n], **{name: value(n) for name, value in more.items()})
        for n in numbers:
            assert [witness.receive()["n"] for _ in topics] == [n] * len(topics)


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_received_and_missed_are_what_was_published(make_bridge, make_producer, overflow):
    bridge = make_bridge(SLOW, route(overflow))
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a") as slow:
        publish_seen(producer, witness, COUNT)
        account = Account(COUNT)
        while not account.whole("a"):
            account.book(slow.receive())
        assert account.missed["a"] > 0
        assert account.received["a"] + account.missed["a"] == COUNT
        assert slow.ask({"type": "ping"})[1] == []
        assert bridge.metric("zws_dropped_total", reason="slow_consumer") == account.missed["a"]
        told = bridge.log.wait_for("reads too slowly")
        assert f"client {slow.client_id} (user anonymous, from 127.0.0.1)" in told
        assert 'topic "a" (route "*")' in told
        publish(producer, "a", [COUNT + 1])
        assert slow.receive()["n"] == COUNT + 1, "it is a client like any other again"


def test_what_was_sent_before_is_kept_or_lost_as_the_policy_says(make_bridge, make_producer):
    newest = {}
    for overflow in ("drop_oldest", "drop_newest"):
        bridge = make_bridge(SLOW, route(overflow))
        producer = make_producer(bridge.endpoint)
        witness = witness_of(bridge, "a")
        with SlowClient(bridge, "a") as slow:
            publish_seen(producer, witness, COUNT)
            last = {}
            account = Account(COUNT)
            while not account.whole("a"):
                last = slow.receive()
                account.book(last)
            newest[overflow] = last["type"]
    assert newest == {"drop_oldest": "n", "drop_newest": "gap"}


def test_gaps_of_several_topics_are_told_each_at_its_place(make_bridge, make_producer):
    bridge = make_bridge(SLOW)
    producer = make_producer(bridge.endpoint)
    topics = ["a", "b", "c"]
    witness = witness_of(bridge, *topics)
    with SlowClient(bridge, *topics) as slow:
        publish_seen(producer, witness, COUNT // 2, topics)
        account = Account(COUNT // 2)
        while not all(account.whole(topic) for topic in topics):
            account.book(slow.receive())
        for topic in topics:
            assert account.received[topic] + account.missed[topic] == COUNT // 2


def test_what_a_gap_names_can_be_fetched(make_bridge, make_producer):
    bridge = make_bridge({**SLOW, "history.size": COUNT})
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a") as slow:
        publish_seen(producer, witness, COUNT)
        account, have, gaps = Account(COUNT), set(), []
        while not account.whole("a"):
            message = slow.receive()
            account.book(message)
            if message["type"] == "gap":
                gaps.append(message)
            else:
                have.add(message["n"])
        for gap in gaps:
            first = gap["from"]
            while first <= gap["to"]:
                request = {"type": "fetch", "topic": "a", "src": "p", "from": first, "to": gap["to"]}
                _, events = slow.ask(request)
                assert [event["n"] for event in events] == list(range(first, first + len(events))) != []
                have.update(event["n"] for event in events)
                first += len(events)
        assert have == set(range(1, COUNT + 1))


def test_disconnect_ends_the_slow_one_and_nobody_else(make_bridge, make_producer):
    bridge = make_bridge(SLOW, route("disconnect"))
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a") as slow:
        published = 0
        while bridge.metric("zws_dropped_total", reason="slow_consumer") == 0:  # it has a second to take its close
            numbers = range(published + 1, published + BATCH + 1)
            publish(producer, "a", numbers)
            assert [witness.receive()["n"] for _ in numbers] == list(numbers)
            published += BATCH
        seen = 0
        while (frame := slow.frame()).opcode != CLOSE:
            seen += 1
            assert json.loads(frame.payload)["n"] == seen
        assert frame.close_code == 4410
        assert seen < published
    bridge.wait_metric("zws_closed_total", 1, code="4410")


def test_conflation_keeps_the_newest_of_each_key(make_bridge, make_producer):
    bridge = make_bridge(SLOW, route("conflate"))
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a") as slow:
        publish_seen(producer, witness, COUNT, device=lambda n: f"d{n % 5}")
        seen = []
        while not seen or seen[-1]["n"] != COUNT:
            seen.append(slow.receive())
        stats, more = slow.ask({"type": "get_stats"})
        assert more == []
        assert {message["type"] for message in seen} == {"n"}, "what is replaced is no gap"
        assert [m["n"] for m in seen] == sorted({m["n"] for m in seen})
        assert [m["n"] for m in seen[-5:]] == list(range(COUNT - 4, COUNT + 1))
        (subscription,) = stats["data"]["connection"]["subscriptions"]
        assert subscription["replaced"] == COUNT - len(seen) > 0
        assert bridge.metric("zws_replaced_total") == COUNT - len(seen)


def test_a_rare_topic_is_not_pushed_out_by_a_bulk_topic(make_bridge, make_producer):
    bridge = make_bridge(SLOW)
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "bulk", "rare")
    rare = 20
    with SlowClient(bridge, "bulk", "rare") as slow:
        for n in range(1, COUNT + 1):
            publish(producer, "bulk", [n])
            assert witness.receive()["n"] == n
            if n % (COUNT // rare) == 0:
                producer.send("rare", {"type": "n", "n": n // (COUNT // rare)})
                assert witness.receive()["topic"] == "rare"
        account, seen = Account(COUNT), []
        while not account.whole("bulk") or len(seen) < rare:
            message = slow.receive()
            if message["topic"] == "rare":
                seen.append(message["n"])
            else:
                account.book(message)
        assert seen == list(range(1, rare + 1))
        assert account.missed["bulk"] > 0


def test_every_topic_is_treated_as_its_own_route_says(make_bridge, make_producer):
    bridge = make_bridge(SLOW, route("drop_newest", "keep") + route("conflate", "state"))
    producer = make_producer(bridge.endpoint)
    topics = ["keep", "bulk", "state", "rare"]
    witness = witness_of(bridge, *topics)
    sent = dict.fromkeys(topics, 0)

    def send(topic, size, **header):
        sent[topic] += 1
        n = sent[topic]
        producer.send(topic, {"type": "n", "n": n, "filler": "x" * size}, {"src": "p", "seq": n, **header})
        assert witness.receive()["n"] == n

    with SlowClient(bridge, *topics) as slow:
        for n in range(COUNT):
            send("bulk", 1000)
            if n % 3 == 0:
                send("state", 200, key=f"k{n % 7}")
            if n % 50 == 0:
                send("keep", 100)
            if n % 100 == 0:
                send("rare", 100)
        stats, messages = slow.ask({"type": "get_stats"})
    replaced = {row["topic"]: row["replaced"] for row in stats["data"]["connection"]["subscriptions"]}
    received = {topic: sum(m["type"] == "n" and m["topic"] == topic for m in messages) for topic in topics}
    missed = {topic: sum(m.get("missed", 0) for m in messages if m["topic"] == topic) for topic in topics}
    for topic in topics:
        assert received[topic] + missed[topic] + replaced[topic] == sent[topic], topic
    assert missed["bulk"] > 0 and replaced["state"] > 0
    assert (received["rare"], replaced["bulk"] + replaced["keep"]) == (sent["rare"], 0)


def test_a_slow_client_can_be_thrown_out(make_bridge, make_producer):
    bridge = make_bridge(SLOW)
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a") as slow:
        publish_seen(producer, witness, COUNT)
        path = f"/api/ws/connections/{slow.client_id}"
        assert bridge.http("DELETE", path, None, bearer(bridge.admin_token)).status == 200
        assert slow.close_code() == 4403
    gone = bridge.metric("zws_dropped_total", reason="disconnected")
    assert gone > 0, "what waited was none of its business any more"
    lagged = bridge.metric("zws_dropped_total", reason="slow_consumer")
    stats = bridge.get("/api/ws/stats", bearer(bridge.admin_token)).json
    assert stats["dropped"] == gone + lagged, "whatever the reason was"


def test_who_takes_nothing_at_all_is_given_up(make_bridge, make_producer):
    bridge = make_bridge({**SLOW, "limits.stalled_timeout": "1s"})
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a"):
        publish_seen(producer, witness, COUNT)
        bridge.wait_metric("zws_closed_total", 1, code="4410")
        assert witness.ask({"type": "ping"})["type"] == "pong"


def test_a_slow_client_that_leaves_gives_its_memory_back(make_bridge, make_producer):
    bridge = make_bridge(SLOW)
    producer = make_producer(bridge.endpoint)
    witness = witness_of(bridge, "a")
    with SlowClient(bridge, "a"):
        publish_seen(producer, witness, COUNT)
        assert 0 < bridge.metric("zws_queue_bytes") <= 2 * SLOW["limits.queue_bytes"]
    bridge.wait_metric("zws_connections", 1)
    bridge.wait_metric("zws_queue_bytes", 0)


def test_one_event_larger_than_the_queue_passes(make_bridge, make_producer):
    bridge = make_bridge(SLOW)
    producer = make_producer(bridge.endpoint)
    with SlowClient(bridge, "a") as slow:
        producer.send("a", {"type": "n", "n": 1, "filler": "x" * 500_000}, {"src": "p", "seq": 1})
        assert slow.receive()["n"] == 1


@pytest.mark.short
def test_what_the_producer_lost_is_told_as_its_own(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for seq in (1, 2, 6):
        producer.send("a", {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    assert [client.receive().get("n") for _ in range(2)] == [1, 2]
    gap = {"type": "gap", "topic": "a", "src": "p", "from": 3, "to": 5, "missed": 3, "reason": "producer"}
    assert client.receive() == gap
    assert client.receive()["n"] == 6
    assert bridge.metric("zws_ingest_gaps_total") == 1
