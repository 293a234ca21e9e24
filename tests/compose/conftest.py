"""The stack of compose/compose.yaml, built and started."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bridge import ROOT
from support.docker import Docker
from support.machine import SUITE, bare_root

COMPOSE = ROOT / "compose/compose.yaml"
BUILT = ROOT / "build"
BASE = f"debian:{SUITE}-slim"
WSS = "wss://localhost:8443/api/ws"

# Where the real images cannot be had, Debian's packages of the same programs take their names.
STAND_INS = {
    "nginx:1.26": f"""
FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light
CMD ["nginx", "-g", "daemon off;"]
""",
    "redis:7.2": f"""
FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends redis-server
""",
    "prom/prometheus:v2.53.4": f"""
FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends prometheus
ENTRYPOINT ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
""",
}
SERVICES = ["producers", "redis", "bridge-1", "bridge-2", "nginx", "prometheus"]  # Grafana: Debian has no package


def build_images(docker: Docker) -> None:
    """Packages: those of `tools/dev debs`; ZWS_IMAGE_FROM=built compiles them in an image instead."""
    if not docker("images", "--quiet", BASE):
        docker("import", bare_root("slim", "ca-certificates"), BASE)
    packages = os.environ.get("ZWS_IMAGE_FROM", "given")
    how = ["--network=host", f"--build-arg=PACKAGES={packages}", f"--build-arg=SUITE={SUITE}"]
    how += [f"--file={ROOT / 'compose/Dockerfile'}"]
    for image, target in (("zwsbridge", "bridge"), ("zwsbridge-demo", "demo")):
        docker("build", *how, "--target", target, "--tag", image, ROOT)
    for image, recipe in STAND_INS.items():
        docker("build", "--network=host", "--tag", image, "-", input=recipe)


class Stack:
    def __init__(self, docker: Docker, folder: Path) -> None:
        self._docker = docker
        self._folder = folder

    def compose(self, *command: str, check: bool = True) -> str:
        return self._docker.compose(COMPOSE, *command, check=check)

    def up(self, *services: str) -> None:
        """Starts them and returns when Docker finds the bridges among them healthy."""
        self.compose("up", "--detach", "--no-build", "--no-recreate", *services)
        for service in services:
            while service.startswith("bridge") and self.state(service)["Health"]["Status"] != "healthy":
                assert self.state(service)["Running"], self.compose("logs", service)

    def state(self, service: str) -> dict:
        container = self.compose("ps", "--quiet", service).strip()
        return json.loads(self._docker("inspect", "--format", "{{json .State}}", container))

    def trust(self) -> None:
        """Takes the stack's certificate and a token of ada's, as a person at the machine would."""
        (self._folder / "tls.crt").write_text(self.compose("exec", "-T", "nginx", "cat", "/etc/nginx/secrets/tls.crt"))
        secret = "/run/zws-secrets/hs256"
        token = self.compose("exec", "-T", "bridge-1", "zws", "token", "--user", "ada", "--secret-file", secret)
        (self._folder / "token").write_text(token)

    def listen(self, topic: str, count: int, *more: str) -> list[dict]:
        """The next events, over wss through nginx."""
        zws = os.environ.get("ZWS_BIN", BUILT / "debian/tools/zws/zws")
        known = ["--ca-file", self._folder / "tls.crt", "--token-file", self._folder / "token"]
        told = self._docker.beside(
            zws, "sub", topic, "--url", WSS, "--count", count, "--timeout", 60, "--format", "json", *known, *more
        )
        return [json.loads(line) for line in told.splitlines()]

    def administer(self, bridge: str, *command: str) -> str:
        """An administrator's command of zws, in this bridge's container."""
        secret = "/run/zws-secrets/hs256"
        token = self.compose("exec", "-T", bridge, "zws", "token", "--user", "root", "--admin", "--secret-file", secret)
        return self.compose("exec", "-T", "-e", f"ZWS_TOKEN={token.strip()}", bridge, "zws", *command)

    def get(self, url: str) -> str:
        return self._docker.beside(
            "curl", "--silent", "--show-error", "--fail", "--cacert", self._folder / "tls.crt", url
        )


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[Stack]:
    data = BUILT / "docker"
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zws-") as run:
        docker = Docker(data, Path(run))
        try:
            docker.start(alone=False)
            build_images(docker)
            docker.start(alone=True)
            made = Stack(docker, tmp_path_factory.mktemp("trust"))
            try:
                made.up(*SERVICES)
                made.trust()
                yield made
            finally:
                made.compose("down", "--volumes", "--timeout", "20")
        finally:
            docker.stop()
