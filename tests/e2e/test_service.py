"""The bridge as a service of systemd: its unit, and what it tells the socket that systemd listens on."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bridge import DAEMON, DEADLINE, ROOT

pytestmark = pytest.mark.short


class NotifySocket:
    """Stands where systemd would listen."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(DEADLINE)

    def next(self) -> list[str]:
        """The lines of the next message."""
        return self.socket.recv(4096).decode().splitlines()

    def is_silent(self, seconds: float = 0) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(4096)
        except (BlockingIOError, TimeoutError):
            return True
        finally:
            self.socket.settimeout(DEADLINE)
        return False


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    notify = NotifySocket(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with notify.socket:
        yield notify


@pytest.fixture
def unit_file(tmp_path: Path) -> Path:
    """The unit as it would be installed for the program under test."""
    unit = (ROOT / "bridge/share/zwsbridge.service.in").read_text()
    unit = unit.replace("@ZWS_BIN@/zwsbridge", str(DAEMON))
    unit = unit.replace("@ZWS_CONFIG_FILE@", str(ROOT / "bridge/share/zwsbridge.toml"))
    assert "@ZWS" not in unit
    file = tmp_path / "zwsbridge.service"
    file.write_text(unit)
    return file


def test_the_unit_of_systemd_is_valid(unit_file):
    done = subprocess.run(["systemd-analyze", "verify", unit_file], capture_output=True, text=True, timeout=60)
    # Other units of the machine may have faults of their own, which are told too.
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "zwsbridge" in line]
    assert ours == []


def test_an_address_that_comes_late_is_waited_for(unit_file):
    """Exit code 1, as often as it takes; a wrong configuration is not tried twice. tests/packages boots it."""
    settings = dict(line.split("=", 1) for line in unit_file.read_text().splitlines() if "=" in line and line[0] != "#")
    assert (settings["Restart"], settings["RestartPreventExitStatus"]) == ("on-failure", "2")
    assert settings["StartLimitIntervalSec"] == "0" and settings["RestartSec"] == "2s"


def test_the_unit_leaves_little_exposed(unit_file):
    """systemd's own count: 0 is a sandbox without anything, 10 a program of root's. A third of ours is the network."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_ready_when_clients_can_come(make_bridge, systemd):
    bridge = make_bridge()
    assert systemd.next() == ["READY=1"]
    assert bridge.connect().hello["status"] == "connected"


def test_it_is_never_ready_when_it_cannot_start(make_bridge, systemd):
    first = make_bridge()
    assert systemd.next() == ["READY=1"]
    second = make_bridge({"server.listen": f"127.0.0.1:{first.port}"}, start=False)
    second.launch()
    assert second.wait() == 1
    assert systemd.is_silent()


@pytest.mark.parametrize("threads", [2, "many"], ids=["a good reload", "a bad reload"])
def test_a_reload_begins_and_ends(make_bridge, systemd, threads):
    bridge = make_bridge()
    assert systemd.next() == ["READY=1"]
    bridge.settings["server.threads"] = threads
    bridge.reload()
    begun = systemd.next()
    assert begun[0] == "RELOADING=1" and begun[1].startswith("MONOTONIC_USEC=")
    assert systemd.next() == ["READY=1"]


def test_it_says_that_it_stops(make_bridge, systemd):
    bridge = make_bridge({"server.drain_timeout": "45s"})
    assert systemd.next() == ["READY=1"]
    bridge.signal(signal.SIGTERM)
    assert systemd.next() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=50000000"]
    assert bridge.wait() == 0


def test_it_tells_the_watchdog_that_it_is_alive(make_bridge, systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    make_bridge()
    assert systemd.next() == ["READY=1"]
    assert [systemd.next() for _ in range(3)] == [["WATCHDOG=1"]] * 3


def test_it_tells_the_watchdog_well_before_its_patience_ends(make_bridge, systemd, monkeypatch):
    patience = 10
    monkeypatch.setenv("WATCHDOG_USEC", f"{patience * 1_000_000}")
    make_bridge()
    assert systemd.next() == ["READY=1"]
    assert systemd.next() == ["WATCHDOG=1"], "at once"
    assert not systemd.is_silent(patience - 1), "as late as this systemd may have ended it already"


class Hung:
    """All threads of a process but its first stand still, as if each waited for ever."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid: int) -> None:
        self.threads = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]

    def __enter__(self) -> None:
        for thread in self.threads:
            self._ptrace(self.SEIZE, thread)
            self._ptrace(self.INTERRUPT, thread)
            os.waitpid(thread, self.WALL)

    def __exit__(self, *_: object) -> None:
        for thread in self.threads:
            self._ptrace(self.DETACH, thread)

    @staticmethod
    def _ptrace(what: int, thread: int) -> None:
        assert ctypes.CDLL(None, use_errno=True).ptrace(what, thread, None, None) == 0, os.strerror(ctypes.get_errno())


def test_it_tells_the_watchdog_nothing_while_its_lanes_hang(make_bridge, systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    bridge = make_bridge()
    assert [systemd.next() for _ in range(2)] == [["READY=1"], ["WATCHDOG=1"]]
    with Hung(bridge.pid):
        until = time.monotonic() + DEADLINE
        while not systemd.is_silent(1):  # five times as long as systemd would wait
            assert time.monotonic() < until, "it goes on as if all were well"
    assert systemd.next() == ["WATCHDOG=1"]
