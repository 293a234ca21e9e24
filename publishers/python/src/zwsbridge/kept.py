"""Kept: what a publisher has sent, for bridges that ask for it again.

Events lie in one log, in the order in which they were published, and leave it at its other end a piece at a time: so
an event costs `publish` little more than its place in a list.

Thread: not safe; the publisher's lock guards every call.
Bound:  `max_bytes`, each event counted with what Python needs beside its frames. A piece is the 256th part of that.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from zwsbridge.source import Counter, number_in

_PIECES = 256
_FIELDS = 3  # of an event in a piece, which is one flat list: counter, payload, header
_EVENT_BYTES = 256  # an event's objects, its places in lists, its topic's place in the index of a piece


class _Piece:
    __slots__ = ("events", "newest", "size")

    def __init__(self, events: list[Any], size: int) -> None:
        self.events = events
        self.newest: dict[Counter, int] = {counter: counter.seq for counter in set(events[0::_FIELDS])}
        self.size = size


class Kept:
    def __init__(self, max_bytes: int) -> None:
        self._piece_bytes = max_bytes // _PIECES
        self._max_bytes = max_bytes - self._piece_bytes  # of the pieces that are closed
        self._bytes = 0
        self._pieces: deque[_Piece] = deque()
        self._open: list[Any] = []  # the piece that events are added to
        self._room = self._piece_bytes  # in that
        self._seen = 0  # how much of it changed() has told
        self._changed: set[Counter] = set()  # of the others
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

    def counters(self) -> set[Counter]:
        """The topics of which anything is held, under whatever `src`."""
        return set(self._open[0::_FIELDS]).union(*(piece.newest for piece in self._pieces))

    def find(self, counter: Counter, first: int, last: int, max_bytes: int) -> list[tuple[int, bytes, bytes]]:
        """A topic's events with these numbers, rising, as (seq, payload, header).

        Those beyond `max_bytes` are left out, but for the first.
        """
        found: list[tuple[int, bytes, bytes]] = []
        pieces = [piece.events for piece in self._pieces if piece.newest.get(counter, 0) >= first]
        for events in (*pieces, self._open):
            for at, other in enumerate(events[0::_FIELDS]):
                if other is not counter:
                    continue
                payload, header = events[_FIELDS * at + 1 : _FIELDS * (at + 1)]
                seq = number_in(header)
                if seq < first:
                    continue
                if seq > last or (found and max_bytes <= 0):
                    return found
                found.append((seq, payload, header))
                max_bytes -= len(payload) + len(header)
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
        self._bytes -= piece.size
        for counter, newest in piece.newest.items():
            counter.first = newest + 1
