"""openapi.json: sound by itself, complete beside the daemon, and true of its answers."""

import copy
import json
import re

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.bridge import ROOT
from support.tokens import Issuer, bearer

DOCUMENT = json.loads((ROOT / "bridge/share/openapi.json").read_text())
CALLS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
ARGUMENTS = {"client_id": "00000000-0000-4000-8000-000000000000", "id": "nobody", "topic": "a", "file": "none.js"}
BODIES = {
    "/api/ws/broadcast": {"message": {"type": "x"}},
    "/api/ws/notify": {"title": "x", "target_users": ["ada"]},
    "/api/ws/publish": {"topic": "a", "message": 1},
    "/api/ws/rights": {"user": "ada", "roles": ["ops"], "topics": ["a", "@stats"]},
}


def operation(method, path):
    return DOCUMENT["paths"][path][method.lower()]


def with_arguments(path):
    return re.sub(r"{(\w+)}", lambda part: ARGUMENTS[part[1]], path)


def strict(schema):
    """The same schema, to which a member that it does not name is an error."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items()}
    if isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def assert_as_documented(answer, method, path):
    """The status is one that the call may have, and the answer what is said of it."""
    responses = operation(method, path)["responses"]
    assert str(answer.status) in responses, (method, path, answer)
    response = responses[str(answer.status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    if answer.status == 304:
        assert "content" not in response and answer.body == b""
        return
    media, content = next(iter(response["content"].items()))
    assert answer.headers["content-type"].split(";")[0] == media
    if media == "application/json":
        schema = strict({**copy.deepcopy(content["schema"]), "components": DOCUMENT["components"]})
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json)


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    for token in (issuer.token("ada"), issuer.token("ada"), issuer.token("bob")):
        bridge.connect(headers=bearer(token)).subscribe("a")
    bridge.connect()
    return bridge


def test_it_is_openapi_3_1():
    assert DOCUMENT["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_it_says_what_a_reader_needs():
    names = [operation(method, path)["operationId"] for method, path in CALLS]
    assert len(set(names)) == len(names)
    for method, path in CALLS:
        call = operation(method, path)
        assert call["summary"] and call["tags"] and "security" in call, path
        assert {part["name"] for part in call.get("parameters", []) if part["in"] == "path"} == set(
            re.findall(r"{(\w+)}", path)
        )
    used = set(re.findall(r'"#/components/(\w+/\w+)"', json.dumps(DOCUMENT)))
    there = {f"{kind}/{name}" for kind in ("responses", "schemas") for name in DOCUMENT["components"][kind]}
    assert used == there


def test_it_names_every_call_of_the_daemon():
    """The daemon's own table, read from its source, and the document name the same calls."""
    source = (ROOT / "bridge/api/api.cpp").read_text()
    table = re.findall(r'{"(GET|POST|DELETE)", "([^"]+)", (true|false),', source)
    there = {(method, ("/api/ws" if admin == "true" else "") + path) for method, path, admin in table}
    assert there | {("GET", "/api/ws")} == set(CALLS)
    for method, path, admin in table:
        call = operation(method, ("/api/ws" if admin == "true" else "") + path)
        assert (call["security"] == [{"bearer": []}]) == (admin == "true"), path


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_the_daemon_answers_these_methods_and_no_others(guarded, issuer, path):
    documented = {method for method, its in CALLS if its == path}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        answer = guarded.http(method, with_arguments(path), body, bearer(issuer.admin()))
        assert (answer.status == 405) == (method not in documented), (method, answer)
        if answer.status == 405:
            allowed = set(answer.headers["allow"].split(", "))
            assert allowed == documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_answer_is_as_documented(guarded, issuer, method, path):
    """To the administrator, to a user, to a stranger, and to who asks badly."""
    admin, body = bearer(issuer.admin()), BODIES.get(path)
    where = with_arguments(path)
    answers = [
        guarded.http(method, where, body, headers)
        for headers in (admin, bearer(issuer.token()), bearer(Issuer().admin()), {})
    ]
    if method == "POST":
        answers += [
            guarded.http(method, where, bad, {**admin, "Content-Type": "application/json"}) for bad in (b"", b"{}")
        ]
        answers.append(guarded.http(method, where, b"{}", {**admin, "Content-Type": "text/plain"}))
    if any(part["name"] == "limit" for part in operation(method, path).get("parameters", [])):
        answers += [guarded.http(method, f"{where}?{query}", None, admin) for query in ("limit=0", "limit=1")]
    for answer in answers:
        assert_as_documented(answer, method, path)
    if path != "/api/ws":
        assert {answer.status for answer in answers} & {200, 404}


