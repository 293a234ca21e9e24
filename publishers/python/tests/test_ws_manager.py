"""The calls of the original system, word for word but for the import."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator

import pytest
from stand_in import StandIn

from zwsbridge import ws_manager


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    asyncio.run(ws_manager.close())
    ws_manager.configure()


async def the_original() -> None:
    await ws_manager.send_import_progress(
        task_id="task-123", progress={"status": "processing", "progress": 50.0, "processed": 500, "total": 1000}
    )
    await ws_manager.send_wallet_update(wallet_address="0x...", data={"score": 85, "pnl": 12500.50})
    await ws_manager.send_notification({"title": "系统通知", "content": "数据更新完成", "level": "success"})
    await ws_manager.send_notification(
        notification={"title": "个人通知", "content": "您的任务已完成"}, target_users=["admin", "user123"]
    )
    await ws_manager.publish(topic="custom_topic", message={"data": "custom data"})
    await ws_manager.send_system_status({"cpu": 45.2, "memory": 60.5, "active_wallets": 150})
    await ws_manager.broadcast({"type": "maintenance"})


TOPICS = [
    "import:task-123",
    "wallet_updates",
    "notifications",
    "@user/admin",
    "@user/user123",
    "custom_topic",
    "system_status",
    "@all",
]


def test_the_original_calls_arrive_the_first_one_too(bridge: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZWS_ENDPOINT", bridge.endpoint)
    asyncio.run(the_original())
    events = [bridge.receive() for _ in TOPICS]
    assert [event.topic for event in events] == TOPICS
    assert [event.header["seq"] for event in events] == [1] * len(TOPICS)


def test_configure_goes_before_the_environment(bridge: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZWS_ENDPOINT", "tcp://127.0.0.1:1")
    ws_manager.configure(bridge.endpoint, headers=False)
    asyncio.run(the_original())
    assert bridge.receive().header == {}
    with pytest.raises(RuntimeError, match="before the first event"):
        ws_manager.configure(bridge.endpoint)


def test_many_tasks_may_make_the_first_call(bridge: StandIn) -> None:
    ws_manager.configure(bridge.endpoint)

    async def work() -> list[bool]:
        return await asyncio.gather(*(ws_manager.publish("t", {"n": n}) for n in range(50)))

    assert asyncio.run(work()) == [True] * 50
    events = [bridge.receive() for _ in range(50)]
    assert len({event.header["src"] for event in events}) == 1
    assert [event.header["seq"] for event in events] == list(range(1, 51))


def test_without_a_bridge_the_calls_return_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ws_manager, "_FIRST_WAIT", 0.05)
    ws_manager.configure("tcp://127.0.0.1:1", early_seconds=0)
    asyncio.run(the_original())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "no bridge has subscribed within 0.05 s at tcp://127.0.0.1:1" in caplog.messages


def test_forked_child_loses_nothing_either(bridge: StandIn) -> None:
    """As a server does that loads the application before it forks its workers."""
    ws_manager.configure(bridge.endpoint)
    assert asyncio.run(ws_manager.publish("t", {}))
    child = os.fork()
    if child == 0:
        taken = False
        try:
            taken = asyncio.run(ws_manager.publish("t", {}))
            asyncio.run(ws_manager.close())
        finally:
            os._exit(0 if taken else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    first, second = bridge.receive(), bridge.receive()
    assert (first.header["seq"], second.header["seq"]) == (1, 1)
    assert first.header["src"] != second.header["src"]
