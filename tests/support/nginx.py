"""A real nginx before bridges: Debian's, with compose/nginx.conf, as an unprivileged process on a free port."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from support.bridge import ROOT, free_port
from support.certificate import Certificate
from support.raw_socket import RawSocket
from support.ws_client import WsClient

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
DEADLINE = 30.0  # seconds; only a failing test waits so long
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Nginx:
    """Runs until the end of the `with`. `changes` replace text of compose/nginx.conf."""

    def __init__(self, *bridge_ports: int, changes: dict[str, str] | None = None) -> None:
        self.port = free_port()
        # Not in pytest's folder, which only the tests' own user may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="zws-nginx-"))
        self.certificate = Certificate(self.folder)
        self.tls: ssl.SSLContext = self.certificate.context()
        self.config = self.folder / "nginx.conf"
        self.config.write_text(self._configuration(bridge_ports, changes or {}))
        for path in (self.folder, *self.folder.iterdir()):
            path.chmod(0o777)

    def _configuration(self, bridge_ports: tuple[int, ...], changes: dict[str, str]) -> str:
        text = (ROOT / "compose/nginx.conf").read_text()
        bridges = " ".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;" for port in bridge_ports)
        temporary = "".join(
            f"{name}_temp_path {self.folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        for pattern, replacement in {
            r"worker_connections \d+;": "worker_connections 256;",
            r"http \{": "http {\n" + temporary,
            r"access_log \S+": f"access_log {self.folder}/access.log",
            r"error_log \S+": f"error_log {self.folder}/error.log",
            r"(?s)server [^\s{]+ max_fails.*?(?=\s*\})": bridges,
            r"listen \S+ ssl": f"listen 127.0.0.1:{self.port} ssl",
            r"ssl_certificate +\S+": f"ssl_certificate {self.certificate.cert_file};",
            r"ssl_certificate_key +\S+": f"ssl_certificate_key {self.certificate.key_file};",
            **{re.escape(old): new for old, new in changes.items()},
        }.items():
            text, found = re.subn(pattern, lambda _, new=replacement: new, text)  # type: ignore[misc]
            assert found, f"compose/nginx.conf has no {pattern}"
        return f"daemon off;\npid {self.folder}/nginx.pid;\n{text}"

    def __enter__(self) -> Nginx:
        unprivileged = NOBODY if os.getuid() == 0 else ["setpriv"]
        command = [*unprivileged, "--pdeathsig=TERM", NGINX, "-p", str(self.folder), "-c", str(self.config)]
        self.process = subprocess.Popen([*command, "-e", f"{self.folder}/error.log"], stdin=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except ConnectionRefusedError:
                assert self.process.poll() is None and time.monotonic() < until, self.log("error")

    def stop(self) -> None:
        """Ends it; its logs are whole then."""
        self.process.terminate()
        self.process.wait(DEADLINE)

    def __exit__(self, *_: object) -> None:
        self.stop()
        print(self.log("error"))  # pytest shows it when the test failed
        shutil.rmtree(self.folder)

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text() if file.exists() else ""

    @property
    def ws_url(self) -> str:
        return f"wss://127.0.0.1:{self.port}/api/ws"

    def connect(self, query: str = "", **options: Any) -> WsClient:
        """A client that has read its `connection` message."""
        return WsClient(self.ws_url + query, tls=self.tls, **options)

    def raw(self) -> RawSocket:
        """A connection that speaks HTTP and WebSocket by hand, over TLS."""
        return RawSocket(self.port, tls=self.tls)
