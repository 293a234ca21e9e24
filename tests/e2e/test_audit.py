"""The audit line: every administrator's call leaves one that says who, from where, what and how many."""

import re

import pytest

from support.tokens import Issuer, bearer

BIDI = "\u202e"
CALLS = [
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}}, 'topic "@all", reached 3'),
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}, "topic": "a"}, 'topic "a", reached 2'),
    ("POST", "/api/ws/publish", {"topic": "a", "message": 1}, 'topic "a", reached 2'),
    ("POST", "/api/ws/publish", {"topic": f'{BIDI}"x', "message": 1}, r'topic "\\xe2\\x80\\xae\\"x", reached 0'),
    ("POST", "/api/ws/notify", {"title": "x"}, 'topic "notifications", reached 0'),
    ("POST", "/api/ws/notify", {"title": "x", "target_users": []}, "no users, reached 0"),
    ("POST", "/api/ws/notify", {"title": "x", "target_users": ["ada", "bob"]}, 'users "ada", "bob", reached 2'),
    (
        "POST",
        "/api/ws/notify",
        {"title": "x", "target_users": [f"{n}" for n in range(5000)]},
        'users ("[0-9]", ){9}"9" and 4990 more, reached 0',
    ),
    ("GET", "/api/ws/stats", None, None),
    ("GET", "/api/ws/connections?limit=1", None, None),
    ("GET", "/api/ws/topics", None, None),
    ("GET", "/api/ws/topics/import%3A1/history", None, 'topic "import:1"'),
    ("DELETE", "/api/ws/connections/nobody", None, 'client "nobody", reached 0'),
    ("DELETE", "/api/ws/users/ada/connections", None, 'user "ada", reached 2'),
    ("DELETE", "/api/ws/users/a%0Ab/connections", None, r'user "a\\x0ab", reached 0'),
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
    start = rf'audit: "chief" from 127\.0\.0\.1: {method} {re.escape(path.split("?")[0])}'
    guarded.log.wait_for(f"{start}{', ' + says if says else ''}$", after=mark)
    assert sum("audit" in line for line in guarded.log.lines) == 1
    assert max(len(line) for line in guarded.log.lines) < 1000


def test_it_names_the_client_behind_a_trusted_proxy(guarded, issuer):
    headers = {**bearer(issuer.admin("chief")), "X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    assert guarded.get("/api/ws/stats", headers).status == 200
    guarded.log.wait_for('audit: "chief" from 203.0.113.7: GET /api/ws/stats$')


def test_in_open_mode_the_administrator_has_no_other_name(bridge):
    assert bridge.get("/api/ws/stats", bearer(bridge.admin_token)).status == 200
    bridge.log.wait_for('audit: "administrator" from 127.0.0.1: GET /api/ws/stats$')


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda issuer: issuer.token("ada"), "no administrator"),
        (lambda issuer: Issuer().admin(), "signature"),
        (lambda issuer: issuer.token("root", role="admin", lives=-3600), "expired"),
    ],
    ids=["user", "stranger", "expired"],
)
def test_a_refused_token_leaves_a_line_without_it(guarded, issuer, token, why):
    sent = token(issuer)
    assert guarded.get("/api/ws/stats", bearer(sent)).status in (401, 403)
    line = guarded.log.wait_for("refused a token from 127.0.0.1 for GET /api/ws/stats")
    assert why in line
    assert not any(part in entry for part in sent.split(".")[1:] for entry in guarded.log.lines)
    assert not any("audit" in entry for entry in guarded.log.lines)
