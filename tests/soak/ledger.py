"""What each client heard, held against what it was promised: every event comes once and in order, or is told.

A source's events on a topic are numbered. So after number n comes n + 1, a gap that begins at n + 1, or, where the
bridge has said so (`recovered:false`, a restart, a conflating route), something later. Anything else is a breach.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from typing import Any

RESTARTING = "again:"  # its producer counts from 1 again under the same src
CONFLATING = "conf:"  # numbers that were replaced are no loss
RAW = "raw:"  # events without an id
BREACHES_MAX = 50


class Account:
    """The sums of all clients. May be used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sums: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.breaches: list[str] = []
        self.slowest = 0.0  # answer of /healthz, in seconds

    def add(self, what: str, count: int = 1) -> None:
        with self._lock:
            self.sums[what] += count

    def closed(self, life: str, code: int) -> None:
        with self._lock:
            self.closes[f"{life} {code}"] += 1

    def breach(self, what: str) -> None:
        with self._lock:
            if len(self.breaches) < BREACHES_MAX:
                self.breaches.append(what)
            self.sums["breaches"] += 1


class Subscription:
    """One topic or pattern on one connection."""

    def __init__(self, name: str, answer: dict[str, Any], given: dict[str, dict[str, int]] | None) -> None:
        self.name = name
        self.recovered = answer.get("recovered") is True
        self.is_pattern = name.endswith("*")
        # Until so many replayed events have come their numbers may jump: only the newest were sent.
        self.loose = 0 if self.recovered else int(answer.get("replayed", 0))
        at = {} if self.is_pattern else {name: _parsed(answer.get("at", []))}
        self.at = {} if self.recovered else at
        self.heard: dict[str, dict[str, int]] = {}
        if self.recovered:
            self.heard = {topic: dict(sources) for topic, sources in (given or {}).items()}
        elif not self.loose:
            self._take_up()

    def brings(self, topic: str) -> bool:
        return topic.startswith(self.name[:-1]) if self.is_pattern else topic == self.name

    def since(self) -> dict[str, dict[str, int]] | None:
        """What to come back with; None when it is not to be known yet."""
        return None if self.loose else self.heard

    def first_is_free(self, topic: str) -> bool:
        """Whether a source not heard of may begin anywhere: the bridge has not said where it stands."""
        return bool(self.loose) or (self.is_pattern and not self.recovered)

    def replayed(self, count: int) -> None:
        if self.loose:
            self.loose = max(0, self.loose - count)
            if not self.loose:
                self._take_up()

    def missed(self, topic: str, src: str, last: int, count: int) -> None:
        """Neighbours merge, so a gap may begin in the replay and end among live events: those are behind `at`, which
        a pattern has not: what is missing in its replay keeps it loose for this connection."""
        if topic in self.at:
            self.replayed(max(0, min(count, self.at[topic].get(src, 0) - (last - count))))

    def _take_up(self) -> None:
        for topic, sources in self.at.items():
            heard = self.heard.setdefault(topic, {})
            for src, seq in sources.items():
                heard[src] = max(seq, heard.get(src, 0))


class Ledger:
    """One connection's."""

    def __init__(self, account: Account, name: str) -> None:
        self.account = account
        self.name = name
        self.subscriptions: dict[str, Subscription] = {}
        self._lately: deque[str] = deque(maxlen=12)  # for whoever has to find out what a breach comes from
        self._own: dict[str, dict[str, int]] = {}  # what comes without being asked for: @all, @user/...

    def subscribed(self, answer: dict[str, Any], given: dict[str, dict[str, int]] | None) -> None:
        topic = answer["topic"]
        self._lately.append(json.dumps({**answer, "given": given}))
        if answer.get("success") is not True:
            self.account.add("subscriptions refused")
            return
        self.subscriptions[topic] = Subscription(topic, answer, given)
        if "recovered" in answer:
            self.account.add("resumes recovered" if answer["recovered"] else "resumes declared failed")

    def event(self, topic: str, position: str) -> None:
        self.account.add("delivered")
        src, _, seq = position.rpartition(":")
        subscription, heard = self._heard(topic)
        if heard is None:
            self._breach(f"an event of {topic}, which it has not subscribed to")
            return
        self._step(topic, src, int(seq), int(seq), heard, subscription)
        if subscription:
            subscription.replayed(1)

    def gap(self, message: dict[str, Any]) -> None:
        topic, src, first, last = message["topic"], message["src"], message["from"], message["to"]
        self.account.add("told as missing", message["missed"])
        subscription, heard = self._heard(topic)
        if heard is None:
            self._breach(f"a gap of {topic}, which it has not subscribed to")
            return
        self._step(topic, src, first, last, heard, subscription)
        if subscription:
            subscription.missed(topic, src, last, message["missed"])

    def _breach(self, what: str) -> None:
        self.account.breach(f"{self.name}: {what}; lately:\n    " + "\n    ".join(self._lately))

    def _heard(self, topic: str) -> tuple[Subscription | None, dict[str, int] | None]:
        if topic.startswith("@"):
            return None, self._own.setdefault(topic, {})
        for subscription in self.subscriptions.values():
            if subscription.brings(topic):
                return subscription, subscription.heard.setdefault(topic, {})
        return None, None

    def _step(
        self, topic: str, src: str, first: int, last: int, heard: dict[str, int], subscription: Subscription | None
    ) -> None:
        before = heard.get(src)
        heard[src] = last
        self._lately.append(f"{topic} {src}:{first}" + (f"-{last}" if last != first else ""))
        if topic.startswith(RESTARTING) and first == 1:
            return
        if before is None:
            free = subscription is None or subscription.first_is_free(topic) or topic.startswith(CONFLATING)
            if not free and first != 1:
                self._breach(f"{topic} {src} begins at {first}")
        elif first <= before:
            self._breach(f"{topic} {src}:{first} again, or late: {before} was before it")
        elif first != before + 1 and not topic.startswith(CONFLATING) and not (subscription and subscription.loose):
            self._breach(f"{topic} {src}:{first} comes after {before} without a word")


def _parsed(positions: list[str]) -> dict[str, int]:
    return {src: int(seq) for src, _, seq in (position.rpartition(":") for position in positions)}
