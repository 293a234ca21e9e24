"""A bridge's half of repair, as docs/PUBLISHING.md has it: a ROUTER that a test asks through."""

from __future__ import annotations

from typing import Any

import zmq
from stand_in import PATIENCE

Frames = list[bytes]


class AskingBridge:
    def __init__(self, bind: str = "tcp://127.0.0.1:*", options: dict[int, Any] | None = None) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        for option, value in (options or {}).items():
            self._socket.set(option, value)
        self._socket.bind(bind)
        self.endpoint = self._socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()

    def monitor_ends(self) -> zmq.Socket[bytes]:
        """Something can be read there once a connection has ended."""
        return self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def meet(self) -> bytes:
        """Says hello to the next publisher that connects, and returns its name for this connection."""
        while True:
            name, *frames = self._receive()
            if frames == [b""]:
                self.send(name, b"hello")
                return name

    def send(self, name: bytes, *frames: bytes) -> None:
        self._socket.send_multipart([name, *frames])

    def have(self, name: bytes) -> tuple[str, dict[str, tuple[int, int]]]:
        """The next word of how far topics are: src, and of each topic the numbers of the first and the newest."""
        verb, src, *rest = self.receive(name)
        assert verb == b"have", [verb, src, *rest]
        return src.decode(), {
            topic.decode(): (int(first), int(newest)) for topic, first, newest in zip(*[iter(rest)] * 3)
        }

    def ask(self, name: bytes, src: str, topic: str, first: int, last: int) -> list[Frames]:
        """The events that come: topic, payload, header. What topics have become is passed over."""
        self.send(name, b"want", src.encode(), topic.encode(), b"%d" % first, b"%d" % last)
        return self.answer(name, [b"end", src.encode(), topic.encode(), b"%d" % first, b"%d" % last])

    def answer(self, name: bytes, end: Frames) -> list[Frames]:
        events = []
        while (frames := self.receive(name)) != end:
            if frames[0] != b"have":
                assert frames[0] == b"event", frames
                events.append(frames[1:])
        return events

    def receive(self, name: bytes) -> Frames:
        while True:
            sender, *frames = self._receive()
            if sender == name:
                return frames

    def stop(self) -> None:
        if not self._socket.closed:
            self._socket.close()
            self._context.term()

    def _receive(self) -> Frames:
        assert self._socket.poll(1000 * PATIENCE), "nothing came"
        return self._socket.recv_multipart()
