"""Mistakes are told in Python's terms, and cost nothing that came before or comes after."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from stand_in import StandIn

from zwsbridge import Publisher


@pytest.mark.parametrize(
    ("topic", "error", "says"),
    [
        (b"t", TypeError, "topic must be str, not bytes"),
        (None, TypeError, "topic must be str, not NoneType"),
        ([], TypeError, "unhashable"),
        ("", ValueError, "1 to 255 bytes"),
        ("x" * 256, ValueError, "not 256"),
        ("价" * 86, ValueError, "not 258"),
        ("import:*", ValueError, r"'import:\*' contains '\*'"),
        ("a\nb", ValueError, r"'a\\nb' contains a control character"),
        ("a\x7fb", ValueError, "control character"),
        ("\ud800", ValueError, "surrogates not allowed"),
        ("@other", ValueError, "'@other'"),
        ("@user/", ValueError, "'@user/'"),
        ("@user/" + "u" * 201, ValueError, "1 to 200 bytes"),
    ],
)
def test_topic_that_a_bridge_would_refuse(publisher: Publisher, topic: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        publisher.publish(topic, {})


@pytest.mark.parametrize("topic", ["x" * 255, "价" * 85, "a b", "@user/" + "u" * 200, "a@b"])
def test_topic_at_the_limit_passes(publisher: Publisher, bridge: StandIn, topic: str) -> None:
    assert publisher.publish(topic, {})
    assert bridge.receive().topic == topic


def circular() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def deep() -> list[Any]:
    inner: list[Any] = []
    for _ in range(200_000):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"set": {1}}, TypeError),
        ({(1, 2): 3}, TypeError),
        ({"nan": float("nan")}, ValueError),
        ({"infinite": float("inf")}, ValueError),
        (circular(), ValueError),
        (deep(), ValueError),
    ],
)
def test_message_that_is_not_json(publisher: Publisher, message: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        publisher.publish("t", message)


@pytest.mark.parametrize(
    ("key", "error"), [(5, TypeError), (b"k", TypeError), ("k" * 256, ValueError), ("\ud800", ValueError)]
)
def test_key_that_cannot_travel(publisher: Publisher, key: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        publisher.publish("t", {}, key=key)


def test_key_without_headers(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    with pytest.raises(ValueError, match="header"):
        connect(bridge, headers=False).publish("t", {}, key="k")


def test_target_users_as_one_string(publisher: Publisher) -> None:
    with pytest.raises(TypeError, match="list of users"):
        publisher.send_notification({"title": "x"}, target_users="admin")


@pytest.mark.parametrize(("bad", "error"), [(5, TypeError), ("", ValueError), ("a*", ValueError)])
def test_one_bad_user_among_good_ones_sends_to_none(
    publisher: Publisher, bridge: StandIn, bad: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        publisher.send_notification({"title": "x"}, target_users=["admin", bad])
    publisher.publish("next", {})
    assert bridge.receive().topic == "next"


def test_a_mistake_takes_no_number(publisher: Publisher, bridge: StandIn) -> None:
    publisher.publish("t", {})
    for topic, message in (("t", {1}), ("", {}), ("t", float("nan"))):
        with pytest.raises((TypeError, ValueError)):
            publisher.publish(topic, message)
    publisher.publish("t", {})
    assert [bridge.receive().header["seq"] for _ in range(2)] == [1, 2]
    assert publisher.dropped == 0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"endpoint": "nonsense"}, ValueError, "'nonsense' is not a ZeroMQ endpoint"),
        ({"endpoint": "http://x:1"}, ValueError, "'http://x:1' is not a ZeroMQ endpoint"),
        ({"endpoint": "tcp://127.0.0.1"}, ValueError, "is not a ZeroMQ endpoint"),
        ({"endpoint": []}, ValueError, "at least one endpoint"),
        ({"endpoint": [5]}, TypeError, "endpoint must be str, not int"),
        ({"endpoint": 5556}, TypeError, "endpoint must be str, not int"),
        ({"endpoint": 5}, TypeError, "int"),
        ({"queue_size": 0}, ValueError, "queue_size"),
        ({"queue_size": "many"}, TypeError, "int"),
        ({"max_topics": 0}, ValueError, "max_topics"),
        ({"early_seconds": -1}, ValueError, "early_seconds"),
        ({"max_event_bytes": 0}, ValueError, "max_event_bytes"),
        ({"default": str, "dumps": str}, ValueError, "default belongs to"),
        ({"linger": -1}, ValueError, "linger"),
        ({"linger": float("inf")}, ValueError, "linger"),
        ({"linger": float("nan")}, ValueError, "linger"),
        ({"curve_secret_key": "x" * 40}, ValueError, "needs curve_server_key"),
        ({"curve_server_key": "x" * 39}, ValueError, "curve_server_key must be 40 characters of Z85"),
        ({"curve_server_key": "x" * 41}, ValueError, "curve_server_key must be 40 characters of Z85"),
        ({"curve_server_key": '"' * 40}, ValueError, "curve_server_key must be 40 characters of Z85"),
        ({"curve_server_key": 5}, TypeError, "curve_server_key must be str or bytes"),
    ],
)
def test_option_that_makes_no_sense(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Publisher(**{"endpoint": "tcp://127.0.0.1:1", **options})


def test_address_that_is_taken(bridge: StandIn) -> None:
    with pytest.raises(OSError, match=f"in use: {bridge.endpoint}"):
        Publisher(bridge.endpoint, bind=True)


def test_closed_publisher_refuses(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge)
    publisher.close()
    publisher.close()
    assert publisher.closed
    for use in (lambda: publisher.publish("t", {}), lambda: publisher.ready, lambda: publisher.wait_ready(0)):
        with pytest.raises(RuntimeError, match="closed"):
            use()
