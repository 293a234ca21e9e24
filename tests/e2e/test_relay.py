"""Bridges that are one fleet over a real Redis: they know each other, and what Redis does to them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from support.administrator import Administrator
from support.bridge import Bridge
from support.certificate import Certificate
from support.redis import Redis


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


def test_who_stops_leaves_at_once_and_who_dies_soon(make_fleet, redis):
    staying, stopping, dying = make_fleet(3)
    left = names(stopping)
    assert stopping.stop() == 0
    left = [name for name in left if not name.endswith(f":{stopping.port}")]
    assert names(staying) == left
    dying.kill()
    staying.wait_until(lambda: len(names(staying)) == 1, "the one that died is forgotten")
    assert redis.ask("SMEMBERS", "zws:bridges") == names(staying), "nothing of it stays in Redis"


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


def test_a_bridge_ends_while_redis_hangs(make_fleet, redis):
    (bridge,) = make_fleet(1)
    redis.freeze()
    assert bridge.stop() == 0
    redis.thaw()


def test_a_bridge_that_hung_keeps_its_name(make_fleet, redis):
    """For longer than its key lives, and nobody else wanted it."""
    (bridge,) = make_fleet(1, {"relay.name": "one"})
    bridge.signal(signal.SIGSTOP)
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


def test_an_encrypted_redis(make_bridge, tmp_path, monkeypatch):
    """Trusted by SSL_CERT_FILE, as everywhere else where the bridge asks a server."""
    certificate = Certificate(tmp_path)
    with Redis(tmp_path / "redis", certificate=certificate) as redis:
        stranger = make_bridge({"relay.redis": redis.url(), "relay.name": "stranger"})
        wait_apart(stranger, "agreeing on TLS")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert_file))
        bridge = in_fleet(make_bridge({"relay.redis": redis.url(), "relay.name": "one"}))
        assert names(bridge) == ["one"]
