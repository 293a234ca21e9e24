"""Repair: answers bridges that ask for events again.

A thread of its own does so, for they ask when nothing is published, too. It has one DEALER for each bridge. Where none
listens for it there is nothing but an attempt to connect every two seconds.

Thread:   safe.
Lifetime: belongs to the process that made it; a forked child must leave it alone. One that is dropped without close()
          ends by itself. Its thread holds what was kept, and not the publisher.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from types import BuiltinFunctionType

import zmq

from zwsbridge.asker import Asker
from zwsbridge.dealer import Dealer
from zwsbridge.kept import Kept
from zwsbridge.link import Curve, milliseconds, new_context
from zwsbridge.source import Source

NEXT_PORT = "port+1"

_END_PATIENCE = 1.0  # seconds beyond the deadline
_LOOK_EVERY = 1.0  # seconds between two looks for what was published
_PAUSE = 0.001  # seconds between two portions, so that the program goes on
_EARLY_PAUSE = 0.02  # seconds, while events wait for the first bridge to subscribe
_QUIET = 0.25  # seconds without a request until a bridge is taken to have all it wants
# Where threads are none (gevent, eventlet) it must not wait in ZeroMQ: nothing else would run.
_GREEN_PAUSE = 0.02


def repair_endpoints(repair: str | Sequence[str] | None, endpoints: Iterable[str], bind: bool) -> tuple[str, ...]:
    """`NEXT_PORT`: the next port of each tcp endpoint, if they are connected to."""
    if repair == NEXT_PORT:
        return () if bind else tuple(one for one in map(_next_port, endpoints) if one)
    given = (repair,) if isinstance(repair, str) else tuple(repair or ())
    for one in given:
        if not isinstance(one, str):
            raise TypeError(f"an endpoint of repair must be str, not {type(one).__name__}")
    return tuple(one for one in given if one)


def _next_port(endpoint: str) -> str | None:
    parts = re.fullmatch(r"(tcp://.+:)(\d{1,5})", endpoint)
    return f"{parts[1]}{int(parts[2]) + 1}" if parts and int(parts[2]) < 65535 else None


class Repair:
    def __init__(
        self, endpoints: Sequence[str], curve: Curve | None, kept: Kept, source: Source, lock: threading.RLock
    ) -> None:
        self._talk = _Talk(kept, lock, len(endpoints))
        try:
            for endpoint in endpoints:
                dealer = Dealer(self._talk.context, endpoint, curve)
                self._talk.askers.append(Asker(dealer, kept, source, lock))
        except BaseException:
            self._talk.askers.clear()
            self._talk.context.destroy(linger=0)
            self._talk.close()
            raise
        self._at_end = weakref.finalize(self, _end_dropped, os.getpid(), self._talk)
        self._at_end.atexit = False  # the publisher sees to that

    def start(self) -> None:
        """Once there is a thread it does nothing. Where none is to be had, the next call tries again."""
        if self._talk.thread is None:
            try:
                self._talk.start()
            except RuntimeError:
                self._talk.hang_up()

    def look(self) -> None:
        """There is a source that bridges have not been told of: they can ask for nothing of it."""
        self._talk.look_now()

    def finish(self, deadline: float, has_lost: bool) -> None:
        """Goes on while bridges ask. `has_lost`: they have something to ask for, are told so, and given the time."""
        if has_lost:
            self._talk.say_now()
        while time.monotonic() < deadline and (self._talk.is_asked() or (has_lost and self._talk.tells())):
            time.sleep(0.005)

    def close(self, deadline: float) -> None:
        """Returns when the answers under way have left, at the latest at `deadline`."""
        self._at_end.detach()
        self._talk.end(deadline - time.monotonic())
        thread = self._talk.thread
        if thread is not None and thread is not threading.current_thread():  # a destructor may run there
            # Where a signal came in the middle of publish() its handler holds the lock that the other waits for:
            # then it ends by itself, later.
            patience = max(0.0, deadline - time.monotonic()) + _END_PATIENCE
            thread.join(min(patience, threading.TIMEOUT_MAX))


class _Talk:
    """What the thread has."""

    def __init__(self, kept: Kept, lock: threading.RLock, bridges: int) -> None:
        self.askers: list[Asker] = []
        self.thread: threading.Thread | None = None
        self.context = new_context(bridges)
        self._kept = kept
        self._lock = lock
        self._wakes, self._woken = socket.socketpair()
        self._wakes.setblocking(False)
        self._woken.setblocking(False)
        self._poller = zmq.Poller()
        self._poller.register(self._woken.fileno(), zmq.POLLIN)
        self._look_at = 0.0
        self._looks_now = False
        self._says_now = False
        self._linger: float | None = None  # set by whoever ends it
        self._pid = os.getpid()

    # Called by other threads.

    def start(self) -> None:
        thread = threading.Thread(target=self._run, name="zwsbridge-repair", daemon=True)
        thread.start()
        self.thread = thread

    def hang_up(self) -> None:
        """Where there is no thread."""
        for asker in self.askers:
            asker.hang_up()

    def look_now(self) -> None:
        self._looks_now = True
        self._wake()

    def say_now(self) -> None:
        self._says_now = True
        self.look_now()

    def is_asked(self) -> bool:
        """A bridge asks, or has not had the time to since it asked last."""
        quiet_from = time.monotonic() - _QUIET
        return any(asker.is_greeted and (asker.is_asking or asker.asked_at > quiet_from) for asker in self.askers)

    def tells(self) -> bool:
        """A bridge has yet to be told, or has not had the time to ask since."""
        quiet_from = time.monotonic() - _QUIET
        return self._says_now or any(
            asker.is_greeted and (asker.is_telling_all or asker.told_at > quiet_from) for asker in self.askers
        )

    def end(self, linger: float) -> None:
        """`linger`: seconds for what has been sent."""
        self._linger = linger
        if self.thread is None:
            self.close()
        else:
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # Often enough already, or there is nobody to be woken.
            self._wakes.send(b"\0")

    # The thread.

    def _run(self) -> None:
        try:
            while self._linger is None and not self._is_forked():
                for asker in self.askers:
                    asker.read()
                self._look()
                for asker in self.askers:
                    asker.send()
                self._wait()
        finally:
            if self._is_forked():
                threading.current_thread()  # the child has forgotten it, and complains at its end of who is not known
            else:
                self.close()

    def _is_forked(self) -> bool:
        """A greenlet of the parent's goes on in the child, where ZeroMQ would wait for threads that are not there."""
        return os.getpid() != self._pid

    def close(self) -> None:
        for asker in self.askers:
            asker.close(self._linger or 0)
        self.context.term()
        self._wakes.close()
        self._woken.close()

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at and not self._looks_now and not any(asker.is_new for asker in self.askers):
            return
        self._looks_now = False
        says_now = self._says_now
        self._look_at = now + _LOOK_EVERY
        with self._lock:
            changed = self._kept.changed()
        for asker in self.askers:
            asker.changed(changed)
            if says_now:
                asker.say_now()
        if says_now:
            self._says_now = False  # not before: whoever waits for it would take it to have been said

    def _wait(self) -> None:
        if any(asker.has_more for asker in self.askers):
            time.sleep(_PAUSE)
        elif _is_green():
            time.sleep(_GREEN_PAUSE)
        else:
            for asker in self.askers:
                asker.wait_in(self._poller)
            self._poller.poll(milliseconds(self._patience()) + 1)
            self._sleep_again()

    def _patience(self) -> float:
        is_greeted = any(asker.is_greeted for asker in self.askers)
        if is_greeted and self._kept.is_early:
            return _EARLY_PAUSE
        due_at = min(asker.due_at for asker in self.askers)
        return min(due_at, self._look_at if is_greeted else math.inf) - time.monotonic()

    def _sleep_again(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)


def _is_green() -> bool:
    return type(time.sleep) is not BuiltinFunctionType


def _end_dropped(pid: int, talk: _Talk) -> None:
    if os.getpid() == pid:
        talk.end(0)
