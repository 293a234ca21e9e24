"""Pages of other sites: which may call, that they can read refusals too, and that no one else can."""

import pytest

from support.tokens import Issuer, bearer

APP = "https://app.example"
EVIL = "https://evil.example"


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    settings = {"server.allowed_origins": [APP], "limits.failed_tokens_per_minute": 2, "limits.event_bytes": 1024}
    return make_bridge({**issuer.settings(tmp_path), **settings})


def assert_for(answer, origin):
    assert answer.headers.get("access-control-allow-origin") == origin, answer
    assert "access-control-allow-credentials" not in answer.headers, "there are no cookies to share"
    if origin:
        assert answer.headers["vary"] == "Origin"


def test_a_page_that_is_allowed_reads_answers_and_refusals(guarded, issuer):
    admin, page = bearer(issuer.admin()), {"Origin": APP}
    json = {"Content-Type": "application/json"}
    for status, method, path, body, headers in [
        (200, "GET", "/api/ws/stats", None, admin),
        (200, "HEAD", "/api/ws/stats", None, admin),
        (200, "GET", "/healthz", None, {}),
        (401, "GET", "/api/ws/stats", None, {}),
        (401, "GET", "/api/ws/stats", None, bearer(Issuer().admin())),
        (403, "GET", "/api/ws/stats", None, bearer(issuer.token())),
        (404, "GET", "/api/ws/nothing", None, admin),
        (405, "PUT", "/api/ws/stats", b"", admin),
        (400, "POST", "/api/ws/publish", b"{", {**admin, **json}),
        (415, "POST", "/api/ws/publish", b"{}", admin),
        (401, "GET", "/api/ws/stats", None, bearer(Issuer().admin())),
        (429, "GET", "/api/ws/stats", None, bearer(Issuer().admin())),
        (426, "GET", "/api/ws", None, {}),
    ]:
        answer = guarded.http(method, path, body, {**page, **headers})
        assert answer.status == status, (method, path, answer)
        assert_for(answer, APP)
    slowed = guarded.get("/api/ws/stats", {**page, **bearer(Issuer().admin())})
    assert int(slowed.headers["retry-after"]) > 0


@pytest.mark.parametrize("origin", [EVIL, "null", "https://app.example.evil", "http://app.example", APP + ":444"])
def test_any_other_page_reads_nothing_and_does_nothing(guarded, issuer, make_producer, origin):
    client = guarded.connect(headers=bearer(issuer.token()))
    client.subscribe("a")
    mark = guarded.log.mark()
    body = {"topic": "a", "message": 1}
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        answer = guarded.http(method, "/api/ws/publish", body, {"Origin": origin, **bearer(issuer.admin())})
        assert answer.status == 403
        assert_for(answer, None)
    assert client.receive_all() == []
    assert "allowed_origins" in guarded.log.wait_for("refused Origin", after=mark)


def test_who_is_no_page_gets_no_cors(guarded):
    assert_for(guarded.get("/healthz"), None)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/ws/stats", "GET, HEAD"),
        ("/api/ws/publish", "POST"),
        ("/api/ws/connections/x", "GET, HEAD, DELETE"),
        ("/api/ws/users/x/connections", "DELETE"),
        ("/api/ws/topics/a/history", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
    ],
)
def test_a_preflight_needs_no_token_and_names_the_methods(guarded, path, methods):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = guarded.http("OPTIONS", path, None, {"Origin": APP, **asks})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == methods
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert answer.headers["access-control-max-age"] == "600", "a page asks once in ten minutes, not before each call"
    assert "content-type" not in answer.headers, "there is nothing that could have one"
    assert answer.headers["allow"] == f"{methods}, OPTIONS"
    assert_for(answer, APP)


def test_a_preflight_for_what_is_not_there_is_404(guarded):
    assert guarded.http("OPTIONS", "/api/ws/nothing", None, {"Origin": APP}).status == 404
