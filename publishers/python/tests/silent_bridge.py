"""A bridge that subscribes to everything and then says nothing more, ever: ZMTP by hand."""

from __future__ import annotations

import socket
from types import TracebackType

PATIENCE = 30.0  # seconds until a test that waits has failed
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_READY = b"\x05READY\x0bSocket-Type\0\0\0\x03SUB"
_SUBSCRIBE = b"\x00\x01\x01"


class SilentBridge:
    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._accepted: list[socket.socket] = []  # kept open: a machine without power closes nothing

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self) -> None:
        """Takes the next connection, and subscribes on it."""
        accepted, _ = self._listener.accept()
        self._accepted.append(accepted)
        accepted.settimeout(PATIENCE)
        accepted.sendall(_GREETING + b"\x04" + bytes([len(_READY)]) + _READY)
        with accepted.makefile("rb") as heard:
            heard.read(len(_GREETING))
            heard.read(heard.read(2)[1])  # its READY: libzmq takes nothing else before
        accepted.sendall(_SUBSCRIBE)

    def subscribe_and_ping(self, prefixes: int) -> None:
        """Subscribes to so many at one go, and asks whether the publisher lives."""
        asked = [b"\x01p%d" % number for number in range(prefixes)]
        frames = [b"\x00" + bytes([len(one)]) + one for one in asked]
        self._accepted[-1].sendall(b"".join(frames) + b"\x04\x07\x04PING\0\0")

    def frame(self) -> bytes:
        """The body of the next frame that the publisher sends, after those that accept() took."""
        with self._accepted[-1].makefile("rb", buffering=0) as heard:
            return heard.read(heard.read(2)[1])

    def __enter__(self) -> SilentBridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (*self._accepted, self._listener):
            each.close()
