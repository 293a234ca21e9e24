"""What programs have at hand goes out as JSON: times, numbers that must stay exact, models, broken text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Callable
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel
from stand_in import StandIn

from zwsbridge import Publisher, json_default


@dataclass
class Point:
    x: int
    at: datetime


class Model(BaseModel):
    amount: Decimal
    at: datetime


class Color(Enum):
    RED = "red"


NOON = datetime(2025, 11, 22, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (NOON, "2025-11-22T12:00:00+00:00"),
        (date(2025, 11, 22), "2025-11-22"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("0.1000000000000000000000001"), "0.1000000000000000000000001"),
        (Color.RED, "red"),
        (Point(1, NOON), {"x": 1, "at": "2025-11-22T12:00:00+00:00"}),
        (Model(amount=Decimal("1.10"), at=NOON), {"amount": "1.10", "at": "2025-11-22T12:00:00Z"}),
        ("half \ud83d of an emoji", "half \ufffd of an emoji"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_value_goes_out(publisher: Publisher, bridge: StandIn, value: Any, arrives: Any) -> None:
    assert publisher.publish("t", {"value": value})
    assert bridge.receive().message == {"value": arrives}


def test_own_default_comes_in_the_place_of_the_standard_one(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    def default(value: Any) -> Any:
        return sorted(value) if isinstance(value, set) else json_default(value)

    assert connect(bridge, default=default).publish("t", [{2, 1}, UUID(int=1)])
    assert bridge.receive().message == [[1, 2], "00000000-0000-0000-0000-000000000001"]


def test_orjson_takes_the_place_of_the_standard_library(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, dumps=orjson.dumps)
    message = {"at": datetime(2025, 11, 22, 10, tzinfo=timezone.utc), "name": "价格", "n": [1, 2.5, None, True]}
    assert publisher.publish("t", message)
    assert bridge.receive().message == {**message, "at": "2025-11-22T10:00:00+00:00"}
    assert publisher.publish("t", {"nan": float("nan")}) and bridge.receive().message == {"nan": None}
    for refused in ("\ud800", 2**64):
        with pytest.raises(TypeError):
            publisher.publish("t", refused)


def test_type_itself_is_no_value(publisher: Publisher) -> None:
    for kind in (Point, Model):
        with pytest.raises(TypeError, match="give Publisher a default="):
            publisher.publish("t", kind)


def test_event_over_the_limit_is_told_to_who_sent_it(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, max_event_bytes=10)
    with pytest.raises(ValueError, match=r"10 bytes \(max_event_bytes\), not 11"):
        publisher.publish("t", b"x" * 11)
    with pytest.raises(ValueError, match="not 12"):
        publisher.publish("t", "x" * 10)
    assert publisher.publish("t", b"x" * 10)
    assert bridge.receive().header["seq"] == 1


def test_limit_is_a_mebibyte(publisher: Publisher) -> None:
    with pytest.raises(ValueError, match="1048576 bytes"):
        publisher.publish("t", bytes(1024 * 1024 + 1))
