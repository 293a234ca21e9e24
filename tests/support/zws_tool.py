"""The real `zws`, as a test runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from support.process_log import ProcessLog

ROOT = Path(__file__).resolve().parents[2]
ZWS = Path(os.environ.get("ZWS_BIN", ROOT / "build/dev/tools/zws/zws"))
DEADLINE = 30.0  # seconds; only a failing test waits so long

DONE, FAILED, USAGE, CANNOT_CONNECT, DENIED, TIMED_OUT = range(6)


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    talk: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's own, without what would change `zws`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZWS_", "ZWSBRIDGE_"))}
    return {**kept, **(more or {})}


def zws(*arguments: object, given: str | bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
    """Runs it to its end."""
    given = given.encode() if isinstance(given, str) else given
    command = [str(ZWS), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=DEADLINE, env=environment(env))
    return Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


class Running:
    """A `zws` that runs on: lines of its stdout and stderr may be waited for while it does."""

    def __init__(
        self, *arguments: object, env: Mapping[str, str] | None = None, stdin: int | IO[bytes] = subprocess.DEVNULL
    ) -> None:
        self.process = subprocess.Popen(
            [str(ZWS), *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
        )
        self.out = ProcessLog()
        self.talk = ProcessLog()
        assert self.process.stdout is not None and self.process.stderr is not None
        self._readers = [self.out.follow(self.process.stdout), self.talk.follow(self.process.stderr)]

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def wait_listening(self, *topics: str) -> Running:
        """Returns when the bridge has confirmed each subscription."""
        for topic in topics:
            self.talk.wait_for(rf'"subscribed".*"{topic}".*"success":true')
        return self

    def wait(self) -> int:
        """Its exit code, once all it said has been read."""
        code = self.process.wait(DEADLINE)
        for reader in self._readers:
            reader.join()
        return code

    def ended(self) -> Ended:
        code = self.wait()
        return Ended(code, "\n".join(self.out.lines), "\n".join(self.talk.lines))
