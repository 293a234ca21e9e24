"""One echo server for all tests of this folder, and connections to it."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.certificate import Certificate
from support.raw_socket import RawSocket

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("ZWS_ECHO_SERVER", ROOT / "build/dev/tests/conformance/echo_server"))
DEADLINE = 30.0  # seconds; only a failing test waits so long

Connect = Callable[[], RawSocket]


@dataclass(frozen=True)
class Echo:
    """Where one listens, and what it is spoken to with."""

    port: int
    tls: ssl.SSLContext | None


class EchoServer:
    """A running echo server; `stop()` says how it ended."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        assert match, line
        self.port = int(match[1])

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="session", params=["plain", "tls"])
def echo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    """All is told twice: over plain TCP, and over TLS."""
    certificate = Certificate(tmp_path_factory.mktemp("certificate")) if request.param == "tls" else None
    options = [] if certificate is None else ["--tls-cert", certificate.cert_file, "--tls-key", certificate.key_file]
    server = EchoServer(*map(str, options))
    yield Echo(server.port, certificate.context() if certificate else None)
    assert server.stop() == 0


@pytest.fixture
def connect(echo: Echo) -> Iterator[Connect]:
    """Makes upgraded connections, which end with the test."""
    with ExitStack() as opened:

        def make() -> RawSocket:
            peer = opened.enter_context(RawSocket(echo.port, tls=echo.tls))
            status, _ = peer.upgrade()
            assert status == 101
            return peer

        yield make


@pytest.fixture
def peer(connect: Connect) -> RawSocket:
    return connect()
