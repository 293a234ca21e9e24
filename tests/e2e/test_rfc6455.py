"""RFC 6455 to the letter, byte by byte: what upgrades, what closes, and with which code."""

import json

import pytest

from support.raw_socket import BINARY, CLOSE, PING, PONG, TEXT

pytestmark = [pytest.mark.short, pytest.mark.both_wires]

PING_MESSAGE = b'{"type":"ping"}'


@pytest.fixture
def stranger(shared_bridge):
    """A TCP connection that has said nothing yet."""
    with shared_bridge.raw() as client:
        yield client


@pytest.fixture
def client(stranger):
    """An upgraded connection, `connection` message read."""
    assert stranger.upgrade()[0] == 101
    assert json.loads(stranger.frame().payload)["type"] == "connection"
    return stranger


def assert_alive(client):
    client.send_frame(TEXT, PING_MESSAGE)
    assert json.loads(client.frame().payload)["type"] == "pong"


# ---- the handshake ----


def test_the_accept_key_is_the_rfcs_own(stranger):
    status, headers = stranger.upgrade(sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==")
    assert status == 101
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert headers["upgrade"].lower() == "websocket" and headers["connection"].lower() == "upgrade"
    assert "sec-websocket-protocol" not in headers and "sec-websocket-extensions" not in headers


@pytest.mark.parametrize("version", ["12", "14", "0", "8", "7", "255", "x", "", None])
def test_only_version_13_upgrades(stranger, version):
    status, headers = stranger.upgrade(sec_websocket_version=version)
    assert status == 426
    assert headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "!!!!!!!!!!!!!!!!!!!!!!==",
        "AAAAAAAAAAAAAAAAAAAAAA==x",
    ],
)
def test_only_a_key_of_16_bytes_upgrades(stranger, key):
    assert stranger.upgrade(sec_websocket_key=key)[0] == 400


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"upgrade": None}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"connection": None}, 426),
        ({"connection": "close"}, 426),
        ({"host": None}, 400),
    ],
)
def test_a_handshake_that_lacks_a_part_does_not_upgrade(stranger, changed, status):
    assert stranger.upgrade(**changed)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "get"])
def test_only_get_upgrades(stranger, method):
    assert stranger.upgrade(method=method)[0] == 400


def test_only_the_websocket_path_upgrades(stranger):
    assert stranger.upgrade("/api/wsx")[0] == 404


def test_header_names_and_tokens_compare_without_case(stranger):
    assert stranger.upgrade(upgrade="WebSocket", connection="keep-alive, UPGRADE")[0] == 101


@pytest.mark.parametrize(
    ("offered", "selected"), [("zws.v1.json", "zws.v1.json"), ("chat, zws.v1.json", "zws.v1.json"), ("chat", None)]
)
def test_only_our_subprotocol_is_selected(stranger, offered, selected):
    status, headers = stranger.upgrade(sec_websocket_protocol=offered)
    assert status == 101
    assert headers.get("sec-websocket-protocol") == selected


def test_compression_is_not_taken_up(stranger):
    status, headers = stranger.upgrade(sec_websocket_extensions="permessage-deflate; client_max_window_bits")
    assert status == 101 and "sec-websocket-extensions" not in headers


def test_a_handshake_may_come_byte_by_byte(stranger):
    request = b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    for byte in request:
        stranger.send(bytes([byte]))
    assert stranger.answer()[0] == 101
    stranger.frame()
    assert_alive(stranger)


def test_frames_may_come_right_behind_the_handshake(stranger):
    stranger.send(
        b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        + b"\x81\x8f\x00\x00\x00\x00"
        + PING_MESSAGE
    )
    assert stranger.answer()[0] == 101
    assert [json.loads(stranger.frame().payload)["type"] for _ in range(2)] == ["connection", "pong"]


def test_who_does_not_finish_the_handshake_is_let_go(make_bridge):
    bridge = make_bridge({"limits.handshake_timeout": "1s"})
    with bridge.raw() as silent, bridge.raw() as slow:
        slow.send(b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\n")
        for client in (silent, slow):
            status, headers = client.answer()
            assert status == 408
            client.take(int(headers["content-length"]))
            assert client.at_end()


# ---- frames ----


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_messages_of_every_allowed_size_are_read(client, size):
    client.send_frame(TEXT, b"x" * size)
    assert json.loads(client.frame().payload)["code"] == "invalid_json"


def test_a_message_over_the_limit_closes_with_1009(client):
    client.send_frame(TEXT, b"x" * 65_537)
    assert client.close_code() == 1009


def test_a_frame_that_only_announces_too_much_closes_with_1009(client):
    client.send(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00")
    assert client.close_code() == 1009


def test_fragments_over_the_limit_together_close_with_1009(client):
    client.send_frame(TEXT, b"x" * 40_000, final=False)
    client.send_frame(0, b"x" * 40_000)
    assert client.close_code() == 1009


def test_binary_from_a_client_closes_with_1003(client):
    client.send_frame(BINARY, b"\x00")
    assert client.close_code() == 1003


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe6\xb8"])
def test_text_that_is_not_utf8_closes_with_1007(client, text):
    client.send_frame(TEXT, text)
    assert client.close_code() == 1007


@pytest.mark.parametrize(
    "break_rule",
    [
        lambda client: client.send_frame(TEXT, PING_MESSAGE, masked=False),
        lambda client: client.send_frame(TEXT, PING_MESSAGE, reserved=4),
        lambda client: client.send_frame(TEXT, PING_MESSAGE, reserved=1),
        lambda client: client.send_frame(3, b""),
        lambda client: client.send_frame(11, b""),
        lambda client: client.send_frame(0, b"x"),
        lambda client: client.send_frame(PING, b"x" * 126),
        lambda client: client.send_frame(PING, b"x", final=False),
        lambda client: client.send_frame(CLOSE, b"\x03"),
        lambda client: client.send_frame(CLOSE, b"\x03\xed"),
        lambda client: client.send_frame(CLOSE, b"\x00\x00"),
        lambda client: (client.send_frame(TEXT, b"x", final=False), client.send_frame(TEXT, b"x")),
    ],
    ids=[
        "unmasked",
        "rsv1",
        "rsv3",
        "opcode-3",
        "opcode-11",
        "lone-continuation",
        "long-ping",
        "split-ping",
        "close-1-byte",
        "close-1005",
        "close-0",
        "text-in-text",
    ],
)
def test_a_broken_rule_closes_with_1002(client, break_rule):
    break_rule(client)
    assert client.close_code() == 1002


def test_a_close_reason_that_is_not_utf8_closes_with_1002(client):
    client.send_frame(CLOSE, b"\x03\xe8\xff")
    assert client.close_code() == 1002


def test_fragments_are_put_together_and_control_frames_may_stand_between(client):
    client.send_frame(TEXT, PING_MESSAGE[:5], final=False)
    client.send_frame(PING, b"between")
    client.send_frame(0, b"", final=False)
    client.send_frame(0, PING_MESSAGE[5:])
    first, second = client.frame(), client.frame()
    assert (first.opcode, first.payload) == (PONG, b"between")
    assert json.loads(second.payload)["type"] == "pong"


def test_a_ping_is_answered_with_its_own_payload(client):
    for payload in (b"", b"x", bytes(range(125))):
        client.send_frame(PING, payload)
        frame = client.frame()
        assert (frame.opcode, frame.payload) == (PONG, payload)


def test_a_pong_nobody_asked_for_is_fine(client):
    client.send_frame(PONG, b"x")
    assert_alive(client)


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_a_close_is_answered_and_the_connection_ends(shared_bridge, client, code):
    client.send_frame(CLOSE, code.to_bytes(2, "big") + b"bye")
    frame = client.frame()
    assert frame.opcode == CLOSE and frame.close_code == code
    assert client.at_end()
    shared_bridge.wait_metric("zws_connections", 0)


def test_a_client_that_vanishes_is_forgotten(shared_bridge, client):
    client.send(b"\x81\xfe")
    client.socket.close()
    shared_bridge.wait_metric("zws_connections", 0)
