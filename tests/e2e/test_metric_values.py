"""What each number of /metrics is after exactly one of what it counts: label by label."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from support.raw_socket import RawSocket
from support.tokens import Issuer, bearer

GOOD = b'{"type":"x"}'
REJECTED = {
    "no_payload": (b"no-space",),
    "topic_empty": (b"", GOOD),
    "topic_too_long": (b"x" * 256, GOOD),
    "topic_not_utf8": (b"\xff", GOOD),
    "topic_control": (b"a\nb", GOOD),
    "topic_wildcard": (b"a*", GOOD),
    "topic_reserved": (b"@everyone", GOOD),
    "too_big": (b"a", b"x" * 5000),
    "duplicate": (b"numbered", GOOD, b'{"src":"s","seq":1}'),
    "commands_off": (b"@all", GOOD),
}
HANDSHAKES = ["accepted", "bad_request", "not_found", "forbidden_host", "forbidden_origin", "full"]


def counts(bridge, metric, label, names):
    return {name: bridge.metric(metric, **{label: name}) for name in names}


def test_each_rejected_event_is_counted_under_its_reason(make_bridge, make_producer):
    bridge = make_bridge({"limits.event_bytes": 4096, "ingest.commands": False})
    producer = make_producer(bridge.endpoint)
    producer.send_frames(b"numbered", GOOD, b'{"src":"s","seq":1}')
    bridge.wait_metric("zws_events_received_total", 1)
    seen = dict.fromkeys(REJECTED, 0.0)
    for count, (reason, frames) in enumerate(REJECTED.items(), 2):
        producer.send_frames(*frames)
        bridge.wait_metric("zws_events_received_total", count)
        seen[reason] += 1
        assert counts(bridge, "zws_ingest_rejected_total", "reason", REJECTED) == seen


def upgrade_status(bridge, path="/api/ws", **headers):
    with RawSocket(bridge.port) as client:
        return client.upgrade(path, **headers)[0]


def test_each_handshake_is_counted_under_its_result(make_bridge):
    bridge = make_bridge({"limits.connections": 1})

    def nothing_but(**expected):
        assert counts(bridge, "zws_handshakes_total", "result", HANDSHAKES) == {
            **dict.fromkeys(HANDSHAKES, 0.0),
            **expected,
        }

    assert upgrade_status(bridge, sec_websocket_version="12") == 426
    nothing_but(bad_request=1)
    assert upgrade_status(bridge, "/elsewhere") == 404
    nothing_but(bad_request=1, not_found=1)
    assert upgrade_status(bridge, host="bridge.example") == 403
    nothing_but(bad_request=1, not_found=1, forbidden_host=1)
    assert upgrade_status(bridge, origin="https://elsewhere.example") == 403
    nothing_but(bad_request=1, not_found=1, forbidden_host=1, forbidden_origin=1)
    bridge.connect()
    nothing_but(bad_request=1, not_found=1, forbidden_host=1, forbidden_origin=1, accepted=1)
    with pytest.raises(InvalidStatus):
        bridge.connect()
    nothing_but(bad_request=1, not_found=1, forbidden_host=1, forbidden_origin=1, accepted=1, full=1)


def test_one_who_is_refused_takes_nobodys_place(make_bridge, issuer, tmp_path):
    """Two refusals in a row from an address at its bound, and the bound still holds."""
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_ip": 1})
    bridge.connect()
    for refused in (1, 2, 3):
        assert bridge.connect(greeted=False).wait_closed()[0] == 1013
        assert bridge.metric("zws_handshakes_total", result="full_for_address") == refused
    assert bridge.metric("zws_handshakes_total", result="accepted") == 1
    bridge.wait_metric("zws_connections", 1)


def test_a_producer_that_leaves_is_counted(make_bridge, make_producer):
    bridge = make_bridge()
    producer = make_producer(bridge.endpoint)
    make_producer(bridge.endpoint)
    bridge.wait_metric("zws_producers", 2)
    assert bridge.metric("zws_producers_lost_total") == 0
    producer.close()
    bridge.wait_metric("zws_producers", 1)
    bridge.wait_metric("zws_producers_lost_total", 1)
    assert bridge.metric("zws_producers_connected_total") == 2


def test_latencies_are_counted_once_an_event_and_lane_and_summed(make_bridge, make_producer):
    bridge = make_bridge({"server.threads": 1})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a")
    for _ in range(5):
        producer.send("a", {"type": "x"})
        client.receive()
    assert bridge.metric("zws_event_latency_seconds_count") == 5
    assert bridge.metric("zws_event_latency_seconds_bucket", le="+Inf") == 5
    assert 0 < bridge.metric("zws_event_latency_seconds_sum") < 5 * 30


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_of_authorization_has_no_case(guarded, issuer, scheme):
    token = bearer(issuer.token("ada"))["Authorization"].removeprefix("Bearer ")
    assert guarded.connect(headers={"Authorization": f"{scheme} {token}"}).hello["user"] == "ada"


def test_tokens_cannot_be_guessed_over_an_open_connection(make_bridge, issuer, tmp_path):
    """`limits.errors_per_minute` ends a session that guesses; what it guessed counts against its address."""
    limits = {"limits.failed_tokens_per_minute": 5, "limits.errors_per_minute": 8}
    bridge = make_bridge({**issuer.settings(tmp_path), **limits})
    client = bridge.connect()
    guess = {"type": "auth", "token": Issuer().token("mallory")}
    assert [client.ask(guess)["code"] for _ in range(8)] == ["invalid_token"] * 8
    client.send(guess)
    assert client.wait_closed()[0] == 4400
    assert bridge.get("/api/ws/stats", bearer(guess["token"])).status == 429
