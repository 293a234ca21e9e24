"""SIGHUP, for clients that are connected already: what the new configuration says holds for them at
once. (Rights and keys have stories of their own in test_rights.py and test_identity.py.)"""

from __future__ import annotations

from support.raw_socket import PING, TEXT, RawSocket
from support.tokens import bearer

SECRET = "0123456789abcdef0123456789abcdef"


def test_the_largest_message_grows_and_shrinks(bridge):
    padding = "x" * 1000
    client = bridge.connect()
    bridge.settings["limits.message_bytes"] = 70_000
    bridge.reload()
    answer = client.ask({"type": "ping", "padding": "x" * 68_000})
    assert answer["type"] == "pong"
    bridge.settings["limits.message_bytes"] = 500
    bridge.reload()
    client.send({"type": "ping", "padding": padding})
    assert client.wait_closed()[0] == 1009


def test_the_heartbeat_quickens(bridge):
    with RawSocket(bridge.port) as client:
        client.upgrade()
        assert client.frame().opcode == TEXT
        bridge.settings.update({"heartbeat.interval": "50ms", "heartbeat.timeout": "5m"})
        bridge.reload()
        assert [client.frame().opcode for _ in range(3)] == [PING] * 3


def test_silence_is_measured_by_the_new_timeout(bridge):
    with RawSocket(bridge.port) as client:
        client.upgrade()
        bridge.settings.update({"heartbeat.interval": "50ms", "heartbeat.timeout": "60ms"})
        bridge.reload()
        while (frame := client.frame()).opcode in (TEXT, PING):
            pass
        assert frame.close_code == 4408


def test_a_rate_holds(bridge):
    client = bridge.connect()
    assert client.ask({"type": "ping"})["type"] == "pong"
    bridge.settings["limits.messages_per_second"] = 1
    bridge.reload()
    for n in range(10):
        client.send({"type": "ping", "id": n})
    assert "rate_limited" in [client.receive().get("code") for _ in range(10)]


def test_routes_hold_for_who_is_subscribed(bridge, producer):
    client = bridge.connect()
    client.subscribe("prices")
    producer.send("prices", {"type": "price", "n": 1})
    assert client.receive()["@id"]
    bridge.tables = '[[route]]\nmatch = "prices"\nformat = "raw"\n'
    bridge.reload()
    producer.send("prices", "2")
    assert client.receive_frame() == b"2"


def test_a_replay_that_is_new_is_given_to_the_next_subscriber(bridge, producer):
    client, watcher = bridge.connect(), bridge.connect()
    watcher.subscribe("import:1")
    producer.send("import:1", {"type": "x", "n": 1})
    watcher.receive()
    bridge.tables = '[[route]]\nmatch = "import:*"\nreplay = 1\n'
    bridge.reload()
    assert client.subscribe("import:1")["replayed"] == 1
    assert client.receive()["n"] == 1


def test_history_that_is_turned_off_is_gone(bridge, producer):
    client, watcher = bridge.connect(), bridge.connect()
    watcher.subscribe("a")
    producer.send("a", {"type": "x"})
    watcher.receive()
    bridge.settings["history.size"] = 0
    bridge.reload()
    assert client.subscribe("a", last=10).get("replayed", 0) == 0


