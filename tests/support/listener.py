"""A bridge's side of ZeroMQ without the bridge: a SUB socket that a thread reads.

Read it must be: libzmq tells a producer of a subscription only while somebody is in the socket.
"""

from __future__ import annotations

import queue
import threading

import zmq

DEADLINE = 30.0  # seconds; only a failing test waits so long


class Listener:
    """Binds a free port, or `endpoint`, and subscribes to everything. Options are pyzmq's, as `curve_server=1`."""

    def __init__(self, endpoint: str = "tcp://127.0.0.1:*", **options: bytes | int) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        for name, value in options.items():
            setattr(self._socket, name, value)
        self._socket.subscribe(b"")
        self._socket.bind(endpoint)
        self.endpoint = self._socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        self._heard: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
        # The thread is told to stop through a socket, so that it waits for both at once.
        self._stop, self._stopped = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        self._stopped.connect("inproc://stop")
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self) -> list[bytes]:
        """The next message's frames."""
        return self._heard.get(timeout=DEADLINE)

    def close(self) -> None:
        """Returns when the port is free again."""
        if self._context.closed:
            return
        self._stop.send(b"")
        self._thread.join()
        self._context.destroy(linger=0)

    def _read(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._stopped, zmq.POLLIN)
        while self._stopped not in dict(poller.poll()):
            self._heard.put(self._socket.recv_multipart())
