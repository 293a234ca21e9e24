"""The publisher and the real daemon: what a browser receives of it all."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from stand_in import publish_until_taken
from support.bridge import Bridge

from zwsbridge import AsyncPublisher, Publisher

EXAMPLES = Path(__file__).parent.parent / "examples"


def receive_until(client: Any, last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    messages = [client.receive()]
    while not last(messages[-1]):
        messages.append(client.receive())
    return messages


def test_every_verb_reaches_a_client(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("*")
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        assert publisher.send_import_progress("task-1", {"progress": 50.0})
        assert publisher.send_wallet_update("0xabc", {"score": 85})
        assert publisher.send_notification({"title": "x", "level": "info"})
        assert publisher.send_system_status({"cpu": 45.2})
        assert publisher.broadcast({"type": "maintenance"})
        assert publisher.publish("custom_topic", {"data": "custom"})
        assert publisher.publish("camera/1", b"\xff\xd8")
        messages = [client.receive() for _ in range(7)]
        assert [message["@id"] for message in messages] == [f"{publisher.src}:1"] * 7
    progress, wallet, notification, status, broadcast, custom, camera = messages
    assert (progress["type"], progress["topic"], progress["data"]["progress"]) == (
        "import_progress",
        "import:task-1",
        50.0,
    )
    assert (wallet["topic"], wallet["wallet_address"], wallet["data"]) == ("wallet_updates", "0xabc", {"score": 85})
    assert (notification["topic"], notification["data"]["title"]) == ("notifications", "x")
    assert (status["topic"], status["data"]) == ("system_status", {"cpu": 45.2})
    assert broadcast["type"] == "maintenance"
    assert (custom["type"], custom["topic"], custom["data"]) == ("message", "custom_topic", {"data": "custom"})
    assert (camera["data"], camera["encoding"]) == ("/9g=", "base64")


def test_without_headers_the_bridge_numbers(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("t")
    with Publisher(daemon.endpoint, headers=False) as publisher:
        assert publisher.wait_ready(10)
        assert publisher.publish("t", {"type": "x"})
    assert client.receive()["@id"].endswith(":1")


def test_async_publisher_reaches_a_client(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("import:*")

    async def work() -> None:
        async with AsyncPublisher(daemon.endpoint) as publisher:
            assert await publisher.wait_ready(10)
            assert await publisher.send_import_progress("task-1", {"progress": 50.0})

    asyncio.run(work())
    assert client.receive()["task_id"] == "task-1"


def test_what_the_full_queue_drops_is_told_as_a_gap(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("t")
    with Publisher(daemon.endpoint, queue_size=100, linger=10, repair=None) as publisher:
        assert publisher.wait_ready(10)
        assert publisher.publish("t", {"type": "x"})
        assert client.receive()["type"] == "x"
        daemon.signal(signal.SIGSTOP)
        published, taken = 1, True
        while taken:  # ends when ZeroMQ's and the kernel's buffers on both sides are full
            taken = publisher.publish("t", b"x" * 20_000)
            published += 1
        daemon.signal(signal.SIGCONT)
        # Read meanwhile: the client's own queue at the bridge must not lose anything.
        received, missed = 1, 0
        published += publish_until_taken(publisher, "t", b'{"type":"last"}')
        for message in receive_until(client, lambda message: message["type"] == "last"):
            if message["type"] == "gap":
                missed += message["missed"]
                assert message["src"] == publisher.src
            else:
                received += 1
        assert received + missed == published
        assert missed >= publisher.dropped > 0


def test_publisher_survives_restarts_of_the_bridge(daemon: Bridge) -> None:
    with Publisher(daemon.endpoint, linger=10) as publisher:
        assert publisher.wait_ready(10)
        for end in (daemon.stop, daemon.kill):
            end()
            for _ in range(100):
                assert publisher.publish("away", {"type": "away"})
            daemon.start()
            client = daemon.connect()
            client.subscribe("t")
            assert publisher.publish("t", {"type": "back"})
            message = client.receive()
            assert (message["type"], message["@id"].split(":")[0]) == ("back", publisher.src)
        assert publisher.dropped == 0


def test_forked_children_are_sources_that_the_bridge_can_tell_apart(daemon: Bridge) -> None:
    client = daemon.connect()
    client.subscribe("t")
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        assert publisher.publish("t", {"type": "x"})
        for _ in range(3):
            child = os.fork()
            if child == 0:
                taken = False
                try:
                    taken = publisher.wait_ready(10) and publisher.publish("t", {"type": "x"})
                    publisher.close()
                finally:
                    os._exit(0 if taken else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert publisher.publish("t", {"type": "last"})
        sources = set()
        messages = [client.receive() for _ in range(5)]
        for message in messages:
            assert message["type"] in ("x", "last")
            sources.add(message["@id"].split(":")[0])
    assert len(sources) == 4
    assert client.receive_all() == []  # no gap was told


def test_publisher_that_binds(start_daemon: Callable[..., Bridge], tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/events"
    with Publisher(endpoint, bind=True) as publisher:
        daemon = start_daemon({"ingest.bind": [], "ingest.connect": [endpoint]})
        client = daemon.connect()
        client.subscribe("t")
        assert publisher.wait_ready(10)
        assert publisher.publish("t", {"type": "x"})
        assert client.receive()["type"] == "x"


@pytest.mark.parametrize(
    ("name", "topic", "kind"),
    [
        ("import_job.py", "import:task-123", "import_progress"),
        ("wallets.py", "wallet_updates", "wallet_update"),
        ("system_status.py", "system_status", "system_status"),
    ],
)
def test_demo_producer_reaches_a_client(daemon: Bridge, name: str, topic: str, kind: str) -> None:
    client = daemon.connect()
    client.subscribe(topic)
    process = subprocess.Popen([sys.executable, str(EXAMPLES / name), "--endpoint", daemon.endpoint])
    try:
        message = client.receive()
        assert (message["type"], message["topic"]) == (kind, topic)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
