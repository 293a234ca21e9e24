"""What a publisher sees of a bridge: a real SUB socket that a thread reads."""

from __future__ import annotations

import itertools
import json
import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable

import zmq

from zwsbridge import Publisher

PATIENCE = 10.0  # seconds until a test that waits has failed


@dataclass(frozen=True)
class Event:
    topic: str
    payload: bytes
    header: dict[str, Any]

    @property
    def message(self) -> Any:
        return json.loads(self.payload)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Asks again and again, with a deadline."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        os.sched_yield()


def publish_until_taken(publisher: Publisher, topic: str, message: bytes) -> int:
    """Returns how often it tried."""
    tries = itertools.count(1)
    wait_until(lambda: next(tries) > 0 and publisher.publish(topic, message))
    return next(tries) - 1


class StandIn:
    """Subscribes to everything. Binds a free port of its own unless told where to bind or what to connect to."""

    def __init__(
        self,
        bind: str = "tcp://127.0.0.1:*",
        connect: str | None = None,
        options: dict[int, Any] | None = None,
        prefix: bytes = b"",
    ) -> None:
        self.refused: list[int] = []  # sizes of messages that were not two or three frames
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._may_read = threading.Event()
        self._may_read.set()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for option, value in (options or {}).items():
            self._socket.set(option, value)
        self._socket.linger = 0
        self._socket.subscribe(prefix)
        if connect is None:
            self._socket.bind(bind)
            self.endpoint = self._socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        else:
            self._socket.connect(connect)
            self.endpoint = connect
        # The thread that reads is told to stop through a socket, so that it waits for both at once.
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        self._stopped = self._context.socket(zmq.PAIR)
        self._stopped.connect("inproc://stop")
        self._thread = threading.Thread(target=self._read, name="stand-in")
        self._thread.start()

    @property
    def has_received(self) -> bool:
        return not self._events.empty()

    def receive(self) -> Event:
        return self._events.get(timeout=PATIENCE)

    def receive_until(self, is_last: Callable[[Event], bool]) -> list[Event]:
        events = [self.receive()]
        while not is_last(events[-1]):
            events.append(self.receive())
        return events

    def stall(self) -> None:
        """Reads at most one more message, until resume()."""
        self._may_read.clear()

    def resume(self) -> None:
        self._may_read.set()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._may_read.set()
            self._stop.send(b"")
            self._thread.join()
            for socket in (self._stop, self._stopped, self._socket):
                socket.close(linger=0)
            self._context.term()

    def _read(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._stopped, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._stopped in ready:
                return
            frames = self._socket.recv_multipart()
            if len(frames) in (2, 3):
                header = json.loads(frames[2]) if len(frames) == 3 else {}
                self._events.put(Event(frames[0].decode(), frames[1], header))
            else:
                self.refused.append(len(frames))
            self._may_read.wait()
