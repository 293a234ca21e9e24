"""Roles of a token: the topics and the administrator's calls that each gives, and nothing beyond."""

from __future__ import annotations

import time

import jwt
import pytest

from support.tokens import bearer

CALLS = {
    "stats": [("GET", "/api/ws/stats", None)],
    "metrics": [("GET", "/metrics", None)],
    "publish": [("POST", "/api/ws/publish", {"topic": "a", "message": 1})],
    "broadcast": [("POST", "/api/ws/broadcast", {"message": {"type": "x"}})],
    "notify": [("POST", "/api/ws/notify", {"title": "x", "target_users": []})],
    "disconnect": [
        ("DELETE", "/api/ws/connections/00000000-0000-4000-8000-000000000000", None),
        ("DELETE", "/api/ws/users/nobody/connections", None),
    ],
    "no right": [
        ("GET", "/api/ws/connections", None),
        ("GET", "/api/ws/topics", None),
        ("GET", "/api/ws/topics/a/history", None),
    ],
}
RIGHTS = [right for right in CALLS if right != "no right"]


def calls_open_to(bridge, token):
    """The names of the rights all of whose calls are let in; of none is only a part."""
    opened = []
    for right, calls in CALLS.items():
        let_in = {bridge.http(*call, headers=bearer(token)).status != 403 for call in calls}
        assert len(let_in) == 1, (right, let_in)
        opened += [right] if let_in.pop() else []
    return opened


def may_hear(client, topic):
    return client.ask({"type": "subscribe", "topic": topic})["success"]


def hears_of_topics(client):
    return "busiest_topics" in client.ask({"type": "get_stats"})["data"]["totals"]


@pytest.mark.short
def test_a_role_opens_the_calls_of_its_rights_and_no_others(make_bridge, issuer, tmp_path):
    roles = {f"auth.roles.for-{right}.may": [right] for right in RIGHTS}
    bridge = make_bridge({**issuer.settings(tmp_path), "server.metrics_public": False, **roles})
    for right in RIGHTS:
        assert calls_open_to(bridge, issuer.token(roles=["other", f"for-{right}"])) == [right]
    assert calls_open_to(bridge, issuer.token(roles=["for-stats", "for-notify"])) == ["stats", "notify"]
    assert calls_open_to(bridge, issuer.token(roles=["stats", "for", "for-*"])) == []
    assert calls_open_to(bridge, issuer.admin()) == list(CALLS)


def test_who_is_refused_is_told_which_right_lacks(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.anonymous.subscribe": ["news"], "auth.user.subscribe": []})
    for right in RIGHTS:
        for call in CALLS[right]:
            answer = bridge.http(*call, headers=bearer(issuer.token()))
            if answer.status == 403:
                assert f'the right "{right}"' in answer.json["message"]
    answer = bridge.get("/api/ws/connections", bearer(issuer.token(role="dev")))
    assert "auth.claims.admin" in answer.json["message"]

    def why(client, topic):
        refused = client.ask({"type": "subscribe", "topic": topic})
        fetched = client.ask({"type": "fetch", "topic": topic, "last": 1})
        assert refused["code"] == fetched["code"] == "forbidden"
        assert refused["message"] == fetched["message"]
        return refused["message"]

    assert "auth.anonymous.subscribe" in why(bridge.connect(), "secret")
    user = bridge.connect(headers=bearer(issuer.token("ada")))
    assert "auth.user.subscribe nor a role" in why(user, "secret")
    assert "@user/ID" in why(user, "@user/bob")
    own = bridge.connect(headers=bearer(issuer.token("ada", topics=["mine"])))
    assert "the token's topics nor a role" in why(own, "secret")


def test_a_role_that_reads_totals_reads_them_over_the_websocket_too(make_bridge, issuer, tmp_path):
    bridge = make_bridge(
        {**issuer.settings(tmp_path), "auth.roles.ops.may": ["stats"], "auth.roles.dev.may": ["notify"]}
    )
    assert hears_of_topics(bridge.connect(headers=bearer(issuer.token(role="ops"))))
    assert hears_of_topics(bridge.connect(headers=bearer(issuer.admin())))
    for other in (issuer.token(role="dev"), issuer.token()):
        assert not hears_of_topics(bridge.connect(headers=bearer(other)))


def test_a_role_gives_topics_besides_those_of_everyone(make_bridge, issuer, tmp_path):
    bridge = make_bridge(
        {**issuer.settings(tmp_path), "auth.user.subscribe": ["news"]},
        '[auth.roles."on call"]\nsubscribe = ["import:*", "inbox:{user}:*"]\n',
    )
    alice = bridge.connect(headers=bearer(issuer.token("alice", roles=["on call"])))
    for topic in ("news", "import:7", "import:*", "inbox:alice:1"):
        assert may_hear(alice, topic), topic
    for topic in ("inbox:bob:1", "inbox:*", "*"):
        assert not may_hear(alice, topic), topic
    own = bridge.connect(headers=bearer(issuer.token("bob", roles=["on call"], topics=["mine"])))
    assert may_hear(own, "mine") and may_hear(own, "import:7") and not may_hear(own, "news")
    assert not may_hear(bridge.connect(headers=bearer(issuer.token("eve", roles="on call"))), "import:7")


def test_what_a_reload_takes_from_a_role_ends_at_once(make_bridge, issuer, tmp_path):
    role = {"auth.roles.ops.subscribe": ["import:*"], "auth.roles.ops.may": ["stats", "publish"]}
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["news"], **role})
    token = issuer.token(roles=["ops"])
    client = bridge.connect(headers=bearer(token))
    client.subscribe("news")
    client.subscribe("import:7")
    assert calls_open_to(bridge, token) == ["stats", "metrics", "publish"], "metrics are everyone's by default"
    bridge.settings.update({"auth.roles.ops.subscribe": [], "auth.roles.ops.may": ["stats"]})
    bridge.reload()
    assert 'auth.roles.ops.may ["stats", "publish"] -> ["stats"]' in bridge.log.tail()
    assert client.receive() == {"type": "unsubscribed", "topic": "import:7", "success": True, "code": "forbidden"}
    assert client.receive_all() == []
    assert calls_open_to(bridge, token) == ["stats", "metrics"]


