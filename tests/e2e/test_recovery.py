"""Coming back: what a client missed is sent whole, or it is told that this cannot be done."""

import time

import pytest

from support.tokens import Issuer, bearer
from support.ws_client import knows_nothing


def publish(producer, topic, numbers, src="p", **more):
    for n in numbers:
        producer.send(topic, {"type": "n", "n": n}, {"src": src, "seq": n, **more})


def numbers(client, count):
    return [client.receive()["n"] for _ in range(count)]


@pytest.fixture
def heard(bridge, producer):
    """Publishes, and returns when the bridge has taken it all in."""
    witness = bridge.connect()
    witness.subscribe("*")

    def send(topic, given, src="p", **more):
        publish(producer, topic, given, src, **more)
        for _ in given:
            witness.receive()

    return send


def assert_whole(answer, replayed):
    assert (answer["recovered"], answer["replayed"]) == (True, replayed), answer


def assert_failed(answer, replayed=0):
    assert (answer["recovered"], answer["replayed"]) == (False, replayed), answer


# ---- one topic ----


@pytest.mark.short
def test_what_was_missed_comes_first_and_then_what_is_live(bridge, producer, heard):
    heard("a", range(1, 11))
    client = bridge.connect()
    answer = client.subscribe("a", since=["p:4"])
    assert_whole(answer, 6)
    assert answer["at"] == ["p:10"]
    publish(producer, "a", range(11, 14))
    assert numbers(client, 9) == list(range(5, 14))
    assert client.receive_all() == []


def test_a_position_may_stand_alone_or_in_a_list_or_under_its_topic(bridge, heard):
    heard("a", range(1, 4))
    for since in ("p:1", ["p:1"], {"a": ["p:1"]}, {"a": "p:1"}):
        client = bridge.connect()
        assert_whole(client.subscribe("a", since=since), 2)
        assert numbers(client, 2) == [2, 3]


def test_who_missed_nothing_is_told_so(bridge, heard):
    heard("a", range(1, 4))
    assert_whole(bridge.connect().subscribe("a", since=["p:3"]), 0)


def test_a_client_that_saw_nothing_yet_gets_all_there_was(bridge, heard):
    first = bridge.connect().subscribe("a")
    assert knows_nothing(first["at"])
    heard("a", range(1, 4))
    client = bridge.connect()
    assert_whole(client.subscribe("a", since=first["at"]), 3)
    assert numbers(client, 3) == [1, 2, 3]


@pytest.mark.parametrize("since", ["p:9", "q:1", ["p:3", "q:1"]], ids=str)
def test_a_position_the_bridge_cannot_know_is_not_recovered(bridge, heard, since):
    heard("a", range(1, 4))
    assert_failed(bridge.connect().subscribe("a", since=since))


def test_a_source_that_is_not_named_must_be_there_from_its_first(bridge, heard):
    heard("a", range(1, 4), "p")
    heard("a", range(1, 3), "q")
    client = bridge.connect()
    assert_whole(client.subscribe("a", since=["p:2"]), 3)
    assert [client.receive()["@id"] for _ in range(3)] == ["p:3", "q:1", "q:2"]
    heard("a", range(5, 7), "late")
    assert_failed(bridge.connect().subscribe("a", since=["p:3", "q:2"]))
    assert_whole(bridge.connect().subscribe("a", since=["p:3", "q:2", "late:5"]), 1)


def test_what_the_producer_lost_is_not_recovered(bridge, heard):
    heard("a", [1, 2, 5, 6])
    assert_failed(bridge.connect().subscribe("a", since=["p:2"]))
    assert_whole(bridge.connect().subscribe("a", since=["p:5"]), 1)


def test_history_that_is_too_short_is_told(make_bridge, make_producer):
    bridge = make_bridge({"history.size": 5})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    publish(producer, "a", range(1, 11))
    numbers(witness, 10)
    assert_failed(bridge.connect().subscribe("a", since=["p:4"]))
    assert_whole(bridge.connect().subscribe("a", since=["p:5"]), 5)
    client = bridge.connect()
    assert_failed(client.subscribe("a", since=["p:1"], last=2), 2)
    assert numbers(client, 2) == [9, 10]


@pytest.mark.parametrize("limit", [{"limits.replay_events": 20}, {"limits.queue_bytes": 3072}], ids=str)
def test_what_does_not_fit_is_told_and_not_sent_by_half(make_bridge, make_producer, limit):
    bridge = make_bridge(limit)
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    for n in range(1, 31):
        publish(producer, "a", [n])
        witness.receive()
    assert_failed(bridge.connect().subscribe("a", since=["p:1"]))
    assert_whole(bridge.connect().subscribe("a", since=["p:20"]), 10)


