"""How long to wait before the next connection: at random, or ten thousand subscribers would come in one instant."""

from __future__ import annotations

import random

FIRST = 0.5  # seconds; the bound doubles up to MOST
MOST = 20.0
LATER = 5.0  # at least, where the bridge asked for patience
STABLE = 10.0


class Backoff:
    def __init__(self) -> None:
        self._attempts = 0

    def next(self, later: bool) -> float:
        """Seconds. `later`: the bridge asked for patience."""
        bound = min(MOST, FIRST * 2.0**self._attempts)
        self._attempts = min(self._attempts + 1, 10)
        return min(MOST, (LATER if later else 0) + random.uniform(0, bound))

    def lasted(self, seconds: float) -> None:
        """A connection that lasted begins the count anew; one that was thrown out at once does not."""
        if seconds >= STABLE:
            self._attempts = 0
