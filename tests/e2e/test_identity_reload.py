"""SIGHUP, for whoever is signed in: each token is judged anew by the keys and rules that hold now."""

import time

import jwt
import pytest

from support.tokens import Issuer, bearer

HOLDS = {"Content-Type": "application/json", "Expect": "100-continue"}
BODY = b'{"topic":"a","message":{"type":"x"}}'


def reload(bridge, **changes):
    bridge.settings.update({f"auth.{name.replace('__', '.')}": value for name, value in changes.items()})
    return bridge.reload()


def is_admin(client):
    return client.ask({"type": "get_stats"})["data"]["connection"]["admin"]


def assert_token_ended(client):
    code, messages = client.wait_closed()
    assert code == 4401 and [message["code"] for message in messages] == ["invalid_token"], messages


# ---- keys ----


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_key_that_is_taken_out_ends_its_sessions_and_no_others(make_bridge, make_producer, tmp_path, algorithm):
    out, kept = Issuer(algorithm), Issuer("ES256")
    bridge = make_bridge({**kept.settings(tmp_path), **out_settings(out, tmp_path), "auth.expiry_grace": "200ms"})
    producer = make_producer(bridge.endpoint)
    gone, stays, anonymous = (
        bridge.connect(headers=bearer(out.token("gone"))),
        bridge.connect(headers=bearer(kept.token("stays"))),
        bridge.connect(),
    )
    stays.subscribe("a")
    for name in out_settings(out, tmp_path):
        del bridge.settings[name]
    bridge.reload()
    assert_token_ended(gone)
    assert 'user "gone"' in bridge.log.wait_for("the token of client .* ends before its time: the key that signed")
    producer.send("a", {"type": "event"})
    assert stays.receive()["type"] == "event"
    assert anonymous.ask({"type": "ping"})["type"] == "pong"


def out_settings(issuer, folder):
    """A key beside that of a public_key_file."""
    if issuer.algorithm == "HS256":
        return issuer.settings(folder)
    file = folder / "keys.json"
    file.write_text(f'{{"keys":[{jwt.algorithms.OKPAlgorithm.to_jwk(issuer.key.public_key())}]}}')
    return {"auth.jwks_file": str(file)}


