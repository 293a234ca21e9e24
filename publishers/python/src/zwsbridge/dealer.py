"""Dealer: the connection to one bridge that may ask again.

The endpoint is a guess, as a rule: the port next to the one that was given. Whatever else is listening there may serve
one connection at a time, so whoever says no hello is left alone, for longer and longer.

Thread: that of Repair, from its start on; before, whoever tries to start it.
Bound:  _QUEUE messages to the bridge, _UNREAD from it. Of each connection the monitor's queue holds one until that
        thread reads it: so without a thread it hangs up.
"""

from __future__ import annotations

import math
import time

import zmq

from zwsbridge.link import Curve, attach, milliseconds, set_connection_options

_QUEUE = 100
_UNREAD = 1000  # a bridge of ours asks for 16 things at a time
_FRAME_BYTES = 4096
_HELLO_WITHIN = 2.0  # seconds of the connection
_LEFT_ALONE = 10.0  # seconds; doubles up to
_LEFT_ALONE_MOST = 60.0
_RECONNECT_MS = 100  # about when the PUB is back: a bridge that began waits 0.2 s for what came before


class Dealer:
    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, curve: Curve | None) -> None:
        self._context = context
        self._endpoint = endpoint
        self._curve = curve
        self._pause = _LEFT_ALONE
        self._hello_by = math.inf
        self._dial_at = math.inf
        self._open()
        self.dial()

    def _open(self) -> None:
        self.socket = self._context.socket(zmq.DEALER)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_CONNECTED)
        set_connection_options(self.socket, self._endpoint, self._curve)
        self.socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self.socket.setsockopt(zmq.PROBE_ROUTER, 1)
        # Without it ZeroMQ probes at the first connection only, and keeps what was meant for one that has broken.
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.sndhwm = _QUEUE
        self.socket.rcvhwm = _UNREAD
        self.socket.setsockopt(zmq.MAXMSGSIZE, _FRAME_BYTES)

    @property
    def due_at(self) -> float:
        return min(self._hello_by, self._dial_at)

    def dial(self) -> None:
        attach(self.socket, self._endpoint, bind=False)

    def hang_up(self) -> None:
        """Until the next look. For nobody reads the monitor, whose queue, when full, would stop ZeroMQ's thread."""
        if self._dial_at == math.inf:
            self.close(0)  # ZeroMQ ends the connections of a socket that stays only within calls that come later
            self._open()
            self._hello_by = math.inf
            self._dial_at = 0.0

    def greeted(self) -> None:
        """It is a bridge."""
        self._hello_by = math.inf
        self._pause = _LEFT_ALONE

    def look(self) -> None:
        """Sees whether there was a connection, or has been one for too long. Before anything is read."""
        now = time.monotonic()
        while self.monitor.poll(0):
            self.monitor.recv_multipart()
            self._hello_by = min(self._hello_by, now + _HELLO_WITHIN)
        if now >= self._hello_by:
            self.socket.disconnect(self._endpoint)
            self._hello_by = math.inf
            self._dial_at = now + self._pause
            self._pause = min(2 * self._pause, _LEFT_ALONE_MOST)
        elif now >= self._dial_at:
            self._dial_at = math.inf
            self.dial()

    def close(self, linger: float) -> None:
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close(linger=milliseconds(linger))
