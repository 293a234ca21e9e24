"""A publisher that keeps what it sent, by hand: what a test wants to get lost it does not send."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import zmq

DEADLINE = 30.0
PROBE_ROUTER = 51


class Keeper:
    """A PUB, and for each bridge a DEALER that a thread answers on."""

    def __init__(self, endpoint: str, repair_endpoint: str, *, server_key: bytes | None = None) -> None:
        self.src = "k" + uuid.uuid4().hex[:8]
        self.answers = True
        self.heard = 0  # how many times a bridge has greeted
        self._server_key = server_key
        self._context = zmq.Context()
        self._lock = threading.RLock()  # of the DEALERs
        self._dealers: list[zmq.Socket[bytes]] = []
        self._kept: dict[str, dict[int, list[bytes]]] = {}
        self._newest: dict[str, int] = {}
        self._pub = self._socket(zmq.XPUB)
        self._pub.xpub_verbose = True
        self.connect(endpoint, repair_endpoint)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        if self._server_key is not None:
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = self._server_key
        return socket

    def connect(self, endpoint: str, repair_endpoint: str) -> None:
        self._pub.connect(endpoint)
        dealer = self._socket(zmq.DEALER)
        dealer.setsockopt(PROBE_ROUTER, 1)
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.connect(repair_endpoint)
        with self._lock:
            self._dealers.append(dealer)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        for socket in (self._pub, *self._dealers):
            socket.close()
        self._context.term()

    # ---- what it publishes ----

    def publish(self, topic: str, seq: int, *, lost: bool = False, kept: bool = True) -> None:
        header = json.dumps({"src": self.src, "seq": seq, "ts": time.time_ns()}).encode()
        frames = [topic.encode(), json.dumps({"type": "x", "n": seq}).encode(), header]
        with self._lock:
            self._newest[topic] = seq
            if kept:
                self._kept.setdefault(topic, {})[seq] = frames
        if not lost:
            self._pub.send_multipart(frames)

    # ---- what it says ----

    def wait_subscribed(self, bridges: int = 1) -> None:
        """Until so many bridges hear what it publishes."""
        for _ in range(bridges):
            assert self._pub.poll(int(DEADLINE * 1000)), "no bridge has subscribed"
            self._pub.recv()

    def wait_heard(self, bridges: int = 1) -> None:
        """Until so many bridges hear what it publishes, and have greeted it."""
        self.wait_subscribed(bridges)
        until = time.monotonic() + DEADLINE
        while self.heard < bridges:
            assert time.monotonic() < until, "no bridge greets"
            self._ending.wait(0.01)

    def say(self, frames: list[bytes]) -> None:
        with self._lock:
            for dealer in self._dealers:
                dealer.send_multipart(frames, zmq.DONTWAIT)

    def say_what_is_kept(self, dealer: zmq.Socket[bytes] | None = None) -> None:
        with self._lock:
            frames = [b"have", self.src.encode()]
            for topic, newest in self._newest.items():
                first = min(self._kept.get(topic, {newest + 1: []}))
                frames += [topic.encode(), str(first).encode(), str(newest).encode()]
            if len(frames) == 2:
                frames += [b"nothing", b"1", b"0"]
            for each in [dealer] if dealer else self._dealers:
                each.send_multipart(frames, zmq.DONTWAIT)

    # ---- what it is asked ----

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """It answers nobody meanwhile, and all afterwards."""
        with self._lock:
            yield

    def _answer(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                for dealer in self._dealers:
                    while dealer.poll(0):
                        self._answer_one(dealer, dealer.recv_multipart())
            self._ending.wait(0.002)

    def _answer_one(self, dealer: zmq.Socket[bytes], frames: list[bytes]) -> None:
        if frames[0] == b"hello":
            self.heard += 1
            self.say_what_is_kept(dealer)
        if frames[0] != b"want" or not self.answers:
            return
        _, src, topic, first, last = frames
        assert src.decode() == self.src
        assert int(last) - int(first) < 1000
        kept = self._kept.get(topic.decode(), {})
        for seq in range(int(first), int(last) + 1):
            if seq in kept:
                dealer.send_multipart([b"event", *kept[seq]])
        dealer.send_multipart([b"end", src, topic, first, last])
