"""The PROXY protocol: whose connection it is, before its first byte, and who may say so."""

import json
import socket
import struct

import pytest

from support.raw_socket import RawSocket
from support.tokens import bearer

SETTINGS = {"server.proxy_protocol": True, "server.trusted_proxies": ["127.0.0.1"]}
TEXT = b"PROXY TCP4 203.0.113.7 127.0.0.1 40000 8000\r\n"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MARK = b"\r\n\r\n\0\r\nQUIT\n"


def binary(command, family, rest):
    return MARK + struct.pack("!BBH", command, family, len(rest)) + rest


def ipv6():
    addresses = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
    return addresses + struct.pack("!HH", 40000, 8000)


def through_proxy(bridge, header, source="127.0.0.1"):
    connected = socket.create_connection(("127.0.0.1", bridge.port), timeout=30, source_address=(source, 0))
    connected.sendall(header)
    return RawSocket.over(connected, bridge.tls)


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    return make_bridge({**issuer.settings(tmp_path), **SETTINGS})


def addresses(bridge, issuer):
    rows = bridge.get("/api/ws/connections", bearer(issuer.admin())).json["connections"]
    return [row["address"] for row in rows]


@pytest.mark.both_wires
@pytest.mark.parametrize(
    ("header", "address"),
    [
        (TEXT, "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 40000 8000\r\n", "2001:db8::7"),
        (binary(0x21, 0x11, bytes([203, 0, 113, 7, 127, 0, 0, 1]) + struct.pack("!HH", 1, 2)), "203.0.113.7"),
        (binary(0x21, 0x21, ipv6() + b"\x04\x00\x01x"), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (binary(0x20, 0x00, b""), "127.0.0.1"),
        (b"", "127.0.0.1"),
    ],
    ids=["1-ipv4", "1-ipv6", "2-ipv4", "2-ipv6-and-more", "1-own", "2-own", "none"],
)
def test_the_address_is_what_the_proxy_says(guarded, issuer, header, address):
    with through_proxy(guarded, header) as client:
        assert client.upgrade()[0] == 101
        client.frame()
        assert addresses(guarded, issuer) == [address]


def test_limits_count_the_client_and_not_its_proxy(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), **SETTINGS, "limits.connections_per_ip": 1})
    other = TEXT.replace(b".7 ", b".8 ")
    with through_proxy(bridge, TEXT) as first, through_proxy(bridge, other) as second:
        for client in (first, second):
            assert client.upgrade()[0] == 101
            assert json.loads(client.frame().payload)["type"] == "connection"
        with through_proxy(bridge, TEXT) as third:
            assert third.upgrade()[0] == 101
            assert third.close_code() == 1013


def test_a_client_behind_the_proxy_cannot_go_on_with_a_header_of_its_own(guarded, issuer):
    with through_proxy(guarded, TEXT) as client:
        assert client.upgrade(x_forwarded_for="198.51.100.1")[0] == 101
        client.frame()
        assert addresses(guarded, issuer) == ["203.0.113.7"]
    with through_proxy(guarded, TEXT + TEXT + REQUEST) as client:
        assert client.answer()[0] == 400


def test_a_second_proxy_behind_the_first_is_believed(guarded, issuer):
    header = TEXT.replace(b"203.0.113.7", b"127.0.0.1")
    with through_proxy(guarded, header) as client:
        assert client.upgrade(x_forwarded_for="198.51.100.1")[0] == 101
        client.frame()
        assert addresses(guarded, issuer) == ["198.51.100.1"]


def test_a_header_may_come_byte_by_byte(guarded, issuer):
    with through_proxy(guarded, b"") as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in TEXT:
            client.send(bytes([byte]))
        assert client.upgrade()[0] == 101
        client.frame()
        assert addresses(guarded, issuer) == ["203.0.113.7"]


def refused(bridge, header, source="127.0.0.1"):
    """Over TLS, too, the answer is plain: nothing is agreed on yet."""
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30, source_address=(source, 0)) as connected:
        connected.sendall(header)
        client = RawSocket.over(connected)
        assert client.answer()[0] == 400
        client.end_sending()
        while connected.recv(1000):
            pass


@pytest.mark.both_wires
@pytest.mark.parametrize("header", [TEXT, binary(0x20, 0x00, b"")], ids=["1", "2"])
def test_a_stranger_says_nothing_of_others(guarded, header):
    before = guarded.metric("zws_handshakes_total", result="bad_request")
    refused(guarded, header, "127.0.0.9")
    line = guarded.log.wait_for("refused a PROXY header from 127.0.0.9")
    assert "server.trusted_proxies" in line
    guarded.wait_metric("zws_handshakes_total", before + 1, result="bad_request")
    with through_proxy(guarded, b"", "127.0.0.9") as client:
        assert client.upgrade()[0] == 101, "without one a stranger is a client like any other"


@pytest.mark.parametrize(
    "header",
    [b"PROXY TCP4 somebody\r\n", b"PROXY UNKNOWN " + b"x" * 200, binary(0x21, 0x11, b""), binary(0x31, 0x11, b"")],
)
def test_a_header_that_is_none_is_refused(guarded, header):
    refused(guarded, header)
    guarded.log.wait_for("this is no PROXY header")


@pytest.mark.parametrize("header", [b"PROXY TCP4 203.0.113.7 ", MARK[:5], binary(0x21, 0x11, bytes(4000))[:1000]])
def test_a_header_has_the_time_of_a_handshake(make_bridge, issuer, tmp_path, header):
    bridge = make_bridge({**issuer.settings(tmp_path), **SETTINGS, "limits.handshake_timeout": "1s"})
    with through_proxy(bridge, header) as client:
        assert client.answer()[0] == 408
    bridge.wait_metric("zws_handshakes_total", 1, result="timeout")


@pytest.mark.parametrize("header", [TEXT, binary(0x20, 0x00, b"")], ids=["1", "2"])
def test_where_it_is_off_it_is_a_bad_request(make_bridge, issuer, tmp_path, header):
    refused(make_bridge(issuer.settings(tmp_path)), header + REQUEST)


def test_without_a_key_it_cannot_be_on(make_bridge):
    bridge = make_bridge(SETTINGS, start=False)
    bridge.launch()
    assert bridge.wait() == 2
    assert "server.proxy_protocol" in bridge.log.tail(10) and "auth.open" in bridge.log.tail(10)


def test_a_reload_switches_it_on(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path))
    bridge.settings.update(SETTINGS)
    bridge.reload()
    with through_proxy(bridge, TEXT) as client:
        assert client.upgrade()[0] == 101
