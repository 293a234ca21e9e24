"""Who may hear what: rights of the anonymous, of users and of tokens, and what happens when they shrink."""

import json

import pytest

from support.tokens import bearer


def may(client, topic):
    answer = client.ask({"type": "subscribe", "topic": topic})
    assert answer["type"] == "subscribed"
    if not answer["success"]:
        assert answer["code"] == "forbidden" and answer["message"]
    return answer["success"]


def assert_ended(client, *topics):
    """These subscriptions, and no others, are told to have ended."""
    ended = [client.receive() for _ in topics]
    assert sorted(message.pop("topic") for message in ended) == sorted(topics)
    assert all(m == {"type": "unsubscribed", "success": True, "code": "forbidden"} for m in ended), ended


@pytest.mark.short
def test_rights_hold_the_name_of_the_user(make_bridge, issuer, tmp_path):
    rights = ["import:{user}", "files/{user}/*", "news.*"]
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": rights})
    alice = bridge.connect(headers=bearer(issuer.token("alice")))
    for topic in ("import:alice", "files/alice/a", "files/alice/*", "files/alice/a*", "news.x", "news.*", "news.x.*"):
        assert may(alice, topic), topic
    for topic in (
        "import:bob",
        "import:alice2",
        "import:*",
        "files/*",
        "files/bob/a",
        "files/alice/a/*",
        "news",
        "new*",
        "*",
        "*.x",
    ):
        assert not may(alice, topic), topic
    assert may(bridge.connect(headers=bearer(issuer.token("bob"))), "import:bob")


def test_a_name_cannot_widen_its_rights(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["files:{user}:*"]})
    for user in ("a:b", "{user}", "a.b", "files"):
        client = bridge.connect(headers=bearer(issuer.token(user)))
        assert may(client, f"files:{user}:x")
        assert not may(client, "files:other:x") and not may(client, "files:*")


def test_a_right_with_a_name_never_reaches_a_name_that_goes_on(make_bridge, issuer, tmp_path, make_producer):
    """Topics of john.smith begin with john's own prefix; names are arbitrary, such as addresses of e-mail."""
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["inbox.{user}.*"]})
    producer = make_producer(bridge.endpoint)
    users = ("john", "john.smith", "a@b.c", "a@b")
    clients = {user: bridge.connect(headers=bearer(issuer.token(user))) for user in users}
    admin = bridge.connect(headers=bearer(issuer.admin()))
    admin.subscribe("inbox.john.*")
    for user, client in clients.items():
        client.subscribe(f"inbox.{user}.*")
    for topic in ("inbox.john.smith.x", "inbox.john.smith.*", "inbox.john.*.x", "inbox.*"):
        assert not may(clients["john"], topic), topic
    for user in users:
        producer.send(f"inbox.{user}.x", {"type": "event", "for": user})
    for user, client in clients.items():
        assert client.receive()["for"] == user
        assert client.receive_all() == []
    assert [admin.receive()["for"] for _ in range(2)] == ["john", "john.smith"]
    fetched = clients["john"].ask({"type": "fetch", "topic": "inbox.john.smith.x", "last": 1})
    assert fetched["code"] == "forbidden"
    late = bridge.connect(headers=bearer(issuer.token("john")))
    assert late.subscribe("inbox.john.*", last=10)["replayed"] == 1
    assert late.receive()["for"] == "john"


def test_what_stopped_at_a_separator_follows_the_rights(make_bridge, issuer, tmp_path, make_producer):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["inbox.{user}.*"]})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect(headers=bearer(issuer.token("john")))
    client.subscribe("inbox.john.*")
    bridge.settings["auth.user.subscribe"] = ["inbox.*"]
    bridge.reload()
    producer.send("inbox.john.smith.x", {"type": "event"})
    assert client.receive()["topic"] == "inbox.john.smith.x"
    assert len(client.ask({"type": "get_stats"})["data"]["connection"]["subscriptions"]) == 1
    bridge.settings["auth.user.subscribe"] = ["inbox.{user}.*"]
    bridge.reload()
    assert_ended(client, "inbox.john.*")
    client.subscribe("inbox.john.*")
    assert client.ask({"type": "unsubscribe", "topic": "inbox.john.*"})["success"]
    producer.send("inbox.john.x", {"type": "event"})
    assert client.receive_all() == []


def test_a_token_may_carry_its_own_rights(make_bridge, issuer, tmp_path, make_producer):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["everybody"]})
    client = bridge.connect(headers=bearer(issuer.token(topics=["import:*", "*:done", "{user}"])))
    for topic in ("import:1", "import:*", "import:1:*", "x:done", "*:done"):
        assert may(client, topic), topic
    for topic in ("everybody", "x:y:done", "*", "alice"):
        assert not may(client, topic), topic
    assert not may(bridge.connect(headers=bearer(issuer.token(topics=[]))), "everybody")
    assert may(bridge.connect(headers=bearer(issuer.token())), "everybody")


def test_results_are_never_filtered(make_bridge, issuer, tmp_path):
    """Two rights that together would cover a pattern do not grant it: one must."""
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["a:*", "b:*"]})
    client = bridge.connect(headers=bearer(issuer.token()))
    client.send({"type": "subscribe", "topics": ["a:x", "*", "b:*", "?:x"]})
    assert [client.receive()["success"] for _ in range(4)] == [True, False, True, False]


