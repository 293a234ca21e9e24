"""A WebSocket client on a bare socket: it reads when its life says so, and misbehaves when it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LOST = 1006  # ended without a close frame
PATIENCE = 60.0  # seconds for an answer to a handshake; only a failing bridge takes so long
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds


class Peer:
    def __init__(self, port: int, *, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self._buffer = bytearray()
        self._at = 0

    # ---- handshake ----

    def ask_for_upgrade(self, token: str) -> None:
        self.socket.sendall(
            b"GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )

    def upgraded(self) -> int:
        """The status of the answer."""
        self.socket.settimeout(PATIENCE)
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not (data := self.socket.recv(4096)):
                raise ConnectionResetError("closed before an answer")
            self._buffer += data
        self._at = end + 4
        return int(self._buffer[9:12])

    # ---- frames ----

    def send(self, message: Any) -> None:
        self.send_frame(TEXT, json.dumps(message).encode())

    def send_frame(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
        repeated = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
        self.send_raw(head + mask + masked)

    def send_raw(self, data: bytes) -> None:
        """What the bridge does not take at once (it has stopped reading) is given up."""
        self.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            self.socket.sendall(data)

    def read(self, seconds: float, take: Callable[[int, bytes], None], done: Callable[[], bool] = lambda: False) -> int:
        """Reads for so long, or until `done`; answers pings. The close code if the connection ended, else 0."""
        until = time.monotonic() + seconds
        while True:
            while frame := self._frame():
                opcode, payload = frame
                if opcode == CLOSE:
                    return struct.unpack("!H", payload[:2])[0] if payload else 1005
                if opcode == PING:
                    self.send_frame(PONG, payload)
                elif opcode != PONG:
                    take(opcode, payload)
                if done():
                    return 0
            rest = until - time.monotonic()
            if rest <= 0:
                return 0
            self.socket.settimeout(rest)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return 0
            except OSError:
                return LOST
            if not data:
                return LOST
            self._buffer += data

    def _frame(self) -> tuple[int, bytes] | None:
        buffer, at = self._buffer, self._at
        if len(buffer) - at < 2:
            return None
        size, head = buffer[at + 1] & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
        end = at + head + size
        if len(buffer) < end:
            return None
        frame = buffer[at] & 0x0F, bytes(buffer[at + head : end])
        self._at = end
        if end > 1 << 16:
            del buffer[:end]
            self._at = 0
        return frame

    # ---- ends ----

    def end_sending(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()

    def close(self) -> None:
        self.socket.close()
