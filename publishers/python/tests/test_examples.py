"""The demo producers: plain pyzmq, and messages of the same shapes as the library's."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from stand_in import PATIENCE, Event, StandIn
from test_publish import without_timestamp

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def start(bridge: StandIn) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []

    def start_example(name: str, *arguments: str, endpoint: str = bridge.endpoint) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(EXAMPLES / name), "--endpoint", endpoint, *arguments]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE))
        return processes[-1]

    yield start_example
    for process in processes:
        process.kill()
        process.communicate()


def test_import_job_moves_on_and_ends_with_a_notification(bridge: StandIn, start: Callable[..., object]) -> None:
    start("import_job.py", "--task-id", "task-9", "--rows", "300", "--rows-per-second", "2000", "--rest", "0")

    def ends(event: Event) -> bool:
        return event.topic == "notifications"

    bridge.receive_until(ends)  # the job begins again, so a whole one follows
    events = bridge.receive_until(ends)
    seen = []
    for event in events[:-1]:
        assert event.topic == "import:task-9" and event.header == {}
        message = without_timestamp(event.message)
        data = message.pop("data")
        assert message == {"type": "import_progress", "task_id": "task-9", "topic": "import:task-9"}
        assert set(data) == {"status", "total", "processed", "success", "failed", "progress", "eta"}
        assert data["processed"] == data["success"] + data["failed"] and data["total"] == 300
        assert data["progress"] == round(100 * data["processed"] / 300, 1) and data["eta"] >= 0
        assert data["status"] == ("completed" if data["processed"] == 300 else "processing")
        seen.append(data["processed"])
    assert seen == sorted(set(seen)) and (seen[0], seen[-1]) == (0, 300)
    assert events[-2].message["data"]["failed"] > 0
    notification = without_timestamp(events[-1].message)
    assert notification["type"] == "notification"
    assert set(notification["data"]) == {"title", "content", "level"}


def test_wallets_change(bridge: StandIn, start: Callable[..., object]) -> None:
    start("wallets.py", "--wallets", "3", "--rate", "500")
    addresses = set()
    for _ in range(50):
        event = bridge.receive()
        message = without_timestamp(event.message)
        assert event.topic == "wallet_updates" and message["type"] == "wallet_update"
        assert set(message) == {"type", "wallet_address", "data"} and set(message["data"]) == {"score", "pnl"}
        assert 0 <= message["data"]["score"] <= 100
        addresses.add(message["wallet_address"])
    assert len(addresses) == 3
    assert all(re.fullmatch("0x[0-9a-f]{40}", address) for address in addresses)


def test_system_status_is_this_machine(bridge: StandIn, start: Callable[..., object]) -> None:
    start("system_status.py", "--interval", "0.05", "--active-wallets", "7")
    message = without_timestamp(bridge.receive().message)
    assert message["type"] == "system_status"
    data = message["data"]
    assert set(data) == {"cpu", "memory", "active_wallets"}
    assert 0 <= data["cpu"] <= 100 and 0 < data["memory"] < 100 and data["active_wallets"] == 7


@pytest.mark.parametrize("name", ["import_job.py", "wallets.py", "system_status.py"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_cleanly(
    bridge: StandIn, start: Callable[..., subprocess.Popen[bytes]], name: str, number: int
) -> None:
    process = start(name)
    bridge.receive()
    bridge.stop()
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, b"")
