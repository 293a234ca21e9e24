"""A host that a test can cut off from one moment to the next: network namespaces with a router in between.

What is cut off says nothing any more, no FIN and no reset, and nothing tells either side: packets vanish on the way.
For tests marked `own_network`, whose own end lies in a namespace, too.
"""

from __future__ import annotations

import subprocess
from types import TracebackType

HERE = "10.80.0.1"
THERE = "10.80.1.1"

_ROUTER = ("10.80.0.2", "10.80.1.2")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


class _Namespace:
    """Exists as long as a process lives in it."""

    def __init__(self) -> None:
        waits = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self._process = subprocess.Popen(waits, stdout=subprocess.PIPE)
        assert self._process.stdout is not None and self._process.stdout.readline() == b"\n"
        self.pid = str(self._process.pid)
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *command: str) -> list[str]:
        return ["nsenter", "--net", "--target", self.pid, *command]

    def run(self, *command: str) -> None:
        _run(*self.command(*command))

    def end(self) -> None:
        with self._process:
            self._process.kill()


class Host:
    """The bridge's host is `HERE` for it, and it is `THERE`. Use it in a `with`."""

    def __init__(self) -> None:
        self._router, self._there = _Namespace(), _Namespace()
        self._programs: list[subprocess.Popen[str]] = []
        here = _run
        here("ip", "link", "add", "near", "type", "veth", "peer", "near", "netns", self._router.pid)
        self._router.run("ip", "link", "add", "far", "type", "veth", "peer", "far", "netns", self._there.pid)
        for run, name, address in (
            (here, "near", HERE),
            (self._router.run, "near", _ROUTER[0]),
            (self._router.run, "far", _ROUTER[1]),
            (self._there.run, "far", THERE),
        ):
            run("ip", "address", "add", f"{address}/30", "dev", name)
            run("ip", "link", "set", name, "up")
        here("ip", "route", "add", f"{THERE}/32", "via", _ROUTER[0])
        self._there.run("ip", "route", "add", "default", "via", _ROUTER[1])
        self.come_back()

    def vanish(self) -> None:
        """From now on no packet passes, in neither direction."""
        self._forward(0)

    def come_back(self) -> None:
        self._forward(1)

    def _forward(self, value: int) -> None:
        self._router.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/ip_forward")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A program on that host."""
        whole = self._there.command("setpriv", "--pdeathsig", "KILL", *command)
        self._programs.append(subprocess.Popen(whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return self._programs[-1]

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs:
            with program:
                program.kill()
        self._there.end()
        self._router.end()
