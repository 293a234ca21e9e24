"""Tokens that an attacker would make: each is refused, in words, and changes nothing for anybody else."""

import base64
import hashlib
import hmac
import json
import re
import time

import pytest

from support.raw_socket import KEY, RawSocket
from support.tokens import Issuer, bearer

SOON = int(time.time()) + 3600
GOOD_HEADER = '{"alg":"HS256","typ":"JWT"}'
GOOD_CLAIMS = f'{{"sub":"mallory","exp":{SOON}}}'
BIDI = "\u202egnp.exe"


def base64url(data):
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def forged(issuer, header=GOOD_HEADER, claims=GOOD_CLAIMS):
    """Signed with the right key, so that only what it says can be wrong."""
    text = f"{base64url(header)}.{base64url(claims)}"
    return f"{text}.{base64url(hmac.digest(issuer.key.encode(), text.encode(), hashlib.sha256))}"


HEADERS = [
    '{"alg":"none"}',
    '{"alg":"nOnE"}',
    '{"alg":""}',
    '{"alg":["HS256"]}',
    '{"alg":"HS256","alg":"none"}',
    '{"alg":"hs256"}',
    '{"alg":"RS256"}',
    '{"alg":"HS256","crit":["exp"],"exp":1}',
    '{"alg":"HS256","crit":[]}',
    '{"alg":"HS256","kid":["x"]}',
    '{"alg":"HS256","b64":false,"crit":["b64"]}',
    "[" * 10_000,
    '{"alg":"HS256","x":' + "[" * 40 + "]" * 40 + "}",
    "[]",
    "",
    "\0",
    b"\xff\xfe",
]
CLAIMS = [
    '{"sub":"a"}',
    '{"sub":"a","exp":"9999999999"}',
    '{"sub":"a","exp":1e999}',
    '{"sub":"a","exp":100000000000000000000000}',
    '{"sub":"a","exp":-1}',
    '{"sub":"a","exp":null}',
    '{"sub":"a","exp":[9999999999]}',
    '{"sub":"a","exp":NaN}',
    f'{{"sub":"a","sub":"root","exp":{SOON}}}',
    f'{{"sub":"a","exp":1,"exp":{SOON}}}',
    f'{{"sub":"a","role":"user","r\\u006fle":"admin","exp":{SOON}}}',
    f'{{"sub":"a\\u0000root","exp":{SOON}}}',
    f'{{"sub":"a\\u0007","exp":{SOON}}}',
    f'{{"sub":"{BIDI}","exp":{SOON}}}',
    f'{{"sub":"\\u0085","exp":{SOON}}}',
    f'{{"sub":{{"$ne":""}},"exp":{SOON}}}',
    f'{{"sub":"a","exp":{SOON},"x":' + "[" * 8000 + "}",
    f'{{"sub":"a","exp":{SOON}}}}}',
    "[" * 10_000,
    "null",
    "",
    f'{{"sub":"\xff","exp":{SOON}}}'.encode("latin-1"),
]


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    lenient = {
        "limits.failed_tokens_per_minute": 0,
        "limits.message_bytes": 1 << 18,
        "limits.errors_per_minute": 10_000,
    }
    return make_bridge({**issuer.settings(tmp_path), **lenient})


def hostile_tokens(issuer):
    good = forged(issuer)
    head, claims, signature = good.split(".")
    return [
        *(forged(issuer, header=header) for header in HEADERS),
        *(forged(issuer, claims=text) for text in CLAIMS),
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f".{claims}.{signature}",
        f"{good}.",
        f"{good}=",
        f"{good[:-1]}{'B' if good[-1] == 'A' else 'A'}",
        good.replace(".", ".." ,1),
        "." * 1000,
        "a" * 16_385,
        "a" * 100_000,
        "{}", "../../etc/passwd", "' or 1=1 --", BIDI,
    ]  # fmt: skip


@pytest.mark.short
def test_hostile_tokens_are_invalid_and_change_nothing_for_others(guarded, issuer, make_producer):
    producer = make_producer(guarded.endpoint)
    bystander = guarded.connect(headers=bearer(issuer.token("ada")))
    bystander.subscribe("a")
    client = guarded.connect()
    tokens = hostile_tokens(issuer)
    for n, token in enumerate(tokens):
        answer = client.ask({"type": "auth", "token": token})
        assert (answer["success"], answer["code"]) == (False, "invalid_token"), (n, token[:200])
    assert client.ask({"type": "get_stats"})["data"]["connection"]["user"] is None
    producer.send("a", {"type": "event"})
    assert bystander.receive()["type"] == "event"
    assert client.ask({"type": "auth", "token": forged(issuer)})["user"] == "mallory", "a good one is taken still"
    assert all(token[:40] not in line for token in tokens if len(token) > 100 for line in guarded.log.lines)


