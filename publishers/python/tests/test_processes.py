"""Workers of every kind: forked with and without Python's knowledge, spawned, served by a fork server, cut short."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import mmap
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
from multiprocessing.pool import Pool

import pytest
from stand_in import StandIn

from zwsbridge import AsyncPublisher, NullPublisher, Publisher
from zwsbridge.process import new_mark

_of_worker: Publisher


def publish_in_worker(publisher: Publisher, number: int) -> None:
    assert publisher.publish("t", {"n": number})  # not closed: that is what the end of the worker does


def keep(publisher: Publisher) -> None:
    global _of_worker
    _of_worker = publisher


def publish_kept(number: int) -> str:
    assert _of_worker.publish("t", {"n": number})
    return _of_worker.src


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_of_multiprocessing_loses_nothing(bridge: StandIn, method: str) -> None:
    context = multiprocessing.get_context(method)
    with Publisher(bridge.endpoint, linger=10) as publisher:
        workers = [context.Process(target=publish_in_worker, args=(publisher, number)) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0]
        assert publisher.publish("t", {"n": 2})
    events = [bridge.receive() for _ in range(3)]
    assert sorted(event.message["n"] for event in events) == [0, 1, 2]
    assert len({event.header["src"] for event in events}) == 3
    assert {event.header["seq"] for event in events} == {1}


def test_pool_that_closes_loses_nothing(bridge: StandIn) -> None:
    context = multiprocessing.get_context("fork")
    with Publisher(bridge.endpoint, linger=10) as publisher:
        pool: Pool = context.Pool(2, initializer=keep, initargs=(publisher,))
        sources = set(pool.map(publish_kept, range(20), chunksize=1))
        pool.close()
        pool.join()
        events = [bridge.receive() for _ in range(20)]
        assert sorted(event.message["n"] for event in events) == list(range(20))
        assert {event.header["src"] for event in events} == sources and publisher.src not in sources


FORKS = {
    "fork": "fork, options = os.fork, {}",
    # In C, as uWSGI does: no hook of os.register_at_fork runs in the child. It is without the thread that answers
    # bridges: if a thread of Python has asked for the interpreter as the fork is made, the child gives it to nobody,
    # and waits for ever before its first line.
    "fork without hooks": "fork, options = ctypes.PyDLL(None).fork, {'repair_bytes': 0}",
}


@pytest.mark.parametrize("advices", [{18}, set(), {18, -1}], ids=["Linux", "an old one", "one that takes any advice"])
def test_mark_is_of_one_process(advices: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    class Page(mmap.mmap):
        def madvise(self, advice: int) -> None:
            if advice not in advices:
                raise OSError(errno.EINVAL, "no such advice")
            if advices == {18}:
                super().madvise(advice)

    monkeypatch.setattr(mmap, "mmap", Page)
    mark = new_mark()
    assert not mark[0]
    mark[0] = 1
    assert mark[0]
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        was_set, mark[0] = mark[0], 1
        os._exit(0 if not was_set and mark[0] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert mark[0]


@pytest.mark.parametrize("fork", FORKS)
def test_children_cut_short_by_exit_have_links_of_their_own_and_flush(bridge: StandIn, fork: str) -> None:
    """As RQ's work horse, which is forked for each job and ends by os._exit."""
    program = f"""
        import ctypes, os, signal
        from zwsbridge import Publisher

        {FORKS[fork]}
        publisher = Publisher({bridge.endpoint!r}, **options)
        assert publisher.wait_ready(10) and publisher.publish("t", b"parent 1")
        parents, lock = publisher.src, publisher._lock
        lock.acquire()  # a thread of the parent might hold it
        for number in range(3):
            child = fork()
            if child == 0:
                status = 1
                try:
                    signal.alarm(30)
                    assert publisher.publish("t", b"child")  # before anything else has touched it
                    assert publisher.src != parents and publisher.dropped == 0
                    assert publisher._lock is not lock and publisher.flush(10)
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        lock.release()
        assert publisher.publish("t", b"last") and publisher.src == parents
        publisher.close(linger=10)
        print(parents)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    events = [bridge.receive() for _ in range(5)]
    assert sorted(event.payload for event in events) == [b"child"] * 3 + [b"last", b"parent 1"]
    of_parent = [event.header["seq"] for event in events if event.header["src"] == result.stdout.strip()]
    assert of_parent == [1, 2] and len({event.header["src"] for event in events}) == 4


def test_pickled_publisher_is_a_new_one_with_the_same_options(bridge: StandIn) -> None:
    with Publisher([bridge.endpoint], linger=10, max_event_bytes=5) as publisher:
        with pickle.loads(pickle.dumps(publisher)) as other:
            assert other.src != publisher.src and repr(other) == repr(publisher)
            with pytest.raises(ValueError, match="max_event_bytes"):
                other.publish("t", b"123456")
            assert other.publish("t", b"12345")
        assert bridge.receive().payload == b"12345"

    async def work() -> None:
        async with AsyncPublisher(bridge.endpoint) as original, pickle.loads(pickle.dumps(original)) as copied:
            assert await copied.publish("t", b"async") and await copied.flush(10)

    asyncio.run(work())
    assert bridge.receive().payload == b"async"
    assert isinstance(pickle.loads(pickle.dumps(NullPublisher())), NullPublisher)


def test_endpoint_comes_from_the_environment(bridge: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZWS_ENDPOINT", f" {bridge.endpoint} ")
    with Publisher(linger=10) as publisher:
        assert publisher.publish("t", {})
    assert bridge.receive().topic == "t"
    monkeypatch.setenv("ZWS_ENDPOINT", "tcp://127.0.0.1:1,tcp://127.0.0.1:2")
    assert repr(NullPublisher()) == "<zwsbridge.NullPublisher tcp://127.0.0.1:1, tcp://127.0.0.1:2>"
    monkeypatch.setenv("ZWS_ENDPOINT", "")
    assert repr(NullPublisher()) == "<zwsbridge.NullPublisher tcp://127.0.0.1:5556>"


def test_null_publisher_checks_and_keeps(caplog: pytest.LogCaptureFixture) -> None:
    with NullPublisher() as publisher:
        assert publisher.ready and publisher.wait_ready()
        assert publisher.publish("prices", {"price": 1}, key="btc")
        assert publisher.send_notification({"title": "x"}, target_users=["a", "b", "a"])
        assert publisher.publish("camera", b"\xff")
        with pytest.raises(ValueError, match="contains"):
            publisher.publish("import:*", {})
    topics = [topic for topic, _ in publisher.events]
    assert topics == ["prices", "@user/a", "@user/b", "camera"]
    assert publisher.events[0][1] == {"price": 1} and publisher.events[-1][1] == b"\xff"
    assert b'"key":"btc"' in publisher.sent[0][2]
    with pytest.raises(RuntimeError, match="closed"):
        publisher.publish("t", {})
    assert not caplog.records
