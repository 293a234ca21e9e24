"""AsyncPublisher: the same verbs, and an event loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Coroutine
from typing import Any, Callable

import pytest
import zmq
from stand_in import StandIn

from zwsbridge import AsyncPublisher, Publisher

VERBS = [
    "publish",
    "send_import_progress",
    "send_wallet_update",
    "send_notification",
    "send_system_status",
    "broadcast",
]


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_are_those_of_publisher(verb: str) -> None:
    assert inspect.signature(getattr(AsyncPublisher, verb)) == inspect.signature(getattr(Publisher, verb))


def test_every_verb_arrives(bridge: StandIn) -> None:
    async def work() -> str:
        async with AsyncPublisher(bridge.endpoint) as publisher:
            assert await publisher.wait_ready(10) and publisher.ready
            assert await publisher.publish("custom_topic", {"data": "custom"}, key="k")
            assert await publisher.send_import_progress("task-1", {"progress": 50.0})
            assert await publisher.send_wallet_update("0x1", {"score": 85})
            assert await publisher.send_notification({"title": "x"}, target_users=["admin"])
            assert await publisher.send_system_status({"cpu": 1.0})
            assert await publisher.broadcast({"type": "x"})
            assert publisher.dropped == 0
            return publisher.src

    src = run(work)
    events = [bridge.receive() for _ in range(6)]
    assert [event.topic for event in events] == [
        "custom_topic",
        "import:task-1",
        "wallet_updates",
        "@user/admin",
        "system_status",
        "@all",
    ]
    assert {event.header["src"] for event in events} == {src}


def test_made_outside_of_a_loop_and_used_by_several(bridge: StandIn) -> None:
    publisher = AsyncPublisher(bridge.endpoint)

    async def work() -> None:
        assert await publisher.wait_ready(10)
        assert await publisher.publish("t", {})

    run(work)
    run(work)
    run(publisher.close)
    assert [bridge.receive().header["seq"] for _ in range(2)] == [1, 2]


def test_loop_goes_on_while_it_waits_for_a_bridge(start_bridge: Callable[..., StandIn]) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()

    async def work() -> None:
        async with AsyncPublisher(endpoint) as publisher:
            waiting = asyncio.ensure_future(publisher.wait_ready())
            # Only a loop that goes on can start what the other task waits for.
            await asyncio.get_running_loop().run_in_executor(None, lambda: start_bridge(bind=endpoint))
            assert await waiting

    run(work)


def test_loop_goes_on_while_events_leave(start_bridge: Callable[..., StandIn]) -> None:
    bridge = start_bridge(options={zmq.RCVHWM: 1, zmq.RCVBUF: 4096})

    async def work() -> None:
        publisher = AsyncPublisher(bridge.endpoint, linger=30, queue_size=20)
        assert await publisher.wait_ready(10)
        bridge.stall()
        while await publisher.publish("t", b"x" * 20_000):
            pass
        closing = asyncio.ensure_future(publisher.close())
        await asyncio.get_running_loop().run_in_executor(None, bridge.resume)
        await closing
        assert publisher.closed

    run(work)
    assert bridge.receive().header["seq"] == 1


def test_no_bridge(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with AsyncPublisher("tcp://127.0.0.1:1", early_seconds=0) as publisher:
            assert not await publisher.wait_ready(0.05)
            assert not await publisher.publish("t", {})
            assert publisher.dropped == 1

    run(work)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_waiting_can_be_cancelled() -> None:
    async def work() -> None:
        async with AsyncPublisher("tcp://127.0.0.1:1") as publisher:
            waiting = asyncio.ensure_future(publisher.wait_ready())
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(work)
    assert threading.active_count() < 20


def test_mistakes_are_those_of_publisher(bridge: StandIn) -> None:
    async def work() -> None:
        async with AsyncPublisher(bridge.endpoint) as publisher:
            with pytest.raises(ValueError, match="contains"):
                await publisher.publish("import:*", {})
            with pytest.raises(TypeError):
                await publisher.publish("t", {1})
        with pytest.raises(RuntimeError, match="closed"):
            await publisher.publish("t", {})

    run(work)
