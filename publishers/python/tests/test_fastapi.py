"""A FastAPI application under uvicorn that publishes while it serves requests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in import PATIENCE, StandIn
from test_docs import APPLICATION, DEFAULT_ENDPOINT, PUBLISHING, blocks

FULL = textwrap.dedent("""
    from contextlib import asynccontextmanager

    from fastapi import FastAPI
    from zwsbridge import AsyncPublisher, Publisher, ws_manager

    publisher = AsyncPublisher("tcp://127.0.0.1:5556")
    ws_manager.configure("tcp://127.0.0.1:5556")


    @asynccontextmanager
    async def lifespan(app):
        await publisher.wait_ready(10)
        yield
        await publisher.send_notification({"title": "The application stops", "level": "warning"})
        await publisher.close()
        await ws_manager.close()


    app = FastAPI(lifespan=lifespan)


    @app.post("/imports/{task_id}/progress")
    async def progress(task_id: str, progress: dict):
        return {"sent": await publisher.send_import_progress(task_id, progress)}


    @app.post("/notify")
    async def notify(notification: dict):
        return {"sent": await ws_manager.send_notification(notification, target_users=["admin"])}


    with_threads = Publisher("tcp://127.0.0.1:5556")


    @app.post("/wallets/{address}")
    def wallet(address: str, data: dict):  # FastAPI runs this in its thread pool
        with_threads.wait_ready(10)
        return {"sent": with_threads.send_wallet_update(address, data)}
""")
SHOWN = blocks(PUBLISHING, "python")[APPLICATION[1]][0]


@pytest.fixture
def application(
    bridge: StandIn, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and address of the application whose source is the parameter."""
    (tmp_path / "application.py").write_text(request.param.replace(DEFAULT_ENDPOINT, bridge.endpoint))
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "application:app", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    log = []
    for line in process.stderr:
        log.append(line)
        if match := re.search(r"running on (http://\S+)", line):
            yield process, match[1]
            break
    else:
        pytest.fail("".join(log))
    process.kill()
    process.communicate()


def post(url: str, body: object) -> object:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


@pytest.mark.parametrize("application", [SHOWN], indirect=True, ids=["docs"])
def test_application_of_the_docs(application: tuple[subprocess.Popen[str], str], bridge: StandIn) -> None:
    process, url = application
    assert post(f"{url}/imports/task-1/progress", {"progress": 50.0}) == {"sent": True}
    assert bridge.receive().topic == "import:task-1"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("application", [FULL], indirect=True, ids=["full"])
def test_fastapi_publishes(application: tuple[subprocess.Popen[str], str], bridge: StandIn) -> None:
    process, url = application
    assert post(f"{url}/imports/task-1/progress", {"progress": 50.0}) == {"sent": True}
    assert post(f"{url}/notify", {"title": "Saved"}) == {"sent": True}
    assert post(f"{url}/wallets/0xabc", {"score": 85}) == {"sent": True}
    events = {event.topic: event.message["data"] for event in (bridge.receive() for _ in range(3))}
    assert events == {
        "import:task-1": {"progress": 50.0},
        "@user/admin": {"title": "Saved"},
        "wallet_updates": {"score": 85},
    }
    process.send_signal(signal.SIGINT)
    assert bridge.receive().message["data"]["title"] == "The application stops"
    assert process.wait(PATIENCE) == 0
