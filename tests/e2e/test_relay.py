"""Bridges that are one fleet over a real Redis: they know each other, and what Redis does to them."""

from __future__ import annotations

import json
import re
import signal
import socketserver
import threading
from pathlib import Path
from typing import Any

import pytest

from support.administrator import Administrator
from support.bridge import Bridge
from support.certificate import Certificate
from support.fault_proxy import FaultProxy
from support.redis import Redis
from support.tokens import Issuer

ISSUER = Issuer()


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as redis:
        yield redis


def admin_of(bridge: Bridge) -> Administrator:
    return Administrator(bridge, bridge.admin_token)


def in_fleet(bridge: Bridge) -> Bridge:
    bridge.wait_metric("zws_relay_up", 1)
    return bridge


@pytest.fixture
def make_fleet(make_bridge, redis):
    """Bridges of one fleet, all in it: `make_fleet(3)`."""

    def make(count: int, settings: dict[str, Any] | None = None) -> list[Bridge]:
        return [in_fleet(make_bridge({"relay.redis": redis.url(), **(settings or {})})) for _ in range(count)]

    return make


def names(bridge: Bridge) -> list[str]:
    return [row["name"] for row in admin_of(bridge).get("/api/ws/bridges")["bridges"]]


def reasons(bridge: Bridge) -> list[str]:
    """What /readyz says of a bridge that is ready all the same."""
    answer = bridge.get("/readyz")
    assert answer.status == 200 and answer.json["ready"] is True, answer
    return answer.json["reasons"]


def wait_apart(bridge: Bridge, reason: str) -> None:
    """Until it is apart from the fleet and says why, ready all the same."""
    bridge.wait_until(lambda: any(reason in each for each in reasons(bridge)), f"it says {reason!r}")
    assert all(each.startswith("relay: ") for each in reasons(bridge))
    assert bridge.metric("zws_relay_up") == 0


def delivers(bridge: Bridge, producer: Any) -> None:
    """That an event of a producer reaches a client, whatever Redis does."""
    with bridge.connect() as client:
        client.subscribe("ticks")
        producer.send("ticks", {"type": "tick"})
        assert client.receive()["type"] == "tick"


def hang(bridge: Bridge) -> None:
    """SIGSTOP, and until every thread of it has stopped."""
    bridge.signal(signal.SIGSTOP)

    def stopped() -> bool:
        threads = Path(f"/proc/{bridge.pid}/task").iterdir()
        return all((thread / "stat").read_text().rpartition(") ")[2].startswith("T") for thread in threads)

    bridge.wait_until(stopped, "it has stopped")


# ---- who is there ----


def test_each_bridge_lists_all(make_fleet):
    fleet = make_fleet(3)
    ports = sorted(bridge.port for bridge in fleet)
    clients = [fleet[0].connect() for _ in range(2)]
    for bridge in fleet:
        rows = admin_of(bridge).get("/api/ws/bridges")["bridges"]
        assert [row["name"].rpartition(":")[2] for row in rows] == [str(port) for port in ports]
        assert [row["address"] for row in rows] == [f"127.0.0.1:{port}" for port in ports]
        assert all(row["version"] and row["since"] and row["lag_ms"] is not None for row in rows)
    assert reasons(fleet[0]) == []

    def told() -> bool:
        rows = admin_of(fleet[1]).get("/api/ws/bridges")["bridges"]
        return [row["clients"] for row in rows if row["address"] == f"127.0.0.1:{fleet[0].port}"] == [len(clients)]

    fleet[1].wait_until(told, "another bridge's clients are told")


def test_stats_tell_who_is_in_the_fleet_as_it_changes(make_fleet):
    staying, stopping = make_fleet(2)
    root = staying.connect(f"?token={staying.admin_token}")
    root.subscribe("@stats")

    def told() -> list[str]:
        return [row["name"] for row in root.receive()["data"].get("bridges", [])]

    both = names(staying)
    staying.wait_until(lambda: told() == both, "it tells of both")
    stopping.stop()
    staying.wait_until(lambda: told() == names(staying) != both, "it tells that one has left")


