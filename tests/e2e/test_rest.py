"""The REST calls: who may, what they do, whom they reach, and every refusal with its status."""

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.tokens import Issuer, bearer

MIB = 1 << 20
USERS = ["alice", "bob", "carol", "dave"]
ADMIN_CALLS = [
    ("GET", "/api/ws/stats", None),
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}}),
    ("POST", "/api/ws/notify", {"title": "x"}),
    ("POST", "/api/ws/publish", {"topic": "a", "message": 1}),
    ("GET", "/api/ws/connections", None),
    ("GET", "/api/ws/topics", None),
    ("GET", "/api/ws/topics/a/history", None),
    ("DELETE", "/api/ws/connections/nobody", None),
    ("DELETE", "/api/ws/users/nobody/connections", None),
]


class Administrator:
    """Calls in an administrator's name."""

    def __init__(self, bridge, token):
        self.bridge = bridge
        self.headers = bearer(token)

    def __call__(self, method, path, body=None, **headers):
        return self.bridge.http(method, path, body, {**self.headers, **headers})

    def get(self, path):
        return self.done("GET", path)

    def done(self, method, path, body=None):
        answer = self(method, path, body)
        assert answer.status == 200, answer
        return answer.json


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    """A bridge with users, whose connections are spread over three lanes."""
    return make_bridge({**issuer.settings(tmp_path), "server.threads": 3})


@pytest.fixture
def admin(guarded, issuer):
    return Administrator(guarded, issuer.admin())


@pytest.fixture
def people(guarded, issuer):
    """Six connections of each user."""
    tokens = {user: issuer.token(user) for user in USERS}
    return {user: [guarded.connect(headers=bearer(token)) for _ in range(6)] for user, token in tokens.items()}


def assert_refused(answer, status, code=None):
    assert answer.status == status, answer
    assert list(answer.json) == ["success", "code", "message"] and answer.json["success"] is False
    assert answer.json["message"] and code in (None, answer.json["code"])


# ---- who may ----


@pytest.mark.parametrize(("method", "path", "body"), ADMIN_CALLS)
def test_only_administrators_may_call(guarded, issuer, method, path, body):
    assert_refused(guarded.http(method, path, body), 401, "unauthorized")
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


# ---- looking ----


def test_stats_tell_totals_users_and_topics(guarded, admin, people, make_producer):
    producer = make_producer(guarded.endpoint)
    people["alice"][0].subscribe("a")
    producer.send("a", {"type": "x"})
    people["alice"][0].receive()
    stats = admin.get("/api/ws/stats")
    assert (stats["connections"], stats["users"], stats["subscriptions"]) == (24, 4, 1)
    assert (stats["topics"], stats["events_received"], stats["deliveries"]) == (1, 1, 1)
    assert {row["user"]: row["connections"] for row in stats["top_users"]} == dict.fromkeys(USERS, 6)
    assert stats["busiest_topics"][0]["topic"] == "a"
    assert stats["memory"]["resident_bytes"] > 0 and "events_per_second" in stats["rates"]


def pages(admin, path, member, limit):
    """All items, page by page."""
    items, cursor = [], ""
    while cursor is not None:
        page = admin.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page[member]) <= limit and page[member]
        items += page[member]
        cursor = page["cursor"]
    return items


@pytest.mark.parametrize("limit", [1, 7, 24, 1000])
def test_connections_come_in_pages(admin, people, limit):
    seen = pages(admin, "/api/ws/connections", "connections", limit)
    everyone = [(client.hello["client_id"], user) for user, connections in people.items() for client in connections]
    assert sorted((row["client_id"], row["user"]) for row in seen) == sorted(everyone)
    assert {row["address"] for row in seen} == {"127.0.0.1"}


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_topics_come_in_pages(admin, people, limit):
    names = [f"topic:{n}" for n in range(7)]
    for client in people["alice"]:
        for name in names:
            client.subscribe(name)
    seen = pages(admin, "/api/ws/topics", "topics", limit)
    own = [("@all", 24), *((f"@user/{user}", 6) for user in USERS)]
    assert [(row["topic"], row["subscribers"]) for row in seen] == own + [(name, 6) for name in names]


@pytest.mark.parametrize("topic", ["import:task-1", "a/b", "温度 1", "100%"])
def test_a_topics_history_comes_in_pages_the_newest_first(admin, topic):
    quoted = "".join(f"%{byte:02x}" for byte in topic.encode())
    path = f"/api/ws/topics/{quoted}/history"
    sent = [
        admin.done("POST", "/api/ws/publish", {"topic": topic, "message": {"type": "n", "n": n}})["id"]
        for n in range(5)
    ]
    page = admin.get(path + "?limit=2")
    assert (page["topic"], page["positions"]) == (topic, [sent[-1]])
    assert [event["@id"] for event in page["events"]] == sent[3:]
    page = admin.get(f"{path}?limit=2&cursor={page['cursor']}")
    assert [event["@id"] for event in page["events"]] == sent[1:3]
    page = admin.get(f"{path}?limit=2&cursor={page['cursor']}")
    assert ([event["@id"] for event in page["events"]], page["cursor"]) == (sent[:1], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1001", "limit=1.5"])
@pytest.mark.parametrize("path", ["connections", "topics", "topics/a/history"])
def test_a_limit_out_of_range_is_400(admin, path, query):
    assert_refused(admin("GET", f"/api/ws/{path}?{query}"), 400)


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


def test_who_did_what_is_in_the_log(guarded, admin, people):
    mark = guarded.log.mark()
    admin.done("DELETE", "/api/ws/users/alice/connections")
    line = guarded.log.wait_for("audit", after=mark)
    for part in ("root", "127.0.0.1", "DELETE", "/api/ws/users/alice/connections", "6"):
        assert part in line


# ---- what is refused ----

BAD_BODIES = [
    ("broadcast", {}),
    ("broadcast", {"message": "text"}),
    ("broadcast", {"message": {}, "topic": 7}),
    ("broadcast", {"message": {}, "topic": ""}),
    ("broadcast", {"message": {}, "topic": "a*"}),
    ("broadcast", {"message": {}, "topic": "@other"}),
    ("publish", {"message": {}}),
    ("publish", {"topic": "a"}),
    ("publish", {"topic": "a\n", "message": {}}),
    ("publish", {"topic": "x" * 256, "message": {}}),
    ("notify", {}),
    ("notify", {"title": 7}),
    ("notify", {"title": "x", "level": "loud"}),
    ("notify", {"title": "x", "content": []}),
    ("notify", {"title": "x", "target_users": "alice"}),
    ("notify", {"title": "x", "target_users": [7]}),
    ("notify", {"title": "x", "target_users": [""]}),
    ("notify", {"title": "x", "target_users": ["a*"]}),
    ("notify", []),
    ("notify", 7),
]


@pytest.mark.parametrize(("call", "body"), BAD_BODIES, ids=lambda value: str(value)[:50])
def test_a_body_of_the_wrong_shape_is_400(admin, call, body):
    assert_refused(admin("POST", f"/api/ws/{call}", body), 400)


@pytest.mark.parametrize("call", ["broadcast", "notify", "publish"])
@pytest.mark.parametrize(
    "body",
    [b"", b"x", b'{"title":"x"', b'{"title":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
    ids=["empty", "text", "cut", "not UTF-8", "open lists", "nested"],
)
def test_a_body_that_is_not_json_is_400(admin, call, body):
    assert_refused(admin("POST", f"/api/ws/{call}", body, **{"Content-Type": "application/json"}), 400, "invalid_json")


@pytest.mark.parametrize(("depth", "status"), [(30, 200), (31, 400)])
def test_json_may_nest_32_deep(admin, depth, status):
    body = b'{"topic":"a","message":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    assert admin("POST", "/api/ws/publish", body, **{"Content-Type": "application/json"}).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/ws/nothing"),
        ("GET", "/api/ws/topics/a"),
        ("DELETE", "/api/ws/connections/00000000-0000-0000-0000-000000000000"),
        ("DELETE", "/api/ws/connections/%2e%2e"),
    ],
)
def test_what_is_not_there_is_404(admin, method, path):
    assert_refused(admin(method, path), 404)


@pytest.mark.parametrize(("right", "path", "body"), ADMIN_CALLS)
def test_the_wrong_method_is_405(admin, right, path, body):
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {right}:
        answer = admin(method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None)
        assert_refused(answer, 405)
        assert right in answer.headers["allow"]


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_other_media_are_415(admin, media):
    assert_refused(admin("POST", "/api/ws/publish", b"{}", **{"Content-Type": media}), 415)


def test_a_charset_does_no_harm(admin):
    media = {"Content-Type": "application/json; charset=utf-8"}
    assert admin("POST", "/api/ws/publish", b'{"topic":"a","message":1}', **media).status == 200


@pytest.mark.both_wires
@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}], ids=["nothing", "chunked"])
def test_a_body_without_a_length_is_411(guarded, admin, headers):
    with guarded.raw() as client:
        head = {"Host": "localhost", "Content-Type": "application/json", **admin.headers, **headers}
        client.request("POST /api/ws/publish HTTP/1.1", head)
        assert client.answer()[0] == 411


@pytest.mark.both_wires
def test_who_uploads_too_much_can_read_why(guarded, admin):
    """The answer comes while the body is still on its way, and must survive the rest of it."""
    with guarded.raw() as client:
        head = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(2 * MIB)}
        client.request("POST /api/ws/publish HTTP/1.1", {**head, **admin.headers})
        client.send(b" " * (2 * MIB))
        client.end_sending()
        assert client.answer()[0] == 413
    assert_refused(admin("POST", "/api/ws/publish", b" " * (2 * MIB), **{"Content-Type": "application/json"}), 413)


@pytest.mark.both_wires
def test_a_body_may_be_as_large_as_an_event(admin, people):
    client = people["alice"][0]
    client.subscribe("a")
    body = json.dumps({"topic": "a", "message": "x" * (MIB - 100)}).encode()
    assert len(body) < MIB
    assert admin("POST", "/api/ws/publish", body, **{"Content-Type": "application/json"}).json["recipients"] == 1
    assert len(client.receive()["data"]) == MIB - 100


def test_pages_of_allowed_origins_may_call(make_bridge, issuer, tmp_path):
    page = {"Origin": "https://app.example"}
    bridge = make_bridge({**issuer.settings(tmp_path), "server.allowed_origins": [page["Origin"]]})
    preflight = bridge.http("OPTIONS", "/api/ws/publish", None, {**page, "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == page["Origin"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    answer = bridge.get("/api/ws/stats", {**page, **bearer(issuer.admin())})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, page["Origin"])
    assert_refused(bridge.get("/api/ws/stats", {"Origin": "https://evil.example", **bearer(issuer.admin())}), 403)
