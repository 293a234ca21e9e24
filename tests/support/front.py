"""A real server in front of a bridge, with lines of docs/DEPLOYING.md, as a process on a free port."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.bridge import ROOT, HttpAnswer, free_port
from support.certificate import Certificate
from support.raw_socket import RawSocket
from support.ws_client import WsClient

PAGE = ROOT / "docs/DEPLOYING.md"
DEADLINE = 30.0  # seconds; only a failing test waits so long


def lines_of(heading: str, language: str) -> str:
    """The first block of a language below a heading of the page."""
    sections = re.split(r"^##+ ", PAGE.read_text(), flags=re.M)
    (section,) = (text for text in sections if text.startswith(heading + "\n"))
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)[0]


def changed(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"the page no longer says {old}"
        text = text.replace(old, new)
    return text


class Front:
    """Runs `program` on the configuration that `configure(self)` makes, until the end of the `with`."""

    program = ""
    prefix = "/zws"

    def __init__(self, bridge_port: int) -> None:
        self.port = free_port()
        self.bridge_port = bridge_port
        self.folder = Path(tempfile.mkdtemp(prefix="zws-front-"))
        self.certificate = Certificate(self.folder)
        self.tls: ssl.SSLContext | None = self.certificate.context()
        self.config = self.folder / "front.conf"

    def configuration(self) -> str:
        raise NotImplementedError

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self) -> Front:
        self.config.write_text(self.configuration())
        found = shutil.which(self.program, path="/usr/sbin:/usr/bin")
        assert found, f"{self.program} is missing: tools/dev deps"
        command = ["setpriv", "--pdeathsig=KILL", found, *self.arguments()]
        with (self.folder / "log").open("wb") as log:
            environment = {**os.environ, "HOME": str(self.folder)}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except ConnectionRefusedError:
                assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE)
        print((self.folder / "log").read_text(errors="replace"))  # pytest shows it when the test failed
        shutil.rmtree(self.folder)

    def connect(self, query: str = "", **options: Any) -> WsClient:
        scheme = "wss" if self.tls else "ws"
        return WsClient(f"{scheme}://127.0.0.1:{self.port}{self.prefix}/api/ws{query}", tls=self.tls, **options)

    def raw(self) -> RawSocket:
        return RawSocket(self.port, tls=self.tls)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=self.tls)
            if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        )
        try:
            connection.request("GET", self.prefix + path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


class Nginx(Front):
    program = "nginx"

    def changes(self) -> dict[str, str]:
        return {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "/etc/ssl/app.example.org.pem": str(self.certificate.cert_file),
            "/etc/ssl/app.example.org.key": str(self.certificate.key_file),
            "http://127.0.0.1:8000/": f"http://127.0.0.1:{self.bridge_port}/",
        }

    def configuration(self) -> str:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        user = "user root;" if os.getuid() == 0 else ""
        server = changed(lines_of("nginx", "nginx"), self.changes())
        return f"{user} daemon off; pid {self.folder}/pid;\nevents {{}}\nhttp {{ {temporary}\n{server} }}\n"

    def arguments(self) -> list[str]:
        return ["-p", str(self.folder), "-c", str(self.config), "-e", f"{self.folder}/errors"]


class NginxOverUnixSocket(Nginx):
    @property
    def listen(self) -> str:
        """What the page has the bridge listen on."""
        listen = re.search(r"unix:[^\"]+", lines_of("A Unix socket", "toml"))
        assert listen
        return changed(listen[0], {"/run/zwsbridge": str(self.folder)})

    def configuration(self) -> str:
        (line,) = re.findall(r"proxy_pass .*?;", lines_of("A Unix socket", "nginx"))
        line = changed(line, {"/run/zwsbridge": str(self.folder)})
        text, count = re.subn(r"proxy_pass .*?;", lambda _: line, super().configuration())
        assert count == 1
        return text


class HAProxy(Front):
    program = "haproxy"
    heading = "HAProxy"

    def changes(self) -> dict[str, str]:
        return {
            "bind :443": f"bind 127.0.0.1:{self.port}",
            "/etc/haproxy/app.example.org.pem": str(self.folder / "both.pem"),
            "127.0.0.1:8000": f"127.0.0.1:{self.bridge_port}",
        }

    def configuration(self) -> str:
        both = self.certificate.cert_file.read_text() + self.certificate.key_file.read_text()
        (self.folder / "both.pem").write_text(both)
        return changed(lines_of(self.heading, "haproxy"), self.changes())

    def arguments(self) -> list[str]:
        return ["-db", "-f", str(self.config)]


class HAProxyOfTcp(HAProxy):
    heading = "Balancers that pass TCP on"
    prefix = ""

    def changes(self) -> dict[str, str]:
        changes = super().changes()
        del changes["/etc/haproxy/app.example.org.pem"]
        return changes


class Caddy(Front):
    program = "caddy"

    def __init__(self, bridge_port: int) -> None:
        super().__init__(bridge_port)
        self.tls = None  # it would ask an authority of the internet for its certificate

    def configuration(self) -> str:
        site = changed(
            lines_of("Caddy", "caddy"),
            {"app.example.org {": f"http://:{self.port} {{", "127.0.0.1:8000": f"127.0.0.1:{self.bridge_port}"},
        )
        return "{\n\tadmin off\n\tauto_https off\n}\n" + site

    def arguments(self) -> list[str]:
        return ["run", "--adapter", "caddyfile", "--config", str(self.config)]