@pytest.mark.parametrize(
    "path", ["/api/ws/stats", "/api/ws/sources", "/api/ws/connections", "/api/ws/topics", "/api/ws/topics/a/history"]
)
def test_lists_with_something_in_them_are_as_documented(guarded, issuer, path):
    admin = bearer(issuer.admin())
    for n in range(3):
        event = {"topic": "a", "message": {"type": "x", "n": n}}
        assert_as_documented(guarded.http("POST", "/api/ws/publish", event, admin), "POST", "/api/ws/publish")
    template = "/api/ws/topics/{topic}/history" if path.endswith("history") else path
    for query in ("", "?limit=2"):
        assert_as_documented(guarded.get(path + ("" if path.endswith("stats") else query), admin), "GET", template)


@pytest.mark.parametrize("path", [path for method, path in CALLS if method == "GET"])
def test_what_has_a_tag_is_not_sent_twice_and_that_is_documented(guarded, issuer, path):
    where = with_arguments(path)
    if "{file}" in path:  # one that is there
        where = "/" + re.search(r'assets/[^"]+', guarded.get("/").body.decode())[0]
    tag = guarded.get(where, bearer(issuer.admin())).headers.get("etag")
    assert ("304" in operation("GET", path)["responses"]) == (tag is not None)
    if tag is not None:
        again = guarded.get(where, {"If-None-Match": tag})
        assert again.status == 304
        assert_as_documented(again, "GET", path)


def test_who_asks_too_much_is_refused_by_each_call_but_the_probes():
    """That is judged before anything is known of the call (api.cpp, HttpCrowd)."""
    for method, path in CALLS:
        if path not in ("/healthz", "/readyz"):
            assert {"429", "503"} <= set(operation(method, path)["responses"]), (method, path)


def test_closing_is_as_documented(guarded, issuer):
    admin = bearer(issuer.admin())
    client = guarded.connect(headers=bearer(issuer.token("carol")))
    one = guarded.http("DELETE", f"/api/ws/connections/{client.hello['client_id']}", None, admin)
    assert one.json["closed"] == 1
    assert_as_documented(one, "DELETE", "/api/ws/connections/{client_id}")
    all_of = guarded.http("DELETE", "/api/ws/users/ada/connections", None, admin)
    assert all_of.json["closed"] == 2
    assert_as_documented(all_of, "DELETE", "/api/ws/users/{id}/connections")


def test_the_daemon_serves_it_for_where_clients_connect(guarded, make_bridge):
    assert guarded.get("/openapi.json").json == DOCUMENT
    elsewhere = make_bridge({"server.path": '/live/"ws"'})
    served = elsewhere.get("/openapi.json").json
    assert set(served["paths"]) == {path.replace("/api/ws", '/live/"ws"') for path in DOCUMENT["paths"]}


def test_the_calls_lie_where_clients_connect(make_bridge):
    for path in ("/live", "/", "/api/"):
        bridge = make_bridge({"server.path": path})
        admin = bearer(bridge.admin_token)
        assert bridge.get(path.rstrip("/") + "/stats", admin).status == 200, path
        assert bridge.get("/api/ws/stats", admin).status == 404, path
        assert bridge.get("/healthz").status == 200
