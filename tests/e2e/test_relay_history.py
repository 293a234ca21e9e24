"""What was sent outlives a bridge: a fleet's history lies in a real Redis, and a bridge that has just started, or
has forgotten, answers from there. Whatever Redis does, live events go on and nobody is told a wrong `recovered`."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.administrator import Administrator
from support.bridge import Bridge
from support.keeper import Keeper
from support.producer import Producer
from support.redis import Redis

MEMBERS = "zws_relay_up"


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def make_member(make_bridge, redis):
    """Makes bridges that keep their history in this Redis."""

    def make(settings: dict[str, Any] | None = None, tables: str = "") -> Bridge:
        return in_fleet(make_bridge({"relay.redis": redis.url(), **(settings or {})}, tables))

    return make


def in_fleet(bridge: Bridge) -> Bridge:
    bridge.wait_metric(MEMBERS, 1)
    return bridge


class Numbers:
    """A producer with numbers of its own, and what it has sent."""

    def __init__(self, bridge: Bridge, src: str = "p", topic: str = "numbers") -> None:
        self.producer = Producer(bridge.endpoint).wait_ready()
        self.src = src
        self.topic = topic
        self.newest = 0

    def send(self, count: int = 1, **payload: Any) -> None:
        for _ in range(count):
            self.newest += 1
            self.producer.send(self.topic, {"type": "n", "n": self.newest, **payload}, self.header())

    def header(self) -> dict[str, Any]:
        return {"src": self.src, "seq": self.newest, "ts": time.time_ns()}

    def listened_by(self, bridge: Bridge) -> None:
        self.producer.socket.connect(bridge.endpoint)
        self.producer.wait_ready()

    def close(self) -> None:
        self.producer.close()


@pytest.fixture
def numbers_of():
    """Makes producers that a bridge hears: `numbers_of(bridge, "p")`."""
    made: list[Numbers] = []

    def make(bridge: Bridge, src: str = "p", topic: str = "numbers") -> Numbers:
        made.append(Numbers(bridge, src, topic))
        return made[-1]

    yield make
    for each in made:
        each.close()


def next_milliseconds() -> None:
    """The times that are kept are milliseconds."""
    until = time.time_ns() + 3_000_000
    while time.time_ns() < until:
        pass


def wait_kept(bridge: Bridge, count: int) -> None:
    bridge.wait_metric("zws_relay_written_total", count)


def send_five_and_end(bridge: Bridge, numbers: Numbers, redis: Redis) -> None:
    """All know that nothing came behind them."""
    numbers.send(5)
    wait_kept(bridge, 5)
    (index,) = keys(redis, "*i:numbers")
    bridge.wait_until(lambda: redis.ask("ZSCORE", index, "p") == "5.75", "its end is noted")


def replayed(client: Any, answer: dict[str, Any]) -> list[int]:
    return [client.receive()["n"] for _ in range(answer["replayed"])]


def resume(bridge: Bridge, since: list[str], topic: str = "numbers") -> tuple[bool, list[int]]:
    """Whether that is recovered, and the numbers that were missed."""
    client = bridge.connect()
    answer = client.subscribe(topic, since=since)
    return answer["recovered"], replayed(client, answer)


def keys(redis: Redis, pattern: str) -> list[str]:
    return sorted(redis.ask("KEYS", pattern))


# ---- a bridge ends, and another begins ----


def test_a_bridge_is_killed_and_its_clients_miss_nothing(make_member, numbers_of):
    bridge = make_member()
    numbers = numbers_of(bridge)
    client = bridge.connect()
    client.subscribe("numbers")
    numbers.send(20)
    while client.receive()["n"] < 20:
        pass
    wait_kept(bridge, 20)
    bridge.kill()
    in_fleet(bridge.start())
    numbers.producer.wait_ready()
    assert resume(bridge, ["p:15"]) == (True, [16, 17, 18, 19, 20])
    assert resume(bridge, ["p:20"]) == (True, [])
    assert resume(bridge, ["p:21"]) == (False, [])
    assert resume(bridge, ["q:3"]) == (False, [])


def test_what_is_replayed_is_what_was_sent_live(make_member, numbers_of):
    bridge = make_member()
    numbers = numbers_of(bridge)
    client = bridge.connect()
    client.subscribe("numbers")
    payloads = [{"type": "x", "topic": "another", "@topic": "z"}, [1, 2.50], "text", b"\xff\x00", "", {"type": "y"}]
    for payload in payloads:
        numbers.newest += 1
        numbers.producer.send("numbers", payload, numbers.header())
    live = [client.receive_frame() for _ in payloads]
    wait_kept(bridge, len(payloads))
    bridge.kill()
    in_fleet(bridge.start())
    again = bridge.connect()
    assert again.subscribe("numbers", since=["p:0"])["replayed"] == 0  # a position of one that had none before it
    late = bridge.connect()
    assert late.subscribe("numbers", last=10)["replayed"] == len(payloads)
    assert [late.receive_frame() for _ in payloads] == live


def test_a_new_bridge_answers_though_it_heard_nothing(make_member, numbers_of):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(10)
    wait_kept(first, 10)
    second = make_member()
    assert resume(second, ["p:4"]) == (True, [5, 6, 7, 8, 9, 10])
    client = second.connect()
    assert replayed(client, client.subscribe("numbers", last=3)) == [8, 9, 10]
    asks = second.connect()
    asks.send({"type": "fetch", "topic": "numbers", "src": "p", "from": 2, "to": 3})
    assert [asks.receive()["n"] for _ in range(2)] == [2, 3]
    assert asks.receive()["complete"] is True


def test_a_reload_holds_for_what_is_read_from_redis(make_member, numbers_of):
    first = make_member()
    numbers_of(first).send(20)
    wait_kept(first, 20)
    second = make_member({"limits.replay_events": 5})
    second.settings["limits.replay_events"] = 100
    second.reload()
    assert resume(second, ["p:1"]) == (True, list(range(2, 21)))


def test_what_follows_joins_what_was_read_without_a_hole(make_member, numbers_of):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(10)
    wait_kept(first, 10)
    second = make_member()
    client = second.connect()
    assert replayed(client, client.subscribe("numbers", since=["p:7"])) == [8, 9, 10]
    numbers.listened_by(second)
    numbers.send(5)
    assert [client.receive()["n"] for _ in range(5)] == [11, 12, 13, 14, 15]
    assert resume(second, ["p:3"]) == (True, list(range(4, 16)))


def test_what_neither_bridge_heard_is_told_as_a_gap(make_member, numbers_of):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(5)
    wait_kept(first, 5)
    first.stop()
    second = make_member()
    client = second.connect()
    assert client.subscribe("numbers", since=["p:5"])["recovered"] is True
    numbers.newest += 3  # into nothing
    numbers.listened_by(second)
    numbers.send()
    gap = client.receive()
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", 6, 8)
    assert client.receive()["n"] == 9


def test_a_publisher_that_repairs_gives_again_what_was_read_and_nobody_is_told_of_a_loss(make_member):
    bridge = make_member()
    with Keeper(bridge.endpoint, bridge.repair_endpoint) as keeper:
        keeper.wait_heard()
        for seq in range(1, 11):
            keeper.publish("numbers", seq)
        wait_kept(bridge, 10)
        keeper.publish("numbers", 11, lost=True)
        bridge.kill()
        in_fleet(bridge.start())
        client = bridge.connect()  # Redis knows 10 events, the publisher 11: whichever is asked first
        assert client.subscribe("numbers", since=[f"{keeper.src}:8"])["recovered"] is True
        assert [client.receive()["n"] for _ in range(3)] == [9, 10, 11]
        keeper.publish("numbers", 12)
        assert client.receive()["n"] == 12


def test_what_a_producer_said_in_a_former_life_is_not_taken_for_what_it_says_now(make_member, numbers_of, redis):
    bridge = make_member()
    numbers_of(bridge).send(5, life="former")
    wait_kept(bridge, 5)
    bridge.kill()
    in_fleet(bridge.start())
    again = numbers_of(bridge)  # under the same name, and its numbers begin again
    again.send(3, life="now")
    (index,) = keys(redis, "*i:numbers")
    bridge.wait_until(lambda: redis.ask("ZSCORE", index, "!") not in (None, "0"), "it is seen and said")
    second = make_member()
    assert resume(second, ["p:1"]) == (False, [])
    assert resume(second, ["p:5"]) == (False, [])
    client = second.connect()
    answer = client.subscribe("numbers", last=10)
    assert all(client.receive()["life"] == "now" for _ in range(answer["replayed"]))


def test_a_producer_that_sends_no_times_and_begins_again_with_the_bridge_is_heard(make_member, numbers_of):
    bridge = make_member()
    producer = numbers_of(bridge).producer
    for seq in range(1, 6):
        producer.send("numbers", {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    wait_kept(bridge, 5)
    bridge.kill()
    in_fleet(bridge.start())
    client = bridge.connect()
    assert replayed(client, client.subscribe("numbers", since=["p:3"])) == [4, 5]
    again = numbers_of(bridge).producer
    for seq in range(1, 4):
        again.send("numbers", {"type": "n", "n": 100 + seq}, {"src": "p", "seq": seq})
    assert [client.receive()["n"] for _ in range(3)] == [101, 102, 103]


def test_an_event_that_comes_late_is_known_though_older_ones_of_others_stand_after_it(make_member, numbers_of):
    first, second = make_member(), make_member()
    listener = second.connect()
    listener.subscribe("numbers")
    numbers_of(second, "q").send()
    wait_kept(second, 1)
    producers = [numbers_of(bridge).producer for bridge in (first, second)]
    for seq in range(1, 6):
        producers[0].send("numbers", {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    wait_kept(first, 5)
    client = second.connect()
    assert replayed(client, client.subscribe("numbers", since=["p:2", "q:1"])) == [3, 4, 5]
    for seq in (5, 6):
        producers[1].send("numbers", {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    assert [listener.receive()["n"] for _ in range(1)] == [1]
    gap = listener.receive()  # who listened all along waits for it in vain
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", 5, 5)
    assert listener.receive()["n"] == 6
    assert client.receive()["n"] == 6  # who was given it already is told of nothing


def test_the_first_event_of_a_source_that_comes_late_is_no_new_beginning(make_member, numbers_of):
    first, second = make_member(), make_member()
    numbers = numbers_of(first)
    sent = time.time_ns()
    numbers.producer.send("numbers", {"type": "n", "n": 1}, {"src": "p", "seq": 1, "ts": sent})
    wait_kept(first, 1)
    client = second.connect()
    assert replayed(client, client.subscribe("numbers", last=5)) == [1]
    late = numbers_of(second).producer
    late.send("numbers", {"type": "n", "n": 1}, {"src": "p", "seq": 1, "ts": sent})
    late.send("numbers", {"type": "n", "n": 2}, {"src": "p", "seq": 2, "ts": time.time_ns()})
    assert client.receive()["n"] == 2
    assert resume(second, ["p:1"]) == (True, [2])


def test_of_a_producer_that_sends_no_times_and_begins_again_no_life_is_taken_for_the_other(make_member, numbers_of):
    bridge = make_member()
    former = numbers_of(bridge).producer
    for seq in range(1, 6):
        former.send("numbers", {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    wait_kept(bridge, 5)
    bridge.kill()
    in_fleet(bridge.start())
    client = bridge.connect()
    client.subscribe("numbers")  # so nothing is read: what lies there is seen as it is written
    now = numbers_of(bridge).producer
    for seq in range(1, 9):
        now.send("numbers", {"type": "n", "n": 100 + seq}, {"src": "p", "seq": seq})
        assert client.receive()["n"] == 100 + seq
    assert resume(bridge, ["p:6"]) == (True, [107, 108])
    second = make_member()
    for position in ("p:2", "p:5", "p:8"):  # of whichever life
        assert resume(second, [position]) == (False, []), position
    third = make_member()
    asks = third.connect()
    answer = asks.subscribe("numbers", last=10)
    assert all(n > 100 for n in replayed(asks, answer))


def test_what_becomes_of_sources_is_no_event_to_be_kept(make_member, numbers_of):
    bridge = make_member()
    numbers = numbers_of(bridge)
    client = bridge.connect()
    client.subscribe("numbers", sources=True)
    numbers.send(3)
    wait_kept(bridge, 3)
    numbers.close()
    while client.receive()["type"] != "source":
        pass
    numbers_of(bridge, "q").send()  # behind which all that came before has gone to Redis
    wait_kept(bridge, 4)
    assert bridge.metric("zws_relay_unwritten_total") == 0
    assert resume(make_member(), ["p:1"]) == (True, [2, 3, 1])


def test_what_an_administrator_published_is_there_after_a_kill(make_member):
    bridge = make_member()
    for n in range(1, 4):
        message = {"topic": "numbers", "message": {"type": "n", "n": n}}
        Administrator(bridge, bridge.admin_token).done("POST", "/api/ws/publish", message)
    client = bridge.connect()
    answer = client.subscribe("numbers", last=3)
    ids = [client.receive()["@id"] for _ in range(answer["replayed"])]
    wait_kept(bridge, 3)
    bridge.kill()
    in_fleet(bridge.start())
    assert resume(bridge, ids[:1]) == (True, [2, 3])


def test_two_bridges_keep_an_event_once(make_member, numbers_of, redis):
    two = [make_member() for _ in range(2)]
    numbers = numbers_of(two[0])
    numbers.listened_by(two[1])
    numbers.send(50)
    two[0].wait_until(
        lambda: sum(bridge.metric("zws_relay_written_total") for bridge in two) == 50, "each is kept by one of them"
    )
    (stream,) = keys(redis, "zws:*h:numbers:p")
    assert redis.ask("XLEN", stream) == 50
    assert all(bridge.metric("zws_relay_unwritten_total") == 0 for bridge in two)


def test_events_that_the_bridge_numbered_or_that_are_raw_are_not_kept(make_member, numbers_of, redis):
    bridge = make_member({}, '[[route]]\nmatch = "raw"\nformat = "raw"\n')
    numbers = numbers_of(bridge)
    numbers.producer.send("numbers", {"type": "headerless"})
    numbers.producer.send("raw", b"bytes", {"src": "r", "seq": 1})
    numbers.send(3)
    wait_kept(bridge, 3)
    assert [key.split("}")[1] for key in keys(redis, "*{*}h:*")] == ["h:numbers:p"]


@pytest.mark.parametrize("header", [None, {"src": "large", "seq": 2**50 + 1}])
def test_who_missed_an_event_that_is_not_kept_is_not_told_that_nothing_is_missing(
    make_member, numbers_of, redis, header
):
    bridge = make_member()
    numbers = numbers_of(bridge)
    numbers.send(3)
    wait_kept(bridge, 3)
    assert resume(make_member(), ["p:3"]) == (True, [])
    numbers.producer.send("numbers", {"type": "n", "n": 4}, *([header] if header else []))
    (index,) = keys(redis, "*i:numbers")
    bridge.wait_until(lambda: redis.ask("ZSCORE", index, "!") != "0", "that it was there is noted")
    assert resume(make_member(), ["p:3"]) == (False, [])


def test_a_topic_keeps_as_many_events_as_its_route_says_for_as_long(make_member, numbers_of, redis):
    bridge = make_member({"history.size": 10, "history.ttl": "2m"})
    numbers = numbers_of(bridge)
    numbers.send(1000)
    wait_kept(bridge, 1000)
    (stream,) = keys(redis, "*h:numbers:p")
    assert 10 <= redis.ask("XLEN", stream) <= 200  # Redis cuts whole blocks of 100
    bridge.wait_until(lambda: redis.ask("PTTL", stream) < 200_000, "the stream's end is near once nobody speaks")
    (index,) = keys(redis, "*i:numbers")
    assert 200_000 < redis.ask("PTTL", index) <= 3_600_000
    other = make_member({"history.size": 10, "history.ttl": "2m"})
    assert resume(other, ["p:990"]) == (True, list(range(991, 1001)))
    assert resume(other, ["p:989"]) == (False, [])


def test_several_sources_come_back_in_the_order_in_which_they_were_heard(make_member, numbers_of):
    first = make_member()
    sources = [numbers_of(first, src) for src in ("p", "q")]
    witness = first.connect()
    witness.subscribe("numbers")
    sent = []
    for _ in range(5):
        for each in sources:
            each.send()
            sent.append(witness.receive()["@id"])
            next_milliseconds()
    wait_kept(first, 10)
    second = make_member()
    client = second.connect()
    answer = client.subscribe("numbers", since=["p:1", "q:1"])
    assert answer["recovered"] is True
    assert [client.receive()["@id"] for _ in range(answer["replayed"])] == sent[2:]
    # One that the client has never heard of is missing from its first event on, or all of it is here.
    assert resume(second, ["p:5"]) == (True, [1, 2, 3, 4, 5])


def test_a_source_that_ended_long_ago_is_known(make_member, numbers_of, redis):
    first = make_member({"history.ttl": "2s"})
    old = numbers_of(first, "old")
    old.send(3)
    wait_kept(first, 3)
    new = numbers_of(first, "new")
    index = keys(redis, "*i:numbers")[0]
    first.wait_until(lambda: redis.ask("ZSCORE", index, "old") == "3.75", "its end is noted")
    redis.ask("DEL", *keys(redis, "*h:numbers:old"))  # as when its time is over
    new.send(4)
    wait_kept(first, 7)
    second = make_member({"history.ttl": "1h"})
    assert resume(second, ["old:3", "new:2"]) == (True, [3, 4])
    assert resume(second, ["old:2", "new:2"]) == (False, [])
    assert resume(second, ["new:2"]) == (False, [])


# ---- what Redis does ----


def test_while_redis_hangs_events_are_delivered_and_wait_for_it(make_member, numbers_of, redis):
    bridge = make_member()
    numbers = numbers_of(bridge)
    client = bridge.connect()
    client.subscribe("numbers")
    redis.freeze()
    numbers.send(100)
    assert [client.receive()["n"] for _ in range(100)] == list(range(1, 101))
    bridge.wait_metric(MEMBERS, 0)
    assert resume(bridge, ["p:90"]) == (True, list(range(91, 101)))
    redis.thaw()
    in_fleet(bridge)
    numbers.send(5)
    assert [client.receive()["n"] for _ in range(5)] == list(range(101, 106))
    bridge.wait_until(
        lambda: bridge.metric("zws_relay_written_total") + bridge.metric("zws_relay_unwritten_total") >= 105,
        "each is kept or counted",
    )
    assert keys(redis, "*lost") != []  # when that was
    other = make_member()
    assert resume(other, ["p:50"])[0] is False


def test_what_waits_for_a_redis_that_hangs_is_bounded_and_what_is_beyond_counts_once(make_member, numbers_of, redis):
    bridge = make_member()
    numbers = numbers_of(bridge)
    redis.freeze()
    numbers.send(160, text="x" * 262_144)  # 40 MiB
    bridge.wait_metric("zws_events_received_total", 160)
    bridge.wait_metric(MEMBERS, 0)  # it does not answer, and so takes nothing
    bridge.wait_until(lambda: bridge.metric("zws_relay_unwritten_total") > 0, "there is no room for the last")
    assert bridge.metric("zws_relay_waiting_bytes") <= 32 << 20
    redis.thaw()
    in_fleet(bridge)
    bridge.wait_metric("zws_relay_waiting_bytes", 0)
    numbers.send(1)

    def accounted() -> float:
        return bridge.metric("zws_relay_written_total") + bridge.metric("zws_relay_unwritten_total")

    bridge.wait_until(lambda: accounted() >= 161, "each is kept or counted")
    assert accounted() == 161


def test_nobody_is_told_of_events_that_were_lost_while_redis_was_away(make_member, numbers_of, redis):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(5)
    wait_kept(first, 5)
    redis.restart()  # it is empty now
    first.wait_until(lambda: redis.ask("PING") == "PONG", "it is there")
    in_fleet(first)
    numbers.send(5)
    first.wait_until(lambda: keys(redis, "*h:numbers:p") != [], "what follows is kept")
    first.wait_metric("zws_relay_waiting_bytes", 0)
    second = make_member()
    assert resume(second, ["p:3"])[0] is False
    assert resume(first, ["p:3"]) == (True, [4, 5, 6, 7, 8, 9, 10])  # which heard all of it itself
    newest = f"p:{numbers.newest}"
    assert resume(second, [newest]) == (True, [])


@pytest.mark.parametrize("alive", [True, False])
def test_a_redis_that_comes_back_with_what_it_had_some_time_ago_proves_nothing(make_member, numbers_of, redis, alive):
    first = make_member()
    numbers, others = numbers_of(first), numbers_of(first, "q")
    send_five_and_end(first, numbers, redis)
    redis.ask("SAVE")
    others.send(3)
    wait_kept(first, 8)
    if not alive:
        first.kill()
    redis.restart()  # it knows nothing of the second source
    if alive:
        first.wait_until(lambda: keys(redis, "*lost") != [], "the bridge has seen it")
    second = make_member()
    assert resume(second, ["p:5"]) == (False, [])
    assert resume(second, ["p:3"]) == (False, [])


def test_a_full_redis_is_counted_and_its_old_answers_are_not_given(make_member, make_bridge, numbers_of, redis):
    first = make_member()
    numbers = numbers_of(first)
    client = first.connect()
    client.subscribe("numbers")
    numbers.send(5)
    wait_kept(first, 5)
    redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.ask("CONFIG", "SET", "maxmemory", "1mb")
    numbers.send(5)
    assert [client.receive()["n"] for _ in range(10)] == list(range(1, 11))
    first.wait_metric("zws_relay_unwritten_total", 5)
    first.log.wait_for(r"does not keep the history of topic .numbers.*OOM")
    second = make_bridge({"relay.redis": redis.url()})  # whose name is not taken either
    assert resume(second, ["p:5"]) == (False, [])
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    numbers.send(5)
    wait_kept(first, 10)
    third = make_member()
    assert resume(third, ["p:5"]) == (False, [])
    assert resume(third, ["p:12"]) == (True, [13, 14, 15])


@pytest.mark.parametrize("who", ["the same source", "another"])
@pytest.mark.parametrize("when", ["while it does", "when it is over"])
def test_a_redis_that_refuses_every_write_claims_nothing(make_member, make_bridge, numbers_of, redis, who, when):
    first = make_member()
    numbers, others = numbers_of(first), numbers_of(first, "q")
    send_five_and_end(first, numbers, redis)
    redis.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    (numbers if who == "the same source" else others).send(3)
    first.wait_metric("zws_relay_unwritten_total", 3)
    second = make_bridge({"relay.redis": redis.url()})  # whose name is not taken either
    second.log.wait_for("NOREPLICAS")
    if when == "when it is over":
        redis.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        first.wait_until(lambda: keys(redis, "*lost") != [], "it is told")
    assert resume(second, ["p:5"]) == (False, [])


def test_without_redis_a_cold_bridge_refuses_at_once(make_bridge, redis):
    bridge = make_bridge({"relay.redis": redis.url()})
    in_fleet(bridge)
    redis.kill()
    bridge.wait_metric(MEMBERS, 0)
    assert resume(bridge, ["p:5"]) == (False, [])


# ---- what lies where the history should ----


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis, stream, index: [("SET", stream, "x")],
        lambda redis, stream, index: [("SET", index, "x")],
        lambda redis, stream, index: [("DEL", index)],
        lambda redis, stream, index: [("DEL", stream)],
        lambda redis, stream, index: [("ZREM", index, "*")],
        lambda redis, stream, index: [("ZADD", index, "7.75", "ghost"), ("ZADD", index, "nan-is-refused", "x")],
        lambda redis, stream, index: [("ZADD", index, "-5", "p2")],
        lambda redis, stream, index: [("ZADD", index, "+inf", "p")],
        lambda redis, stream, index: [("XADD", stream, "0-11", "f", "{}", "t", "1")],
        lambda redis, stream, index: [("XADD", stream, "1-1", "f", "{}", "t", "1")],
        lambda redis, stream, index: [("XADD", stream, "0-11", "x", "y")],
        lambda redis, stream, index: [("XADD", stream, "0-11", "f", "x" * 10_000_000, "t", "1")],
        lambda redis, stream, index: [("XDEL", stream, "0-8")],
    ],
)
def test_garbage_in_the_keys_proves_nothing(make_member, numbers_of, redis, spoil):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(10)
    wait_kept(first, 10)
    (stream,), (index,) = keys(redis, "*h:numbers:p"), keys(redis, "*i:numbers")
    first.wait_until(lambda: redis.ask("ZSCORE", index, "p") == "10.75", "its end is noted")
    for command in spoil(redis, stream, index):
        redis.ask(*command)
    second = make_member()
    assert resume(second, ["p:5"]) == (False, [])
    client = second.connect()
    client.subscribe("numbers", last=20)
    for message in client.receive_all():
        assert message["type"] == "n" and message["@id"].startswith("p:"), message
    assert second.get("/readyz").status == 200
    numbers.listened_by(second)
    numbers.send()
    assert client.receive()["n"] == 11


def test_an_event_of_another_topic_is_not_taken(make_member, numbers_of, redis):
    first = make_member()
    numbers = numbers_of(first)
    numbers.send(3)
    wait_kept(first, 3)
    (stream,) = keys(redis, "*h:numbers:p")
    forged = json.dumps({"type": "n", "n": 4, "topic": "secrets", "@id": "p:4"}, separators=(",", ":"))
    redis.ask("XADD", stream, "0-4", "f", forged, "t", str(time.time_ns() // 1_000_000))
    second = make_member()
    assert resume(second, ["p:3"]) == (False, [])
    assert second.metric("zws_relay_unreadable_total") > 0


# ---- forgetting, conflation, many ----


def test_a_bridge_that_forgot_a_topic_answers_from_redis(make_member, numbers_of):
    bridge = make_member({"limits.topics": 10})
    numbers = numbers_of(bridge)
    numbers.send(10)
    for i in range(30):  # which push it out of memory
        numbers.producer.send(f"other:{i}", {"type": "x"}, {"src": "o", "seq": 1})
    wait_kept(bridge, 40)
    assert resume(bridge, ["p:4"]) == (True, [5, 6, 7, 8, 9, 10])


def test_of_a_conflated_topic_the_newest_of_each_key_comes_back(make_member, numbers_of):
    tables = '[[route]]\nmatch = "numbers"\noverflow = "conflate"\nkey = "k"\n'
    first = make_member({}, tables)
    numbers = numbers_of(first)
    for i in range(12):
        numbers.send(k=f"key-{i % 3}")
    wait_kept(first, 12)
    second = make_member({}, tables)
    assert resume(second, ["p:2"]) == (True, [10, 11, 12])
    other = make_member({}, tables.replace('"k"', '"another"'))
    assert resume(other, ["p:2"]) == (False, [])


def test_a_thousand_clients_come_to_a_cold_bridge_at_once(make_member, numbers_of):
    first = make_member()
    numbers = numbers_of(first)
    topics = [f"t:{i}" for i in range(200)]
    for topic in topics:
        for seq in range(1, 6):
            numbers.producer.send(topic, {"type": "n", "n": seq}, {"src": "p", "seq": seq})
    wait_kept(first, 1000)
    second = make_member()
    clients = [second.connect() for _ in range(1000)]
    for i, client in enumerate(clients):
        client.send({"type": "subscribe", "topic": topics[i % len(topics)], "since": ["p:2"]})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.receive(), clients))
    assert all(answer["recovered"] is True and answer["replayed"] == 3 for answer in answers)
    assert second.metric("zws_relay_topics_read_total") == len(topics)
