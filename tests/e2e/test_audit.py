"""The audit line: every administrator's call leaves one that says who, from where, what and how many."""

import json
import re
import time

import pytest

from support.tokens import Issuer, bearer

BIDI = "\u202e"
CALLS = [
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}}, 'topic="@all" reached=3 status=200'),
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}, "topic": "a"}, 'topic="a" reached=2 status=200'),
    ("POST", "/api/ws/publish", {"topic": "a", "message": 1}, 'topic="a" reached=2 status=200'),
    (
        "POST",
        "/api/ws/publish",
        {"topic": f'{BIDI}"x', "message": 1},
        r'topic="\\xe2\\x80\\xae\\"x" reached=0 status=200',
    ),
    ("POST", "/api/ws/notify", {"title": "x"}, 'topic="notifications" reached=0 status=200'),
    ("POST", "/api/ws/notify", {"title": "x", "target_users": []}, r"users=\[\] reached=0 status=200"),
    (
        "POST",
        "/api/ws/notify",
        {"title": "x", "target_users": ["ada", "bob"]},
        r'users=\["ada","bob"\] reached=2 status=200',
    ),
    (
        "POST",
        "/api/ws/notify",
        {"title": "x", "target_users": [f"{n}" for n in range(5000)]},
        r'users=\[("[0-9]",){9}"9"\] count=5000 reached=0 status=200',
    ),
    ("GET", "/api/ws/stats", None, "status=200"),
    ("GET", "/api/ws/connections?limit=1", None, "status=200"),
    ("GET", "/api/ws/topics", None, "status=200"),
    ("GET", "/api/ws/topics/import%3A1/history", None, 'topic="import:1" status=200'),
    ("DELETE", "/api/ws/users/ada/connections", None, 'user="ada" reached=2 status=200'),
    ("DELETE", "/api/ws/users/a%0Ab/connections", None, r'user="a\\x0ab" reached=0 status=200'),
    # refused
    ("DELETE", "/api/ws/connections/nobody", None, 'client="nobody" reached=0 status=404 code="invalid_message"'),
    ("POST", "/api/ws/publish", {"topic": "a*b", "message": 1}, r'topic="a\*b" status=400 code="invalid_topic"'),
    ("POST", "/api/ws/publish", {"message": 1}, 'status=400 code="invalid_message"'),
    ("GET", "/api/ws/topics?limit=0", None, 'status=400 code="invalid_message"'),
]


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    for _ in range(2):
        bridge.connect(headers=bearer(issuer.token("ada"))).subscribe("a")
    bridge.connect()
    return bridge


@pytest.mark.parametrize(("method", "path", "body", "says"), CALLS)
def test_each_call_leaves_one_line(guarded, issuer, method, path, body, says):
    mark = guarded.log.mark()
    guarded.http(method, path, body, bearer(issuer.admin("chief")))
    start = rf'audit who="chief" from="127\.0\.0\.1" method="{method}" path="{re.escape(path.split("?")[0])}"'
    guarded.log.wait_for(f"{start} {says}$", after=mark)
    assert sum("audit" in line for line in guarded.log.lines) == 1
    assert max(len(line) for line in guarded.log.lines) < 1000


@pytest.mark.parametrize("level", ["off", "warning"])
def test_no_level_holds_it_back(make_bridge, issuer, tmp_path, level):
    bridge = make_bridge({**issuer.settings(tmp_path), "log.level": level}, start=False)
    bridge.launch()
    bridge.wait_ready()
    bridge.get("/api/ws/stats", bearer(issuer.admin("chief")))
    bridge.get("/api/ws/stats")
    bridge.log.wait_for('audit who="chief" .* status=200$')
    bridge.log.wait_for('audit from="127.0.0.1" method="GET" path="/api/ws/stats" status=401 code="unauthorized"$')


def test_it_has_a_switch_of_its_own(guarded, issuer):
    guarded.settings["log.audit"] = False
    guarded.reload()
    guarded.get("/api/ws/stats", bearer(issuer.admin("silent")))
    guarded.get("/api/ws/stats")
    guarded.settings["log.audit"] = True
    guarded.reload()
    guarded.get("/api/ws/stats", bearer(issuer.admin("chief")))
    guarded.log.wait_for('audit who="chief"')
    assert sum(" audit " in line for line in guarded.log.lines) == 1


def test_a_role_leaves_lines_of_what_it_does_and_not_of_what_it_reads(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "auth.roles.ops.may": ["stats", "publish"]})
    token = bearer(issuer.token("ada", roles=["ops"]))
    assert bridge.get("/api/ws/stats", token).status == 200
    assert bridge.http("POST", "/api/ws/publish", {"topic": "a", "message": 1}, token).status == 200
    bridge.log.wait_for(r'audit who="ada" .* path="/api/ws/publish" topic="a" reached=0 status=200')
    assert not any("/api/ws/stats" in line for line in bridge.log.lines)


