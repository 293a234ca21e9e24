"""A producer that speaks ZMTP 3.0 by hand, to send what libzmq would never let out."""

from __future__ import annotations

import socket
import struct

DEADLINE = 30.0  # seconds; only a failing test waits so long


def hello(kind: bytes) -> bytes:
    """All that a socket of that type (NULL mechanism) says before it is let in."""
    ready = b"\x05READY\x0bSocket-Type" + struct.pack("!I", len(kind)) + kind
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    return greeting + b"\x04" + bytes([len(ready)]) + ready


class ZmtpProducer:
    """A PUB peer (NULL mechanism), or of another kind, on a plain TCP connection. It answers no pings."""

    def __init__(self, endpoint: str | socket.socket, kind: bytes = b"PUB") -> None:
        if isinstance(endpoint, socket.socket):
            self.socket = endpoint
        else:
            host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self.socket.sendall(hello(kind))
        self._take(64)
        self._take_frame()  # the bridge's READY
        if kind == b"PUB":
            self._take_frame()  # and what it subscribes to

    @classmethod
    def accept(cls, listener: socket.socket) -> ZmtpProducer:
        """One that a bridge dials (`ingest.connect`)."""
        listener.settimeout(DEADLINE)
        accepted = listener.accept()[0]
        accepted.settimeout(DEADLINE)
        return cls(accepted)

    def __enter__(self) -> ZmtpProducer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send_part(self, part: bytes, *, last: bool = False) -> None:
        """One frame of a multipart message."""
        self.socket.sendall(struct.pack("!BQ", 0x02 if last else 0x03, len(part)) + part)

    def wait_cut(self) -> None:
        """Raises OSError when the bridge has closed the connection."""
        while self.socket.recv(1000):
            pass
        raise ConnectionResetError

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = self.socket.recv(count - len(taken))
            assert more, "the bridge closed the connection"
            taken += more
        return taken

    def _take_frame(self) -> bytes:
        flags, size = self._take(2)
        assert flags & 0x02 == 0, "its frames are short"
        return self._take(size)
