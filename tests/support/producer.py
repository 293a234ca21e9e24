"""A producer: plain pyzmq, which knows when a bridge listens."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import zmq

DEADLINE = 30.0  # seconds; only a failing test waits so long


@dataclass(frozen=True)
class Curve:
    """What a CURVE client needs: whom it speaks to, and its own pair (all Z85)."""

    server: str
    public: str
    secret: str


class Producer:
    """An XPUB socket (a PUB socket that sees subscriptions), connected to a bridge's endpoint."""

    def __init__(self, endpoint: str, *, bind: bool = False, curve: Curve | None = None) -> None:
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.XPUB)
        self.socket.linger = 2000
        self.socket.sndhwm = 0
        self.socket.xpub_verbose = True  # libzmq keeps a lost bridge's subscriptions and would not tell of them again
        self.socket.reconnect_ivl = 20
        self.socket.reconnect_ivl_max = 200
        if curve is not None:
            self.socket.curve_serverkey = curve.server.encode()
            self.socket.curve_publickey = curve.public.encode()
            self.socket.curve_secretkey = curve.secret.encode()
        (self.socket.bind if bind else self.socket.connect)(endpoint)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()
        self._context.term()

    def wait_ready(self) -> Producer:
        """Returns when a bridge has subscribed here; after a bridge's end: when one has again."""
        until = time.monotonic() + DEADLINE
        while self.socket.poll(int(max(0, until - time.monotonic()) * 1000)):
            if self.socket.recv().startswith(b"\x01"):
                return self
        raise AssertionError("no bridge has subscribed to this producer")

    def send(self, topic: str | bytes, payload: Any, header: Any = None) -> None:
        """[topic][payload] or [topic][payload][header]; what is neither bytes nor text goes as JSON."""
        frames = [topic, payload] if header is None else [topic, payload, header]
        self.send_frames(*(_bytes(frame) for frame in frames))

    def send_frames(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
