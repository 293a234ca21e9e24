"""Asker: one bridge, which may ask for events again; our half of the protocol in docs/PUBLISHING.md.

Nothing is sent before the bridge has said hello. What the queue cannot take, or finds no connection, is not sent but
tried again later, and forgotten at the bridge's next hello.

Thread: that of Repair. Under the publisher's lock it only notes where what it needs lies; it looks without.
Bound:  as many requests as _REQUESTS, and at a time _HAVE_TOPICS topics and _PORTION_BYTES of answers, of which
        looking for them is a part. Of topics that it has yet to tell, as many as a source may have: past that those go
        of which nothing is held any more, then those that have waited longest.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import zmq

from zwsbridge.dealer import Dealer
from zwsbridge.kept import Events, Kept, count_of, events_in
from zwsbridge.source import Counter, Source

_SAY_EVERY = 1.0  # seconds between two messages that say how far topics are
_HAVE_TOPICS = 250
_WANT_EVENTS = 1000
_PORTION_BYTES = 64 * 1024
_REQUEST_BYTES = 512  # of a portion, that one request stands for
_LOOK_BYTES = 4  # ... and each event that is looked at
_REQUESTS = 64  # that wait here; more wait in the socket


@dataclass
class _Want:
    counter: Counter | None  # None: of that nothing is known
    first: int  # moves on with what was sent, and where nothing was found
    last: int
    answer: Sequence[bytes]  # its "end"


class Asker:
    def __init__(self, dealer: Dealer, kept: Kept, source: Source, lock: threading.RLock) -> None:
        self._dealer = dealer
        self._kept = kept
        self._source = source
        self._lock = lock
        self.is_greeted = False  # a bridge has said hello
        self.is_new = False  # it has not been told of all topics since
        self.is_telling_all = False  # it hears more than one message a second, until nothing is left
        self._unsaid: dict[Counter, None] = {}  # topics it has to be told of
        self._say_at = 0.0
        self._wants: deque[_Want] = deque()
        self.asked_at = 0.0  # when there was a request last
        self.told_at = 0.0  # when the last message left that says how far topics are
        self._is_stuck = False  # the queue is full
        self._room = 0  # in the portion under way

    @property
    def is_asking(self) -> bool:
        return bool(self._wants)

    @property
    def _may_read(self) -> bool:
        return len(self._wants) < _REQUESTS

    @property
    def has_more(self) -> bool:
        """There is more to be sent at once."""
        return not self._is_stuck and (self.is_asking or (self.is_telling_all and not self._kept.is_early))

    @property
    def due_at(self) -> float:
        """When there is something to be done. While the queue is full it is said once that has room, not at a time."""
        says = bool(self._unsaid) and not self._is_stuck
        return min(self._say_at if says else math.inf, self._dealer.due_at)

    def wait_in(self, poller: zmq.Poller) -> None:
        """For what it waits now."""
        poller.register(self._dealer.monitor, zmq.POLLIN)
        waits = (zmq.POLLIN if self._may_read else 0) | (zmq.POLLOUT if self._is_stuck else 0)
        poller.register(self._dealer.socket, waits)

    def hang_up(self) -> None:
        """There is no thread for it, yet."""
        self._dealer.hang_up()

    def close(self, linger: float) -> None:
        self._dealer.close(linger)

    def changed(self, counters: set[Counter]) -> None:
        """These have been published to."""
        if not self.is_greeted:
            return
        self._unsaid.update(dict.fromkeys(counters))
        if len(self._unsaid) > self._source.max_topics:
            held = [counter for counter in self._unsaid if counter.first <= counter.seq]
            self._unsaid = dict.fromkeys(held[-self._source.max_topics :])

    def say_now(self) -> None:
        """Tells what it has to be told of without waiting for its second."""
        self.is_telling_all = self.is_greeted

    def read(self) -> None:
        """Takes what the bridge asks."""
        self._dealer.look()
        for _ in range(_REQUESTS):
            if not self._may_read:
                return
            try:
                frames = self._dealer.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if frames == [b"hello"]:
                self._hello()
            elif frames[0] == b"want" and len(frames) == 5:
                self._want(*frames[1:])

    def send(self) -> None:
        """Sends a portion of what there is to be sent."""
        self._is_stuck = False
        if not self._kept.is_early:  # else a bridge would ask for what is about to come by itself
            self._say()
        self._answer()

    def _hello(self) -> None:
        self._dealer.greeted()
        self.is_greeted = self.is_new = True
        self._wants.clear()  # a former connection's

    def _want(self, src: bytes, topic: bytes, first: bytes, last: bytes) -> None:
        if not (_is_number(first) and _is_number(last)) or int(last) < int(first):
            return
        end = min(int(last), int(first) + _WANT_EVENTS - 1)
        self.asked_at = time.monotonic()
        with self._lock:
            counter = self._counter(src, topic)
        self._wants.append(_Want(counter, int(first), end, (b"end", src, topic, first, b"%d" % end)))

    def _counter(self, src: bytes, topic: bytes) -> Counter | None:
        name = src.decode(errors="replace")
        counters = self._source.kept if name == self._source.src else self._kept.former(name)
        return counters.get(topic.decode(errors="replace"))

    # How far topics are.

    def _say(self) -> None:
        if self.is_new:
            self._unsaid = dict.fromkeys(self._all())
            self.is_new, self.is_telling_all = False, True
        if self._unsaid and (self.is_telling_all or time.monotonic() >= self._say_at):
            said, message = self._have()
            if not self._send(message):
                return
            for counter in said:
                del self._unsaid[counter]
            self.told_at = time.monotonic()
            self._say_at = self.told_at + _SAY_EVERY
        self.is_telling_all = self.is_telling_all and bool(self._unsaid)

    def _all(self) -> Iterator[Counter]:
        with self._lock:
            former = self._kept.all_former()
            current = list(self._source.kept.values())
        for counters in former:
            yield from (counter for counter in counters if counter.first <= counter.seq)
        yield from current

    def _have(self) -> tuple[list[Counter], Sequence[bytes]]:
        """The topics of the next message, and that."""
        said: list[Counter] = []
        src = next(iter(self._unsaid)).src
        message = [b"have", src.encode()]
        with self._lock:
            for counter in self._unsaid:
                if counter.src != src or len(said) == _HAVE_TOPICS:
                    break
                said.append(counter)
                message += (counter.topic, b"%d" % counter.first, b"%d" % counter.seq)
        return said, message

    # Events again.

    def _answer(self) -> None:
        self._room = _PORTION_BYTES
        while self._wants and self._room > 0:
            want = self._wants[0]
            self._room -= _REQUEST_BYTES
            if not (self._send_events(want) and self._send(want.answer)):
                return
            self._wants.popleft()
            self.asked_at = time.monotonic()

    def _send_events(self, want: _Want) -> bool:
        """False when some are left for later."""
        for events, newest in self._pieces_with(want):
            assert want.counter is not None
            for seq, payload, header in events_in(events, want.counter, want.first, want.last):
                if self._room <= 0 or not self._send((b"event", want.counter.topic, payload, header)):
                    return False
                want.first = seq + 1
                self._room -= len(payload) + len(header)
            want.first = max(want.first, newest + 1)
            self._room -= _LOOK_BYTES * count_of(events)
            if want.first > want.last:
                return True
            if self._room <= 0:
                return False
        return True

    def _pieces_with(self, want: _Want) -> list[tuple[Events, int]]:
        if want.counter is None or want.first > want.last:
            return []
        with self._lock:
            return self._kept.pieces_with(want.counter, want.first)

    def _send(self, frames: Sequence[bytes]) -> bool:
        try:
            self._dealer.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:  # Only a message's first part can find the queue full.
            self._is_stuck = True
            return False
        return True


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 19 and int(text) > 0