def test_history_that_is_too_old_is_gone(make_bridge, make_producer):
    bridge = make_bridge({"history.ttl": "1s", "server.threads": 1})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    publish(producer, "a", [1, 2])
    numbers(witness, 2)
    until = time.monotonic() + 30
    while bridge.get("/api/ws/topics/a/history", bearer(bridge.admin_token)).json["events"]:
        assert time.monotonic() < until
    assert_failed(bridge.connect().subscribe("a", since=["p:1"]))
    answer = bridge.connect().subscribe("a", since=["p:2"])
    assert_whole(answer, 0)
    assert answer["at"] == ["p:2"], "a topic with a subscriber is not forgotten"


def test_a_producer_that_restarts_begins_anew(bridge, heard):
    heard("a", range(1, 6), ts=1_000)
    heard("a", range(1, 3), ts=2_000_000_000)
    client = bridge.connect()
    assert_failed(client.subscribe("a", since=["p:5"]))
    assert_whole(bridge.connect().subscribe("a", since=["p:1"]), 1)


def test_subscribing_again_replays_nothing(bridge, heard):
    heard("a", range(1, 4))
    client = bridge.connect()
    client.subscribe("a")
    for since, recovered in (("p:3", True), ("p:1", False)):
        answer = client.subscribe("a", since=since)
        assert (answer["recovered"], answer["replayed"]) == (recovered, 0)
    assert client.receive_all() == []


def test_events_without_a_header_are_recovered_on_their_own_bridge(bridge, producer):
    witness, client = bridge.connect(), bridge.connect()
    witness.subscribe("a")
    for n in range(5):
        producer.send("a", {"type": "n", "n": n})
    ids = [witness.receive()["@id"] for _ in range(5)]
    assert_whole(client.subscribe("a", since=ids[1]), 3)
    assert [client.receive()["@id"] for _ in range(3)] == ids[2:]


@pytest.mark.parametrize(
    "since",
    [7, True, "p", "p:", ":1", "p:-1", "p:x", "p p:1", "p:1.5", "p:99999999999999999999", [7], [["p:1"]]]
    + [{"a": 7}, {"a": {"p": 1}}, ["p:1", "p:2"], "x" * 65 + ":1"],
    ids=str,
)
def test_a_malformed_position_is_invalid_message(bridge, since):
    client = bridge.connect()
    answer = client.ask({"type": "subscribe", "topic": "a", "since": since})
    assert (answer["type"], answer["success"], answer["code"]) == ("subscribed", False, "invalid_message"), answer
    assert knows_nothing(client.subscribe("a")["at"])


# ---- patterns and many topics ----


def test_a_pattern_takes_a_position_for_each_topic(bridge, producer, heard):
    heard("import:1", range(1, 4))
    heard("import:2", range(1, 6))
    heard("import:3", range(1, 3))
    heard("other", range(1, 3))
    client = bridge.connect()
    assert_whole(client.subscribe("import:*", since={"import:1": ["p:3"], "import:2": ["p:3"], "other": ["p:1"]}), 4)
    received = [client.receive() for _ in range(4)]
    assert [(event["topic"], event["n"]) for event in received] == [
        ("import:2", 4),
        ("import:2", 5),
        ("import:3", 1),
        ("import:3", 2),
    ]
    publish(producer, "import:1", [4])
    assert client.receive()["n"] == 4
    assert_failed(bridge.connect().subscribe("import:*", since={"import:1": ["p:9"]}))


def test_a_position_for_a_pattern_is_an_object(bridge):
    for request in ({"topic": "a*"}, {"topics": ["a", "b"]}):
        client = bridge.connect()
        client.send({"type": "subscribe", "since": ["p:1"], **request})
        answer = client.receive()
        assert (answer["success"], answer["code"]) == (False, "invalid_message")


def test_topics_in_one_request_find_their_own_positions(bridge, heard):
    heard("a", range(1, 4))
    heard("b", range(1, 4))
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": ["a", "b"], "since": {"a": ["p:1"], "b": ["p:2"]}})
    seen = [client.receive() for _ in range(5)]
    assert [(m["type"], m["topic"], m.get("n", m.get("replayed"))) for m in seen] == [
        ("subscribed", "a", 2),
        ("n", "a", 2),
        ("n", "a", 3),
        ("subscribed", "b", 1),
        ("n", "b", 3),
    ]


