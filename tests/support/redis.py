"""A real redis-server of a test's own: start, kill, freeze, ask."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.bridge import free_port
from support.certificate import Certificate

DEADLINE = 30.0

Answer = Any  # str, int, None, a list of those, or a RedisRefusal


class RedisRefusal(str):
    """An error that Redis answered with."""


class Redis:
    """`with Redis(folder) as redis`: keeps nothing on disk, so that after restart() it is empty. `options` are its
    own: `{"requirepass": "x"}`. With a `certificate` it speaks TLS only."""

    def __init__(
        self, folder: Path, options: dict[str, str] | None = None, certificate: Certificate | None = None
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.options = options or {}
        self.certificate = certificate
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Redis:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, who: str = "", db: str = "") -> str:
        return f"redis{'s' if self.certificate else ''}://{who}127.0.0.1:{self.port}{db}"

    def start(self) -> Redis:
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        if self.certificate:
            options |= {"port": "0", "tls-port": str(self.port), "tls-auth-clients": "no"}
            options |= {
                "tls-cert-file": str(self.certificate.cert_file),
                "tls-key-file": str(self.certificate.key_file),
            }
        words = [word for name, value in (options | self.options).items() for word in (f"--{name}", value)]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "redis-server", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + DEADLINE
        while True:
            assert self.process.poll() is None, (self.folder / "redis.log").read_text()
            try:
                self.ask("PING")
                return self
            except OSError:
                assert time.monotonic() < until, "redis-server does not answer"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        """As one that hangs: it keeps its connections and says nothing."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        until = time.monotonic() + DEADLINE
        while not Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].startswith("T"):
            assert time.monotonic() < until, "redis-server does not stop"

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, *words: str | bytes, password: str = "") -> Answer:
        """The answer to one command, on a connection of its own."""
        with self._connect() as stream:
            if password or "requirepass" in self.options:
                self._send(stream, "AUTH", password or self.options["requirepass"])
                self._read(stream)
            self._send(stream, *words)
            return self._read(stream)

    def subscribers(self, channel: str) -> int:
        return int(self.ask("PUBSUB", "NUMSUB", channel)[1])

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Any]:
        with contextlib.ExitStack() as opened:
            plain = opened.enter_context(socket.create_connection(("127.0.0.1", self.port), DEADLINE))
            if self.certificate is not None:
                context: ssl.SSLContext = self.certificate.context()
                plain = opened.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            yield opened.enter_context(plain.makefile("rwb"))

    @staticmethod
    def _send(stream: Any, *words: str | bytes) -> None:
        sent = [word.encode() if isinstance(word, str) else word for word in words]
        stream.write(b"*%d\r\n" % len(sent) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in sent))
        stream.flush()

    def _read(self, stream: Any) -> Answer:
        line = stream.readline().rstrip(b"\r\n")
        if not line:
            raise ConnectionResetError("redis-server hung up")
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self._read(stream) for _ in range(int(rest))]
        if kind == b"$":
            if int(rest) < 0:
                return None
            return stream.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        if kind == b":":
            return int(rest)
        return RedisRefusal(rest.decode()) if kind == b"-" else rest.decode()
