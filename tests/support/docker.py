"""Docker started by hand, from Debian's packages docker.io and docker-compose. Needs root.

Images are built with the machine's network. What is then run has a network namespace of its own with
nothing else in it: no port of the machine is taken, and nothing outside can be reached.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

CLIENT = "/usr/bin/docker"  # Debian's: another may come first in PATH
START_DEADLINE = 60  # seconds
COMMAND_DEADLINE = 1200


class Docker:
    """One dockerd. `data` keeps images from run to run, `run` is short-lived and has a short name."""

    def __init__(self, data: Path, run: Path) -> None:
        self._data, self._run = data, run
        self._socket = run / "sock"
        self._daemon: subprocess.Popen[bytes] | None = None
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{self._socket}", "DOCKER_BUILDKIT": "1"}

    def start(self, *, alone: bool) -> None:
        """Returns when it answers. `alone`: in a network of its own."""
        self.stop()
        log = self._run / "dockerd.log"
        command = ["dockerd", "--iptables=false", "--bridge=none", f"--data-root={self._data}"]
        command += [f"--exec-root={self._run}/exec", f"--pidfile={self._run}/pid", f"--host=unix://{self._socket}"]
        if alone:
            command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
        with log.open("wb") as written:
            self._daemon = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
        following = subprocess.Popen(
            ["tail", f"--pid={self._daemon.pid}", "-n", "+1", "-f", log], stdout=subprocess.PIPE, text=True
        )
        assert following.stdout is not None
        answers = any("API listen on" in line for line in following.stdout)
        following.kill()
        following.communicate()
        assert answers, f"dockerd ended:\n{log.read_text()[-3000:]}"

    def stop(self) -> None:
        """Ends it and every container."""
        if self._daemon is None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        self._daemon.wait(START_DEADLINE)
        self._daemon = None

    def __call__(self, *command: object, check: bool = True, **options: Any) -> str:
        """A docker command; returns what it printed."""
        return self._spoken([CLIENT, *map(str, command)], check, **options)

    def compose(self, file: Path, *command: str, check: bool = True) -> str:
        return self._spoken(["docker-compose", "--file", str(file), *command], check)

    def beside(self, *command: object, check: bool = True) -> str:
        """A program of this machine in the network of the containers."""
        assert self._daemon is not None
        return self._spoken(["nsenter", f"--target={self._daemon.pid}", "--net", *map(str, command)], check)

    def _spoken(self, command: list[str], check: bool, **options: Any) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=COMMAND_DEADLINE, **options
        )
        assert done.returncode == 0 or not check, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout
