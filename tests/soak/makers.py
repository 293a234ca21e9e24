"""Those who make the events, and the administrator who calls, throws out and reloads. Each is a thread."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import secrets
import socket
import threading
import time
from typing import Any

from ledger import Account

from support.bridge import Bridge
from support.producer import Producer

TURN = 0.01  # seconds between two handfuls
HEALTH_SECONDS_MAX = 5.0  # the machine is shared, and a sanitizer slow


def payload(some: random.Random, kind: str, n: int) -> bytes:
    # Frames of about 200 bytes end where a small queue does; long ones fill a large one.
    filler = "x" * (some.randint(100, 260) if some.random() < 0.7 else some.randint(1000, 8000))
    return json.dumps({"type": kind, "n": n, "filler": filler}).encode()


class Maker:
    """A producer that leaves and comes back every few seconds."""

    def __init__(self, endpoint: str, seed: int, life: float, account: Account, ended: threading.Event) -> None:
        self._endpoint = endpoint
        self._some = random.Random(seed)
        self._life = life
        self._account = account
        self._ended = ended

    def with_headers(self) -> None:
        """A new src in each life; now and then a number is missing, or comes twice."""
        topics = ["old:1", "old:2", "new:1", "disc:1", "conf:1", "kept:1"]
        while not self._ended.is_set():
            src, numbers = secrets.token_hex(6), dict.fromkeys(topics, 0)
            self._live(lambda producer, src=src, numbers=numbers: self._send_numbered(producer, src, numbers))

    def with_one_src_for_ever(self) -> None:
        """Counts from 1 in each life, as a program whose src is its name."""
        while not self._ended.is_set():
            numbers = {"again:1": 0}
            self._live(lambda producer, numbers=numbers: self._send_numbered(producer, "always", numbers, honest=True))

    def without_headers(self) -> None:
        while not self._ended.is_set():
            self._live(self._send_bare)

    def _live(self, send: Any) -> None:
        until = time.monotonic() + self._life * self._some.uniform(0.7, 1.3)
        with Producer(self._endpoint) as producer:
            producer.wait_ready()
            while time.monotonic() < until and not self._ended.wait(TURN):
                send(producer)
        self._account.add("lives of producers")

    def _send_numbered(self, producer: Producer, src: str, numbers: dict[str, int], *, honest: bool = False) -> None:
        for topic in self._some.choices(list(numbers), k=2):
            first = numbers[topic] == 0
            numbers[topic] += 1 if honest or first or self._some.random() < 0.995 else 2
            header: dict[str, Any] = {"src": src, "seq": numbers[topic], "ts": time.time_ns()}
            if topic.startswith("conf:"):
                header["key"] = f"k{numbers[topic] % 5}"
            text = payload(self._some, "n", numbers[topic])
            for _ in range(1 if honest or self._some.random() < 0.99 else 2):
                producer.send(topic, text, header)
            self._account.add("published")

    def _send_bare(self, producer: Producer) -> None:
        for topic in self._some.choices(["bare:1", "bare:2", "raw:1"], k=2):
            producer.send(topic, payload(self._some, "b", 0))
            self._account.add("published")
        if self._some.random() < 0.05:
            producer.send_frames(
                *self._some.choice([(b"no space",), (b"a*b", b"1"), (b"", b"1"), (b"@x", b"1"), (b"\xff", b"1")])
            )
            self._account.add("malformed")


class NumberedStream:
    """What the witnesses hear: never restarts, never skips."""

    def __init__(self, endpoint: str, ended: threading.Event) -> None:
        self.count = [0]  # of what was sent; final when run() has returned
        self._producer = Producer(endpoint)
        self._ended = ended

    def run(self) -> None:
        with self._producer as producer:
            producer.wait_ready()
            while not self._ended.wait(TURN):
                self.count[0] += 1
                n = self.count[0]
                producer.send("w", {"type": "w", "n": n}, {"src": "numbered", "seq": n, "ts": time.time_ns()})


class Administration:
    def __init__(self, bridge: Bridge, token: str, seed: int, account: Account, ended: threading.Event) -> None:
        self._bridge = bridge
        self._headers = {"Authorization": f"Bearer {token}"}
        self._some = random.Random(seed)
        self._account = account
        self._ended = ended

    def call(self) -> None:
        """REST of every kind; what an answer may be depends on nobody else."""
        while not self._ended.wait(self._some.uniform(0.02, 0.2)):
            self._guarded(self._some.choice([self._read, self._publish, self._throw_out, self._misuse]))

    def reload(self) -> None:
        while not self._ended.wait(self._some.uniform(0.3, 2)):
            self._bridge.settings["limits.messages_per_second"] = self._some.choice([100, 200])
            self._guarded(lambda: self._bridge.reload() and self._account.add("reloads"))

    def look_after(self) -> None:
        while not self._ended.wait(1):
            self._guarded(self._look)

    def _guarded(self, act: Any) -> None:
        try:
            act()
        except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            if self._bridge.running:
                self._account.breach(f"administrator: {type(error).__name__}: {str(error)[:300]}")

    def _call(self, method: str, path: str, body: Any = None, expected: tuple[int, ...] = (200,)) -> Any:
        answer = self._bridge.http(method, path, body, self._headers)
        self._account.add("calls")
        if answer.status not in expected:
            self._account.breach(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        return json.loads(answer.body)

    def _look(self) -> None:
        began = time.monotonic()
        status = self._bridge.get("/healthz").status
        took = time.monotonic() - began
        self._account.slowest = max(self._account.slowest, took)
        if status != 200 or took > HEALTH_SECONDS_MAX:
            self._account.breach(f"/healthz: {status} after {took:.1f} s")

    def _read(self) -> None:
        path = self._some.choice(["stats", "connections?limit=5", "topics?limit=5", "topics/old:1/history?limit=20"])
        self._call("GET", f"/api/ws/{path}", expected=(200, 404) if "history" in path else (200,))

    def _publish(self) -> None:
        n = self._some.randint(0, 10**6)
        path, body = self._some.choice(
            [
                ("broadcast", {"message": {"type": "all", "n": n}}),
                ("publish", {"topic": "bare:1", "message": {"type": "b", "n": n}}),
                ("notify", {"title": "t", "content": "c"}),
                ("notify", {"title": "t", "content": "c", "target_users": ["u1", "u2", "nobody"]}),
            ]
        )
        self._call("POST", f"/api/ws/{path}", body)

    def _throw_out(self) -> None:
        if self._some.random() < 0.2:
            self._call("DELETE", f"/api/ws/users/u{self._some.randint(1, 4)}/connections", expected=(200, 404))
            return
        rows = self._call("GET", "/api/ws/connections?limit=200").get("connections", [])
        ids = [row["client_id"] for row in rows if row.get("user") != "witness"]
        if ids:
            self._call("DELETE", f"/api/ws/connections/{self._some.choice(ids)}", expected=(200, 404))

    def _misuse(self) -> None:
        """Calls that stop half way, or are none."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._bridge.port), 10) as one:
            one.sendall(
                self._some.choice(
                    [
                        b"POST /api/ws/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\nhalf",
                        b"GET /api/ws/stats HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 20000,
                        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3,
                        b"\x16\x03\x01\x02\x00\x01",
                        b"DELETE /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                    ]
                )
            )
            if self._some.random() < 0.5:
                one.recv(1000)
        self._account.add("misuses")
