"""A producer: plain pyzmq, which knows when a bridge listens."""

from __future__ import annotations

import json
import time
from typing import Any

import zmq

DEADLINE = 30.0  # seconds; only a failing test waits so long


class Producer:
    """An XPUB socket (a PUB socket that sees subscriptions), connected to a bridge's endpoint."""

    def __init__(self, endpoint: str, *, bind: bool = False) -> None:
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.XPUB)
        self.socket.linger = 2000
        self.socket.sndhwm = 0
        self.socket.xpub_verbose = True  # libzmq keeps a lost bridge's subscriptions and would not tell of them again
        self.socket.reconnect_ivl = 20
        self.socket.reconnect_ivl_max = 200
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
