"""Asker by itself, with a connection that takes or does not take what is sent."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq

import zwsbridge.asker
from zwsbridge.asker import Asker
from zwsbridge.dealer import Dealer
from zwsbridge.kept import Kept
from zwsbridge.source import Source


class Connection:
    """As much of Dealer, and of its socket, as there is to say hello and to be sent."""

    due_at = math.inf

    def __init__(self) -> None:
        self.socket = self
        self.is_away = False
        self.sent: list[Sequence[bytes]] = []
        self._unread = [[b"hello"]]

    def look(self) -> None:
        pass

    def greeted(self) -> None:
        pass

    def recv_multipart(self, flags: int) -> list[bytes]:
        if not self._unread:
            raise zmq.Again
        return self._unread.pop()

    def send_multipart(self, frames: Sequence[bytes], flags: int) -> None:
        if self.is_away:
            raise zmq.Again
        self.sent.append(frames)


class Bench:
    def __init__(self, max_topics: int = 1000, repair_bytes: int = 1024 * 1024) -> None:
        self.kept = Kept(repair_bytes)
        self.source = Source(max_topics, True, self.kept.end_source)
        self.connection = Connection()
        self.asker = Asker(cast(Dealer, cast(Any, self.connection)), self.kept, self.source, threading.RLock())
        self.asker.read()
        self.asker.send()

    def publish(self, *topics: str) -> None:
        for topic in topics:
            counter = self.source.counters.get(topic) or self.source.add(topic)
            counter.seq += 1
            self.kept.add(counter, b"", self.source.header_start + b"%d,}" % counter.seq)
        self.asker.changed(self.kept.changed())

    def come_back(self) -> None:
        """The connection, and all that waited for it is said."""
        self.connection.is_away = False
        while self.asker._unsaid:
            self.asker.say_now()
            self.asker.send()

    def told(self) -> list[bytes]:
        """The topics that it said something of."""
        return [topic for frames in self.connection.sent for topic in frames[2::3]]


def test_bridge_that_is_away_is_waited_for_at_no_time() -> None:
    bench = Bench()
    bench.publish("t")
    assert bench.asker.due_at < math.inf
    bench.connection.is_away = True
    bench.asker.send()
    assert bench.asker.due_at == math.inf
    bench.connection.is_away = False
    bench.asker.send()
    assert bench.told() == [b"t"]


def test_changes_are_told_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(zwsbridge.asker, "time", clock)
    bench = Bench()
    bench.publish("a")
    bench.asker.send()
    bench.publish("a", "b")
    bench.asker.send()
    assert bench.told() == [b"a"] and bench.asker.due_at == 1001.0
    clock.now = 1001.0
    bench.asker.send()
    assert sorted(bench.told()) == [b"a", b"a", b"b"]


def test_what_is_not_told_yet_is_bounded() -> None:
    bench = Bench(max_topics=3)
    bench.connection.is_away = True
    for number in range(20):
        bench.publish(f"t/{number}")
        bench.asker.send()
    bench.come_back()
    assert bench.told() == [b"t/17", b"t/18", b"t/19"]


def test_what_is_held_is_told_rather_than_what_is_not() -> None:
    bench = Bench(max_topics=3)
    bench.connection.is_away = True
    bench.publish("gone", "held")
    bench.asker.send()
    gone = bench.source.counters["gone"]
    gone.first = gone.seq + 1
    bench.publish("gone/2", "new")
    bench.come_back()
    assert sorted(bench.told()) == [b"gone/2", b"held", b"new"]  # of one look in any order


def test_portion_is_of_so_many_bytes() -> None:
    bench = Bench()
    counter = bench.source.add("t")
    for _ in range(3):
        counter.seq += 1
        bench.kept.add(counter, b"x" * 40_000, bench.source.header_start + b"%d,}" % counter.seq)
    sent = bench.connection.sent
    sent.clear()
    bench.connection._unread = [[b"want", counter.src.encode(), b"t", b"1", b"3"]]
    bench.asker.read()
    bench.asker.send()
    assert [frames[0] for frames in sent if frames[0] != b"have"] == [b"event"] * 2
    bench.asker.send()
    assert [frames[0] for frames in sent if frames[0] != b"have"] == [b"event"] * 3 + [b"end"]


def test_what_a_former_connection_asked_for_is_not_answered_on_the_next() -> None:
    bench = Bench()
    bench.publish("t")
    src = bench.source.src.encode()
    bench.connection.is_away = True
    bench.connection._unread = [[b"want", src, b"t", b"1", b"1"]]
    bench.asker.read()
    bench.asker.send()
    bench.connection._unread = [[b"hello"]]
    bench.asker.read()
    bench.connection.is_away = False
    bench.connection.sent.clear()
    bench.asker.send()
    assert {frames[0] for frames in bench.connection.sent} == {b"have"}
