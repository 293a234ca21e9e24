"""Fixtures of the e2e stories: a real daemon on free ports, and producers that it hears."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.administrator import Administrator
from support.bridge import Bridge
from support.certificate import Certificate
from support.producer import Producer
from support.tokens import Issuer, bearer
from support.ws_client import WsClient

IN_NAMESPACE = "ZWS_TEST_NAMESPACE"

MakeBridge = Callable[..., Bridge]

# A shell's background job ignores SIGINT, and so would every program that a story starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_wires` are told twice: over plain TCP, and over TLS."""
    if metafunc.definition.get_closest_marker("both_wires"):
        metafunc.parametrize("encryption", ["plain", "tls"], indirect=True, scope="module")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("own_network") and IN_NAMESPACE not in os.environ:
        item.fixturenames.clear()  # they are the other process's


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests marked `own_network` are run by another pytest, in a network namespace where there is only loopback."""
    if not pyfuncitem.get_closest_marker("own_network") or IN_NAMESPACE in os.environ:
        return None
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-m", "pytest", "-m", "", "-rP"]
    test = f"{pyfuncitem.path}::{pyfuncitem.nodeid.partition('::')[2]}"
    command = ["unshare", *as_root, "--net", *inside, "-p", "no:cacheprovider", test]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, IN_NAMESPACE: "1"})
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    return True


@pytest.fixture(scope="module")
def encryption(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Certificate | None:
    """What the bridges of a test encrypt with; None unless it is marked `both_wires`."""
    if getattr(request, "param", "plain") == "plain":
        return None
    return Certificate(tmp_path_factory.mktemp("certificate"))


@contextmanager
def bridges_in(folder: Path, certificate: Certificate | None = None) -> Iterator[MakeBridge]:
    """Makes bridges that run: `make({"heartbeat.interval": "1s"}, tables='[[route]]...')`.

    Each one still running at the end is stopped, and must then exit with 0: so no test passes over
    a daemon that crashed, hung, or has something to say about its memory.
    """
    bridges: list[Bridge] = []

    def make(settings: dict[str, Any] | None = None, tables: str = "", *, start: bool = True, **options: Any) -> Bridge:
        options.setdefault("certificate", certificate)
        bridge = Bridge(folder / f"bridge-{len(bridges)}", settings, tables, **options)
        bridges.append(bridge)
        return bridge.start() if start else bridge

    yield make
    codes = []
    for bridge in bridges:
        bridge.close_clients()
        codes.append(bridge.stop() if bridge.running else 0)
        print(bridge.log.tail(400))  # pytest shows it when the test failed
    assert not any(codes), f"exit codes {codes}"


@pytest.fixture
def make_bridge(tmp_path: Path, encryption: Certificate | None) -> Iterator[MakeBridge]:
    """Makes bridges of the test's own: see `bridges_in`."""
    with bridges_in(tmp_path, encryption) as make:
        yield make


@pytest.fixture(scope="module")
def bridge_of_module(tmp_path_factory: pytest.TempPathFactory, encryption: Certificate | None) -> Iterator[Bridge]:
    with bridges_in(tmp_path_factory.mktemp("shared"), encryption) as make:
        yield make()


@pytest.fixture
def shared_bridge(bridge_of_module: Bridge) -> Iterator[Bridge]:
    """A bridge on its defaults that all tests of a file share, for the many that leave no trace."""
    yield bridge_of_module
    bridge_of_module.close_clients()


@pytest.fixture(scope="module")
def shared_producer(bridge_of_module: Bridge) -> Iterator[Producer]:
    """A producer that `shared_bridge` hears."""
    with Producer(bridge_of_module.endpoint) as producer:
        yield producer.wait_ready()


@pytest.fixture
def bridge(make_bridge: MakeBridge) -> Bridge:
    """A bridge of the test's own, on its defaults (but for ports and two lanes): open mode."""
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


# ---- a bridge with users ----


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def guarded(make_bridge: MakeBridge, issuer: Issuer, tmp_path: Path) -> Bridge:
    """A bridge with a key, so that there are users; their connections are spread over three lanes."""
    return make_bridge({**issuer.settings(tmp_path), "server.threads": 3})


@pytest.fixture
def admin(guarded: Bridge, issuer: Issuer) -> Administrator:
    return Administrator(guarded, issuer.admin())


@pytest.fixture
def people(guarded: Bridge, issuer: Issuer) -> dict[str, list[WsClient]]:
    """Six connections of each user."""
    tokens = {user: issuer.token(user) for user in ("alice", "bob", "carol", "dave")}
    return {user: [guarded.connect(headers=bearer(token)) for _ in range(6)] for user, token in tokens.items()}
