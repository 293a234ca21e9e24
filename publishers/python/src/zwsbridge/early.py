"""Early: events that were published before the first bridge had subscribed, and wait for it.

Thread: not safe; the publisher's lock guards every call.
Bound:  as many events as the publisher's queue holds, 16 MiB, and `seconds` from the first of them.
"""

from __future__ import annotations

import time
from collections import deque

Frames = tuple[bytes, bytes, bytes]  # topic, payload, header; without headers the last is empty

_MAX_BYTES = 16 * 1024 * 1024


class Early:
    def __init__(self, seconds: float, max_events: int) -> None:
        self._seconds = seconds
        self._max_events = max_events
        self._until: float | None = None  # set with the first event
        self._bytes = 0
        self.events: deque[Frames] = deque()
        self.watched = False  # by a thread

    @property
    def is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def take(self, frames: Frames) -> bool:
        """False when it has no room or no time left."""
        size = sum(map(len, frames))
        if self._seconds == 0 or len(self.events) >= self._max_events or self._bytes + size > _MAX_BYTES:
            return False
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        self.events.append(frames)
        self._bytes += size
        return True
