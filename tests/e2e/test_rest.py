"""The administrator's calls: who may, what they send and whom they reach, and throwing out."""

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.administrator import ADMIN_CALLS, assert_refused
from support.tokens import Issuer, bearer

# ---- who may ----


@pytest.mark.parametrize(("method", "path", "body"), ADMIN_CALLS)
def test_only_administrators_may_call(guarded, issuer, method, path, body):
    nobody = guarded.http(method, path, body)
    assert_refused(nobody, 401, "unauthorized")
    assert nobody.headers["www-authenticate"] == "Bearer"
    for token, code in ((Issuer().admin(), "invalid_token"), (issuer.token(lives=-100), "token_expired")):
        assert_refused(guarded.http(method, path, body, bearer(token)), 401, code)
    for token in (issuer.token(), issuer.token(role="user"), issuer.token(roles=["ops"])):
        assert_refused(guarded.http(method, path, body, bearer(token)), 403, "forbidden")
    for token in (issuer.admin(), issuer.token(roles=["ops", "admin"])):
        assert guarded.http(method, path, body, bearer(token)).status in (200, 404)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_everyone_may_ask(guarded, path):
    assert guarded.get(path).status == 200


def test_metrics_may_be_kept_to_administrators(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "server.metrics_public": False})
    assert_refused(bridge.get("/metrics"), 401)
    assert bridge.get("/metrics", bearer(issuer.admin())).status == 200


@pytest.mark.short
def test_in_open_mode_the_token_of_the_file_makes_an_administrator(bridge):
    assert bridge.admin_token_file.stat().st_mode & 0o777 == 0o600
    assert_refused(bridge.get("/api/ws/stats"), 401, "unauthorized")
    assert_refused(bridge.get("/api/ws/stats", bearer(secrets.token_hex(16))), 401, "invalid_token")
    assert bridge.get("/api/ws/stats", bearer(bridge.admin_token)).status == 200
    assert bridge.connect(f"?token={secrets.token_hex(16)}").subscribe("a")["success"] is True


def test_too_many_failed_tokens_are_429(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.failed_tokens_per_minute": 3})
    for _ in range(3):
        assert_refused(bridge.get("/api/ws/stats", bearer(Issuer().admin())), 401)
    assert_refused(bridge.get("/api/ws/stats", bearer(Issuer().admin())), 429, "rate_limited")
    assert bridge.metric("zws_http_responses_total", code="401") == 3
    assert bridge.metric("zws_http_responses_total", code="429") == 1


# ---- sending ----


@pytest.mark.short
def test_a_broadcast_reaches_every_connection_once(guarded, admin, people):
    clients = [guarded.connect(), *(client for connections in people.values() for client in connections)]
    sent = admin.done("POST", "/api/ws/broadcast", {"message": {"type": "announcement", "n": 1}})
    assert (sent["success"], sent["recipients"]) == (True, len(clients))
    for client in clients:
        event = client.receive()
        assert event == {"type": "announcement", "n": 1, "topic": "@all", "@id": sent["id"]}
        assert client.receive_all() == []


def test_a_broadcast_to_a_topic_counts_each_subscriber_once(admin, people):
    for user, patterns in {"alice": ["news:*", "news:today"], "bob": ["news:today"], "carol": ["news"]}.items():
        for client in people[user]:
            for pattern in patterns:
                client.subscribe(pattern)
    sent = admin.done("POST", "/api/ws/broadcast", {"message": {"type": "news"}, "topic": "news:today"})
    assert sent["recipients"] == 12
    for client in people["alice"] + people["bob"]:
        assert client.receive()["@id"] == sent["id"]
    for client in people["alice"] + people["carol"] + people["dave"]:
        assert client.receive_all() == []


@pytest.mark.parametrize("message", [{"type": "x", "n": 1.50}, [1, 2], "text", 7, None, {"no": "type"}], ids=json.dumps)
def test_publish_is_as_if_a_producer_had_sent_it(guarded, admin, people, message):
    client = people["alice"][0]
    client.subscribe("a")
    sent = admin.done("POST", "/api/ws/publish", {"topic": "a", "message": message})
    assert (sent["success"], sent["recipients"]) == (True, 1)
    event = client.receive()
    assert (event["@id"], event["topic"]) == (sent["id"], "a")
    if isinstance(message, dict) and "type" in message:
        assert event == {**message, "topic": "a", "@id": sent["id"]}
    else:
        assert (event["type"], event["data"]) == ("message", message)
    assert client.subscribe("a", since=event["@id"])["recovered"] is True


def test_what_is_published_keeps_its_bytes(admin, people):
    client = people["alice"][0]
    client.subscribe("a")
    body = '{"topic":"a","message":{"type":"x", "big":123456789012345678901234567890,"f":1.0,"u":"\\u00e9"} }'
    assert admin("POST", "/api/ws/publish", body.encode(), **{"Content-Type": "application/json"}).status == 200
    start = '{"type":"x", "big":123456789012345678901234567890,"f":1.0,"u":"\\u00e9","topic":"a","@id":"'
    assert client.receive_frame().startswith(start)


def test_calls_at_the_same_time_make_one_order_for_everybody(admin, people):
    clients = [client for connections in people.values() for client in connections]
    for client in clients:
        client.subscribe("a")

    def call(n):
        return admin.done("POST", "/api/ws/publish", {"topic": "a", "message": {"type": "n", "n": n}})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(60)))
    assert {answer["recipients"] for answer in answers} == {len(clients)}
    first, *others = ([client.receive() for _ in range(60)] for client in clients)
    assert all(seen == first for seen in others)
    assert [int(event["@id"].split(":")[1]) for event in first] == list(range(1, 61))
    assert {event["@id"]: event["n"] for event in first} == {answer["id"]: n for n, answer in enumerate(answers)}


