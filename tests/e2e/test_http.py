"""HTTP on the same port: health, metrics, the page, and what is refused."""

import gzip
import re
from pathlib import Path

import pytest

from support.raw_socket import RawSocket

pytestmark = pytest.mark.short

METRICS = """zws_connections zws_subscriptions zws_topics zws_events_received_total zws_ingest_rejected_total
zws_ingest_header_ignored_total zws_ingest_gaps_total zws_deliveries_total zws_delivered_bytes_total
zws_dropped_total zws_replaced_total zws_handshakes_total zws_closed_total zws_queue_bytes zws_history_bytes
zws_event_latency_seconds zws_build_info process_resident_memory_bytes process_cpu_seconds_total""".split()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_is_well_and_ready(shared_bridge, path):
    assert shared_bridge.get(path).status == 200


def test_metrics_are_prometheus_text(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    producer.send("a", {"type": "x"})
    client.receive()
    answer = bridge.get("/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    for name in METRICS:
        assert re.search(rf"^# TYPE {name} (counter|gauge|histogram)$", answer.text, re.MULTILINE), name
    assert bridge.metric("zws_connections") == 1
    assert bridge.metric("zws_subscriptions") == 1
    assert bridge.metric("zws_topics") == 1
    bridge.wait_metric_at_least("zws_delivered_bytes_total", 1)
    assert bridge.metric("zws_event_latency_seconds_count") == 1
    assert bridge.metric("zws_build_info") == 1
    assert bridge.metric("process_resident_memory_bytes") > 1_000_000


def test_no_label_holds_a_name_from_outside(shared_bridge, shared_producer):
    client = shared_bridge.connect()
    client.subscribe("peculiar-topic")
    shared_producer.send("peculiar-topic", {"type": "x"})
    client.receive()
    assert "peculiar" not in shared_bridge.get("/metrics").text


def test_the_first_page_is_served(shared_bridge):
    answer = shared_bridge.get("/")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
    assert "<html" in answer.text.lower()


def test_no_other_site_may_show_the_page_in_a_frame(shared_bridge):
    answer = shared_bridge.get("/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/", "/client.js", "/client.mjs", "/client.js.map", "/client.mjs.map", "/openapi.json"]
)
def test_a_file_is_not_sent_to_a_browser_that_has_it(shared_bridge, path):
    first = shared_bridge.get(path)
    assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
    held = {"If-None-Match": first.headers["etag"]}
    for method in ("GET", "HEAD"):
        again = shared_bridge.http(method, path, headers=held)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert "content-length" not in again.headers
    assert shared_bridge.get(path, {"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/client.js", "/client.mjs", "/client.js.map", "/client.mjs.map", "/openapi.json"]
)
def test_a_file_is_compressed_for_who_takes_it(shared_bridge, path):
    plain = shared_bridge.get(path)
    packed = shared_bridge.get(path, {"Accept-Encoding": "gzip, br", "Origin": "http://localhost:3000"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / (1 if path == "/" else 2)  # the page itself is only a few lines
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding, Origin"


@pytest.mark.parametrize("path", ["/client.js", "/client.mjs"])
def test_the_client_leads_to_a_map_of_its_sources(shared_bridge, path):
    script = shared_bridge.get(path)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    link = script.body.decode().rsplit("\n//# sourceMappingURL=", 1)[1].strip()
    found = shared_bridge.get("/" + link)
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert any(source.endswith("src/client.ts") for source in found.json["sources"])
    assert shared_bridge.get("/client.cjs").status == 404


def assets_of(page: bytes) -> list[str]:
    """The files that the page loads at once, as paths from the bridge's root."""
    return ["/" + path for path in re.findall(r'"\./(assets/[^"]+)"', page.decode())]


def test_the_page_runs_nothing_but_its_own_files(shared_bridge):
    answer = shared_bridge.get("/")
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == "'self'"
    assert not re.search(rb"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.body)
    assert {Path(path).suffix for path in assets_of(answer.body)} == {".js", ".css", ".svg"}


def test_what_the_page_loads_is_kept_for_good(shared_bridge):
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    for path in assets_of(shared_bridge.get("/").body):
        plain = shared_bridge.get(path)
        assert (plain.status, plain.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert plain.headers["content-type"] == types[Path(path).suffix]
        assert shared_bridge.get(path, {"If-None-Match": plain.headers["etag"]}).status == 304
        packed = shared_bridge.get(path, {"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed.body) == plain.body
        brotli = shared_bridge.get(path, {"Accept-Encoding": "gzip, br"})
        assert brotli.headers["content-encoding"] == "br" and len(brotli.body) < len(packed.body)
    for path in ("/assets/", "/assets/none.js", "/assets/..%2findex.html", "/assets/index.html"):
        assert shared_bridge.get(path).status == 404


def test_the_page_can_be_switched_off(make_bridge, shared_bridge):
    bridge = make_bridge({"server.console": False})
    for path in ("/", *assets_of(shared_bridge.get("/").body)):
        assert bridge.get(path).status == 404


@pytest.mark.parametrize(
    "path", ["/nothing", "/healthz/", "/HEALTHZ", "/../etc/passwd", "/%2e%2e/etc/passwd", "//", "/api/ws/nothing"]
)
def test_what_is_not_there_is_404(shared_bridge, path):
    answer = shared_bridge.get(path)
    assert answer.status == 404
    assert answer.json["success"] is False and answer.json["code"] and answer.json["message"]


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize("headers", [{}, UPGRADE])
def test_who_writes_a_slash_too_many_is_told_what_to_write(shared_bridge, headers):
    answer = shared_bridge.get("/api/ws/", headers)
    assert answer.status == 404
    assert "WebSocket clients connect to /api/ws" in answer.json["message"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
def test_head_is_get_without_a_body(shared_bridge, path):
    got, head = shared_bridge.get(path), shared_bridge.http("HEAD", path)
    assert head.status == got.status == 200 and head.body == b""
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
def test_other_methods_are_405_and_the_answer_names_the_right_ones(shared_bridge, method, path):
    answer = shared_bridge.http(method, path, b"" if method != "DELETE" else None)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_websocket_path_without_an_upgrade_says_what_it_wants(shared_bridge):
    answer = shared_bridge.get("/api/ws")
    assert answer.status == 426
    assert (answer.headers["upgrade"], answer.headers["sec-websocket-version"]) == ("websocket", "13")


@pytest.mark.parametrize(
    ("upgrade", "connection", "status"),
    [
        ("websocket", "Upgrade", 101),
        ("WebSocket", "keep-alive, upgrade", 101),
        ("h2c,websocket", "UPGRADE", 101),
        ("notwebsocketatall", "Upgrade", 426),
        ("websocket/13", "Upgrade", 426),
        ("websocket", "xupgradex", 426),
        ("websocket", "keep-alive", 426),
    ],
)
def test_upgrade_and_connection_are_read_token_by_token(shared_bridge, upgrade, connection, status):
    with shared_bridge.raw() as client:
        assert client.upgrade(upgrade=upgrade, connection=connection)[0] == status


def test_a_query_does_not_change_the_path(shared_bridge):
    assert shared_bridge.get("/healthz?x=/api/ws&token=secret").status == 200
    assert "secret" not in shared_bridge.log.tail(1000)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 17_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: 1\r\n" * 2000 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
    ids=["414", "431-one", "431-many", "tls", "no-http", "no-host"],
)
def test_malformed_requests_get_an_answer_and_end_and_are_counted(shared_bridge, head, status):
    counted = shared_bridge.metric("zws_handshakes_total", result="bad_request")
    with RawSocket(shared_bridge.port) as client:
        client.send(head)
        assert client.answer()[0] == status
    shared_bridge.wait_metric("zws_handshakes_total", counted + 1, result="bad_request")


def head_of(size, lines):
    """A request of exactly `size` bytes in so many header lines."""
    start, end = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"\r\n"
    names = [b"X-%d: " % n for n in range(lines)]
    left = size - len(start) - len(end) - sum(len(name) + 2 for name in names)
    values = [b"x" * (left // lines)] * (lines - 1) + [b"x" * (left - left // lines * (lines - 1))]
    head = start + b"".join(name + value + b"\r\n" for name, value in zip(names, values, strict=True)) + end
    assert len(head) == size
    return head


@pytest.mark.parametrize("lines", [1, 2, 200, 1000])
@pytest.mark.parametrize(("size", "status"), [(15_999, 200), (16_001, 200), (16_384, 200), (16_385, 431)])
def test_a_head_may_have_16_kib_to_the_byte(shared_bridge, size, status, lines):
    with RawSocket(shared_bridge.port) as client:
        client.send(head_of(size, lines))
        assert client.answer()[0] == status


@pytest.mark.parametrize(("size", "status"), [(8192, 404), (8193, 414)])
def test_a_request_line_may_have_8_kib_to_the_byte(shared_bridge, size, status):
    line = b"GET /" + b"x" * (size - len(b"GET / HTTP/1.1")) + b" HTTP/1.1"
    with RawSocket(shared_bridge.port) as client:
        client.send(line + b"\r\nHost: localhost\r\n\r\n")
        assert client.answer()[0] == status


def test_a_head_may_come_in_pieces_with_its_body(shared_bridge):
    body = b'{"topic":"a","message":1}'
    head = (
        f"POST /api/ws/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared_bridge.admin_token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nX-Pad: {'x' * 16_000}\r\n\r\n"
    ).encode()
    whole = head + body
    for cut in (1, len(head) - 3, len(head) - 2, len(head) - 1, len(head), len(head) + 1, len(whole) - 1):
        with RawSocket(shared_bridge.port) as client:
            client.send(whole[:cut])
            client.send(whole[cut:])
            assert client.answer()[0] == 200, cut


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "169.254.169.254"])
def test_in_open_mode_only_loopback_names_are_served(shared_bridge, host):
    """Against DNS rebinding: a page of evil.example that resolves to 127.0.0.1."""
    assert shared_bridge.get("/metrics", {"Host": host}).status == 403
    with RawSocket(shared_bridge.port) as client:
        assert client.upgrade(host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:8000"])
def test_in_open_mode_every_loopback_name_is_served(shared_bridge, host):
    assert shared_bridge.get("/healthz", {"Host": host}).status == 200
    with RawSocket(shared_bridge.port) as client:
        assert client.upgrade(host=host)[0] == 101


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_in_open_mode_a_forwarded_request_is_refused(shared_bridge, header):
    assert shared_bridge.get("/metrics", {header: "203.0.113.9"}).status == 403


def test_a_page_of_another_origin_is_refused_and_the_log_names_the_key(shared_bridge):
    with RawSocket(shared_bridge.port) as client:
        assert client.upgrade(origin="https://evil.example")[0] == 403
    shared_bridge.log.wait_for("allowed_origins")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:80"])
def test_pages_of_this_machine_are_welcome(shared_bridge, origin):
    with RawSocket(shared_bridge.port) as client:
        assert client.upgrade(origin=origin)[0] == 101


def test_only_listed_origins_pass_where_there_is_a_list(make_bridge):
    bridge = make_bridge({"server.allowed_origins": ["https://app.example"]})
    for origin, status in (
        ("https://app.example", 101),
        ("https://app.example.evil", 403),
        ("http://app.example", 403),
        ("null", 403),
    ):
        with RawSocket(bridge.port) as client:
            assert client.upgrade(origin=origin)[0] == status, origin


def test_pages_without_a_site_pass_where_they_are_listed(make_bridge):
    """A file, an app, or a frame in a sandbox: the log says what to add, and that is taken."""
    bridge = make_bridge({"server.allowed_origins": ["https://app.example"]})
    for origin in ("null", "file://", "capacitor://localhost"):
        with RawSocket(bridge.port) as client:
            assert client.upgrade(origin=origin)[0] == 403, origin
        bridge.settings["server.allowed_origins"].append(origin)
        assert "configuration reloaded" in bridge.reload()
        with RawSocket(bridge.port) as client:
            assert client.upgrade(origin=origin)[0] == 101, origin


def test_many_calls_on_many_connections_all_get_their_answer(shared_bridge):
    assert [shared_bridge.get("/healthz").status for _ in range(200)] == [200] * 200
