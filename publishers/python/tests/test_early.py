"""The first events of a program wait for the bridge; those for which none comes are counted and logged."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable

import pytest
import zmq
from stand_in import StandIn, wait_until

from zwsbridge import Publisher

NOBODY = "tcp://127.0.0.1:1"


def test_first_event_arrives_without_waiting_for_the_bridge(bridge: StandIn) -> None:
    with Publisher(bridge.endpoint, linger=10) as publisher:
        for number in range(100):
            assert publisher.publish("t", {"n": number})
    events = [bridge.receive() for _ in range(100)]
    assert [event.message["n"] for event in events] == list(range(100))
    assert [event.header["seq"] for event in events] == list(range(1, 101))
    assert publisher.dropped == 0


def test_early_event_leaves_though_nothing_is_published_after_it(start_bridge: Callable[..., StandIn]) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    publisher = Publisher(endpoint, early_seconds=60)
    assert publisher.publish("t", b"only")
    assert start_bridge(bind=endpoint).receive().payload == b"only"
    publisher.close()


def test_early_events_without_headers(bridge: StandIn) -> None:
    with Publisher(bridge.endpoint, headers=False, linger=10) as publisher:
        assert publisher.publish("t", b"one") and publisher.publish("t", b"two")
    assert [bridge.receive().payload for _ in range(2)] == [b"one", b"two"]


def test_early_event_is_kept_though_there_is_no_thread_to_watch_it(
    start_bridge: Callable[..., StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a limit of processes."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, early_seconds=60) as publisher:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            assert publisher.publish("t", b"one")
        assert publisher.publish("t", b"two")  # this one finds a thread
        bridge = start_bridge(bind=endpoint)
        assert [bridge.receive().payload for _ in range(2)] == [b"one", b"two"]


def test_publishing_while_early_events_leave_is_dropped_and_counted(start_bridge: Callable[..., StandIn]) -> None:
    """As a signal handler would that interrupts `ready` between two frames."""
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, early_seconds=60) as publisher:
        inner: list[bool] = []
        real_send = publisher._sends[0]

        def interrupted_send(frame: bytes, flags: int) -> None:
            real_send(frame, flags)
            if flags & zmq.SNDMORE:
                inner.append(publisher.publish("t", b"inner") or not publisher.ready)

        publisher._sends = [interrupted_send]
        for number in range(3):
            assert publisher.publish("t", b"%d" % number)
        bridge = start_bridge(bind=endpoint)
        wait_until(lambda: publisher._early is None)
        publisher._sends = [real_send]
        assert publisher.publish("t", b"last")
        events = bridge.receive_until(lambda event: event.payload == b"last")
        assert [event.payload for event in events] == [b"0", b"1", b"2", b"last"] and not bridge.refused
        assert inner == [False] * 6 and publisher.dropped == 6


def test_early_events_that_an_interrupt_costs_are_counted(
    start_bridge: Callable[..., StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Publisher, "_watch_early", lambda self: None)
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, early_seconds=60) as publisher:
        real_send = publisher._sends[0]

        def interrupted_send(frame: bytes, flags: int) -> None:
            real_send(frame, flags)
            if frame == b"1":
                raise KeyboardInterrupt

        publisher._sends = [interrupted_send]
        for number in range(5):
            assert publisher.publish("t", b"%d" % number)
        bridge = start_bridge(bind=endpoint)
        with pytest.raises(KeyboardInterrupt):
            wait_until(lambda: publisher.ready)
        assert publisher.dropped == 4
        assert publisher.publish("t", b"last")
        wait_until(lambda: publisher.ready)
        events = bridge.receive_until(lambda event: event.payload == b"last")
        assert [event.payload for event in events] == [b"0", b"last"] and not bridge.refused


def test_time_that_is_over_counts_what_waited(caplog: pytest.LogCaptureFixture) -> None:
    with Publisher(NOBODY, early_seconds=0.05) as publisher:
        assert publisher.publish("t", {})
        wait_until(lambda: publisher.dropped == 1)
        assert not publisher.publish("t", {})
        assert publisher.dropped == 2
    told = [message for message in caplog.messages if "dropped" in message]
    assert sum(int(message.split()[0]) for message in told) == 2


def test_early_events_are_bounded() -> None:
    with Publisher(NOBODY, queue_size=3, linger=0) as publisher:
        assert [publisher.publish("t", {}) for _ in range(5)] == [True] * 3 + [False] * 2
    with Publisher(NOBODY, linger=0) as publisher:
        mebibyte = bytes(1024 * 1024)
        assert [publisher.publish("t", mebibyte) for _ in range(17)].count(True) == 15


def test_end_without_a_bridge_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher(NOBODY, linger=0.05)
    assert [publisher.publish("t", {}) for _ in range(3)] == [True] * 3
    started = time.monotonic()
    publisher.close()
    assert time.monotonic() - started < 5
    assert publisher.dropped == 3
    assert caplog.record_tuples == [
        ("zwsbridge", logging.WARNING, f"3 event(s) dropped: no bridge has subscribed yet at {NOBODY}")
    ]


@pytest.mark.parametrize("seconds", [float("inf"), 1e8])
def test_any_time_may_be_given(bridge: StandIn, seconds: float) -> None:
    publisher = Publisher(bridge.endpoint, linger=1e8)
    assert publisher.publish("t", b"one") and publisher.flush(seconds)
    assert publisher.publish("t", b"two")
    publisher.close(seconds)
    assert [bridge.receive().payload for _ in range(2)] == [b"one", b"two"]


def test_flush_waits_until_all_has_left(bridge: StandIn) -> None:
    publisher = Publisher(bridge.endpoint)
    assert publisher.publish("t", b"one") and publisher.flush(10)
    assert bridge.receive().payload == b"one"
    assert publisher.publish("t", b"two") and publisher.flush(10)
    assert bridge.receive().payload == b"two"
    publisher.close()
    with Publisher(NOBODY) as nobodys:
        assert nobodys.publish("t", {}) and not nobodys.flush(0.05)
        assert nobodys.dropped == 1