def test_published_events_and_a_producers_are_one_history(guarded, admin, people, make_producer):
    producer = make_producer(guarded.endpoint)
    client = people["bob"][3]
    client.subscribe("a")
    for n in range(4):
        if n % 2:
            producer.send("a", {"type": "n", "n": n})
        else:
            admin.done("POST", "/api/ws/publish", {"topic": "a", "message": {"type": "n", "n": n}})
        assert client.receive()["n"] == n
    page = admin.get("/api/ws/topics/a/history")
    assert [event["n"] for event in page["events"]] == [0, 1, 2, 3]
    assert len({event["@id"].split(":")[0] for event in page["events"]}) == 1


def test_a_notification_reaches_the_subscribers_of_notifications(admin, people):
    for client in people["alice"]:
        client.subscribe("notifications")
    sent = admin.done("POST", "/api/ws/notify", {"title": "T", "content": "C", "level": "warning"})
    assert sent == {"success": True, "recipients": 6}
    for client in people["alice"]:
        event = client.receive()
        assert event["data"] == {"title": "T", "content": "C", "level": "warning"}
        assert (event["type"], event["topic"]) == ("notification", "notifications")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])
    assert people["bob"][0].receive_all() == []


@pytest.mark.parametrize(
    ("targets", "reached"),
    [
        ([], []),
        (["alice"], ["alice"]),
        (["alice", "alice", "bob"], ["alice", "bob"]),
        (["nobody"], []),
        (["nobody", "carol"], ["carol"]),
    ],
    ids=str,
)
def test_a_notification_for_users_reaches_each_of_their_connections_once(admin, people, targets, reached):
    for connections in people.values():
        connections[0].subscribe("notifications")
    sent = admin.done("POST", "/api/ws/notify", {"title": "T", "target_users": targets})
    assert sent == {"success": True, "recipients": 6 * len(reached)}
    for user, connections in people.items():
        for client in connections:
            events = client.receive_all()
            assert [event["data"]["title"] for event in events] == ["T"] * (user in reached), user


def test_a_notification_times_its_users_is_bounded(admin):
    """A short call must not become gigabytes."""
    body = {"title": "x" * 100_000, "target_users": [str(n) for n in range(1000)]}
    assert_refused(admin("POST", "/api/ws/notify", body), 413, "limit_exceeded")
    body["target_users"] = [str(n) for n in range(100)]
    assert admin.done("POST", "/api/ws/notify", body)["recipients"] == 0
    body = {"title": "x", "content": "x" * 100_000, "target_users": [str(n) for n in range(1000)]}
    assert_refused(admin("POST", "/api/ws/notify", body), 413, "limit_exceeded")
    body = {"title": "x", "target_users": [str(n) for n in range(10_001)]}
    assert_refused(admin("POST", "/api/ws/notify", body), 400, "limit_exceeded")
    body["target_users"].pop()
    assert admin.done("POST", "/api/ws/notify", body)["recipients"] == 0


def test_recipients_are_exact_while_producers_flood(guarded, admin, people, make_producer):
    """The events of a producer that share a turn with a call are not counted for it."""
    producer = make_producer(guarded.endpoint)
    clients = [client for connections in people.values() for client in connections]
    for client in clients:
        client.subscribe("a")
        client.subscribe("b")
    for n in range(100):
        for _ in range(5):
            producer.send("b", {"type": "noise"})
        sent = admin.done("POST", "/api/ws/publish", {"topic": "a", "message": {"type": "n", "n": n}})
        assert sent["recipients"] == len(clients)
    for client in clients:
        seen = [client.receive() for _ in range(600)]
        assert [event["n"] for event in seen if event["type"] == "n"] == list(range(100))


# ---- throwing out ----


@pytest.mark.short
def test_one_connection_is_thrown_out(admin, people):
    thrown, *others = people["alice"]
    path = f"/api/ws/connections/{thrown.hello['client_id']}"
    assert admin.done("DELETE", path) == {"success": True, "closed": 1}
    assert thrown.wait_closed() == (4403, [])
    assert_refused(admin("DELETE", path), 404)
    assert all(client.ask({"type": "ping"})["type"] == "pong" for client in others)


def test_all_connections_of_a_user_are_thrown_out(admin, people):
    assert admin.done("DELETE", "/api/ws/users/ali/connections")["closed"] == 0, "nobody has this very name"
    assert admin.done("DELETE", "/api/ws/users/alice/connections") == {"success": True, "closed": 6}
    assert [client.wait_closed() for client in people["alice"]] == [(4403, [])] * 6
    assert admin.done("DELETE", "/api/ws/users/alice/connections")["closed"] == 0
    assert all(client.ask({"type": "ping"})["type"] == "pong" for client in people["bob"])


@pytest.mark.parametrize("user", ["a/b", "a b", "Zoë", "100%", "..", "a?b#c"])
def test_a_users_name_may_need_quoting(guarded, issuer, admin, user):
    client = guarded.connect(headers=bearer(issuer.token(user)))
    quoted = "".join(f"%{byte:02X}" for byte in user.encode())
    assert admin.done("DELETE", f"/api/ws/users/{quoted}/connections")["closed"] == 1
    assert client.wait_closed()[0] == 4403
