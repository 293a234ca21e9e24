"""Encrypted and authenticated: the bridge is the CURVE server, whoever binds."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import zmq
from stand_in import StandIn

from zwsbridge import Publisher


@pytest.fixture(scope="module")
def bridge_keys() -> tuple[bytes, bytes]:
    return zmq.curve_keypair()


def server(keys: tuple[bytes, bytes]) -> dict[int, Any]:
    return {zmq.CURVE_SERVER: 1, zmq.CURVE_SECRETKEY: keys[1]}


def test_bridge_that_lets_every_key_in(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher], bridge_keys: tuple[bytes, bytes]
) -> None:
    bridge = start_bridge(options=server(bridge_keys))
    publisher = connect(bridge, curve_server_key=bridge_keys[0].decode())
    assert publisher.publish("t", {"n": 1})
    assert bridge.receive().message == {"n": 1}


def test_publisher_with_a_key_of_its_own(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher], bridge_keys: tuple[bytes, bytes]
) -> None:
    bridge = start_bridge(options=server(bridge_keys))
    publisher = connect(bridge, curve_server_key=bridge_keys[0], curve_secret_key=zmq.curve_keypair()[1])
    assert publisher.publish("t", {})
    assert bridge.receive().topic == "t"


def test_publisher_that_binds_is_still_the_client(
    start_bridge: Callable[..., StandIn], bridge_keys: tuple[bytes, bytes]
) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()
    with Publisher(endpoint, bind=True, curve_server_key=bridge_keys[0]) as publisher:
        bridge = start_bridge(connect=endpoint, options=server(bridge_keys))
        assert publisher.wait_ready(10)
        assert publisher.publish("t", {})
        assert bridge.receive().topic == "t"


@pytest.mark.parametrize("mistake", ["key of another bridge", "no key"])
def test_wrong_key_is_one_clear_line(
    start_bridge: Callable[..., StandIn],
    bridge_keys: tuple[bytes, bytes],
    caplog: pytest.LogCaptureFixture,
    mistake: str,
) -> None:
    bridge = start_bridge(options=server(bridge_keys))
    options = {"curve_server_key": zmq.curve_keypair()[0]} if mistake == "key of another bridge" else {}
    with Publisher(bridge.endpoint, early_seconds=0, **options) as publisher:
        assert not publisher.wait_ready(0.3)
        assert not publisher.publish("t", {})
    where = bridge.endpoint
    if options:
        where += " (with CURVE: is curve_server_key the bridge's, and does it allow this key?)"
    assert caplog.messages == [
        f"no bridge has subscribed within 0.3 s at {where}",
        f"1 event(s) dropped: no bridge has subscribed yet at {where}",
    ]


def test_secret_is_never_shown(bridge_keys: tuple[bytes, bytes]) -> None:
    secret = bridge_keys[1].decode()
    with pytest.raises(ValueError) as caught:
        Publisher("tcp://127.0.0.1:1", curve_server_key=bridge_keys[0], curve_secret_key=secret + "x")
    assert secret not in str(caught.value)
    with Publisher("tcp://127.0.0.1:1", curve_server_key=bridge_keys[0], curve_secret_key=secret) as publisher:
        assert secret not in repr(publisher)