def test_the_largest_event_grows_for_producers_that_are_connected(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    bridge.settings["limits.event_bytes"] = 4 << 20
    bridge.reload()
    producer.send("a", {"type": "big", "data": "x" * (2 << 20)})
    assert client.receive()["type"] == "big"


def test_the_largest_event_shrinks_for_producers_that_are_connected(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    producer.send("a", {"type": "fits", "data": "x" * 5000})
    assert client.receive()["type"] == "fits"
    bridge.settings["limits.event_bytes"] = 4096
    bridge.reload()
    producer.send("a", {"type": "big", "data": "x" * 5000})
    producer.send("a", {"type": "small"})
    assert client.receive()["type"] == "small"
    assert bridge.metric("zws_ingest_rejected_total", reason="too_big") == 1


def test_commands_are_taken_from_producers(bridge, producer):
    bridge.settings["ingest.commands"] = False
    bridge.reload()
    producer.send("@all", {"type": "x"})
    bridge.wait_metric("zws_ingest_rejected_total", 1, reason="commands_off")


def test_the_anonymous_must_sign_in_when_they_may_not_stay(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": SECRET})
    client = bridge.connect()
    bridge.settings.update({"auth.anonymous.connect": False, "auth.timeout": "100ms"})
    bridge.reload()
    code, messages = client.wait_closed()
    assert code == 4401 and messages[-1]["code"] == "unauthorized"


def test_who_has_to_sign_in_now_hears_nothing_before(make_bridge, issuer, tmp_path, make_producer):
    rights = {"auth.anonymous.subscribe": ["a"], "auth.user.subscribe": ["a"], "auth.timeout": "5m"}
    bridge = make_bridge({**issuer.settings(tmp_path), **rights})
    producer = make_producer(bridge.endpoint)
    client, user = bridge.connect(), bridge.connect(headers=bearer(issuer.token("ada")))
    client.subscribe("a")
    user.subscribe("a")
    bridge.settings["auth.anonymous.connect"] = False
    bridge.reload()
    assert client.receive() == {"type": "unsubscribed", "topic": "a", "success": True, "code": "forbidden"}
    for topic in ("@all", "a"):
        producer.send(topic, {"type": topic})
        assert user.receive()["type"] == topic
    assert client.receive_all() == []
    assert client.ask({"type": "auth", "token": issuer.token("bob")})["success"] is True
    producer.send("@all", {"type": "y"})
    assert client.receive()["type"] == "y"


def test_a_first_key_ends_the_sessions_of_open_mode(make_bridge):
    bridge = make_bridge()
    admin, guest = bridge.connect(f"?token={bridge.admin_token}"), bridge.connect()
    assert guest.subscribe("a")["success"] is True
    bridge.settings.update({"auth.hs256_secret": SECRET})
    bridge.reload()
    for client in (admin, guest):
        code, messages = client.wait_closed()
        assert code == 4401 and messages[-1]["code"] == "unauthorized"
    assert bridge.connect().hello["user"] is None


def test_the_anonymous_may_stay_again(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": SECRET, "auth.anonymous.connect": False, "auth.timeout": "5m"})
    client = bridge.connect()
    bridge.settings.update({"auth.anonymous.connect": True, "auth.timeout": "1ms"})
    bridge.reload()
    bridge.reload()
    assert client.ask({"type": "ping"})["type"] == "pong"


def test_metrics_and_console_are_closed_and_opened(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": SECRET})
    assert bridge.get("/metrics").status == 200 and bridge.get("/").status == 200
    bridge.settings.update({"server.metrics_public": False, "server.console": False})
    bridge.reload()
    assert bridge.get("/metrics").status == 401 and bridge.get("/").status == 404


def test_origins_are_those_of_the_new_list(bridge):
    page = {"Origin": "https://app.example.org"}
    assert bridge.get("/healthz", page).status == 403
    bridge.settings["server.allowed_origins"] = ["https://app.example.org"]
    bridge.reload()
    assert bridge.get("/healthz", page).status == 200


def test_log_level_and_format_change(bridge):
    bridge.settings.update({"log.level": "debug", "log.format": "json"})
    mark = bridge.log.mark()
    bridge.reload()
    bridge.connect().close()
    assert bridge.log.wait_for(r'"message":"client .* closed: 1000"', after=mark).startswith("{")


def test_two_mistakes_and_a_good_key_change_nothing_at_all(bridge):
    client = bridge.connect()
    bridge.settings.update({"limits.subscriptions": 1, "history.ttl": "soon"})
    assert "not reloaded" in bridge.reload()
    answers = [client.subscribe(topic) for topic in ("a", "b")]
    assert all(answer["success"] for answer in answers)


def test_many_reloads_in_a_row_lose_no_client_and_no_event(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for n in range(30):
        bridge.settings["limits.subscriptions"] = 10 + n
        bridge.reload()
        producer.send("a", {"type": "x", "n": n})
    assert [client.receive()["n"] for _ in range(30)] == list(range(30))