def test_a_topic_that_comes_already_is_not_replayed(bridge, heard):
    heard("a:1", range(1, 4))
    heard("a:2", range(1, 4))
    client = bridge.connect()
    client.subscribe("a:1")
    assert_whole(client.subscribe("a:*", since={"a:1": ["p:3"], "a:2": ["p:2"]}), 1)
    event = client.receive()
    assert (event["topic"], event["n"]) == ("a:2", 3)
    assert client.receive_all() == []


# ---- last, replay, fetch ----


@pytest.mark.short
@pytest.mark.parametrize("held", ["t:*", "t:a"])
def test_what_another_subscription_has_not_brought_is_not_recovered(bridge, heard, held):
    """That one began later, so nobody has sent what lies between."""
    heard("t:a", range(1, 4))
    client = bridge.connect()
    client.subscribe(held)
    assert_failed(client.subscribe("t:a*", since={"t:a": ["p:1"]}))
    assert client.receive_all() == []


def test_patterns_that_overlap_are_recovered_together(bridge, heard):
    heard("t:a", range(1, 4))
    client = bridge.connect()
    client.send({"type": "subscribe", "topics": ["t:*", "t:a*"], "since": {"t:a": ["p:1"]}})
    seen = client.receive_all()
    assert [message.get("recovered", message.get("n")) for message in seen] == [True, 2, 3, True], seen


@pytest.mark.parametrize(("last", "expected"), [(0, []), (1, [5]), (3, [3, 4, 5]), (100, [1, 2, 3, 4, 5])])
def test_last_brings_the_newest_first(bridge, heard, last, expected):
    heard("a", range(1, 6))
    client = bridge.connect()
    answer = client.subscribe("a", last=last)
    assert answer["replayed"] == len(expected) and "recovered" not in answer
    assert numbers(client, len(expected)) == expected


def test_last_of_a_pattern_is_the_newest_of_each_topic(bridge, heard):
    for topic in ("import:1", "import:2", "import:3"):
        heard(topic, range(1, 4))
    client = bridge.connect()
    assert client.subscribe("import:*", last=1)["replayed"] == 3
    assert [(e["topic"], e["n"]) for e in (client.receive() for _ in range(3))] == [
        ("import:1", 3),
        ("import:2", 3),
        ("import:3", 3),
    ]


@pytest.mark.short
def test_a_route_that_replays_shows_its_last_state_to_who_comes_late(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "import:*"\nreplay = 1\n')
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("*")
    for topic in ("import:1", "import:2", "other"):
        publish(producer, topic, range(1, 4))
        numbers(witness, 3)
    for topic, expected in (("import:1", 1), ("import:*", 2), ("other", 0)):
        client = bridge.connect()
        client.subscribe(topic)
        assert numbers(client, expected) == [3] * expected
        client.subscribe(topic)
        assert client.receive_all() == []
    client = bridge.connect()
    assert client.subscribe("import:1", last=2)["replayed"] == 2
    assert numbers(client, 2) == [2, 3]
    assert bridge.connect().subscribe("import:1", last=0)["replayed"] == 0
    assert_failed(bridge.connect().subscribe("import:1", since="x:1"), 1)


def test_fetch_brings_again_what_is_retained(make_bridge, make_producer):
    bridge = make_bridge({"history.size": 5})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    publish(producer, "a", range(1, 11))
    numbers(witness, 10)
    client = bridge.connect()
    for first, last, expected, complete in ((7, 9, [7, 8, 9], True), (4, 7, [6, 7], False), (10, 12, [10], False)):
        answer = client.ask({"type": "fetch", "topic": "a", "src": "p", "from": first, "to": last})
        del answer["id"]
        wanted = {"type": "fetched", "topic": "a", "success": True, "count": len(expected), "complete": complete}
        assert answer == wanted
        assert numbers(client, len(expected)) == expected
    answer = client.ask({"type": "fetch", "topic": "a", "src": "q", "from": 1, "to": 2})
    assert (answer["count"], answer["complete"]) == (0, False)
    assert client.receive_all() == []


def test_a_fetch_of_too_much_brings_its_beginning(make_bridge, make_producer):
    bridge = make_bridge({"limits.replay_events": 3})
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a")
    publish(producer, "a", range(1, 11))
    numbers(witness, 10)
    client = bridge.connect()
    for first, expected, complete in ((1, [1, 2, 3], False), (8, [8, 9, 10], True)):
        answer = client.ask({"type": "fetch", "topic": "a", "src": "p", "from": first, "to": 10})
        assert (answer["count"], answer["complete"]) == (3, complete)
        assert numbers(client, 3) == expected


@pytest.mark.parametrize(("last", "expected"), [(0, []), (2, [4, 5]), (9, [1, 2, 3, 4, 5])])
def test_fetch_brings_the_newest_again_to_who_has_them(bridge, heard, last, expected):
    client = bridge.connect()
    client.subscribe("a")
    heard("a", range(1, 6))
    assert numbers(client, 5) == [1, 2, 3, 4, 5]
    answer = client.ask({"type": "fetch", "topic": "a", "last": last})
    assert (answer["type"], answer["topic"], answer["count"], answer["complete"]) == (
        "fetched",
        "a",
        len(expected),
        True,
    )
    assert numbers(client, len(expected)) == expected
    assert client.receive_all() == []


def test_fetch_of_a_pattern_brings_the_newest_of_each_topic(make_bridge, make_producer):
    bridge = make_bridge({"limits.replay_events": 3}, '[[route]]\nmatch = "a:raw"\nformat = "raw"\n')
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("z")
    for topic in ("a:1", "a:2", "a:raw", "b:1"):
        publish(producer, topic, range(1, 4))
    publish(producer, "z", [1])
    numbers(client, 1)
    answer = client.ask({"type": "fetch", "topic": "a:*", "last": 1})
    assert (answer["count"], answer["complete"]) == (2, False)  # the raw one has no id; three are as many as may be
    assert [(e["topic"], e["n"]) for e in (client.receive() for _ in range(2))] == [("a:1", 3), ("a:2", 3)]
    answer = client.ask({"type": "fetch", "topic": "b:*", "last": 2})
    assert (answer["count"], answer["complete"]) == (2, True)
    assert numbers(client, 2) == [2, 3]
    assert client.ask({"type": "fetch", "topic": "a:1", "last": 4})["code"] == "limit_exceeded"
    assert client.receive_all() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"topic": "a*"}, "invalid_topic"),
        ({"topic": 7}, "invalid_message"),
        ({"src": 7}, "invalid_message"),
        ({"src": "a b"}, "invalid_message"),
        ({"from": 0}, "invalid_message"),
        ({"from": "1"}, "invalid_message"),
        ({"from": 3, "to": 2}, "invalid_message"),
        ({"to": 1.5}, "invalid_message"),
    ],
    ids=str,
)
def test_a_malformed_fetch_is_refused(bridge, changed, code):
    answer = bridge.connect().ask({"type": "fetch", "topic": "a", "src": "p", "from": 1, "to": 2, **changed})
    assert answer["code"] == code
    assert answer["type"] == ("error" if changed == {"topic": 7} else "fetched")


