"""Asking: the subscribe messages of one connection, as few as hold all the names, one at a time.

Each is sent when the one before has been answered whole. So nothing overtakes what has to come before it, and the time
that the bridge takes for a long list, or wants to be waited, is not taken from the events that come meanwhile.

Bound: MAX_NAMES names and MAX_BYTES in a message.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import Any, Callable

from zwsbridge.positions import Positions, is_pattern

MAX_NAMES = 512
MAX_BYTES = 48 * 1024  # of the 64 KiB that a message may have
RATE_PAUSE = 1.0  # seconds, and up to as many again: who is too fast twice within one is so without a break


class Asking:
    def __init__(
        self,
        names: Iterable[str],
        positions: Positions,
        known: set[str],
        last: int,
        sources: bool,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        """`known`: the names that were subscribed to before, which are resumed. `sources`: to be told of those."""
        self._positions = positions
        self._known = known
        self._last = last
        self._sources = sources
        self._send = send
        # What is resumed before what is new, which would else keep from a pattern what it missed of a topic. Then
        # topics before patterns: one that a pattern has brought already could not be told to be recovered.
        self._waiting = deque(sorted(names, key=lambda name: (name not in known, is_pattern(name))))
        # The names of the message under way that are not answered; whether what was missed of them is lost.
        self._asked: dict[str, bool] = {}
        self._anew: set[str] = set()  # names that were refused with what they were resumed with
        self._id = 0  # of that message
        self._is_too_fast = False
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Asks until it is cancelled."""
        while True:
            if self._is_too_fast:
                self._is_too_fast = False
                await asyncio.sleep(RATE_PAUSE * random.uniform(1, 2))
            if self._waiting and not self._asked:
                await self._send(json.dumps(self._next()))
            await self._changed.wait()
            self._changed.clear()

    def answered(self, name: str) -> bool:
        """Returns whether what was missed is lost: it had to be asked for as if it were new."""
        is_lost = self._asked.pop(name, False)
        if not self._asked:
            self._changed.set()
        return is_lost

    def may_be_new(self, name: str) -> bool:
        """For a name that was refused: whether it will be asked for again without what the bridge could not use."""
        if name not in self._known or name in self._anew or name not in self._asked:
            return False
        self._anew.add(name)
        self._waiting.append(name)
        self.answered(name)
        return True

    def asked_in(self, number: Any) -> list[str]:
        """What is not answered yet of the message with this id."""
        return list(self._asked) if number == self._id else []

    def too_fast(self) -> None:
        """The bridge wants to be asked later."""
        self._waiting.extendleft(reversed(self._asked))
        self._asked = {}
        self._is_too_fast = True
        self._changed.set()

    def _next(self) -> dict[str, Any]:
        self._id += 1
        message: dict[str, Any] = {"type": "subscribe", "topics": [], "id": self._id}
        if self._last:
            message["last"] = self._last
        if self._sources:
            message["sources"] = True
        kind = self._kind(self._waiting[0])
        since: dict[str, list[str]] = {}
        size = 0
        while self._waiting and len(self._asked) < MAX_NAMES:
            name = self._waiting[0]
            resumed = (self._positions.since(name) if kind != "new" else None) or {}
            size += len(json.dumps([name, resumed]))
            if self._asked and (self._kind(name) != kind or size > MAX_BYTES):
                break
            since.update(resumed)
            message["topics"].append(name)
            self._asked[name] = kind == "new" and name in self._known
            self._waiting.popleft()
        if kind != "new":
            message["since"] = since
        return message

    # A pattern is refused where `since` holds a topic that cannot be resumed, so it waits for the answers of topics.
    def _kind(self, name: str) -> str:
        if name not in self._known or name in self._anew or self._positions.since(name) is None:
            return "new"
        return "resumed pattern" if is_pattern(name) else "resumed topic"
