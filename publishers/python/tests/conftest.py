"""Fixtures: a stand-in for the bridge, the real daemon, and publishers that are closed whatever a test does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from stand_in import StandIn
from support.bridge import Bridge

from zwsbridge import Publisher

# So that the programs that tests start take the same zwsbridge as the tests.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")


@pytest.fixture
def start_bridge() -> Iterator[Callable[..., StandIn]]:
    """Starts stand-ins for bridges; takes the arguments of StandIn."""
    started: list[StandIn] = []

    def start(*args: Any, **options: Any) -> StandIn:
        started.append(StandIn(*args, **options))
        return started[-1]

    yield start
    for bridge in started:
        bridge.stop()


@pytest.fixture
def bridge(start_bridge: Callable[..., StandIn]) -> StandIn:
    return start_bridge()


@pytest.fixture
def connect() -> Iterator[Callable[..., Publisher]]:
    """A publisher to a stand-in, ready; takes Publisher's options."""
    publishers: list[Publisher] = []

    def connect_to(*bridges: StandIn, **options: Any) -> Publisher:
        publisher = Publisher([bridge.endpoint for bridge in bridges], **options)
        publishers.append(publisher)
        assert publisher.wait_ready(10)
        return publisher

    yield connect_to
    for publisher in publishers:
        publisher.close(linger=0)


@pytest.fixture
def publisher(bridge: StandIn, connect: Callable[..., Publisher]) -> Publisher:
    return connect(bridge)


@pytest.fixture
def start_daemon(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Starts daemons with these settings; each must be able to stop by itself at the end."""
    daemons: list[Bridge] = []

    def start(settings: dict[str, Any] | None = None) -> Bridge:
        daemons.append(Bridge(tmp_path / f"bridge-{len(daemons)}", settings).start())
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.close_clients()
        assert daemon.stop() == 0, daemon.log.tail()


@pytest.fixture
def daemon(start_daemon: Callable[..., Bridge]) -> Bridge:
    return start_daemon()
