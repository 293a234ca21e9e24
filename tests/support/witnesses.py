"""Witnesses: clients that must see every event of a numbered stream in order, whatever others do."""

from __future__ import annotations

import json
from typing import Any

from support.bridge import Bridge
from support.producer import Producer
from support.raw_socket import TEXT, RawSocket


class Witnesses:
    """`count` clients of one topic. The first one's messages are looked at one by one; what the others
    get must be the same bytes, which costs little to compare."""

    def __init__(self, bridge: Bridge, producer: Producer, topic: str, count: int) -> None:
        self.topic = topic
        self.published = 0
        self._producer = producer
        self._clients = [RawSocket(bridge.port) for _ in range(count)]
        for client in self._clients:
            assert client.upgrade()[0] == 101
            assert json.loads(client.frame().payload)["type"] == "connection"
            client.send_frame(TEXT, json.dumps({"type": "subscribe", "topic": topic}).encode())
            assert json.loads(client.frame().payload)["success"] is True

    def __len__(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        for client in self._clients:
            client.socket.close()

    def see(self, count: int, **members: Any) -> None:
        """Publishes the next `count` events; returns when every witness has seen them all."""
        first = self.published + 1
        self.published += count
        for n in range(first, self.published + 1):
            self._producer.send(self.topic, {"type": "n", "n": n, **members}, {"src": "p", "seq": n})
        bytes_of_all = b""
        for n in range(first, self.published + 1):
            frame = self._clients[0].frame()
            assert json.loads(frame.payload)["n"] == n
            bytes_of_all += _on_the_wire(frame.payload)
        for client in self._clients[1:]:
            assert client.take(len(bytes_of_all)) == bytes_of_all


def _on_the_wire(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload
