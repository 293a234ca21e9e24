"""Each way in which the opening of a connection can end is counted under its own name, and under no other."""

import re

import pytest

from support.certificate import Certificate
from support.raw_socket import RawSocket
from support.tokens import Issuer

KEY = {"auth.hs256_secret": "0123456789abcdef0123456789abcdef"}


def results(bridge):
    """What zws_handshakes_total says, without the zeros."""
    found = re.findall(r'^zws_handshakes_total\{result="(\w+)"\} (\S+)$', bridge.get("/metrics").text, re.MULTILINE)
    return {result: float(value) for result, value in found if float(value)}


def upgrade(bridge, status, path="/api/ws", **changed):
    with bridge.raw() as client:
        assert client.upgrade(path, **changed)[0] == status
        if status == 101:
            client.frame()


def nothing_comes(bridge):
    with bridge.raw() as client:
        client.send(b"GET /api/ws HTTP/1.1\r\n")
        assert client.answer()[0] == 408


def no_head(bridge):
    with bridge.raw() as client:
        client.send(b"rubbish\r\n\r\n")
        assert client.answer()[0] == 400


def one_more_than_fits(bridge):
    with bridge.raw() as first:
        assert first.upgrade()[0] == 101
        first.frame()
        upgrade(bridge, 503)


def one_more_from_here(bridge):
    with bridge.raw() as first, bridge.raw() as second:
        for client in (first, second):
            assert client.upgrade()[0] == 101
        first.frame()
        assert second.close_code() == 1013


def guesses(bridge):
    with bridge.raw() as first:
        assert first.upgrade(f"/api/ws?token={Issuer().token()}")[0] == 101
        assert first.close_code() == 4401
    upgrade(bridge, 429, f"/api/ws?token={Issuer().token()}")


CASES = {
    "accepted": ({}, lambda bridge: upgrade(bridge, 101), {"accepted": 1}),
    "bad_request": ({}, no_head, {"bad_request": 1}),
    "bad_key": ({}, lambda bridge: upgrade(bridge, 400, sec_websocket_key="x"), {"bad_request": 1}),
    "bad_version": ({}, lambda bridge: upgrade(bridge, 426, sec_websocket_version="12"), {"bad_request": 1}),
    "not_found": ({}, lambda bridge: upgrade(bridge, 404, "/elsewhere"), {"not_found": 1}),
    "forbidden_host": ({}, lambda bridge: upgrade(bridge, 403, host="evil.example"), {"forbidden_host": 1}),
    "forbidden_origin": (
        {},
        lambda bridge: upgrade(bridge, 403, origin="https://evil.example"),
        {"forbidden_origin": 1},
    ),
    "full": ({"limits.connections": 1}, one_more_than_fits, {"accepted": 1, "full": 1}),
    "full_for_address": (
        {"limits.connections_per_ip": 1},
        one_more_from_here,
        {"accepted": 1, "full_for_address": 1},
    ),
    "too_many_failures": (
        {**KEY, "limits.failed_tokens_per_minute": 1},
        guesses,
        {"accepted": 1, "too_many_failures": 1},
    ),
    "timeout": ({"limits.handshake_timeout": "200ms"}, nothing_comes, {"timeout": 1}),
    "plain_http": ({}, lambda bridge: bridge.get("/healthz"), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_end_of_a_handshake_is_counted_as_what_it_is(make_bridge, case):
    settings, act, counted = CASES[case]
    bridge = make_bridge(settings)
    act(bridge)
    bridge.wait_until(lambda: results(bridge) == counted, f"{counted} is counted, not {results(bridge)}")


def test_a_tls_handshake_that_fails_is_counted_as_such(make_bridge, tmp_path):
    bridge = make_bridge(certificate=Certificate(tmp_path))
    with RawSocket(bridge.port) as plain:
        plain.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert plain.answer()[0] == 400
    bridge.wait_until(lambda: results(bridge) == {"tls_failed": 1}, "tls_failed is counted")