# ---- routes of their own kind ----


@pytest.fixture
def states(make_bridge):
    """A bridge whose topics `state:*` keep the newest event of each key, three keys."""
    route = '[[route]]\nmatch = "state:*"\noverflow = "conflate"\nkey = "device"\nhistory = 3\n'
    return make_bridge(tables=route)


def publish_states(bridge, producer, rows):
    witness = bridge.connect()
    witness.subscribe("state:x")
    for seq, device, n in rows:
        producer.send("state:x", {"type": "state", "device": device, "n": n}, {"src": "p", "seq": seq})
        assert witness.receive()["n"] == n


def test_a_conflated_topic_recovers_the_newest_of_each_key(states, make_producer):
    producer = make_producer(states.endpoint)
    publish_states(states, producer, [(1, "a", 1), (2, "b", 2), (3, "a", 3), (4, "c", 4), (5, "a", 5)])
    client = states.connect()
    assert_whole(client.subscribe("state:x", since=["p:2"]), 2)
    assert [(e["device"], e["n"]) for e in (client.receive() for _ in range(2))] == [("c", 4), ("a", 5)]
    publish_states(states, producer, [(6, "d", 6)])
    assert_failed(states.connect().subscribe("state:x", since=["p:1"]))
    client = states.connect()
    assert client.subscribe("state:x", last=10)["replayed"] == 3
    assert [client.receive()["device"] for _ in range(3)] == ["c", "a", "d"]


def test_devices_with_numbers_for_names_are_told_apart_beside_a_balance_in_wei(states, make_producer):
    producer = make_producer(states.endpoint)
    witness = states.connect()
    witness.subscribe("state:x")
    rows = [(1, 10**24), (2, 2 * 10**24), (1, 3 * 10**24)]
    for seq, (device, wei) in enumerate(rows, 1):
        producer.send("state:x", {"type": "state", "device": device, "wei": wei}, {"src": "p", "seq": seq})
        assert witness.receive()["wei"] == wei
    client = states.connect()
    assert client.subscribe("state:x", last=10)["replayed"] == 2
    assert [(e["device"], e["wei"]) for e in (client.receive() for _ in range(2))] == rows[1:]