def test_who_stops_leaves_at_once_and_who_dies_soon(make_fleet, redis):
    staying, stopping, dying = make_fleet(3)
    left = names(stopping)
    assert stopping.stop() == 0
    left = [name for name in left if not name.endswith(f":{stopping.port}")]
    assert names(staying) == left
    dying.kill()
    staying.wait_until(lambda: len(names(staying)) == 1, "the one that died is forgotten")
    assert redis.ask("SMEMBERS", "zws:bridges") == names(staying), "nothing of it stays in Redis"


def test_who_stops_gives_back_no_name_that_is_anothers_by_now(make_fleet, redis):
    """As of one that hung for longer than its key stays: another has taken the name over."""
    (bridge,) = make_fleet(1)
    (name,) = names(bridge)
    key = f"zws:bridge:{name}"
    beat = redis.ask("GET", key)
    bridge.wait_until(lambda: redis.ask("GET", key) != beat, "it has just looked whether that is its own")
    others = json.dumps({"life": "another", "beat": 1, "name": name})
    redis.ask("SET", key, others)
    assert bridge.stop() == 0
    assert redis.ask("GET", key) == others
    assert redis.ask("SMEMBERS", "zws:bridges") == [name]


def test_what_a_bridge_keeps_in_redis_ends_by_itself(make_fleet, redis):
    (bridge,) = make_fleet(1)
    (name,) = names(bridge)
    assert 0 < redis.ask("PTTL", f"zws:bridge:{name}") <= 6000


def test_a_name_is_had_once(make_bridge, make_fleet, redis):
    """The second refuses to start, with one line and exit code 1; the first goes on."""
    (first,) = make_fleet(1, {"relay.name": "one"})
    second = make_bridge({"relay.redis": redis.url(), "relay.name": "one"}, start=False)
    second.launch()
    assert second.wait() == 1
    (line,) = second.log.tail(100).splitlines()
    assert line == (
        f"zwsbridge: relay.redis {redis.url()}/0: another bridge of the fleet has the name one: "
        "set relay.name to another one"
    )
    assert names(first) == ["one"] and first.metric("zws_relay_up") == 1


def test_a_name_that_could_not_be_asked_for_keeps_its_bridge_apart(make_bridge, redis):
    """With Redis away both start; when it comes back, one of them has the name and the other says so."""
    redis.kill()
    pair = [make_bridge({"relay.redis": redis.url(), "relay.name": "one"}) for _ in range(2)]
    for bridge in pair:
        wait_apart(bridge, "Connection refused")
    redis.start()
    pair[0].wait_until(lambda: any(bridge.metric("zws_relay_up") == 1 for bridge in pair), "one of them has it")
    (apart,) = [bridge for bridge in pair if bridge.metric("zws_relay_up") == 0]
    (there,) = [bridge for bridge in pair if bridge is not apart]
    wait_apart(apart, "another bridge of the fleet has the name one")
    assert there.stop() == 0
    in_fleet(apart)


def test_a_bridge_that_died_has_its_name_again_when_it_starts(make_fleet):
    (bridge,) = make_fleet(1, {"relay.name": "one"})
    bridge.kill()
    bridge.start()
    in_fleet(bridge)
    assert names(bridge) == ["one"]


def test_two_fleets_share_a_redis_by_their_prefixes(make_bridge, redis):
    pair = [
        in_fleet(make_bridge({"relay.redis": redis.url(), "relay.prefix": prefix, "relay.name": "one"}))
        for prefix in ("a:", "b:")
    ]
    assert [names(bridge) for bridge in pair] == [["one"], ["one"]]
    assert sorted(redis.ask("KEYS", "*")) == ["a:bridge:one", "a:bridges", "b:bridge:one", "b:bridges"]


def test_garbage_in_the_keys_is_no_bridge(make_fleet, redis):
    (bridge,) = make_fleet(1, {"relay.name": "one"})
    for name, text in {"x": "garbage", "y": '{"life":"y","name":"z"}', "w": "[" * 5000}.items():
        redis.ask("SADD", "zws:bridges", name)
        redis.ask("SET", f"zws:bridge:{name}", text)
    redis.ask("SADD", "zws:bridges", "list", "gone", b"\xff\xfe")
    redis.ask("LPUSH", "zws:bridge:list", "x")
    assert names(bridge) == ["one"]
    redis.ask("DEL", "zws:bridges")
    redis.ask("SET", "zws:bridges", "no set")
    wait_apart(bridge, "WRONGTYPE")
    redis.ask("DEL", "zws:bridges")
    in_fleet(bridge)


