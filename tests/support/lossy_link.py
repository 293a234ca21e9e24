"""A link between a publisher and a bridge that loses what a test wants to get lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import zmq


class LossyLink:
    """Passes events on to a bridge as it pleases `loses`, which is given their numbers in order of arrival."""

    def __init__(self, bridge: str, loses: Callable[[int], bool]) -> None:
        self._loses = loses
        self.lost = 0
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.XSUB)
        self._front.rcvhwm = 0
        self.endpoint = f"tcp://127.0.0.1:{self._front.bind_to_random_port('tcp://127.0.0.1')}"
        self._back = self._context.socket(zmq.XPUB)
        self._back.sndhwm = 0
        self._back.connect(bridge)
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        self._stopped = self._context.socket(zmq.PAIR)
        self._stopped.connect("inproc://stop")
        self._thread = threading.Thread(target=self._pass_on, name="lossy-link")
        self._thread.start()

    def _pass_on(self) -> None:
        poller = zmq.Poller()
        for each in (self._front, self._back, self._stopped):
            poller.register(each, zmq.POLLIN)
        arrived = 0
        while self._stopped not in (ready := dict(poller.poll())):
            if self._back in ready:
                self._front.send(self._back.recv())  # a subscription
            if self._front in ready:
                frames = self._front.recv_multipart()
                arrived += 1
                if self._loses(arrived):
                    self.lost += 1
                else:
                    self._back.send_multipart(frames)

    def __enter__(self) -> LossyLink:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.send(b"")
        self._thread.join()
        for each in (self._front, self._back, self._stop, self._stopped):
            each.close(linger=0)
        self._context.term()
