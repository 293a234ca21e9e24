"""No bridge, a bridge that restarts, a publisher that ends."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from typing import Callable

import pytest
import zmq
from silent_bridge import SilentBridge
from stand_in import StandIn, wait_until

from zwsbridge import Publisher

NOBODY = "tcp://127.0.0.1:1"


def test_without_a_bridge_nothing_waits_and_everything_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with Publisher(NOBODY, early_seconds=0) as publisher:
        assert not publisher.ready
        assert not publisher.wait_ready(0.05)
        assert [publisher.publish("t", {}) for _ in range(3)] == [False] * 3
        assert publisher.dropped == 3
    assert caplog.record_tuples == [
        ("zwsbridge", logging.WARNING, f"no bridge has subscribed within 0.05 s at {NOBODY}"),
        ("zwsbridge", logging.WARNING, f"1 event(s) dropped: no bridge has subscribed yet at {NOBODY}"),
        ("zwsbridge", logging.WARNING, f"2 event(s) dropped: no bridge has subscribed yet at {NOBODY}"),
    ]


def test_ready_means_every_endpoint(bridge: StandIn) -> None:
    with Publisher([bridge.endpoint, NOBODY], linger=0) as publisher:
        wait_until(lambda: not publisher.publish("t", {}) and bridge.has_received)
        assert not publisher.wait_ready(0.05)
        assert not publisher.publish("t", b"last")
        assert bridge.receive_until(lambda event: event.payload == b"last")


def test_bridge_that_subscribes_to_less_is_ready_too(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    bridge = start_bridge(prefix=b"import:")
    publisher = connect(bridge)
    publisher.publish("wallet_updates", {})
    publisher.publish("import:1", {})
    assert bridge.receive().topic == "import:1"


def test_events_wait_for_a_bridge_that_restarts(
    start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]
) -> None:
    first = start_bridge()
    publisher = connect(first)
    publisher.publish("t", b"before")
    assert first.receive().payload == b"before"
    first.stop()
    # What is sent before the break is noticed goes the way of that connection.
    for number in range(1000):
        assert publisher.publish("t", b"%d" % number)
    second = start_bridge(bind=first.endpoint)
    assert publisher.publish("t", b"last")
    events = second.receive_until(lambda event: event.payload == b"last")
    numbers = [event.header["seq"] for event in events]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 1002
    assert {event.header["src"] for event in events} == {publisher.src}
    assert publisher.dropped == 0


def test_bridge_that_was_away_for_long_is_found_within_two_seconds() -> None:
    """ZeroMQ doubles its pauses between tries up to that, as a test that waits for them would see."""
    with Publisher(NOBODY, linger=0) as publisher:
        assert publisher._link is not None
        for socket in publisher._link._sockets:
            assert (socket.get(zmq.RECONNECT_IVL), socket.get(zmq.RECONNECT_IVL_MAX)) == (100, 2000)


def test_publisher_that_binds(start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, bind=True) as publisher:
        bridges = [start_bridge(connect=endpoint), start_bridge(connect=endpoint)]
        assert publisher.wait_ready(10)
        # The second bridge may come later than the first.
        wait_until(lambda: publisher.publish("t", {}) and all(bridge.has_received for bridge in bridges))
        for bridge in bridges:
            bridge.stop()
        wait_until(lambda: not publisher.ready)
        assert not publisher.publish("t", {})


def test_publisher_that_binds_knows_at_once_that_its_bridge_has_left(start_bridge: Callable[..., StandIn]) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, bind=True) as publisher:
        bridge = start_bridge(connect=endpoint)
        assert publisher.wait_ready(10)
        assert all(publisher.publish("t", {}) for _ in range(3))
        bridge.stop()
        assert publisher._link is not None
        (socket,) = publisher._link._sockets
        wait_until(lambda: int(socket.get(zmq.EVENTS)) & zmq.POLLIN != 0)
        assert not publisher.publish("t", {})
        assert publisher.dropped == 1


def test_bridge_that_falls_silent_is_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one whose machine lost power: no FIN, no answer to a ping."""
    monkeypatch.setattr("zwsbridge.link._HEARTBEAT_MS", 50)
    monkeypatch.setattr("zwsbridge.link._SILENCE_MS", 200)
    with SilentBridge() as bridge, Publisher(bridge.endpoint, linger=0) as publisher:
        bridge.accept()
        wait_until(lambda: publisher.ready)
        bridge.accept()


def test_subscriptions_that_nobody_reads_stop_nothing() -> None:
    """libzmq stops reading where a thousand lie unread, and aborts when the connection breaks then."""
    with SilentBridge() as bridge, Publisher(bridge.endpoint, linger=0):
        bridge.accept()
        bridge.subscribe_and_ping(3000)
        assert bridge.frame() == b"\x04PONG"


def test_ipv6_endpoint(start_bridge: Callable[..., StandIn], connect: Callable[..., Publisher]) -> None:
    bridge = start_bridge(bind="tcp://[::1]:*", options={zmq.IPV6: 1})
    assert connect(bridge).publish("t", {})
    assert bridge.receive().topic == "t"


def test_close_lets_waiting_events_leave(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, linger=10, queue_size=100_000)
    bridge.stall()  # more than the kernel takes waits in the publisher
    for _ in range(20_000):
        assert publisher.publish("t", b"x" * 1000)
    publisher.publish("t", b"last")
    bridge.resume()
    publisher.close()
    assert len(bridge.receive_until(lambda event: event.payload == b"last")) == 20_001


def test_close_gives_up_on_a_bridge_that_is_gone(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, linger=60)
    bridge.stop()
    for _ in range(1000):
        publisher.publish("t", {})
    publisher.close(linger=0.05)
    assert publisher.closed


@pytest.mark.parametrize("in_cycle", [False, True])
def test_publisher_that_is_dropped_without_close_loses_nothing(bridge: StandIn, in_cycle: bool) -> None:
    program = f"""
        import faulthandler, gc
        from zwsbridge import Publisher

        class Service:
            def __init__(self):
                self.publisher = Publisher({bridge.endpoint!r}, linger=10)
                self.handle = self.on_event if {in_cycle} else None

            def on_event(self):
                pass

        faulthandler.dump_traceback_later(20, exit=True)  # an end that waits for ever holds the interpreter's lock
        for _ in range(3):
            service = Service()
            assert service.publisher.wait_ready(10)
            for number in range(1000):
                service.publisher.publish("t", b"x" * 1000)
            del service
            gc.collect()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
    assert {event.header["seq"] for event in (bridge.receive() for _ in range(3000))} == set(range(1, 1001))


def test_interpreter_that_ends_without_close_loses_nothing(bridge: StandIn) -> None:
    program = f"""
        from zwsbridge import Publisher
        publisher = Publisher({bridge.endpoint!r})
        assert publisher.wait_ready(10)
        for number in range(1000):
            publisher.publish("t", b"x" * 1000)
        publisher.publish("t", b"last")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
    assert len(bridge.receive_until(lambda event: event.payload == b"last")) == 1001


def test_interpreter_ends_though_the_bridge_is_gone(bridge: StandIn) -> None:
    program = f"""
        import sys
        from zwsbridge import Publisher
        publisher = Publisher({bridge.endpoint!r}, linger=0.05)
        assert publisher.wait_ready(10)
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(1000):
            publisher.publish("t", b"x" * 1000)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        bridge.stop()
        process.communicate("\n", timeout=60)
        assert process.returncode == 0
