"""One publisher, many threads; one publisher, many processes; and interrupts between two frames."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import defaultdict
from typing import Callable

from stand_in import Event, StandIn

from zwsbridge import Publisher


def is_last(event: Event) -> bool:
    return event.payload == b"last"


def test_threads_share_a_publisher(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge, queue_size=100_000)

    def publish_many(thread: int) -> None:
        for number in range(2000):
            assert publisher.publish(f"t/{number % 3}", {"thread": thread, "number": number})

    threads = [threading.Thread(target=publish_many, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.publish("t/0", b"last")

    events = bridge.receive_until(is_last)[:-1]
    assert len(events) == 12_000 and not bridge.refused
    numbers_of_topic, numbers_of_thread = defaultdict(list), defaultdict(list)
    for event in events:
        numbers_of_topic[event.topic].append(event.header["seq"])
        numbers_of_thread[event.message["thread"]].append(event.message["number"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in numbers_of_topic.values())
    assert all(numbers == list(range(2000)) for numbers in numbers_of_thread.values())


def test_close_while_threads_publish(bridge: StandIn, connect: Callable[..., Publisher]) -> None:
    publisher = connect(bridge)
    refusals: list[str] = []

    def publish_until_refused() -> None:
        try:
            while True:
                publisher.publish("t", {})
        except RuntimeError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=publish_until_refused) for _ in range(4)]
    for thread in threads:
        thread.start()
    bridge.receive()
    publisher.close()
    for thread in threads:
        thread.join()
    assert refusals == ["this publisher is closed"] * 4 and not bridge.refused


def in_child(work: Callable[[], None]) -> int:
    """The exit code of a forked child that runs `work`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_forked_child_is_a_source_of_its_own(publisher: Publisher, bridge: StandIn) -> None:
    publisher.publish("t", b"parent 1")
    parents = publisher.src

    def work() -> None:
        assert publisher.src != parents and publisher.dropped == 0
        assert publisher.wait_ready(10)
        assert publisher.publish("t", b"child")
        publisher.close()

    assert in_child(work) == 0
    assert publisher.publish("t", b"last")
    events = bridge.receive_until(is_last)
    assert sorted(event.payload for event in events) == [b"child", b"last", b"parent 1"]
    of_parent = [event.header["seq"] for event in events if event.header["src"] == parents]
    of_child = [event.header["seq"] for event in events if event.header["src"] != parents]
    assert (of_parent, of_child) == ([1, 2], [1])


def test_fork_while_other_threads_publish(publisher: Publisher, bridge: StandIn) -> None:
    stop = threading.Event()

    def publish_until_stopped() -> None:
        while not stop.is_set():
            publisher.publish("busy", {})

    threads = [threading.Thread(target=publish_until_stopped) for _ in range(2)]
    for thread in threads:
        thread.start()

    def work() -> None:
        signal.alarm(30)  # a lock that a thread of the parent held would never be given back
        assert publisher.wait_ready(10)
        assert publisher.publish("child", {})
        publisher.close()

    try:
        assert [in_child(work) for _ in range(10)] == [0] * 10
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    publisher.close()
    children: set[str] = set()
    while len(children) < 10:
        event = bridge.receive()
        if event.topic == "child":
            children.add(event.header["src"])
    assert not bridge.refused


def test_child_that_does_not_use_it_costs_the_parent_nothing(publisher: Publisher, bridge: StandIn) -> None:
    assert in_child(lambda: None) == 0
    assert subprocess.run([sys.executable, "-c", ""], timeout=60, check=False).returncode == 0
    assert publisher.publish("t", b"last")
    assert bridge.receive().payload == b"last"


def test_greenlet_of_the_parent_leaves_its_sockets_alone_in_a_child(publisher: Publisher, bridge: StandIn) -> None:
    """With gevent or eventlet a child has all greenlets of its parent, and they go on there."""
    repair = publisher._repair
    assert repair is not None

    def work() -> None:
        signal.alarm(10)
        repair._talk._run()

    assert in_child(work) == 0
    assert publisher.publish("t", b"last")
    assert bridge.receive().payload == b"last"


def test_too_few_descriptors_are_an_error_and_not_the_end_of_the_program() -> None:
    program = """
        import os
        import resource
        from zwsbridge import Publisher

        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        made = 0
        for left in range(40):
            try:
                Publisher("tcp://127.0.0.1:1", linger=0).close()
                made += 1
            except OSError as error:
                assert "Too many open files" in str(error)
            os.close(taken.pop())
        assert 0 < made < 40
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=False)
    assert ended.returncode == 0


def test_interrupts_never_mix_two_events(bridge: StandIn) -> None:
    """A timer raises KeyboardInterrupt wherever publish happens to be, hundreds of times."""
    program = f"""
        import signal
        from zwsbridge import Publisher

        publisher = Publisher({bridge.endpoint!r}, linger=5)
        assert publisher.wait_ready(10)

        def interrupt(number, frame):
            if frame.f_code is Publisher.publish.__code__:
                raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
        sources, interrupts = set(), 0
        while len(sources) < 20 or interrupts < 200:
            try:
                publisher.publish("t", b"x")
            except KeyboardInterrupt:
                interrupts += 1
                sources.add(publisher.src)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert publisher.wait_ready(10)
        while not publisher.publish("t", b"last"):
            pass
        publisher.close()
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], timeout=120, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    events = bridge.receive_until(is_last)
    assert not bridge.refused
    numbers_of_source = defaultdict(list)
    for event in events:
        assert event.topic == "t" and set(event.header) == {"src", "seq", "ts"}
        numbers_of_source[event.header["src"]].append(event.header["seq"])
    assert all(numbers == sorted(set(numbers)) for numbers in numbers_of_source.values())


def test_signal_handler_may_publish(bridge: StandIn) -> None:
    program = f"""
        import signal
        from zwsbridge import Publisher

        publisher = Publisher({bridge.endpoint!r}, linger=5, queue_size=1_000_000)
        assert publisher.wait_ready(10)
        publisher.publish("from/handler", {{}})
        handled = 0
        def handle(number, frame):
            global handled
            publisher.publish("from/handler", {{}})
            handled += 1
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while handled < 300:
            publisher.publish("t", {{}})
        signal.setitimer(signal.ITIMER_REAL, 0)
        publisher.publish("from/handler", {{}})
        print(handled + 2)
        publisher.publish("t", b"last")
        publisher.close()
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], timeout=120, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    events = bridge.receive_until(is_last)
    assert not bridge.refused and {event.topic for event in events} <= {"t", "from/handler"}
    # What came in the middle of another publish was dropped, but has a number: the bridge sees what is missing.
    numbers = [event.header["seq"] for event in events if event.topic == "from/handler"]
    assert numbers == sorted(set(numbers)) and numbers[-1] == int(result.stdout)
