"""Kept: what a publisher has sent, for bridges that ask for it again.

Events lie in one log, in the order in which they were published, and leave it at its other end a piece at a time: so
an event costs `publish` little more than its place in a list. Pieces that are closed change no more, so they are
searched without the publisher's lock.

Thread: not safe; the publisher's lock guards every call but events_in.
Bound:  `max_bytes`, each event counted with what Python needs beside its frames. A piece is the 256th part of that.
        A former source's counters stay until nothing of it is held. Each had an event here after those of the source
        before, so but for the oldest source, which may be held in part, they are as few as the events that are counted.
Cost:   what the publisher's lock is held for grows with pieces, and with the topics of a source only as fast as C
        copies a list of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from zwsbridge.source import Counter, number_in

_PIECES = 256
_FIELDS = 3  # of an event in a piece, which is one flat list: counter, payload, header
_EVENT_BYTES = 256  # an event's objects, its places in lists, its topic's place in the index of a piece

Events = list[Any]  # three fields each, one behind the other


class _Piece:
    __slots__ = ("events", "newest", "size")

    def __init__(self, events: Events, size: int) -> None:
        self.events = events
        self.newest: dict[Counter, int] = {counter: counter.seq for counter in set(events[0::_FIELDS])}
        self.size = size


class Kept:
    def __init__(self, max_bytes: int) -> None:
        self._piece_bytes = max_bytes // _PIECES
        self._max_bytes = max_bytes - self._piece_bytes  # of the pieces that are closed
        self._bytes = 0
        self._pieces: deque[_Piece] = deque()
        self._open: Events = []  # the piece that events are added to
        self._room = self._piece_bytes  # in that
        self._seen = 0  # how much of it changed() has told
        self._changed: set[Counter] = set()  # of the others
        self._dropped = 0  # pieces
        # Sources that have ended: the number of the last piece that can hold anything of it, and its topics.
        self._former: dict[str, tuple[int, dict[str, Counter]]] = {}
        self.is_early = False  # the newest still wait for the first bridge to subscribe

    def add(self, counter: Counter, payload: bytes, header: bytes) -> None:
        """Keeps the newest event of that topic."""
        self._open += (counter, payload, header)
        self._room -= len(payload) + len(header) + _EVENT_BYTES
        if self._room <= 0:
            self._close_piece()

    def changed(self) -> set[Counter]:
        """The topics that were published to since this was last asked."""
        changed, self._changed = self._changed, set()
        changed.update(self._open[self._seen :: _FIELDS])
        self._seen = len(self._open)
        return changed

    def end_source(self, src: str, counters: dict[str, Counter]) -> None:
        """Nothing will be added to these any more. They are no others' from now on."""
        newest = self._open or (self._pieces[-1].events if self._pieces else [])
        if newest and newest[-_FIELDS].src == src:  # else nothing of it is held
            self._former[src] = self._dropped + len(self._pieces), counters

    def former(self, src: str) -> dict[str, Counter]:
        """The counters of a source that has ended. Some may hold nothing any more."""
        return self._former[src][1] if src in self._former else {}

    def all_former(self) -> list[list[Counter]]:
        """The same of each of them."""
        return [list(counters.values()) for _, counters in self._former.values()]

    def pieces_with(self, counter: Counter, first: int) -> list[tuple[Events, int]]:
        """Where a topic's events from that number on lie, in their order, each with the newest number in it."""
        found = [(piece.events, newest) for piece in self._pieces if (newest := piece.newest.get(counter, 0)) >= first]
        if counter.seq >= first:
            found.append((self._open.copy(), counter.seq))
        return found

    def _close_piece(self) -> None:
        # An interrupt in here may cost a piece, but puts none in twice.
        piece = _Piece(self._open, self._piece_bytes - self._room)
        self._changed.update(self._open[self._seen :: _FIELDS] if self._seen else piece.newest)
        self._open, self._room, self._seen = [], self._piece_bytes, 0
        self._pieces.append(piece)
        self._bytes += piece.size
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        piece = self._pieces.popleft()
        self._dropped += 1
        self._bytes -= piece.size
        for counter, newest in piece.newest.items():
            counter.first = newest + 1
        while self._former and self._former[src := next(iter(self._former))][0] < self._dropped:
            del self._former[src]


def count_of(events: Events) -> int:
    return len(events) // _FIELDS


def events_in(events: Events, counter: Counter, first: int, last: int) -> Iterator[tuple[int, bytes, bytes]]:
    """A topic's events with these numbers, rising, as (seq, payload, header)."""
    for at, other in enumerate(events[0::_FIELDS]):
        if other is not counter:
            continue
        payload, header = events[_FIELDS * at + 1 : _FIELDS * (at + 1)]
        seq = number_in(header)
        if seq > last:
            return
        if seq >= first:
            yield seq, payload, header
