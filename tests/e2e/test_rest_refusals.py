"""What the administrator's calls refuse, each with its status and a reason that can be read."""

import json

import pytest

from support.administrator import ADMIN_CALLS, assert_refused

MIB = 1 << 20

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


@pytest.mark.parametrize(
    ("call", "body", "named", "meant"),
    [
        ("notify", {"title": "x", "target_user": ["ada"]}, "target_user", "target_users"),
        ("broadcast", {"message": {}, "topics": "a"}, "topics", "topic"),
        ("publish", {"topic": "a", "message": 1, "retain": None}, "retain", None),
    ],
)
def test_a_member_that_no_call_knows_reaches_nobody_and_is_named(admin, people, call, body, named, meant):
    client = people["alice"][0]
    client.subscribe("notifications")
    answer = admin("POST", f"/api/ws/{call}", body)
    assert_refused(answer, 400, "invalid_message")
    message = answer.json["message"]
    assert f'"{named}"' in message and "llowed are " in message
    assert ("did you mean" in message) == (meant is not None) and (meant or "") in message
    assert client.receive_all() == []


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
        ("GET", "/api/ws/connections/nobody"),
        ("DELETE", "/api/ws/connections/00000000-0000-0000-0000-000000000000"),
        ("DELETE", "/api/ws/connections/%2e%2e"),
    ],
)
def test_what_is_not_there_is_404(admin, method, path):
    assert_refused(admin(method, path), 404)


@pytest.mark.parametrize(("right", "path", "body"), ADMIN_CALLS)
def test_the_wrong_method_is_405(admin, right, path, body):
    right_ones = {method for method, its, _ in ADMIN_CALLS if its == path}
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - right_ones:
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
    text = "x" * (MIB - len(json.dumps({"topic": "a", "message": ""})))
    body = json.dumps({"topic": "a", "message": text}).encode()
    assert len(body) == MIB, "to the byte"
    assert admin("POST", "/api/ws/publish", body, **{"Content-Type": "application/json"}).json["recipients"] == 1
    assert client.receive()["data"] == text
