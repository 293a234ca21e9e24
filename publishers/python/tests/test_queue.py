"""A queue that is full costs events, never time: each loss is counted, and leaves a hole in the numbers."""

from __future__ import annotations

import logging
import threading
from typing import Any, Callable

import pytest
import zmq
from stand_in import PATIENCE, Event, StandIn, publish_until_taken, wait_until

from zwsbridge import Publisher

SMALL_BUFFERS = {zmq.RCVHWM: 1, zmq.RCVBUF: 4096}
BIG = b"x" * 20_000
ENOUGH = 20_000  # events of that size are more than any kernel keeps
HUGE = bytes(1024 * 1024)
BACKLOG = 20  # of these are, too


def is_last(event: Event) -> bool:
    return event.payload == b"last"


def publish_until_dropped(publisher: Publisher, topic: str) -> int:
    for count in range(ENOUGH):
        if not publisher.publish(topic, BIG):
            return count
    raise AssertionError("the queue never filled")


def test_full_queue_drops_and_counts_exactly(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, queue_size=20)
    bridge.stall()
    publish_until_dropped(publisher, "t")
    for _ in range(50):
        publisher.publish("t", BIG)
    bridge.resume()
    publish_until_taken(publisher, "t", b"last")

    events = bridge.receive_until(is_last)
    numbers = [event.header["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    assert publisher.dropped >= 1
    assert len(events) + publisher.dropped == numbers[-1]
    assert not bridge.refused


def test_log_tells_of_drops_once_in_ten_seconds(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher], caplog: pytest.LogCaptureFixture
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, queue_size=20)
    bridge.stall()
    publish_until_dropped(publisher, "t")
    for _ in range(50):
        publisher.publish("t", BIG)
    said = [("zwsbridge", logging.WARNING, f"1 event(s) dropped: the queue of 20 is full at {bridge.endpoint}")]
    assert caplog.record_tuples == said
    publisher._warn_at -= 10.0  # as if so many seconds had passed
    publisher.publish("t", BIG)
    publisher.publish("t", BIG)
    assert caplog.messages == [said[0][2], said[0][2].replace("1 event", "51 event", 1)]


def test_bridge_that_hangs_costs_the_others_nothing(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    hanging, working = start_bridge(options=SMALL_BUFFERS), start_bridge()
    publisher = connect(hanging, working, queue_size=100)
    hanging.stall()
    sent = 0
    while publisher.dropped == 0:
        publisher.publish("t", BIG)
        sent += 1
        assert working.receive().header["seq"] == sent  # one at a time: this bridge keeps up
    publisher.publish("t", b"last")
    assert [event.header["seq"] for event in working.receive_until(is_last)] == [sent + 1]


def test_flush_of_one_thread_keeps_no_other_from_publishing(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge)
    bridge.stall()
    assert all(publisher.publish("t", HUGE) for _ in range(BACKLOG))
    src = publisher.src
    flushed: list[bool] = []
    thread = threading.Thread(target=lambda: flushed.append(publisher.flush(PATIENCE)))
    thread.start()
    wait_until(lambda: publisher.src != src)
    assert publisher.publish("t", b"last")
    assert not flushed
    bridge.resume()
    thread.join()
    assert flushed == [True]
    assert {event.header["src"] for event in bridge.receive_until(is_last)} == {src, publisher.src}


def test_close_waits_for_what_another_thread_lets_go(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge)
    bridge.stall()
    assert all(publisher.publish("t", HUGE) for _ in range(BACKLOG))
    src = publisher.src
    thread = threading.Thread(target=publisher.flush, args=(PATIENCE,))
    thread.start()
    wait_until(lambda: publisher.src != src)
    bridge.resume()
    publisher.close(PATIENCE)
    assert not publisher._leaving
    thread.join()
    assert [bridge.receive().header["seq"] for _ in range(BACKLOG)] == list(range(1, BACKLOG + 1))


def test_interrupt_while_a_bridge_hangs_says_that_events_were_given_up(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher], caplog: pytest.LogCaptureFixture
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, linger=0.05)
    bridge.stall()
    assert all(publisher.publish("t", HUGE) for _ in range(BACKLOG))

    def interrupted_send(frame: bytes, flags: int) -> None:
        raise KeyboardInterrupt

    publisher._sends = [interrupted_send]
    with pytest.raises(KeyboardInterrupt):
        publisher.publish("t", b"x")
    (told,) = caplog.messages
    assert told.startswith("events that still waited after 0.05 s (linger) were given up")


def test_queue_of_any_size_takes_a_big_event(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, queue_size=1, max_event_bytes=4 * 1024 * 1024)
    payload = bytes(range(256)) * 16_384
    assert publisher.publish("t", payload)
    assert bridge.receive().payload == payload


def test_publishing_inside_publish_is_dropped_and_counted(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    """As a signal handler would that interrupts publish between two frames."""
    publisher = connect(bridge)
    inner: list[Any] = []
    real_send = publisher._sends[0]

    def interrupted_send(frame: bytes, flags: int) -> None:
        real_send(frame, flags)
        if flags & zmq.SNDMORE:
            inner.append(publisher.publish("t", b"inner"))

    publisher._sends = [interrupted_send]
    assert publisher.publish("t", b"outer")
    publisher._sends = [real_send]
    assert publisher.publish("t", b"last")
    events = bridge.receive_until(is_last)
    assert inner == [False, False] and publisher.dropped == 2
    assert [(event.payload, event.header["seq"]) for event in events] == [(b"outer", 1), (b"last", 4)]


@pytest.mark.parametrize("verb", ["close", "flush"])
@pytest.mark.parametrize("sent", range(3))
def test_handler_that_parts_in_the_middle_of_publish_costs_that_event(
    bridge: StandIn, connect: Callable[..., Publisher], verb: str, sent: int
) -> None:
    """As a signal handler would that comes after so many frames."""
    publisher = connect(bridge, repair=None)
    assert publisher.publish("t", b"before")
    real_send = publisher._sends[0]
    frames: list[bytes] = []

    def interrupted_send(frame: bytes, flags: int) -> None:
        if len(frames) == sent:
            getattr(publisher, verb)()
        frames.append(frame)
        real_send(frame, flags)

    publisher._sends = [interrupted_send]
    if verb == "close":
        with pytest.raises(RuntimeError, match="closed"):
            publisher.publish("t", b"x")
    else:
        assert not publisher.publish("t", b"x") and publisher.dropped == 1
        assert publisher.wait_ready(PATIENCE) and publisher.publish("t", b"last")
        assert [event.payload for event in bridge.receive_until(is_last)] == [b"before", b"last"]
    assert not bridge.refused


def test_handler_that_flushes_before_an_event_is_sent_gives_it_no_number_of_another_source(
    bridge: StandIn, connect: Callable[..., Publisher]
) -> None:
    publisher = connect(bridge, repair=None)
    assert publisher.publish("t", b"before")
    real_counter_of = publisher._counter_of

    def interrupted_counter_of(topic: str) -> Any:
        counter = real_counter_of(topic)
        publisher._counter_of = real_counter_of
        publisher.flush()
        return counter

    publisher._counter_of = interrupted_counter_of
    assert not publisher.publish("t", b"x") and publisher.dropped == 1
    assert publisher.wait_ready(PATIENCE) and publisher.publish("t", b"last")
    events = bridge.receive_until(is_last)
    assert [(event.payload, event.header["seq"]) for event in events] == [(b"before", 1), (b"last", 1)]
    assert len({event.header["src"] for event in events}) == 2


def test_handler_that_parts_in_the_middle_of_a_look(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, repair=None)
    assert publisher._link is not None
    look = publisher._link.look

    def interrupted_look() -> bool:
        publisher.flush()
        return look()

    publisher._link.look = interrupted_look  # type: ignore[method-assign]
    assert not publisher.ready
    assert publisher.wait_ready(PATIENCE) and publisher.publish("t", b"last")


def test_flush_that_gives_no_time_says_what_it_may_have_given_up(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher], caplog: pytest.LogCaptureFixture
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, repair=None)
    assert publisher.flush(0), "nothing was published"
    assert publisher.wait_ready(PATIENCE) and not caplog.messages
    bridge.stall()
    assert all(publisher.publish("t", HUGE) for _ in range(BACKLOG))
    assert not publisher.flush(0)
    (told,) = caplog.messages
    assert told.startswith("events that still waited after 0 s (linger) were given up")