def test_without_a_relay_there_is_nothing_of_it(make_bridge):
    bridge = make_bridge({"relay.name": "alone"})
    assert "zws_relay" not in bridge.get("/metrics").text
    (row,) = admin_of(bridge).get("/api/ws/bridges")["bridges"]
    assert (row["name"], row["lag_ms"]) == ("alone", None)


# ---- calls ----


def call(bridge: Bridge, method: str, path: str, body: Any = None) -> Any:
    return admin_of(bridge).done(method, f"/api/ws/{path}", body)


def test_a_broadcast_reaches_the_clients_of_all_once_and_in_one_form(make_fleet):
    fleet = make_fleet(4)
    clients = [bridge.connect() for bridge in fleet for _ in range(3)]
    for number in range(5):
        taker = fleet[number % 4]
        answer = call(taker, "POST", "broadcast", {"message": {"type": "hello", "n": number}})
        assert (answer["recipients"], answer["bridges"]) == (12, 4), answer
        frames = {client.receive_frame() for client in clients}
        assert len(frames) == 1, "the same bytes everywhere"
        told = json.loads(frames.pop())
        assert (told["n"], told["@id"]) == (number, answer["id"])
    assert all(client.receive_all() == [] for client in clients), "nobody is told twice"


def test_a_publish_is_an_event_on_every_bridge(make_fleet, make_producer):
    """Numbered by the bridge that took it, apart from what producers send without a number; kept by all."""
    fleet = make_fleet(2)
    clients = [bridge.connect() for bridge in fleet]
    for client in clients:
        client.subscribe("news")
    for bridge, count in zip(fleet, (1, 3), strict=True):
        producer = make_producer(bridge.endpoint)
        for _ in range(count):
            producer.send("news", {"type": "plain"})
    for client, count in zip(clients, (1, 3), strict=True):
        assert [client.receive()["type"] for _ in range(count)] == ["plain"] * count
    ids = []
    for number in range(4):
        answer = call(fleet[number % 2], "POST", "publish", {"topic": "news", "message": [number]})
        assert (answer["recipients"], answer["bridges"]) == (2, 2)
        ids.append(answer["id"])
        (frame,) = {client.receive_frame() for client in clients}
        assert json.loads(frame)["data"] == [number]
    assert [each.rpartition(":")[2] for each in ids] == ["1", "1", "2", "2"], "each bridge counts its own"
    assert all(re.fullmatch("b[a-z0-9]{9}-f:[12]", each) for each in ids)
    for bridge in fleet:
        late = bridge.connect()
        late.subscribe("news", last=4)
        assert [late.receive()["@id"] for _ in range(4)] == ids
    assert all(client.receive_all() == [] for client in clients), "and no gap was told"


def test_a_client_recovers_on_another_bridge_what_was_published_by_a_call(make_fleet):
    first, second = make_fleet(2)
    client = first.connect()
    client.subscribe("news")
    call(first, "POST", "publish", {"topic": "news", "message": 1})
    at = client.receive()["@id"]
    client.close()
    call(second, "POST", "publish", {"topic": "news", "message": 2})
    call(first, "POST", "publish", {"topic": "news", "message": 3})
    moved = second.connect()
    answer = moved.subscribe("news", since=[at])
    assert (answer["recovered"], answer["replayed"]) == (True, 2)
    assert [moved.receive()["data"] for _ in range(2)] == [2, 3]


def test_a_raised_bound_of_events_holds_for_calls_of_other_bridges_too(make_fleet):
    fleet = make_fleet(2, {"limits.event_bytes": 2000})
    clients = [bridge.connect() for bridge in fleet]
    for bridge, client in zip(fleet, clients, strict=True):
        client.subscribe("news")
        bridge.settings["limits.event_bytes"] = 20_000
        assert "reloaded" in bridge.reload()
    answer = call(fleet[0], "POST", "publish", {"topic": "news", "message": "x" * 10_000})
    assert (answer["recipients"], answer["bridges"]) == (2, 2)
    assert [len(client.receive()["data"]) for client in clients] == [10_000] * 2


