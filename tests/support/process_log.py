"""The log of a running process: kept, and waited for line by line."""

from __future__ import annotations

import re
import threading
from typing import IO


class ProcessLog:
    """Reads a pipe to its end on a thread of its own. `mark()` and `wait_for()` may be called from any."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reading = 0

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Starts reading `pipe`. Another pipe may follow when the process is started again."""
        with self._changed:
            self._reading += 1
        thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        thread.start()
        return thread

    def mark(self) -> int:
        """A place in the log: give it to `wait_for` as `after` to look at later lines only."""
        with self._changed:
            return len(self.lines)

    def wait_for(self, pattern: str, *, after: int = 0, seconds: float = 30) -> str:
        """The first line from `after` on that holds `pattern`; AssertionError when none comes."""
        wanted = re.compile(pattern)
        at = after
        found: str | None = None

        def seen() -> bool:
            nonlocal at, found
            while found is None and at < len(self.lines):
                if wanted.search(self.lines[at]):
                    found = self.lines[at]
                at += 1
            return found is not None or self._reading == 0

        with self._changed:
            self._changed.wait_for(seen, seconds)
        if found is None:
            raise AssertionError(f"no log line holds {pattern!r}; the log ends with\n{self.tail()}")
        return found

    def since(self, mark: int) -> list[str]:
        with self._changed:
            return self.lines[mark:]

    def tail(self, count: int = 40) -> str:
        with self._changed:
            return "\n".join(self.lines[-count:])

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                with self._changed:
                    self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()