def test_a_scrape_of_metrics_that_are_not_for_everyone_leaves_a_line_only_where_it_is_refused(
    make_bridge, issuer, tmp_path
):
    bridge = make_bridge({**issuer.settings(tmp_path), "server.metrics_public": False})
    assert bridge.get("/metrics", bearer(issuer.admin("prometheus"))).status == 200
    assert bridge.get("/metrics", bearer(issuer.token("ada"))).status == 403
    bridge.log.wait_for('audit who="ada" .* path="/metrics" status=403')
    assert not any("prometheus" in line for line in bridge.log.lines)


def test_it_names_the_client_behind_a_trusted_proxy(guarded, issuer):
    headers = {**bearer(issuer.admin("chief")), "X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    assert guarded.get("/api/ws/stats", headers).status == 200
    guarded.log.wait_for('audit who="chief" from="203.0.113.7" method="GET" path="/api/ws/stats" status=200$')


def test_in_open_mode_the_administrator_has_no_other_name(bridge):
    assert bridge.get("/api/ws/stats", bearer(bridge.admin_token)).status == 200
    bridge.log.wait_for('audit who="administrator" from="127.0.0.1" method="GET" path="/api/ws/stats" status=200$')


def test_in_a_log_of_json_it_is_one_object(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "log.format": "json"})
    body = {"topic": f"{BIDI}a", "message": 1}
    assert bridge.http("POST", "/api/ws/publish", body, bearer(issuer.admin("chief"))).status == 200
    line = bridge.log.wait_for('"level":"audit"')
    assert BIDI not in line
    fields = json.loads(line)
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "audit",
        "who": "chief",
        "from": "127.0.0.1",
        "method": "POST",
        "path": "/api/ws/publish",
        "topic": f"{BIDI}a",
        "reached": 0,
        "status": 200,
    }


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        (lambda issuer: issuer.token("ada"), 403, 'who="ada" .* status=403 code="forbidden"'),
        (lambda issuer: Issuer().admin(), 401, 'from=.* why=".*signature.*" status=401 code="invalid_token"'),
        (
            lambda issuer: issuer.token("root", role="admin", lives=-3600),
            401,
            'from=.* status=401 code="token_expired"',
        ),
    ],
    ids=["user", "stranger", "expired"],
)
def test_a_refused_token_leaves_a_line_without_it(guarded, issuer, token, status, says):
    sent = token(issuer)
    assert guarded.get("/api/ws/stats", bearer(sent)).status == status
    line = guarded.log.wait_for(f" audit {says}$")
    assert '"127.0.0.1" method="GET" path="/api/ws/stats"' in line
    assert not any(part in entry for part in sent.split(".")[1:] for entry in guarded.log.lines)


def test_a_call_whose_body_never_comes_leaves_a_line_all_the_same(guarded, issuer):
    with guarded.raw() as raw:
        token = issuer.admin("chief")
        raw.send(
            b"POST /api/ws/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n{"
        )
    guarded.log.wait_for('audit who="chief" from="127.0.0.1" method="POST" path="/api/ws/publish"$')


def test_strangers_cannot_flood_the_log(guarded, issuer):
    """One line a second is theirs; the calls of administrators have theirs in between."""
    begun = time.monotonic()
    calls = 200
    for _ in range(calls):
        assert guarded.get("/api/ws/stats").status == 401
    assert guarded.get("/api/ws/stats", bearer(issuer.admin("chief"))).status == 200
    guarded.log.wait_for('audit who="chief"')
    lines = [line for line in guarded.log.lines if "status=401" in line]
    assert 1 <= len(lines) <= time.monotonic() - begun + 1

    def told() -> bool:
        more = [int(line.rpartition("more=")[2]) for line in guarded.log.lines if "more=" in line]
        return sum("status=401" in line for line in guarded.log.lines) + sum(more) == calls

    guarded.wait_until(told, "each call of a stranger is told or counted")


def test_strangers_hide_no_user_who_is_refused(guarded, issuer):
    for _ in range(50):
        assert guarded.get("/api/ws/stats").status == 401
    assert guarded.get("/api/ws/stats", bearer(issuer.token("ada"))).status == 403
    guarded.log.wait_for('audit who="ada" .* status=403 code="forbidden"$')


def test_what_was_held_back_is_told_at_the_stop(guarded):
    calls = 20
    for _ in range(calls):
        assert guarded.get("/api/ws/stats").status == 401
    guarded.stop()
    lines = [line for line in guarded.log.lines if " audit " in line]
    shown = sum("status=401" in line for line in lines)
    told = sum(int(line.rpartition("more=")[2]) for line in lines if "more=" in line)
    assert shown + told == calls


def test_what_cannot_be_seen_is(guarded, issuer):
    body = {"topic": "ad\u200bmin\U000e0041", "message": 1}
    assert guarded.http("POST", "/api/ws/publish", body, bearer(issuer.admin("chief"))).status == 200
    guarded.log.wait_for(r'topic="ad\\xe2\\x80\\x8bmin\\xf3\\xa0\\x81\\x81" reached=0')
