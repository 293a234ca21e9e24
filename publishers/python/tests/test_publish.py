"""What one event looks like on the wire."""

from __future__ import annotations

import json
import re
import time
from typing import Any, Callable

import pytest
from stand_in import StandIn

from zwsbridge import Publisher

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def without_timestamp(message: dict[str, Any]) -> dict[str, Any]:
    assert RFC_3339_UTC.fullmatch(message["timestamp"])
    return {name: value for name, value in message.items() if name != "timestamp"}


def test_message_travels_as_compact_json(publisher: Publisher, bridge: StandIn) -> None:
    assert publisher.publish("custom_topic", {"data": "价格", "n": [1, 2.5, None, True]})
    event = bridge.receive()
    assert event.topic == "custom_topic"
    assert event.payload == '{"data":"价格","n":[1,2.5,null,true]}'.encode()


@pytest.mark.parametrize("payload", [b"\x00\xff", bytearray(b"ab"), memoryview(b"ab"), b""])
def test_bytes_travel_as_they_are(publisher: Publisher, bridge: StandIn, payload: Any) -> None:
    assert publisher.publish("t", payload)
    assert bridge.receive().payload == bytes(payload)


@pytest.mark.parametrize("message", ["text", 5, None, ["a"], True])
def test_any_json_is_a_message(publisher: Publisher, bridge: StandIn, message: Any) -> None:
    assert publisher.publish("t", message)
    assert bridge.receive().message == message


def test_own_dumps_takes_the_place_of_json(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, dumps=lambda message: json.dumps(message, default=str).encode())
    publisher.publish("t", {"path": complex(1, 2)})
    assert bridge.receive().message == {"path": "(1+2j)"}


def test_header_counts_each_topic_from_one(publisher: Publisher, bridge: StandIn) -> None:
    before = time.time_ns()
    for topic in ("a", "b", "a"):
        publisher.publish(topic, {})
    events = [bridge.receive() for _ in range(3)]
    assert [(event.topic, event.header["seq"]) for event in events] == [("a", 1), ("b", 1), ("a", 2)]
    assert {event.header["src"] for event in events} == {publisher.src}
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", publisher.src)
    assert [set(event.header) for event in events] == [{"src", "seq", "ts"}] * 3
    times = [event.header["ts"] for event in events]
    assert before <= times[0] <= times[1] <= times[2] <= time.time_ns()


def test_each_publisher_is_a_source_of_its_own(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    assert connect(bridge).src != connect(bridge).src


def test_key_travels_in_the_header(publisher: Publisher, bridge: StandIn) -> None:
    key = '价"\\\n'
    publisher.publish("t", {}, key=key)
    assert bridge.receive().header["key"] == key


def test_without_headers_there_are_two_frames(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, headers=False)
    assert publisher.publish("t", {}) and publisher.send_wallet_update("0x1", {})
    assert [bridge.receive().header, bridge.receive().header] == [{}, {}]


def test_more_topics_than_counted_begin_anew_under_a_new_src(
    bridge: StandIn, connect: Callable[..., Publisher]
) -> None:
    publisher = connect(bridge, max_topics=2)
    for topic in ("a", "a", "b", "c", "a"):
        publisher.publish(topic, {})
    headers = [bridge.receive().header for _ in range(5)]
    assert [header["seq"] for header in headers] == [1, 2, 1, 1, 1]
    first, second = headers[0]["src"], headers[3]["src"]
    assert [header["src"] for header in headers] == [first] * 3 + [second] * 2
    assert first != second == publisher.src


def test_import_progress(publisher: Publisher, bridge: StandIn) -> None:
    progress = {"status": "processing", "progress": 50.0, "processed": 500, "total": 1000}
    publisher.send_import_progress(task_id="task-123", progress=progress)
    event = bridge.receive()
    assert event.topic == "import:task-123"
    assert without_timestamp(event.message) == {
        "type": "import_progress",
        "task_id": "task-123",
        "topic": "import:task-123",
        "data": progress,
    }


def test_wallet_update_is_keyed_by_its_wallet(publisher: Publisher, bridge: StandIn) -> None:
    data = {"score": 85, "pnl": 12500.50}
    publisher.send_wallet_update(wallet_address="0xabc", data=data)
    event = bridge.receive()
    assert (event.topic, event.header["key"]) == ("wallet_updates", "0xabc")
    assert without_timestamp(event.message) == {"type": "wallet_update", "wallet_address": "0xabc", "data": data}


def test_notification_to_all(publisher: Publisher, bridge: StandIn) -> None:
    notification = {"title": "系统通知", "content": "数据更新完成", "level": "success"}
    publisher.send_notification(notification)
    event = bridge.receive()
    assert event.topic == "notifications"
    assert without_timestamp(event.message) == {"type": "notification", "data": notification}


def test_notification_to_users_reaches_each_once(publisher: Publisher, bridge: StandIn) -> None:
    notification = {"title": "个人通知", "content": "您的任务已完成"}
    publisher.send_notification(notification=notification, target_users=["admin", "user123", "admin"])
    publisher.publish("last", {})
    events = bridge.receive_until(lambda event: event.topic == "last")
    assert [event.topic for event in events] == ["@user/admin", "@user/user123", "last"]
    assert events[0].payload == events[1].payload
    assert without_timestamp(events[0].message) == {"type": "notification", "data": notification}


def test_notification_to_an_empty_list_reaches_nobody(publisher: Publisher, bridge: StandIn) -> None:
    assert publisher.send_notification({"title": "x"}, target_users=[])
    publisher.publish("next", {})
    assert bridge.receive().topic == "next"


def test_system_status(publisher: Publisher, bridge: StandIn) -> None:
    data = {"cpu": 45.2, "memory": 60.5, "active_wallets": 150}
    publisher.send_system_status(data)
    event = bridge.receive()
    assert event.topic == "system_status"
    assert without_timestamp(event.message) == {"type": "system_status", "data": data}


def test_broadcast_goes_to_everyone(publisher: Publisher, bridge: StandIn) -> None:
    publisher.broadcast({"type": "maintenance"})
    event = bridge.receive()
    assert (event.topic, event.message) == ("@all", {"type": "maintenance"})


def test_every_bridge_hears_the_same_event(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    bridges = [start_bridge(), start_bridge()]
    assert connect(*bridges).publish("t", {"n": 1})
    assert bridges[0].receive() == bridges[1].receive()


def test_closed_is_closed_whatever_follows(publisher: Publisher) -> None:
    publisher.close()
    assert publisher.flush()
    assert publisher.closed
    with pytest.raises(RuntimeError, match="closed"):
        publisher.publish("t", {})
