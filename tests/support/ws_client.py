"""A WebSocket client for tests, on the `websockets` library."""

from __future__ import annotations

import itertools
import json
import re
import socket
import ssl
import time
from collections import deque
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.tls_stream import TlsStream

Message = dict[str, Any]
DEADLINE = 30.0  # seconds; only a failing test waits so long


class WsClient:
    """Connects, and reads the first message as `hello` (unless `greeted` is False)."""

    def __init__(
        self,
        url: str,
        *,
        greeted: bool = True,
        headers: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        source_address: tuple[str, int] | None = None,
        **options: Any,
    ) -> None:
        self._open = ExitStack()
        place = urlsplit(url)
        plain = socket.create_connection((place.hostname, place.port), DEADLINE, source_address)
        plain.settimeout(None)
        self.socket = self._open.enter_context(
            connect(
                url.replace("wss://", "ws://"),  # the library would let two threads into OpenSSL
                sock=TlsStream(plain, tls) if tls else plain,
                additional_headers=headers,
                compression=None,
                ping_interval=None,
                max_size=None,
                max_queue=None,
                proxy=None,
                open_timeout=DEADLINE,
                close_timeout=DEADLINE,
                **options,
            )
        )
        self._waiting: deque[str | bytes] = deque()
        self._ids = itertools.count(1)
        self.hello: Message = {}
        if greeted:
            self.hello = self.receive()
            assert self.hello["type"] == "connection", self.hello

    def __enter__(self) -> WsClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    # ---- sending ----

    def send(self, message: Message | str | bytes) -> None:
        """A message: an object as JSON, text as it is, bytes as a binary frame."""
        self.socket.send(json.dumps(message) if isinstance(message, dict) else message)

    def ask(self, request: Message) -> Message:
        """Sends a request with an `id` of its own and returns its answer. Messages that come before
        the answer stay for `receive`."""
        request = {"id": f"ask-{next(self._ids)}", **request}
        self.send(request)
        passed: deque[str | bytes] = deque()
        while True:
            frame = self.receive_frame()
            message = _parse(frame)
            if isinstance(message, dict) and message.get("id") == request["id"]:
                self._waiting.extendleft(reversed(passed))
                return message
            passed.append(frame)

    def subscribe(self, topic: str, **more: Any) -> Message:
        """Subscribes and returns the answer, which must be a success."""
        answer = self.ask({"type": "subscribe", "topic": topic, **more})
        assert answer["type"] == "subscribed" and answer["success"] is True, answer
        return answer

    # ---- receiving ----

    def receive_frame(self) -> str | bytes:
        """The next message's text or bytes, exactly as it came."""
        if self._waiting:
            return self._waiting.popleft()
        try:
            return self.socket.recv(timeout=DEADLINE)
        except TimeoutError:
            raise AssertionError(f"no message within {DEADLINE} s") from None

    def receive(self) -> Message:
        """The next message, parsed."""
        message = _parse(self.receive_frame())
        assert isinstance(message, dict), message
        return message

    def receive_all(self) -> list[Message]:
        """Every message up to now: those that come before the answer to a ping."""
        pong = self.ask({"type": "ping"})
        assert pong["type"] == "pong", pong
        messages = [json.loads(frame) for frame in self._waiting]
        self._waiting.clear()
        return messages

    def wait_closed(self) -> tuple[int, list[Message]]:
        """The close code, and the messages that came before it."""
        messages: list[Message] = []
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            try:
                messages.append(self.receive())
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006, messages
        raise AssertionError(f"still open after {DEADLINE} s")


def _parse(frame: str | bytes) -> Any:
    try:
        return json.loads(frame)
    except ValueError:  # an event of a raw route
        return None


def knows_nothing(at):
    """Whether that is `at` of a topic that nothing is known of: one position of the bridge's own."""
    return len(at) == 1 and re.fullmatch(r"[0-9a-z]{10}-\d+:0", at[0]) is not None
