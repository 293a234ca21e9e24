"""A Debian machine of its own: a fresh root that systemd boots, with a network that holds only it.

Needs root, mmdebstrap and systemd-nspawn. What is to be installed there is downloaded before the
boot, because afterwards nothing outside can be reached.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from support.bridge import ROOT

# The release of Debian that these tests are about: this machine's, where tools/dev names no other.
SUITE = os.environ.get("ZWS_SUITE") or platform.freedesktop_os_release()["VERSION_CODENAME"]
BOOT_DEADLINE = 120  # seconds
COMMAND_DEADLINE = 300
BARE = "init,systemd-sysv,dbus,ca-certificates"  # what a machine that boots has, and no more
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def bare_root(name: str, include: str = BARE) -> Path:
    """A fresh root as a tar file, made once."""
    tarball = ROOT / f"build/roots/{name}-{SUITE}.tar"
    if not tarball.exists():
        tarball.parent.mkdir(parents=True, exist_ok=True)
        unfinished = tarball.with_suffix(".part")
        subprocess.run(
            ["mmdebstrap", "--quiet", "--format=tar", "--variant=minbase", f"--include={include}"]
            + ["--dpkgopt=force-unsafe-io", SUITE, unfinished],
            check=True,
        )
        unfinished.rename(tarball)
    return tarball


class Machine:
    """Made of a tar file in `folder`, which it removes in the end. Use it in a `with`."""

    def __init__(self, tarball: Path, folder: Path) -> None:
        self.root = folder
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-C", folder, "-xf", tarball], check=True)
        apt = folder / "etc/apt/apt.conf.d/90test"
        apt.write_text('APT::Get::Assume-Yes "true";\nDPkg::Options:: "--force-unsafe-io";\n')

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
        shutil.rmtree(self.root)

    def download(self, *packages: str) -> None:
        """Fetches Debian packages, and what they need, for an install without a network."""
        subprocess.run(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--pipe", "-D", self.root]
            + ["sh", "-ec", 'cd; apt-get -q update; apt-get -q install --download-only "$@"', "sh", *packages],
            check=True,
            env={**os.environ, **ENVIRONMENT},
        )

    def boot(self) -> None:
        """Returns when systemd has started everything."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind("\0" + f"zws-machine-{os.getpid()}-{id(self)}")
            told.settimeout(BOOT_DEADLINE)
            self._nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit"]
                + ["--private-network", "--notify-ready=yes", "--console=pipe", "-D", str(self.root), "--boot"],
                env={**os.environ, "NOTIFY_SOCKET": "@" + told.getsockname()[1:].decode()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            )
            while b"READY=1" not in told.recv(4096):
                pass
        (child,) = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        self._leader = int(child)
        self.run("systemctl is-system-running --wait")

    def power_off(self) -> None:
        if self._nspawn is None:
            return
        if self._nspawn.poll() is None:
            os.kill(self._leader, signal.SIGRTMIN + 4)  # how systemd is told to power off
            try:
                self._nspawn.wait(BOOT_DEADLINE)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._nspawn = None

    def enter(self, *kinds: str) -> list[str]:
        """The beginning of a command line that runs a program within (`--net`: in its network only)."""
        return ["nsenter", f"--target={self._leader}", *(kinds or ("--mount", "--uts", "--ipc", "--net", "--pid"))]

    def run(self, script: str, *, check: bool = True, seconds: float = COMMAND_DEADLINE) -> str:
        """What root's shell prints, in /root, where the first command that fails ends the script."""
        done = subprocess.run(
            [*self.enter(), "env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
            + ["sh", "-ec", f"cd /root\n{script}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0 or not check, f"exit code {done.returncode}:\n{script}\n---\n{done.stdout}"
        return done.stdout