def test_a_notification_for_thousands_of_users_reaches_them_wherever_they_are(make_bridge, redis):
    settings = {"relay.redis": redis.url(), "auth.hs256_secret": ISSUER.key}
    fleet = [in_fleet(make_bridge(settings)) for _ in range(3)]
    admin = Administrator(fleet[0], ISSUER.admin())
    users = [f"user-{n}" for n in range(3000)]
    clients = {user: fleet[n % 3].connect(f"?token={ISSUER.token(user)}") for n, user in enumerate(users[::300])}
    answer = admin.done("POST", "/api/ws/notify", {"title": "hi", "target_users": users})
    assert answer == {"success": True, "recipients": len(clients), "bridges": 3}
    for client in clients.values():
        assert client.receive()["data"]["title"] == "hi"
        assert client.receive_all() == []
    assert admin.done("POST", "/api/ws/notify", {"title": "x", "target_users": []})["recipients"] == 0


def test_disconnects_reach_clients_of_every_bridge(make_bridge, redis):
    settings = {"relay.redis": redis.url(), "auth.hs256_secret": ISSUER.key}
    fleet = [in_fleet(make_bridge(settings)) for _ in range(3)]
    admin = Administrator(fleet[0], ISSUER.admin())
    ada = [bridge.connect(f"?token={ISSUER.token('ada')}") for bridge in fleet for _ in range(2)]
    bob = fleet[2].connect(f"?token={ISSUER.token('bob')}")
    gone = admin.done("DELETE", f"/api/ws/connections/{ada[-1].hello['client_id']}")
    assert gone == {"success": True, "closed": 1, "bridges": 3}
    assert ada.pop().wait_closed()[0] == 4403
    gone = admin.done("DELETE", "/api/ws/users/ada/connections")
    assert gone == {"success": True, "closed": 5, "bridges": 3}
    assert {client.wait_closed()[0] for client in ada} == {4403}
    assert bob.receive_all() == []
    assert admin("DELETE", "/api/ws/connections/nobody").status == 404
    assert admin("DELETE", "/api/ws/connections/no%20name%0A").status == 404


def test_totals_of_the_fleet_are_added_up(make_fleet):
    fleet = make_fleet(3)
    clients = [bridge.connect() for bridge, count in zip(fleet, (1, 2, 3), strict=True) for _ in range(count)]
    for client in clients:
        client.subscribe("a")
    call(fleet[1], "POST", "publish", {"topic": "a", "message": 1})
    totals = call(fleet[0], "GET", "stats?scope=fleet")
    assert (totals["bridges"], totals["connections"], totals["subscriptions"], totals["deliveries"]) == (3, 6, 6, 6)
    assert totals["memory"]["resident_bytes"] > 3 << 20
    assert call(fleet[0], "GET", "stats?scope=bridge")["connections"] == 1
    assert admin_of(fleet[0])("GET", "/api/ws/stats?scope=all").status == 400


def test_without_a_fleet_no_answer_tells_of_bridges(make_bridge):
    bridge = make_bridge()
    answer = call(bridge, "POST", "broadcast", {"message": {"type": "x"}})
    assert list(answer) == ["success", "recipients", "id"]
    assert call(bridge, "GET", "stats?scope=fleet")["bridges"] == 1


def test_a_bridge_that_hangs_is_left_out_of_the_sum_and_does_nothing_later(make_fleet):
    """It answers a second too late for the sum; what waited for it for longer than a call's age is not done at all."""
    asking, hanging = make_fleet(2)
    clients = [bridge.connect() for bridge in (asking, hanging)]
    hang(hanging)
    answer = call(asking, "POST", "broadcast", {"message": {"type": "missed"}})
    assert (answer["recipients"], answer["bridges"]) == (1, 1)
    asking.wait_until(lambda: len(names(asking)) == 1, "the one that hangs is forgotten, 6 s later")
    hanging.signal(signal.SIGCONT)
    hanging.wait_metric_at_least("zws_relay_calls_total", 1, what="refused")
    in_fleet(hanging)
    answer = call(asking, "POST", "broadcast", {"message": {"type": "heard"}})
    assert (answer["recipients"], answer["bridges"]) == (2, 2)
    assert clients[1].receive()["type"] == "heard"


def test_what_is_no_call_or_no_fresh_one_does_nothing(make_fleet, redis):
    (bridge,) = make_fleet(1, {"relay.name": "one"})
    client = bridge.connect()
    client.subscribe("a")
    now = int(redis.ask("TIME")[0]) * 1000

    def forged(identity: str, sent_ms: int, **more: Any) -> str:
        event = {"topic": "a", "src": "x", "seq": 1, "ts": 1, "bytes": 2, **more}
        head = {"v": 1, "id": identity, "from": "x", "sent_ms": sent_ms, "call": "publish", "events": [event]}
        return json.dumps(head) + "\n42"

    refused = [
        "",
        "garbage",
        "{}",
        b"\xff\xfe\n",
        "[" * 100_000,
        '{"v":2,"id":"a"}\n',
        forged("old", now - 60_000),
        forged("early", now + 60_000),
        forged("long", now, bytes=3),
        forged("short", now, bytes=1),
        forged("topic", now, topic="a*"),
        forged("source", now, src="no source"),
        forged("seq", now, seq=0),
        forged("x" * 65, now),
    ]
    for text in refused:
        assert redis.ask("PUBLISH", "zws:calls", text) == 1
    bridge.wait_metric("zws_relay_calls_total", len(refused), what="refused")
    good = forged("good", now)
    for _ in range(3):
        redis.ask("PUBLISH", "zws:calls", good)
    bridge.wait_metric("zws_relay_calls_total", len(refused) + 2, what="refused")
    assert client.receive()["@id"] == "x:1"
    assert client.receive_all() == [], "once, however often it is said"
    for text in ("", "garbage", '{"v":1,"id":"good","from":"y","reached":-1}'):
        redis.ask("PUBLISH", "zws:answers:one", text)
    bridge.wait_metric("zws_relay_calls_total", len(refused) + 5, what="refused")
    assert bridge.metric("zws_relay_calls_total", what="received") == 1


@pytest.mark.parametrize("places", [("/0", "a:", "/0", "b:"), ("", "a:", "/1", "a:"), ("/2", "a:", "/1", "a:")])
def test_fleets_of_one_redis_do_not_hear_each_other(make_bridge, redis, places):
    pair = [
        in_fleet(make_bridge({"relay.redis": redis.url(db=db), "relay.prefix": prefix, "relay.name": "one"}))
        for db, prefix in (places[:2], places[2:])
    ]
    clients = [bridge.connect() for bridge in pair]
    answer = call(pair[0], "POST", "broadcast", {"message": {"type": "x"}})
    assert (answer["recipients"], answer["bridges"]) == (1, 1)
    assert clients[0].receive()["type"] == "x" and clients[1].receive_all() == []


def test_a_call_while_redis_is_away_reaches_what_is_here(make_fleet, redis):
    fleet = make_fleet(2)
    clients = [bridge.connect() for bridge in fleet]
    for client in clients:
        client.subscribe("a")
    redis.freeze()
    answer = call(fleet[0], "POST", "publish", {"topic": "a", "message": 1})
    assert (answer["recipients"], answer["bridges"]) == (1, 1)
    wait_apart(fleet[0], "it does not answer")
    answer = call(fleet[0], "POST", "publish", {"topic": "a", "message": 2})
    assert (answer["recipients"], answer["bridges"]) == (1, 1)
    redis.thaw()
    redis.restart()
    for bridge in fleet:
        bridge.wait_until(lambda bridge=bridge: len(names(bridge)) == 2, "both are back")
        in_fleet(bridge)
    answer = call(fleet[0], "POST", "publish", {"topic": "a", "message": 3})
    assert (answer["recipients"], answer["bridges"]) == (2, 2)
    assert [clients[0].receive()["data"] for _ in range(3)] == [1, 2, 3]


# ---- what Redis does ----


def test_redis_that_is_killed_and_comes_back_empty(make_fleet, make_producer, redis):
    fleet = make_fleet(2)
    producer = make_producer(fleet[0].endpoint)
    redis.kill()
    for bridge in fleet:
        wait_apart(bridge, "Connection refused")
    delivers(fleet[0], producer)
    assert len(names(fleet[0])) == 1, "apart it is all that it knows"
    redis.start()
    for bridge in fleet:
        in_fleet(bridge)
        assert reasons(bridge) == []
    fleet[0].wait_until(lambda: len(names(fleet[0])) == 2, "they know each other again")


