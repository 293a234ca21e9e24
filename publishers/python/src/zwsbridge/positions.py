"""Positions: how far a subscriber has come on each topic, so that after a break it gets what it missed.

The rules are those of docs/CLIENTS.md, "Resuming".

Bound: the topics that were named, and of those that patterns brought the MAX_FOUND heard last; MAX_SOURCES of each.
The bridge replays all that it retains, from the first event on, of a topic or source that is not named to it: what is
forgotten here could come twice. So where that may be, for RETAINED seconds after it was heard, nothing is resumed, and
that is told.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Callable

MAX_FOUND = 1024
MAX_SOURCES = 256  # what the bridge takes for a topic in one message
MAX_SINCE_BYTES = 48 * 1024  # of the 64 KiB that a message may have
RETAINED = 3600.0  # longer than a bridge keeps an event, unless its history.ttl is set to more

Sequences = dict[str, int]  # by source


def is_pattern(name: str) -> bool:
    return "*" in name


def matcher(names: Iterable[str]) -> re.Pattern[str]:
    """Matches the topics that these names and patterns bring. Raises re.error for none."""
    return re.compile("|".join(f"(?:{_expression(name)})" for name in names), re.DOTALL)


def _expression(name: str) -> str:
    rest = name.endswith("*")
    segments = re.split(r"([.:/])", name[:-1] if rest else name)
    body = "".join("[^.:/]+" if segment == "*" else re.escape(segment) for segment in segments)
    # Names that begin with @ belong to the bridge, and no pattern matches them.
    return ("(?!@)" if is_pattern(name) else "") + body + (".*" if rest else "")


def split(position: str) -> tuple[str, int]:
    source, _, sequence = position.rpartition(":")
    return source, int(sequence)


@dataclass
class _Topic:
    reached: Sequences = field(default_factory=dict)
    live: Sequences | None = None  # where live events begin; taken up when what is replayed has come
    awaited: int = 0  # events of a replay still to come
    heard_at: float = -math.inf
    forgot_at: float = -math.inf  # one of its sources, for there were too many

    def positions(self) -> list[str]:
        return [f"{source}:{sequence}" for source, sequence in self.reached.items()]


class Positions:
    def __init__(
        self, names: Iterable[str], clock: Callable[[], float] = time.monotonic, refound: bool = False
    ) -> None:
        """`refound`: a refusal brings the newest event of each topic, and with it where that stands."""
        self._clock = clock
        self._refound = refound
        self._named = {name for name in names if not is_pattern(name)}
        self._matches = {name: matcher([name]).fullmatch for name in names if is_pattern(name)}
        # When a topic of that pattern was heard last that is forgotten.
        self._forgotten = dict.fromkeys(self._matches, -math.inf)
        self._topics: dict[str, _Topic] = {}  # the one heard last at the end

    def event(self, topic: str, position: str) -> None:
        source, sequence = split(position)
        self._move(topic, source, sequence, 1)

    def gap(self, topic: str, source: str, first: int, last: int) -> None:
        live = self._topic(topic).live or {}
        self._move(topic, source, last, max(0, min(last, live.get(source, last)) - first + 1))

    def subscribed(self, topic: str, answer: dict[str, Any]) -> None:
        """The answer for a topic. That for a pattern names no positions: its events bring them."""
        if is_pattern(topic):
            if answer.get("recovered") is False:
                self._refused(topic)
            return
        at = answer.get("at")
        if not isinstance(at, list):
            return
        kept = self._topic(topic)
        if answer.get("recovered") is False:
            kept.reached = {}
        kept.live, kept.awaited = dict(map(split, at)), int(answer.get("replayed", 0))
        self._take_up(kept)

    def _refused(self, pattern: str) -> None:
        """One of its topics may have gone for ever, and nobody says which: with it each later resume would fail."""
        for topic in [topic for topic in self._topics if topic not in self._named and self._matches[pattern](topic)]:
            self._forget(topic)
        if self._refound:
            self._forgotten[pattern] = -math.inf

    def useless(self, name: str) -> None:
        """The bridge cannot go on from there: it is a topic of a raw route, or there are too many sources."""
        self._topics.pop(name, None)

    def since(self, name: str) -> dict[str, list[str]] | None:
        """What to give for a name or pattern when it is subscribed to again. None: there is nothing that says all."""
        retained_from = self._clock() - RETAINED
        if not is_pattern(name):
            kept = self._topics.get(name)
            return {name: kept.positions()} if kept and kept.reached and kept.forgot_at < retained_from else None
        found: dict[str, list[str]] = {}
        size = 0
        forgotten_at = self._forgotten[name]
        for topic, kept in reversed(self._topics.items()):  # those heard last first
            if not kept.reached or not self._matches[name](topic):
                continue
            positions = kept.positions()
            size += len(json.dumps({topic: positions}))
            if size > MAX_SINCE_BYTES:
                forgotten_at = max(forgotten_at, kept.heard_at)
                break
            found[topic] = positions
            forgotten_at = max(forgotten_at, kept.forgot_at)
        return found if forgotten_at < retained_from else None

    def _topic(self, topic: str) -> _Topic:
        kept = self._topics.pop(topic, None) or _Topic()
        self._topics[topic] = kept
        if len(self._topics) > MAX_FOUND + len(self._named):
            self._forget(next(name for name in self._topics if name not in self._named))
        return kept

    def _forget(self, topic: str) -> None:
        heard_at = self._topics.pop(topic).heard_at
        for name, matches in self._matches.items():
            if matches(topic):
                self._forgotten[name] = max(self._forgotten[name], heard_at)

    def _move(self, topic: str, source: str, sequence: int, count: int) -> None:
        kept = self._topic(topic)
        kept.reached.pop(source, None)
        kept.reached[source] = sequence
        kept.heard_at = self._clock()
        if len(kept.reached) > MAX_SOURCES:
            del kept.reached[next(iter(kept.reached))]
            kept.forgot_at = kept.heard_at
        kept.awaited -= count
        self._take_up(kept)
        if kept.reached.get(source, 0) < sequence:  # a gap that began in the replay and goes on among live events
            kept.reached[source] = sequence

    def _take_up(self, kept: _Topic) -> None:
        if kept.live is not None and kept.awaited <= 0:
            kept.reached, kept.live = kept.live, None
            kept.forgot_at = -math.inf  # these are all that there are