def test_however_many_are_signed_in_each_is_judged(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_user": 0})
    token = issuer.token(much={f"claim{n}": n for n in range(300)})  # so that it takes some milliseconds
    clients = [bridge.connect(headers=bearer(token)) for _ in range(300)]
    for client in clients[::3]:
        client.close()
    reload(bridge, hs256_secret="n" * 32)
    for n, client in enumerate(clients):
        assert n % 3 == 0 or client.receive()["code"] == "invalid_token", n


def test_who_shows_another_token_within_the_grace_stays(make_bridge, make_producer, tmp_path):
    old, new = Issuer("ES256"), Issuer("ES256")
    bridge = make_bridge(old.settings(tmp_path))
    producer = make_producer(bridge.endpoint)
    client = bridge.connect(headers=bearer(old.token()))
    client.subscribe("a")
    new.settings(tmp_path)  # writes the same file
    bridge.reload()
    assert client.receive()["code"] == "invalid_token"
    assert client.ask({"type": "auth", "token": old.token()})["code"] == "invalid_token"
    assert client.ask({"type": "auth", "token": new.token()})["success"] is True
    producer.send("a", {"type": "event"})
    assert client.receive()["type"] == "event"


def test_a_rotation_ends_nobody(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    client = bridge.connect(headers=bearer(issuer.token()))
    reload(bridge, hs256_secret="n" * 32, hs256_previous_secret=issuer.key)
    assert client.receive_all() == []
    reload(bridge, jwks_file=out_settings(Issuer("EdDSA"), tmp_path)["auth.jwks_file"], audience="*")
    assert client.receive_all() == []


# ---- claims ----


def test_claims_mean_what_they_mean_now(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.user.subscribe": ["news"]})
    more = {"groups": ["boss"], "hears": ["import:*"]}
    client = bridge.connect(headers=bearer(issuer.token(**more)))
    client.subscribe("news")
    reload(bridge, claims__roles=["groups"], claims__admin=["boss"])
    assert is_admin(client) is True
    client.subscribe("secret")
    reload(bridge, claims__roles=["roles"])
    assert client.receive() == {"type": "unsubscribed", "topic": "secret", "success": True, "code": "forbidden"}
    assert is_admin(client) is False
    reload(bridge, claims__topics="hears")
    assert client.receive() == {"type": "unsubscribed", "topic": "news", "success": True, "code": "forbidden"}
    client.subscribe("import:7")


@pytest.mark.parametrize(
    "rule", [{"issuer": "https://id.example.org"}, {"audience": ["live"]}, {"claims__user": "email"}], ids=str
)
def test_a_token_that_would_not_be_let_in_any_more_ends(make_bridge, issuer, tmp_path, rule):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.expiry_grace": "200ms"})
    fitting = {"iss": "https://id.example.org", "aud": "live", "email": "alice"}
    others, stays = (
        bridge.connect(headers=bearer(issuer.token())),
        bridge.connect(headers=bearer(issuer.token(**fitting))),
    )
    assert reload(bridge, **rule)
    assert_token_ended(others)
    assert stays.ask({"type": "ping"})["type"] == "pong"


def test_who_is_somebody_else_now_is_told_to_come_again(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    token = issuer.token("alice", id=7)
    client = bridge.connect(headers=bearer(token))
    reload(bridge, claims__user="id")
    assert client.wait_closed() == (1012, [])
    assert bridge.connect(headers=bearer(token)).hello["user"] == "7"


def test_a_reload_of_something_else_says_nothing_to_anybody(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    clients = [bridge.connect(headers=bearer(issuer.token(f"user{n}"))) for n in range(50)]
    for client in clients:
        client.subscribe("a")
    bridge.settings["limits.queue_bytes"] = 2 << 20
    bridge.reload()
    for client in clients:
        assert client.receive_all() == []


# ---- calls whose body comes late ----


class HeldCall:
    """A publish whose head is let in, and whose body is still to come."""

    def __init__(self, bridge, token):
        self.client = bridge.raw()
        self.client.request(
            "POST /api/ws/publish HTTP/1.1",
            {"Host": "localhost", **HOLDS, **bearer(token), "Content-Length": str(len(BODY))},
        )
        assert self.client.answer()[0] == 100

    def status(self):
        with self.client:
            self.client.send(BODY)
            return self.client.answer()[0]


def test_a_call_needs_its_right_when_its_body_has_come(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.roles.ops.may": ["publish"]})
    allowed, shrunk, unmade = (HeldCall(bridge, issuer.token(role="ops")) for _ in range(3))
    hearer = bridge.connect(headers=bearer(issuer.token("hearer")))
    hearer.subscribe("a")
    assert allowed.status() == 200
    assert hearer.receive()["type"] == "x"
    bridge.settings["auth.roles.ops.may"] = []
    bridge.reload()
    assert shrunk.status() == 403
    reload(bridge, issuer="https://id.example.org")
    assert unmade.status() == 401


def test_a_call_needs_a_good_token_when_its_body_has_come(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    token = issuer.token(role="admin", exp=time.time() + 1.5 - 30)
    call = HeldCall(bridge, token)
    bridge.wait_until(
        lambda: bridge.http("GET", "/api/ws/topics", headers=bearer(token)).status == 401, "the token has ended"
    )
    assert call.status() == 401


def test_a_call_of_open_mode_needs_a_token_when_a_key_has_come(make_bridge):
    bridge = make_bridge()
    call = HeldCall(bridge, bridge.admin_token)
    reload(bridge, hs256_secret="s" * 32)
    assert call.status() == 401
