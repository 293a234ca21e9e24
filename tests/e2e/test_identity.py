"""Who a client is: tokens of every kind, every way in, their end and their renewal."""

import base64
import datetime
import json
import time

import jwt
import pytest

from support.tokens import Issuer, bearer

WAYS = {
    "query": lambda bridge, token: bridge.connect(f"?token={token}", greeted=False),
    "header": lambda bridge, token: bridge.connect(headers=bearer(token), greeted=False),
    "subprotocol": lambda bridge, token: bridge.connect(subprotocols=["zws.v1.json", f"bearer.{token}"], greeted=False),
}


def rfc3339(unix_s):
    return datetime.datetime.fromtimestamp(unix_s, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def assert_refused(client, code):
    closed, messages = client.wait_closed()
    assert [message["type"] for message in messages] == ["error"], "an error, and no connection before it"
    assert (closed, messages[0]["code"]) == (4401, code)
    assert messages[0]["message"]


# ---- ways in ----


@pytest.mark.short
@pytest.mark.parametrize("way", WAYS)
def test_a_token_may_come_with_the_upgrade(guarded, issuer, way):
    ends = int(time.time()) + 3600
    client = WAYS[way](guarded, issuer.token("alice", exp=ends))
    hello = client.receive()
    assert (hello["type"], hello["user"], hello["expires"]) == ("connection", "alice", rfc3339(ends))
    assert client.socket.subprotocol == ("zws.v1.json" if way == "subprotocol" else None)
    client.subscribe("anything")


def test_a_token_may_come_later(guarded, issuer):
    client = guarded.connect()
    assert client.hello["user"] is None
    refused = client.ask({"type": "subscribe", "topic": "a"})
    assert (refused["type"], refused["success"]) == ("subscribed", False)
    assert refused["code"] == "forbidden", "the anonymous may connect, and have no right to it"
    ends = int(time.time()) + 3600
    answer = client.ask({"type": "auth", "token": issuer.token("alice", exp=ends), "id": 7})
    assert answer == {"type": "auth", "success": True, "user": "alice", "expires": rfc3339(ends), "id": 7}
    client.subscribe("a")


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "PS256", "ES256", "EdDSA"])
def test_every_algorithm_signs_in_and_a_strange_key_does_not(make_bridge, tmp_path, algorithm):
    issuer = Issuer(algorithm)
    bridge = make_bridge(issuer.settings(tmp_path))
    assert bridge.connect(headers=bearer(issuer.token("Zoë"))).hello["user"] == "Zoë"
    assert_refused(bridge.connect(headers=bearer(Issuer(algorithm).token()), greeted=False), "invalid_token")


def test_keys_of_a_jwks_file_are_found_by_their_names(make_bridge, tmp_path):
    issuers = {"first": Issuer("RS256"), "second": Issuer("ES256"), "third": Issuer("EdDSA")}
    keys = []
    for name, issuer in issuers.items():
        jwk = jwt.get_algorithm_by_name(issuer.algorithm).to_jwk(issuer.key.public_key(), as_dict=True)
        keys.append({**jwk, "kid": name, "alg": issuer.algorithm, "use": "sig"})
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    bridge = make_bridge({"auth.jwks_file": str(file), "auth.audience": "*"})
    claims = {"sub": "alice", "exp": int(time.time()) + 60}
    for name, issuer in issuers.items():
        token = jwt.encode(claims, issuer.key, issuer.algorithm, {"kid": name})
        assert bridge.connect(headers=bearer(token)).hello["user"] == "alice"


# ---- what is refused ----


def test_the_algorithm_comes_from_the_key_and_never_from_the_token(make_bridge, tmp_path):
    issuer = Issuer("RS256")
    bridge = make_bridge(issuer.settings(tmp_path))
    head, claims, _ = issuer.token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for token in (f"{none}.{claims}.", f"{head}.{claims}.", f"{head}.{claims}.AAAA", hs256_with(issuer.public_pem())):
        assert_refused(bridge.connect(headers=bearer(token), greeted=False), "invalid_token")


def hs256_with(secret):
    """Signed with a public key, as if it were a secret: what a bridge must not fall for."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    claims = base64.urlsafe_b64encode(b'{"sub":"mallory","role":"admin","exp":9999999999}').rstrip(b"=")
    signed = jwt.get_algorithm_by_name("HS256").sign(head + b"." + claims, secret)
    return b".".join([head, claims, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()


@pytest.mark.short
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", ["invalid_token", "token_expired"])
def test_a_bad_token_is_told_after_the_upgrade(guarded, issuer, way, code):
    token = issuer.token(lives=-3600) if code == "token_expired" else Issuer().token()
    assert_refused(WAYS[way](guarded, token), code)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": ""},
        {"sub": "x" * 201},
        {"sub": "a*"},
        {"sub": "a\nb"},
        {"sub": 7.5},
        {"sub": None},
        {"exp": "tomorrow"},
        {"exp": -1},
        {"exp": 253402300800},
        {"exp": True},
        {"nbf": 253402300799},
        {"iat": 253402300799},
        {"topics": "a*b"},
        {"topics": ["a*b"]},
        {"topics": [7]},
    ],
    ids=lambda claims: json.dumps(claims)[:40],
)
def test_claims_out_of_order_are_an_invalid_token(guarded, issuer, claims):
    body = {"sub": "alice", "exp": int(time.time()) + 60, **claims}
    token = jwt.PyJWS().encode(json.dumps(body).encode(), issuer.key, "HS256")
    assert_refused(guarded.connect(headers=bearer(token), greeted=False), "invalid_token")


def test_exp_is_required_unless_the_operator_says_otherwise(make_bridge, issuer, tmp_path):
    endless = issuer.token(lives=None)
    strict = make_bridge(issuer.settings(tmp_path))
    assert_refused(strict.connect(headers=bearer(endless), greeted=False), "invalid_token")
    lenient = make_bridge({**issuer.settings(tmp_path), "auth.require_exp": False})
    assert lenient.connect(headers=bearer(endless)).hello["expires"] is None


def test_issuer_and_audience_are_checked(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.issuer": "idp", "auth.audience": "bridge"})
    for good in ({"iss": "idp", "aud": "bridge"}, {"iss": "idp", "aud": ["other", "bridge"]}):
        assert bridge.connect(headers=bearer(issuer.token(**good))).hello["user"] == "alice"
    for bad in ({}, {"iss": "idp"}, {"aud": "bridge"}, {"iss": "x", "aud": "bridge"}, {"iss": "idp", "aud": ["x"]}):
        assert_refused(bridge.connect(headers=bearer(issuer.token(**bad)), greeted=False), "invalid_token")


def test_clocks_may_differ_by_thirty_seconds(guarded, issuer):
    now = int(time.time())
    lenient = issuer.token(exp=now - 15, nbf=now + 15, iat=now + 15)
    assert guarded.connect(headers=bearer(lenient)).hello["user"] == "alice"
    for late in ({"nbf": now + 300}, {"iat": now + 300}):
        assert_refused(guarded.connect(headers=bearer(issuer.token(**late)), greeted=False), "invalid_token")


def test_who_must_sign_in_has_a_time_for_it(make_bridge, issuer, tmp_path):
    settings = {**issuer.settings(tmp_path), "auth.anonymous.connect": False}
    patient = make_bridge(settings).connect()
    assert patient.ask({"type": "subscribe", "topic": "a"})["code"] == "unauthorized"
    assert patient.ask({"type": "auth", "token": issuer.token()})["success"] is True
    patient.subscribe("a")
    late = make_bridge({**settings, "auth.timeout": "1s"}).connect()
    code, messages = late.wait_closed()
    assert (code, messages[-1]["code"]) == (4401, "unauthorized")
    assert "missing" in late.socket.close_reason


def test_who_must_sign_in_hears_nothing_before(make_bridge, make_producer, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.anonymous.connect": False})
    producer = make_producer(bridge.endpoint)
    member, guest = bridge.connect(headers=bearer(issuer.token())), bridge.connect()
    producer.send("@all", {"type": "before"})
    assert member.receive()["type"] == "before"
    assert guest.ask({"type": "auth", "token": issuer.token()})["success"] is True
    producer.send("@all", {"type": "after"})
    assert guest.receive()["type"] == "after"


# ---- renewal and the end ----


def test_a_token_is_renewed_in_place(guarded, issuer, make_producer):
    producer = make_producer(guarded.endpoint)
    client = guarded.connect(headers=bearer(issuer.token()))
    client.subscribe("a")
    ends = int(time.time()) + 7200
    answer = client.ask({"type": "auth", "token": issuer.token(exp=ends)})
    assert (answer["success"], answer["user"], answer["expires"]) == (True, "alice", rfc3339(ends))
    producer.send("a", {"type": "event"})
    assert client.receive()["type"] == "event"


@pytest.mark.parametrize("why", ["forbidden", "invalid_token", "token_expired"])
def test_a_renewal_that_fails_leaves_the_old_identity(guarded, issuer, make_producer, why):
    producer = make_producer(guarded.endpoint)
    client = guarded.connect(headers=bearer(issuer.token("alice")))
    client.subscribe("a")
    token = {
        "forbidden": issuer.token("bob"),
        "invalid_token": Issuer().token("alice"),
        "token_expired": issuer.token("alice", lives=-100),
    }[why]
    answer = client.ask({"type": "auth", "token": token})
    assert (answer["type"], answer["success"], answer["code"]) == ("auth", False, why)
    producer.send("@user/alice", {"type": "personal"})
    assert client.receive()["type"] == "personal"
    producer.send("a", {"type": "event"})
    assert client.receive()["type"] == "event"


def test_a_connection_ends_when_its_token_does(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.expiry_grace": "1s"})
    client = bridge.connect(headers=bearer(issuer.token(lives=-25)))
    code, messages = client.wait_closed()
    assert code == 4401
    assert [(message["type"], message["code"]) for message in messages] == [("error", "token_expired")]


def test_a_new_token_in_the_time_of_grace_saves_the_connection(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.expiry_grace": "20s"})
    client = bridge.connect(headers=bearer(issuer.token(lives=-25)))
    told = client.receive()
    assert (told["type"], told["code"]) == ("error", "token_expired")
    assert client.ask({"type": "auth", "token": issuer.token(lives=-25)})["success"] is True
    assert client.receive()["code"] == "token_expired", "the new one ends as well, and no close came before"


def test_what_is_sent_while_a_token_is_checked_waits_its_turn(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.anonymous.connect": False})
    client = bridge.connect()
    for n in range(5):
        client.send({"type": "auth", "token": issuer.token(), "id": f"auth {n}"})
        client.send({"type": "subscribe", "topic": f"t{n}", "id": f"subscribe {n}"})
    answers = [client.receive() for _ in range(10)]
    assert [answer["id"] for answer in answers] == [f"{what} {n}" for n in range(5) for what in ("auth", "subscribe")]
    assert all(answer["success"] for answer in answers)


def test_a_new_key_is_taken_up_by_a_reload(make_bridge, tmp_path):
    old, new = Issuer("ES256"), Issuer("ES256")
    bridge = make_bridge(old.settings(tmp_path))
    client = bridge.connect(headers=bearer(old.token()))
    new.settings(tmp_path)  # writes the same file
    bridge.reload()
    assert_refused(bridge.connect(headers=bearer(old.token()), greeted=False), "invalid_token")
    assert bridge.connect(headers=bearer(new.token())).hello["user"] == "alice"
    assert client.ask({"type": "auth", "token": old.token()})["code"] == "invalid_token"
    assert client.ask({"type": "auth", "token": new.token()})["success"] is True


def test_events_of_a_user_reach_all_and_only_that_users_connections(guarded, issuer, make_producer):
    producer = make_producer(guarded.endpoint)
    alices = [guarded.connect(headers=bearer(issuer.token("alice"))) for _ in range(4)]
    others = [guarded.connect(headers=bearer(issuer.token("alice2"))), guarded.connect()]
    producer.send("@user/alice", {"type": "personal"})
    producer.send("@all", {"type": "end"})
    for client in alices:
        assert [client.receive()["type"] for _ in range(2)] == ["personal", "end"]
    for client in others:
        assert client.receive()["type"] == "end"


def test_no_token_is_in_the_log(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "log.level": "debug"})
    tokens = [issuer.token("alice"), Issuer().token("mallory"), issuer.token("late", lives=-3600)]
    for token in tokens:
        for way in WAYS.values():
            client = way(bridge, token)
            client.receive()
            client.close()
        with bridge.connect() as later:
            later.ask({"type": "auth", "token": token})
        bridge.get("/api/ws/stats", bearer(token))
        bridge.get(f"/api/ws/stats?token={token}")
    assert bridge.stop() == 0
    log = "\n".join(bridge.log.lines)
    assert "refused a token" in log
    for token in tokens:
        for part in token.split(".")[1:]:
            assert part not in log