def test_a_raw_topic_has_last_but_no_since(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "raw"\nformat = "raw"\n')
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("raw")
    for payload in (b"text", b"\xff\x00", b'{"type":"x"}'):
        producer.send("raw", payload)
        assert witness.receive_frame() == payload
    client = bridge.connect()
    assert client.subscribe("raw", last=2)["replayed"] == 2
    assert [client.receive_frame() for _ in range(2)] == [b"\xff\x00", b'{"type":"x"}']
    for since in ("p:1", {"raw": ["p:1"]}):
        answer = bridge.connect().ask({"type": "subscribe", "topic": "raw", "since": since})
        assert (answer["success"], answer["code"]) == (False, "invalid_message")


def test_what_came_while_a_route_was_raw_is_not_brought_again_once_it_is_not(make_bridge, make_producer):
    bridge = make_bridge(tables='[[route]]\nmatch = "a:1"\nformat = "raw"\n')
    producer = make_producer(bridge.endpoint)
    witness = bridge.connect()
    witness.subscribe("a:1")
    for payload in (b"1", b"2"):
        producer.send("a:1", payload)
        assert witness.receive_frame() == payload
    bridge.tables = ""
    bridge.reload()
    publish(producer, "a:1", [3])
    source, number = witness.receive()["@id"].split(":")
    assert number == "3"
    client = bridge.connect()
    for asked, complete in (
        ({"topic": "a:1", "src": source, "from": 1, "to": 3}, False),
        ({"topic": "a:1", "last": 3}, True),
        ({"topic": "a:*", "last": 3}, True),
    ):
        answer = client.ask({"type": "fetch", **asked})
        assert (answer["count"], answer["complete"]) == (1, complete)
        assert numbers(client, 1) == [3]
    for topic in ("a:1", "a:*"):
        client = bridge.connect()
        assert client.subscribe(topic, last=3)["replayed"] == 1
        assert numbers(client, 1) == [3]


# ---- the bridge's own names ----


def test_announcements_to_all_are_recovered(bridge, producer):
    client = bridge.connect()
    assert knows_nothing(client.subscribe("@all")["at"])
    publish(producer, "@all", range(1, 5))
    assert numbers(client, 4) == [1, 2, 3, 4]
    back = bridge.connect()
    assert_whole(back.subscribe("@all", since=["p:2"]), 2)
    publish(producer, "@all", [5])
    assert numbers(back, 3) == [3, 4, 5]


def test_what_came_to_all_live_is_not_sent_again(bridge, producer):
    witness = bridge.connect()
    publish(producer, "@all", [1, 2])
    numbers(witness, 2)
    client = bridge.connect()
    publish(producer, "@all", [3, 4])
    seen = numbers(client, 1)  # most often 3; its lane may be behind the witness's
    while seen[-1] != 4:
        seen += numbers(client, 1)
    assert_whole(client.subscribe("@all", since=[]), 4 - len(seen))
    publish(producer, "@all", [5])
    seen += numbers(client, 5 - len(seen))
    assert sorted(seen) == [1, 2, 3, 4, 5] and seen[-1] == 5


def test_a_users_own_events_are_recovered_by_that_user_only(make_bridge, make_producer, tmp_path):
    issuer = Issuer()
    bridge = make_bridge(issuer.settings(tmp_path))
    producer = make_producer(bridge.endpoint)
    alice = bridge.connect(headers=bearer(issuer.token("alice")))
    publish(producer, "@user/alice", range(1, 5))
    numbers(alice, 4)
    back = bridge.connect(headers=bearer(issuer.token("alice")))
    assert_whole(back.subscribe("@user/alice", since=["p:1"]), 3)
    assert numbers(back, 3) == [2, 3, 4]
    for token in (issuer.token("bob"), issuer.admin()):
        other = bridge.connect(headers=bearer(token))
        refused = other.ask({"type": "subscribe", "topic": "@user/alice", "since": ["p:1"]})
        assert (refused["success"], refused["code"]) == (False, "forbidden")
        fetch = {"type": "fetch", "topic": "@user/alice", "src": "p", "from": 1, "to": 4}
        assert other.ask(fetch)["code"] == "forbidden"


def test_reconnecting_under_load_loses_and_doubles_nothing(bridge, producer):
    """A client that leaves and comes back, again and again, while events keep coming."""
    client = bridge.connect()
    client.subscribe("a")
    seen = []
    for round_ in range(20):
        publish(producer, "a", range(round_ * 20 + 1, round_ * 20 + 21))
        seen += numbers(client, 7)
        client.close()
        client = bridge.connect()
        assert client.subscribe("a", since=f"p:{seen[-1]}")["recovered"] is True
        seen += numbers(client, 13)
    assert seen == list(range(1, 401))