def test_hostile_tokens_are_refused_on_the_way_in_and_for_calls(guarded, issuer):
    for token in hostile_tokens(issuer):
        if len(token) > 8000 or not token.isascii() or not re.fullmatch(r"[!-~]+", token):
            continue
        client = guarded.connect(headers=bearer(token), greeted=False)
        code, messages = client.wait_closed()
        assert (code, [message["code"] for message in messages]) == (4401, ["invalid_token"]), token
        answer = guarded.get("/api/ws/stats", bearer(token))
        assert (answer.status, answer.json["code"]) == (401, "invalid_token"), token


@pytest.mark.parametrize(
    "kid", ["../../../../dev/null", "/etc/passwd", "x' UNION SELECT 'a", "http://127.0.0.1/key", ""]
)
def test_a_kid_is_a_name_and_nothing_is_opened_for_it(guarded, issuer, kid):
    """The secret has no name, so every kid may be tried with it; what it says is never a place."""
    header = json.dumps({"alg": "HS256", "kid": kid})
    assert guarded.connect(headers=bearer(forged(issuer, header))).hello["user"] == "mallory"
    unsigned = forged(Issuer(), header)
    assert guarded.connect(headers=bearer(unsigned), greeted=False).wait_closed()[0] == 4401


def test_a_token_too_long_for_a_request_is_431(guarded):
    with RawSocket(guarded.port) as client:
        assert client.upgrade(authorization="Bearer " + "a" * 100_000)[0] == 431
    with RawSocket(guarded.port) as client:
        assert client.upgrade("/api/ws?token=" + "a" * 100_000)[0] == 414


@pytest.mark.parametrize(
    ("query", "user"),
    [
        ("token={token}", "mallory"),
        ("x=1&token={token}&y=2", "mallory"),
        ("token={quoted}", "mallory"),
        ("token={token}&token=bad", "mallory"),
        ("token=bad&token={token}", 4401),
        ("%74oken={token}", None),
        ("Token={token}", None),
        ("atoken={token}", None),
        ("token", None),
        ("token=", None),
        ("token=%", 4401),
        ("token=%zz", 4401),
        ("token={token}%00", 4401),
        ("token={token}%0d%0aX: y".replace(" ", "%20"), 4401),
        ("token={token}%2e", 4401),
        ("token={token}+", 4401),
        ("token={token};x", 4401),
        ("&&&=&token={token}", "mallory"),
    ],
)
def test_the_query_is_read_once_and_literally(guarded, issuer, query, user):
    token = forged(issuer)
    quoted = "".join(f"%{byte:02X}" for byte in token.encode())
    client = guarded.connect("?" + query.format(token=token, quoted=quoted), greeted=False)
    if user == 4401:
        assert client.wait_closed()[0] == 4401
    else:
        assert client.receive()["user"] == user


def test_what_others_chose_is_escaped_in_the_log(make_bridge, issuer, tmp_path):
    """A User-Agent, an Origin, a path and a topic, with control characters and marks of direction."""
    bridge = make_bridge({**issuer.settings(tmp_path), "log.level": "debug"})
    hostile = BIDI.encode() + b"\xc2\x9b31m"
    with RawSocket(bridge.port) as client:
        client.send(
            b"GET /api/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY.encode() + b"\r\n"
            b"Origin: http://" + hostile + b"\r\nUser-Agent: " + hostile + b"\r\n\r\n"
        )
        assert client.answer()[0] == 403
    with RawSocket(bridge.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: a\x1b[2Jb\r\n\r\n")
        assert client.answer()[0] == 400
    client = bridge.connect(headers=bearer(issuer.token("ada")))
    assert client.ask({"type": "subscribe", "topic": f"a{BIDI}"})["success"] is True, "marks of direction are no fault"
    assert client.ask({"type": "subscribe", "topic": "a\u009b31m"})["code"] == "invalid_topic"
    admin = bearer(issuer.admin())
    assert bridge.http("POST", "/api/ws/publish", {"topic": f"a{BIDI}", "message": 1}, admin).json["recipients"] == 1
    assert bridge.http("DELETE", "/api/ws/users/%1b%5b2J/connections", None, admin).json["closed"] == 0
    assert bridge.stop() == 0
    log = "\n".join(bridge.log.lines)
    assert "refused Origin" in log and r"\xe2\x80\xaegnp.exe" in log and r"\x1b[2J" in log
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", log)


def test_a_token_in_place_of_an_origin_is_not_in_the_log(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    token = issuer.token("ada")
    with RawSocket(bridge.port) as client:
        assert client.upgrade(Origin=f"https://{token}")[0] == 403
    assert bridge.get("/api/ws/stats", {"Origin": f"https://{token}", **bearer(issuer.admin())}).status == 403
    assert bridge.stop() == 0
    log = "\n".join(bridge.log.lines)
    assert log.count("refused Origin") == 2 and token not in log and token.split(".")[1] not in log