def test_redis_that_hangs_counts_as_away(make_fleet, make_producer, redis):
    (bridge,) = make_fleet(1)
    producer = make_producer(bridge.endpoint)
    redis.freeze()
    wait_apart(bridge, "it does not answer")
    delivers(bridge, producer)
    redis.thaw()
    in_fleet(bridge)


def test_a_bridge_starts_without_redis(make_bridge, make_producer, tmp_path):
    redis = Redis(tmp_path / "later")
    bridge = make_bridge({"relay.redis": redis.url()})
    wait_apart(bridge, "Connection refused")
    delivers(bridge, make_producer(bridge.endpoint))
    with redis:
        in_fleet(bridge)


def test_redis_that_is_full_keeps_nothing_and_stops_nothing(make_fleet, make_producer, redis):
    (bridge,) = make_fleet(1)
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    wait_apart(bridge, "OOM")
    delivers(bridge, make_producer(bridge.endpoint))
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    in_fleet(bridge)


def test_a_failover_is_followed(make_bridge, make_producer, redis, tmp_path):
    """The server that it is connected to becomes a replica, and the address leads to the new one a while later."""
    with Redis(tmp_path / "promoted") as promoted, FaultProxy(redis.port) as address:
        url = f"redis://127.0.0.1:{address.port}"
        bridge = in_fleet(make_bridge({"relay.redis": url, "relay.name": "one"}))
        redis.ask("REPLICAOF", "127.0.0.1", str(promoted.port))
        bridge.log.wait_for("READONLY")
        wait_apart(bridge, "Redis is a replica, which takes no writes")
        delivers(bridge, make_producer(bridge.endpoint))
        address.lead_to(promoted.port)
        in_fleet(bridge)
        assert reasons(bridge) == [] and names(bridge) == ["one"]
        assert promoted.ask("SMEMBERS", "zws:bridges") == ["one"]


def test_a_database_that_redis_does_not_have_is_said(make_bridge, make_producer, redis):
    bridge = make_bridge({"relay.redis": redis.url("", "/99"), "relay.name": "one"})
    wait_apart(bridge, "Redis answers: ERR DB index is out of range")
    delivers(bridge, make_producer(bridge.endpoint))
    assert names(bridge) == ["one"], "itself"
    redis.options["databases"] = "100"
    redis.restart()
    in_fleet(bridge)
    assert reasons(bridge) == []
    said = [line for line in bridge.log.tail(1000).splitlines() if "DB index" in line]
    assert len(said) == 2, "once of the fleet and once of the history, however often it is tried"


