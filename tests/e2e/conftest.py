"""Fixtures of the e2e stories: a real daemon on free ports, and producers that it hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.bridge import Bridge
from support.producer import Producer

MakeBridge = Callable[..., Bridge]


@pytest.fixture
def make_bridge(tmp_path: Path) -> Iterator[MakeBridge]:
    """Makes bridges that run: `make_bridge({"heartbeat.interval": "1s"}, tables='[[route]]...')`.

    Each one still running at the end is stopped, and must then exit with 0: so no test passes over
    a daemon that crashed, hung, or has something to say about its memory.
    """
    bridges: list[Bridge] = []

    def make(settings: dict[str, Any] | None = None, tables: str = "", *, start: bool = True, **options: Any) -> Bridge:
        bridge = Bridge(tmp_path / f"bridge-{len(bridges)}", settings, tables, **options)
        bridges.append(bridge)
        return bridge.start() if start else bridge

    yield make
    codes = []
    for bridge in bridges:
        bridge.close_clients()
        codes.append(bridge.stop() if bridge.running else 0)
        print(bridge.log.tail())  # pytest shows it when the test failed
    assert not any(codes), f"exit codes {codes}"


@pytest.fixture
def bridge(make_bridge: MakeBridge) -> Bridge:
    """A bridge on its defaults (but for ports and two lanes): open mode."""
    return make_bridge()


@pytest.fixture
def make_producer() -> Iterator[Callable[..., Producer]]:
    """Makes producers that a bridge hears already."""
    with ExitStack() as producers:

        def make(endpoint: str, **options: Any) -> Producer:
            return producers.enter_context(Producer(endpoint, **options)).wait_ready()

        yield make


@pytest.fixture
def producer(bridge: Bridge, make_producer: Callable[..., Producer]) -> Producer:
    """A producer that `bridge` hears."""
    return make_producer(bridge.endpoint)
