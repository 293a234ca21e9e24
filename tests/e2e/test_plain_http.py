"""Plain HTTP from strangers: the head is judged before a body is taken, and what they hold is bounded."""

import json
from contextlib import ExitStack
from urllib.parse import quote

import pytest

MIB = 1 << 20
JSON = {"Host": "localhost", "Content-Type": "application/json"}
BODY = b'{"topic":"a","message":1}'


def answer_of(client):
    """Status, headers and the whole body of the next answer."""
    status, headers = client.answer()
    return status, headers, client.take(int(headers.get("content-length", 0)))


def head_of(line, headers):
    return (line + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()


@pytest.mark.both_wires
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /nowhere", 404),
        ("POST /api/ws/nowhere", 404),
        ("POST /healthz", 405),
        ("PUT /api/ws/publish", 405),
        ("POST /api/ws/publish", 401),
        ("POST /api/ws/notify", 401),
        ("GET /healthz", 200),
    ],
)
def test_a_body_is_not_waited_for_where_the_head_decides(make_bridge, issuer, tmp_path, line, status):
    bridge = make_bridge(issuer.settings(tmp_path))
    with bridge.raw() as client:
        client.send(head_of(f"{line} HTTP/1.1", {**JSON, "Content-Length": str(MIB)}))
        assert answer_of(client)[0] == status
    with bridge.raw() as client:  # and who goes on uploading can read it
        client.send(head_of(f"{line} HTTP/1.1", {**JSON, "Content-Length": str(MIB)}))
        client.send(b" " * MIB)
        client.end_sending()
        assert answer_of(client)[0] == status


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Content-Length": str(2 * MIB)}, 413),
        ({"Content-Type": "text/plain", "Content-Length": "9"}, 415),
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Authorization": "Bearer x", "Content-Length": "9"}, 401),
    ],
)
def test_the_right_call_with_a_wrong_head_is_told_before_its_body(guarded, admin, changed, status):
    with guarded.raw() as client:
        client.send(head_of("POST /api/ws/publish HTTP/1.1", {**JSON, **admin.headers, **changed}))
        assert answer_of(client)[0] == status


def test_two_hundred_unfinished_uploads_cost_nothing_and_no_producer_is_cut_off(make_bridge, make_producer):
    bridge = make_bridge({"limits.handshake_timeout": "30s", "ingest.memory_bytes": 1 << 25})
    producer = make_producer(bridge.endpoint)
    listener = bridge.connect()
    listener.subscribe("a")
    before = bridge.metric("process_resident_memory_bytes")
    head = head_of("POST /anything HTTP/1.1", {**JSON, "Content-Length": str(MIB)})
    clients = []
    try:
        for _ in range(200):
            clients.append(bridge.raw())
            clients[-1].send(head)
            assert answer_of(clients[-1])[0] == 404
            try:
                clients[-1].send(b"x" * (MIB - 1))
            except OSError:
                pass  # cut off meanwhile: that is its own affair
        grown = bridge.metric("process_resident_memory_bytes") - before
    finally:
        for client in clients:
            client.socket.close()
    assert grown < 40 * MIB, grown
    for n in range(100):
        producer.send("a", {"type": "n", "n": n})
    assert [listener.receive()["n"] for _ in range(100)] == list(range(100))
    assert bridge.metric("zws_ingest_resets_total") == 0


def test_probes_are_answered_whatever_others_hold(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.handshake_timeout": "30s"})
    bearer = {"Authorization": f"Bearer {issuer.admin()}"}
    head = head_of(
        "POST /api/ws/publish HTTP/1.1", {**JSON, **bearer, "Content-Length": str(MIB // 16), "Expect": "100-continue"}
    )
    with ExitStack() as holders:
        for _ in range(256):  # as many as there may be, and all the bytes
            client = holders.enter_context(bridge.raw())
            client.send(head)
            assert client.answer()[0] == 100
        assert bridge.get("/api/ws/stats", bearer).status == 429
        assert [bridge.get(path).status for path in ("/healthz", "/readyz")] == [200, 200]


def test_what_one_address_may_upload_at_once_is_bounded_and_probes_still_pass(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.handshake_timeout": "30s"})
    bearer = {"Authorization": f"Bearer {issuer.admin()}"}
    head = head_of(
        "POST /api/ws/publish HTTP/1.1", {**JSON, **bearer, "Content-Length": str(MIB), "Expect": "100-continue"}
    )
    holders = [bridge.raw() for _ in range(16)]
    try:
        for client in holders:
            client.send(head)
            assert client.answer()[0] == 100, "16 MiB have room"
        with bridge.raw() as refused:
            refused.send(head)
            status, headers, body = answer_of(refused)
            assert (status, json.loads(body)["code"]) == (429, "rate_limited")
            assert int(headers["retry-after"]) > 0
        elsewhere = head.replace(b"\r\n", b"\r\nX-Forwarded-For: 203.0.113.7\r\n", 1)
        with bridge.raw() as other:
            other.send(elsewhere)
            assert other.answer()[0] == 100, "others are not locked out with it"
        with bridge.raw() as small:
            small.send(
                head_of("POST /api/ws/publish HTTP/1.1", {**JSON, **bearer, "Content-Length": str(len(BODY))}) + BODY
            )
            assert small.answer()[0] == 200, "what is small has room"
        assert bridge.get("/healthz").status == 200
    finally:
        for client in holders:
            client.socket.close()

    def has_room():
        with bridge.raw() as again:
            again.send(head)
            return again.answer()[0] == 100

    bridge.wait_until(has_room, "there is room again when they have left")
    assert bridge.metric("zws_http_responses_total", code="429") >= 1


def test_who_asks_before_uploading_is_told_to_go_on(guarded, admin):
    head = {**JSON, **admin.headers, "Content-Length": str(len(BODY)), "Expect": "100-Continue"}
    with guarded.raw() as client:
        client.send(head_of("POST /api/ws/publish HTTP/1.1", head))
        assert client.answer()[0] == 100
        client.send(BODY)
        assert client.answer()[0] == 200
    with guarded.raw() as client:  # who does not wait for it
        client.send(head_of("POST /api/ws/publish HTTP/1.1", head) + BODY)
        assert client.answer()[0] == 200
    with guarded.raw() as client:  # HTTP/1.0 does not know it
        client.send(head_of("POST /api/ws/publish HTTP/1.0", head))
        client.send(BODY)
        assert client.answer()[0] == 200
    with guarded.raw() as client:
        client.send(head_of("POST /api/ws/publish HTTP/1.1", {**head, "Content-Type": "text/plain"}))
        assert client.answer()[0] == 415


@pytest.mark.both_wires
def test_a_body_may_come_in_pieces_of_any_size(guarded, admin):
    body = json.dumps({"topic": "a", "message": "x" * 100_000}).encode()
    head = head_of("POST /api/ws/publish HTTP/1.1", {**JSON, **admin.headers, "Content-Length": str(len(body))})
    for cuts in ((1,), (16_384, 16_385), (99_999,), tuple(range(1000, 100_000, 7919))):
        with guarded.raw() as client:
            client.send(head)
            for begin, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
                client.send(body[begin:end])
            assert client.answer()[0] == 200


def test_http_1_0_needs_no_host(shared_bridge):
    for line, status in (
        ("GET /healthz HTTP/1.0", 200),
        ("OPTIONS / HTTP/1.0", 204),  # HAProxy's check where nothing else is said
        ("GET /healthz HTTP/1.1", 400),
    ):
        with shared_bridge.raw() as client:
            client.send(line.encode() + b"\r\n\r\n")
            assert answer_of(client)[0] == status
    with shared_bridge.raw() as client:
        client.send(b"GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n")
        assert answer_of(client)[0] == 403


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/healthz", "localhost", 200),
        ("HTTP://127.0.0.1:80/healthz?x", "evil.example", 200),
        ("https://localhost", "localhost", 200),
        ("http://evil.example/healthz", "localhost", 403),
        ("http://a@localhost/healthz", "localhost", 400),
        ("http:///healthz", "localhost", 400),
        ("ftp://localhost/healthz", "localhost", 400),
    ],
)
def test_a_target_as_proxies_get_it_is_served_and_its_host_counts(shared_bridge, target, host, status):
    with shared_bridge.raw() as client:
        client.send(head_of(f"GET {target} HTTP/1.1", {"Host": host}))
        assert client.answer()[0] == status


def test_a_client_behind_such_a_target_may_upgrade(shared_bridge):
    with shared_bridge.raw() as client:
        assert client.upgrade("http://localhost/api/ws", host="evil.example")[0] == 101


def test_an_upgrade_has_no_body(shared_bridge):
    for headers, status in (({"Content-Length": "2"}, 400), ({"Content-Length": "0"}, 101)):
        with shared_bridge.raw() as client:
            assert client.upgrade(**{name.lower().replace("-", "_"): v for name, v in headers.items()})[0] == status


@pytest.mark.parametrize(
    "message", ["1e400", "123456789012345678901234567890", '"\\ud800"', '{"a":-0.0e+999}'], ids=repr
)
def test_a_body_is_any_json_that_a_producer_may_send(bridge, message):
    client = bridge.connect()
    client.subscribe("a")
    body = b"\xef\xbb\xbf" + f'{{"topic":"a","message":{message}}}'.encode()
    headers = {"Authorization": f"Bearer {bridge.admin_token}", "Content-Type": "application/json"}
    assert bridge.http("POST", "/api/ws/publish", body, headers).status == 200
    assert message in client.receive_frame()


PAGES = "/ /client.js /client.js.map /client.mjs /client.mjs.map /healthz /readyz /metrics /openapi.json".split()
CALLS = ["stats", "connections", "topics", "topics/a/history"]


@pytest.mark.parametrize("path", [*PAGES, *(f"/api/ws/{call}" for call in CALLS)])
def test_head_of_every_page_is_its_get_without_a_body(guarded, admin, path):
    answers = {}
    for method in ("GET", "HEAD"):
        with guarded.raw() as client:
            client.send(head_of(f"{method} {path} HTTP/1.1", {"Host": "localhost", **admin.headers}))
            status, headers = client.answer()
            size = int(headers["content-length"])
            if method == "GET":
                client.take(size)
            assert client.at_end(), "nothing comes behind it"
            answers[method] = (status, {name: value for name, value in headers.items() if name != "content-length"})
            assert size > 0
    assert answers["GET"] == answers["HEAD"] and answers["GET"][0] == 200


@pytest.mark.parametrize("topic", ["a/b", "a/b/c", "/a", "a/history", "a b/c"])
@pytest.mark.parametrize("decoded", [False, True], ids=["as-sent", "decoded-by-a-proxy"])
def test_a_topic_with_a_slash_is_found_whoever_decoded_it(guarded, admin, topic, decoded):
    admin.done("POST", "/api/ws/publish", {"topic": topic, "message": {"type": "x"}})
    path = quote(topic, safe="/" if decoded else "")
    (event,) = guarded.get(f"/api/ws/topics/{path}/history", admin.headers).json["events"]
    assert event["topic"] == topic