class OldRedis(socketserver.StreamRequestHandler):
    """Of the time before streams."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            if line.startswith(b"*"):  # a command
                self.wfile.write(b"$21\r\nredis_version:4.0.9\r\n\r\n")


def test_a_redis_that_is_too_old_ends_the_start(make_bridge):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as old:
        threading.Thread(target=old.serve_forever, kwargs={"poll_interval": 0.01}).start()
        port = old.server_address[1]
        bridge = make_bridge({"relay.redis": f"redis://:secret@127.0.0.1:{port}"}, start=False)
        bridge.launch()
        assert bridge.wait() == 1
        old.shutdown()
    (line,) = bridge.log.tail(100).splitlines()
    assert line == f"zwsbridge: relay.redis redis://127.0.0.1:{port}/0: Redis is 4.0.9, and 5 or later is needed"


def test_a_bridge_ends_while_redis_hangs(make_fleet, redis):
    (bridge,) = make_fleet(1)
    redis.freeze()
    assert bridge.stop() == 0
    redis.thaw()


def test_a_bridge_that_hung_keeps_its_name(make_fleet, redis):
    """For longer than its key lives, and nobody else wanted it."""
    (bridge,) = make_fleet(1, {"relay.name": "one"})
    hang(bridge)
    bridge.wait_until(lambda: redis.ask("GET", "zws:bridge:one") is None, "its key has ended")
    bridge.signal(signal.SIGCONT)
    bridge.wait_until(lambda: redis.ask("GET", "zws:bridge:one") is not None, "it is there again")
    in_fleet(bridge)


def test_a_password_is_needed_and_never_told(make_bridge, tmp_path):
    with Redis(tmp_path / "redis", {"requirepass": "open-sesame"}) as redis:
        without = make_bridge({"relay.redis": redis.url()})
        wait_apart(without, "NOAUTH")
        wrong = make_bridge({"relay.redis": redis.url(":guess-work@")})
        wait_apart(wrong, "WRONGPASS")
        right = in_fleet(make_bridge({"relay.redis": redis.url(":open-sesame@", "/3")}))
        assert len(names(right)) == 1
        for bridge, secret in ((wrong, "guess-work"), (right, "open-sesame")):
            everything = bridge.log.tail(1000) + bridge.get("/readyz").text + bridge.get("/metrics").text
            assert secret not in everything + json.dumps(admin_of(bridge).get("/api/ws/config"))


def test_what_redis_repeats_of_what_it_was_sent_is_never_told(make_bridge, make_producer, tmp_path):
    """A server that has no AUTH, or no XADD, says which arguments came with it: a password, and events."""
    rules = tmp_path / "without-commands.conf"
    rules.write_text('rename-command AUTH ""\nrename-command XADD ""\n')
    with Redis(tmp_path / "redis", {"include": str(rules)}) as redis:
        assert "open-sesame" in redis.ask("AUTH", "open-sesame"), "it does repeat it"
        guest = make_bridge({"relay.redis": redis.url("ada:open-sesame@")})
        wait_apart(guest, "unknown command 'AUTH'")
        writer = in_fleet(make_bridge({"relay.redis": redis.url()}))
        producer = make_producer(writer.endpoint)
        with writer.connect() as client:
            client.subscribe("ticks")
            producer.send("ticks", {"type": "private-matter"}, {"src": "p", "seq": 1, "ts": 1})
            assert client.receive()["type"] == "private-matter"
        writer.log.wait_for("unknown command 'XADD'")
        for bridge in (guest, writer):
            everything = bridge.log.tail(1000) + bridge.get("/readyz").text + bridge.get("/metrics").text
            for told in ("open-sesame", "private-matter", "args beginning"):
                assert told not in everything


def acl_example() -> str:
    """The user of docs/OPERATING.md."""
    page = (Path(__file__).resolve().parents[2] / "docs/OPERATING.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("ACL SETUSER ")]
    return line


def test_the_user_of_the_manual_may_do_what_a_bridge_does_and_no_more(make_bridge, redis):
    assert redis.ask(*acl_example().split()) == "OK"
    bridge = in_fleet(make_bridge({"relay.redis": redis.url("fleet:choose-one@"), "relay.name": "one"}))
    assert reasons(bridge) == [] and names(bridge) == ["one"]
    other = make_bridge({"relay.redis": redis.url("fleet:choose-one@"), "relay.prefix": "other:"})
    wait_apart(other, "NOPERM")
    assert [entry[5] for entry in redis.ask("ACL", "LOG") if "other:" not in entry[7]] == []


def test_the_user_of_the_manual_outlives_a_redis_that_has_it_in_its_configuration(make_bridge, tmp_path):
    rules = tmp_path / "users.conf"
    rules.write_text(f"user {acl_example().removeprefix('ACL SETUSER ')}\n")
    with Redis(tmp_path / "redis", {"include": str(rules)}) as redis:
        bridge = in_fleet(make_bridge({"relay.redis": redis.url("fleet:choose-one@")}))
        redis.restart()
        bridge.wait_until(lambda: redis.ask("SMEMBERS", "zws:bridges") != [], "it is back")
        in_fleet(bridge)


def test_an_encrypted_redis(make_bridge, tmp_path, monkeypatch):
    """Trusted by SSL_CERT_FILE, as everywhere else where the bridge asks a server."""
    certificate = Certificate(tmp_path)
    with Redis(tmp_path / "redis", certificate=certificate) as redis:
        stranger = make_bridge({"relay.redis": redis.url(), "relay.name": "stranger"})
        wait_apart(stranger, "agreeing on TLS")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert_file))
        bridge = in_fleet(make_bridge({"relay.redis": redis.url(), "relay.name": "one"}))
        assert names(bridge) == ["one"]