def test_a_reload_makes_and_unmakes_administrators_of_open_connections(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["news"]})
    client = bridge.connect(headers=bearer(issuer.token(roles=["boss"])))
    assert not may_hear(client, "secret")
    bridge.settings["auth.claims.admin"] = ["boss"]
    bridge.reload()
    client.subscribe("secret")
    assert client.ask({"type": "get_stats"})["data"]["connection"]["admin"] is True
    bridge.settings["auth.claims.admin"] = []
    bridge.reload()
    assert client.receive() == {"type": "unsubscribed", "topic": "secret", "success": True, "code": "forbidden"}
    assert client.ask({"type": "get_stats"})["data"]["connection"]["admin"] is False
    assert calls_open_to(bridge, issuer.admin()) == ["metrics"], "with [] no token makes an administrator"


def test_a_providers_claims_are_found_where_it_puts_them(make_bridge, issuer, tmp_path):
    bridge = make_bridge(
        {
            **issuer.settings(tmp_path),
            "auth.claims.user": "preferred_username",
            "auth.claims.roles": ["realm_access.roles", "https://example.org/roles", "scope"],
            "auth.claims.admin": ["bridge-admin"],
            "auth.issuer": ["https://id.example.org", "https://old.example.org"],
            "auth.audience": ["live", "staging"],
        }
    )
    known = {"preferred_username": "ada", "iss": "https://old.example.org", "aud": ["account", "staging"]}
    for roles in (
        {"realm_access": {"roles": ["offline_access", "bridge-admin"]}},
        {"https://example.org/roles": ["bridge-admin"]},
        {"scope": "openid bridge-admin"},
    ):
        foreign = {"cnf": None, "auth_time": 2**70, "name": "a\0b", "role": "admin", **roles}
        client = bridge.connect(headers=bearer(issuer.token(7, **known, **foreign)))
        assert client.hello["user"] == "ada"
        assert client.ask({"type": "get_stats"})["data"]["connection"]["admin"] is True
    plain = bridge.connect(headers=bearer(issuer.token(7, **known, role="admin")))
    assert plain.ask({"type": "get_stats"})["data"]["connection"]["admin"] is False


def test_both_secrets_of_a_rotation_hold_until_the_old_one_is_taken_out(make_bridge, issuer):
    old, new = "o" * 32, "n" * 32
    claims = {"sub": 42, "exp": int(time.time()) + 60}
    bridge = make_bridge({"auth.hs256_secret": new, "auth.hs256_previous_secret": old})
    for secret in (old, new):
        assert bridge.connect(headers=bearer(jwt.encode(claims, secret))).hello["user"] == "42"
    del bridge.settings["auth.hs256_previous_secret"]
    assert old not in bridge.reload()
    assert bridge.connect(headers=bearer(jwt.encode(claims, old)), greeted=False).wait_closed()[0] == 4401
    assert bridge.connect(headers=bearer(jwt.encode(claims, new))).hello["user"] == "42"
