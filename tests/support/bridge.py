"""The real daemon, as a test sees it: start, stop, kill, reload, its log, its ports."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.certificate import Certificate
from support.process_log import ProcessLog
from support.raw_socket import RawSocket
from support.ws_client import WsClient

ROOT = Path(__file__).resolve().parents[2]
DAEMON = Path(os.environ.get("ZWSBRIDGE_BIN", ROOT / "build/dev/bridge/zwsbridge"))
DEADLINE = 30.0  # seconds; only a failing test waits so long


_next_port = random.randrange(15_000, 32_000)  # so that suites side by side start apart


def free_port() -> int:
    """A loopback port nobody listens on, below the range that outgoing connections take theirs from.

    Who asks twice gets two, though neither is in use yet.
    """
    global _next_port
    while True:
        port = _next_port
        _next_port = port + 1 if port < 32_000 else 15_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Bridge:
    """One daemon with its own ports and configuration file.

    `settings` are dotted keys (`{"heartbeat.interval": "1s"}`), `tables` TOML text that follows them
    (`[[route]] ...`). Change them and call `reload()` or `restart()`. With a `certificate` its port speaks
    TLS, and all that connects here does so too.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any] | None = None,
        tables: str = "",
        *,
        arguments: list[str] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.repair_endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.config_file = folder / "zwsbridge.toml"
        self.admin_token_file = folder / "admin-token"
        self.settings: dict[str, Any] = {
            "server.listen": f"127.0.0.1:{self.port}",
            "server.threads": 2,  # so that what crosses lanes is tested on any machine
            "server.drain_timeout": "2s",  # raw clients do not answer a close
            "ingest.bind": [self.endpoint],
            "ingest.repair_bind": [self.repair_endpoint],
            "auth.admin_token_file": str(self.admin_token_file),
            **(certificate.settings if certificate else {}),
            **(settings or {}),
        }
        self.tls: ssl.SSLContext | None = certificate.context() if certificate else None
        self.tables = tables
        self.arguments = arguments or []
        self.log = ProcessLog()
        self.process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._clients: list[WsClient] = []

    # ---- life ----

    def start(self) -> Bridge:
        """Starts it and returns when it has logged `listening`."""
        mark = self.log.mark()
        self.launch()
        self.log.wait_for(r"\blistening\b", after=mark, seconds=DEADLINE)
        return self

    def launch(self, stderr: int | None = None) -> subprocess.Popen[bytes]:
        """Starts it without waiting: for a start that is meant to fail.

        With a descriptor for its `stderr` nothing reads that until the test gives it to `log.follow()`.
        """
        assert not self.running
        assert DAEMON.exists(), f"{DAEMON} is missing: tools/dev build"
        self.write_config()
        command = ["setpriv", "--pdeathsig", "KILL", str(DAEMON), "--config", str(self.config_file), *self.arguments]
        pipe = subprocess.PIPE if stderr is None else stderr
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=pipe)
        self._reader = self.log.follow(self.process.stderr) if self.process.stderr else None
        return self.process

    def wait_ready(self) -> Bridge:
        """After `launch()`, for a bridge whose log does not say so."""

        def ready() -> bool:
            try:
                return self.get("/readyz").status == 200
            except ConnectionRefusedError:
                return False

        self.wait_until(ready, "it is ready")
        return self

    def write_config(self) -> None:
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        self.config_file.write_text("\n".join(lines) + "\n" + self.tables)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has ended and its log is read."""
        assert self.process is not None
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the bridge does not end; its log ends with\n{self.log.tail()}") from None
        if self._reader:
            self._reader.join()
        return code

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self) -> None:
        assert self.stop() == 0
        self.start()

    def reload(self) -> str:
        """Writes the configuration, sends SIGHUP, and returns the log line that says how it went."""
        self.write_config()
        mark = self.log.mark()
        self.signal(signal.SIGHUP)
        return self.log.wait_for(r"reloaded", after=mark)

    # ---- what it serves ----

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/api/ws"

    @property
    def admin_token(self) -> str:
        return self.admin_token_file.read_text().strip()

    def connect(self, query: str = "", **options: Any) -> WsClient:
        """A client that has read its `connection` message (`client.hello`)."""
        self._clients.append(WsClient(self.ws_url + query, tls=self.tls, **options))
        return self._clients[-1]

    def raw(self, **options: Any) -> RawSocket:
        """A connection that speaks HTTP and WebSocket by hand."""
        return RawSocket(self.port, tls=self.tls, **options)

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()

    def http(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """One call on a connection of its own. A `body` that is not bytes is sent as JSON."""
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        )
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        return self.http("GET", path, headers=headers)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 when there is none."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if sample is None or sample[1] != name:
                continue
            has = dict(re.findall(r'(\w+)="([^"]*)"', sample[2] or ""))
            if all(has.get(label) == value for label, value in labels.items()):
                total += float(sample[3])
        return total

    def wait_metric(self, name: str, value: float, **labels: str) -> None:
        """Asks for /metrics until the metric has this value."""
        until = time.monotonic() + DEADLINE
        while (last := self.metric(name, **labels)) != value:
            assert time.monotonic() < until, f"{name} stays at {last}, not {value}"

    def wait_until(self, true: Callable[[], bool], what: str) -> None:
        """Asks until it is so; `what` says it in words."""
        until = time.monotonic() + DEADLINE
        while not true():
            assert time.monotonic() < until, f"within {DEADLINE} s it did not come true that {what}"

    def wait_metric_at_least(self, name: str, value: float, **labels: str) -> None:
        """The same for what others may go on to count."""
        until = time.monotonic() + DEADLINE
        while (last := self.metric(name, **labels)) < value:
            assert time.monotonic() < until, f"{name} stays at {last}, below {value}"
