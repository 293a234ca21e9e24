"""NullPublisher: for the unit tests of programs that publish. Checks all that Publisher checks, and sends nothing.

publisher = NullPublisher()
finish_import(publisher)
assert publisher.events == [("import:1", {"type": "done"})]
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from zwsbridge.link import Curve, Send
from zwsbridge.options import Options, Unpack
from zwsbridge.publisher import Publisher


class NullPublisher(Publisher):
    """A Publisher that is always ready and keeps what it was given: no socket, no thread, no bridge."""

    def __init__(self, endpoint: str | Sequence[str] | None = None, **options: Unpack[Options]) -> None:
        self.sent: list[tuple[bytes, ...]] = []  # the frames of each event
        self._frames: list[bytes] = []
        super().__init__(endpoint, **options)

    def __setstate__(self, state: tuple[tuple[str, ...], Options, Curve | None]) -> None:
        self.sent = []
        self._frames = []
        super().__setstate__(state)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The topic and the message of each event, as a browser would parse it; bytes that are no JSON as they are."""
        return [(frames[0].decode(), _parsed(frames[1])) for frames in self.sent]

    def _configure(self) -> None:
        super()._configure()
        self._repair_endpoints = ()

    def _open(self) -> Sequence[Send]:
        if self._closed:
            raise RuntimeError("this publisher is closed")
        self._sends = (self._keep,)
        return self._sends

    def _look(self) -> bool:
        self._ready = True
        return True

    def _keep(self, frame: bytes, flags: int) -> None:
        self._frames.append(frame)
        if len(self._frames) == (3 if self._headers else 2):
            self.sent.append(tuple(self._frames))
            self._frames.clear()


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload
