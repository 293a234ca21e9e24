"""HTTP and WebSocket by hand: what no library would send, and bytes exactly as they come."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any

from support.tls_stream import TlsStream

DEADLINE = 30.0  # seconds; only a failing test waits so long
KEY = base64.b64encode(bytes(range(16))).decode()

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    final: bool = True

    @property
    def close_code(self) -> int:
        assert self.opcode == CLOSE, self
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else 1005


class RawSocket:
    """One TCP connection to 127.0.0.1. `receive_buffer` (bytes) makes it a client that takes little."""

    def __init__(self, port: int, *, receive_buffer: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.socket: Any = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(("127.0.0.1", port))
        if tls is not None:
            self.socket = TlsStream(self.socket, tls)
        self._buffer = b""

    @classmethod
    def over(cls, connected: socket.socket, tls: ssl.SSLContext | None = None) -> RawSocket:
        """The same over a connection made elsewhere: to another address, or a Unix socket."""
        self = cls.__new__(cls)
        connected.settimeout(DEADLINE)
        self.socket = connected if tls is None else TlsStream(connected, tls)
        self._buffer = b""
        return self

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end_sending(self) -> None:
        """Half of a close: the bridge sees the end, and may still answer."""
        self.socket.shutdown(socket.SHUT_WR)

    def _fill(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the bridge closed the connection; unread: {self._buffer[:200]!r}")
        self._buffer += data

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def at_end(self) -> bool:
        """True when the bridge closes without another byte. Waits for either."""
        try:
            if not self._buffer:
                self._fill()
        except (EOFError, ConnectionResetError):
            return True
        return False

    # ---- HTTP ----

    def request(self, line: str, headers: dict[str, str]) -> None:
        self.send((line + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode("latin-1"))

    def answer(self) -> tuple[int, dict[str, str]]:
        """Status and headers (names in lower case) of the next HTTP answer; its body stays unread."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), {name.lower(): value for name, value in headers.items()}

    def upgrade(self, path: str = "/api/ws", method: str = "GET", **changed: str | None) -> tuple[int, dict[str, str]]:
        """A handshake; `changed` replaces headers (`sec_websocket_version="12"`), or drops them (None)."""
        headers: dict[str, str | None] = {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
        }
        headers.update(
            {name.replace("_", "-").title().replace("Websocket", "WebSocket"): value for name, value in changed.items()}
        )
        self.request(f"{method} {path} HTTP/1.1", {name: value for name, value in headers.items() if value is not None})
        return self.answer()

    # ---- WebSocket ----

    def send_frame(
        self, opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0
    ) -> None:
        mask = os.urandom(4) if masked else b""
        size = len(payload)
        head = bytes([final << 7 | reserved << 4 | opcode])
        if size < 126:
            head += bytes([masked << 7 | size])
        else:
            head += (
                struct.pack("!BH", masked << 7 | 126, size)
                if size < 65536
                else struct.pack("!BQ", masked << 7 | 127, size)
            )
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if masked else payload
        self.send(head + mask + body)

    def frame(self) -> Frame:
        first, second = self.take(2)
        assert not second & 0x80, "a server never masks"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.take(8))
        assert first & 0x70 == 0, "reserved bits"
        return Frame(first & 0x0F, self.take(size), bool(first & 0x80))

    def close_code(self) -> int:
        """The code of the close frame that comes after whatever else comes."""
        while (frame := self.frame()).opcode != CLOSE:
            pass
        return frame.close_code