def test_an_administrator_may_hear_everything_but_what_is_personal(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": []})
    admin = bridge.connect(headers=bearer(issuer.admin("root")))
    for topic in ("*", "a", "a:*", "@all", "@user/root"):
        assert may(admin, topic), topic
    for topic in ("@user/alice", "@user/*", "@*"):
        answer = admin.ask({"type": "subscribe", "topic": topic})
        assert (answer["success"], answer["code"]) == (False, "forbidden"), topic


def test_the_anonymous_have_rights_of_their_own(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.anonymous.subscribe": ["public:*"]})
    client = bridge.connect()
    assert may(client, "public:a") and may(client, "public:*") and may(client, "@all")
    for topic in ("private", "*"):
        answer = client.ask({"type": "subscribe", "topic": topic})
        assert (answer["success"], answer["code"]) == (False, "forbidden")
    fetch = {"type": "fetch", "src": "p", "from": 1, "to": 1}
    assert client.ask({**fetch, "topic": "public:a"})["success"] is True
    assert client.ask({**fetch, "topic": "private"})["code"] == "forbidden"
    assert client.ask({"type": "auth", "token": issuer.token()})["success"] is True
    assert may(client, "private")


def test_a_token_with_fewer_rights_ends_subscriptions(make_bridge, issuer, tmp_path, make_producer):
    bridge = make_bridge(issuer.settings(tmp_path))
    producer = make_producer(bridge.endpoint)
    client = bridge.connect(headers=bearer(issuer.token(topics=["*"])))
    for topic in ("a", "b:*", "b:1", "c"):
        client.subscribe(topic)
    client.send({"type": "auth", "token": issuer.token(topics=["b:1", "c"])})
    assert client.receive()["success"] is True
    assert_ended(client, "a", "b:*")
    for topic in ("a", "b:2", "b:1", "c"):
        producer.send(topic, {"type": "event"})
    assert [client.receive()["topic"] for _ in range(2)] == ["b:1", "c"]
    assert client.receive_all() == []
    assert not may(client, "a")


def test_who_is_no_longer_administrator_loses_what_came_with_it(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["mine"]})
    client = bridge.connect(headers=bearer(issuer.admin("alice")))
    for topic in ("mine", "secret"):
        client.subscribe(topic)
    client.send({"type": "auth", "token": issuer.token("alice")})
    assert client.receive()["success"] is True
    assert_ended(client, "secret")


def test_rights_that_shrink_by_a_reload_end_subscriptions(make_bridge, issuer, tmp_path, make_producer):
    rights = {"auth.user.subscribe": ["*"], "auth.anonymous.subscribe": ["public:*"]}
    bridge = make_bridge({**issuer.settings(tmp_path), **rights})
    producer = make_producer(bridge.endpoint)
    users = [bridge.connect(headers=bearer(issuer.token(f"user{n}"))) for n in range(4)]
    own = bridge.connect(headers=bearer(issuer.token("own", topics=["a"])))
    anonymous = bridge.connect()
    for client in users:
        client.subscribe("a")
        client.subscribe("b")
    own.subscribe("a")
    anonymous.subscribe("public:x")
    bridge.settings.update({"auth.user.subscribe": ["b", "{user}"], "auth.anonymous.subscribe": []})
    bridge.reload()
    for client in users:
        assert_ended(client, "a")
    assert_ended(anonymous, "public:x")
    for topic in ("a", "public:x", "b"):
        producer.send(topic, {"type": "event"})
    for client in users:
        assert client.receive()["topic"] == "b"
    assert own.receive()["topic"] == "a", "its rights stand in its token"
    assert anonymous.receive_all() == []
    bridge.settings["auth.user.subscribe"] = ["*"]
    bridge.reload()
    assert may(users[0], "a")


def test_rights_to_everything_do_not_reach_the_bridges_own_names(make_bridge, issuer, tmp_path, make_producer):
    bridge = make_bridge(issuer.settings(tmp_path))
    producer = make_producer(bridge.endpoint)
    alice = bridge.connect(headers=bearer(issuer.token("alice")))
    alice.subscribe("*")
    assert not may(alice, "@user/bob")
    producer.send("@user/bob", {"type": "secret"})
    producer.send("a", {"type": "event"})
    assert alice.receive()["type"] == "event"


def test_statistics_are_told_by_rank(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    anonymous = bridge.connect()
    user = bridge.connect(headers=bearer(issuer.token("alice")))
    admin = bridge.connect(headers=bearer(issuer.admin()))
    user.subscribe("peculiar-topic")
    stats = {
        name: c.ask({"type": "get_stats"})["data"]
        for name, c in {"anonymous": anonymous, "user": user, "admin": admin}.items()
    }
    assert "totals" not in stats["anonymous"] or not stats["anonymous"]["totals"]
    assert stats["user"]["totals"]["connections"] == 3
    assert "busiest_topics" not in stats["user"]["totals"]
    assert "peculiar-topic" not in json.dumps(stats["user"]["totals"])
    assert "peculiar-topic" in json.dumps(stats["admin"]["totals"])
    for data in stats.values():
        assert data["connection"]["client_id"]
