"""What a bridge has missed it can ask for: events are kept, told of, and sent again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import zmq
from asking_bridge import AskingBridge
from stand_in import PATIENCE, StandIn, wait_until
from test_docs import DEFAULT_ENDPOINT, REPAIR, blocks
from test_queue import BIG, SMALL_BUFFERS, is_last, publish_until_dropped

from zwsbridge import Publisher
from zwsbridge.asker import Asker
from zwsbridge.dealer import Dealer
from zwsbridge.kept import events_in
from zwsbridge.repair import NEXT_PORT, repair_endpoints

NOBODY = "tcp://127.0.0.1:1"


@pytest.fixture
def start_asking() -> Iterator[Callable[..., AskingBridge]]:
    """Starts bridges that ask; takes the arguments of AskingBridge."""
    started: list[AskingBridge] = []

    def start(*args: Any, **options: Any) -> AskingBridge:
        started.append(AskingBridge(*args, **options))
        return started[-1]

    yield start
    for bridge in started:
        bridge.stop()


@pytest.fixture
def asking(start_asking: Callable[..., AskingBridge]) -> AskingBridge:
    return start_asking()


def numbers(events: list[list[bytes]]) -> list[bytes]:
    return [payload for _, payload, _ in events]


def test_events_come_again_as_they_were_sent(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    for number in range(1, 6):
        assert publisher.publish("t", b"%d" % number, key="k")
        assert publisher.publish("other", b"%d" % number)
    name = asking.meet()
    assert asking.have(name) == (publisher.src, {"t": (1, 5), "other": (1, 5)})
    again = asking.ask(name, publisher.src, "t", 2, 4)
    sent = [event for event in (bridge.receive() for _ in range(10)) if event.topic == "t"][1:4]
    assert numbers(again) == [event.payload for event in sent] == [b"2", b"3", b"4"]
    for (topic, _, header), event in zip(again, sent):
        assert topic == b"t" and b'"seq":%d,' % event.header["seq"] in header and header.endswith(b',"key":"k"}')
        assert b'"ts":%d,' % event.header["ts"] in header


def test_bridge_is_told_of_every_topic_a_few_at_a_time(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    topics = [f"t/{number}" for number in range(600)]
    for topic in topics:
        publisher.publish(topic, b"")
    name = asking.meet()
    told = [asking.have(name)[1] for _ in range(3)]
    assert [len(one) for one in told] == [250, 250, 100]
    assert {topic: span for one in told for topic, span in one.items()} == dict.fromkeys(topics, (1, 1))


def test_bridge_is_told_of_the_last_events_of_a_burst(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    publisher.publish("still", b"")
    name = asking.meet()
    assert asking.have(name) == (publisher.src, {"still": (1, 1)})
    assert all(publisher.publish("t", b"%d" % number) for number in range(3))
    assert asking.have(name) == (publisher.src, {"t": (1, 3)})


def test_bridge_is_told_of_a_new_source_at_once(
    bridge: StandIn, connect: Any, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must know whom to ask when the second event gets lost."""
    monkeypatch.setattr("zwsbridge.repair._LOOK_EVERY", 3600)
    publisher = connect(bridge, repair=asking.endpoint)
    name = asking.meet()
    publisher.publish("t", b"1")
    assert asking.have(name) == (publisher.src, {"t": (1, 1)})


def test_past_the_bound_the_oldest_event_of_all_goes(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint, repair_bytes=100_000)
    publisher.publish("rare", b"")
    for number in range(1, 1001):
        publisher.publish("t", b"%d" % number * 10)
    name = asking.meet()
    src, told = asking.have(name)
    first, newest = told["t"]
    assert told["rare"] == (2, 1) and newest == 1000 and 500 < first < 900
    assert numbers(asking.ask(name, src, "t", 1, 1000)) == [b"%d" % number * 10 for number in range(first, 1001)]
    assert asking.ask(name, src, "rare", 1, 1) == []


def test_what_a_full_queue_did_not_take_can_be_had(
    start_bridge: Callable[..., StandIn], connect: Any, asking: AskingBridge
) -> None:
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, queue_size=20, repair=asking.endpoint)
    bridge.stall()
    taken = publish_until_dropped(publisher, "t")
    name = asking.meet()
    assert asking.have(name)[1] == {"t": (1, taken + 1)}
    assert numbers(asking.ask(name, publisher.src, "t", taken + 1, taken + 1)) == [BIG]
    bridge.resume()


def test_early_events_that_were_dropped_can_be_had(start_bridge: Callable[..., StandIn], asking: AskingBridge) -> None:
    finder = start_bridge()
    endpoint = finder.endpoint
    finder.stop()  # its port is free now
    with Publisher(endpoint, queue_size=3, early_seconds=60, repair=asking.endpoint) as publisher:
        taken = [publisher.publish("t", b"%d" % number) for number in range(1, 6)]
        assert taken == [True] * 3 + [False] * 2
        name = asking.meet()
        asking.send(name, b"want", publisher.src.encode(), b"t", b"4", b"5")
        answer = [asking.receive(name) for _ in range(3)]  # not told of them yet: the others will come by themselves
        assert [(frames[0], frames[2]) for frames in answer] == [(b"event", b"4"), (b"event", b"5"), (b"end", b"t")]
        bridge = start_bridge(bind=endpoint)
        assert [bridge.receive().payload for _ in range(3)] == [b"1", b"2", b"3"]
        assert asking.have(name) == (publisher.src, {"t": (1, 5)})


def test_what_is_the_bridges_own_or_has_no_number_is_not_kept(
    bridge: StandIn, connect: Any, start_asking: Callable[..., AskingBridge]
) -> None:
    asking = start_asking()
    publisher = connect(bridge, repair=asking.endpoint)
    publisher.broadcast({})
    publisher.publish("@user/ada", {})
    publisher.publish("t", b"")
    name = asking.meet()
    assert asking.have(name) == (publisher.src, {"t": (1, 1)})
    assert asking.ask(name, publisher.src, "@all", 1, 1) == []
    with pytest.raises(ValueError, match="headers"):
        Publisher(bridge.endpoint, headers=False, repair=asking.endpoint)


def test_bridge_that_comes_back_is_told_all_again(
    bridge: StandIn, connect: Any, start_asking: Callable[..., AskingBridge]
) -> None:
    first = start_asking()
    publisher = connect(bridge, repair=first.endpoint)
    publisher.publish("t", b"1")
    assert first.have(first.meet())[1] == {"t": (1, 1)}
    first.stop()
    publisher.publish("t", b"2")
    second = start_asking(bind=first.endpoint)
    name = second.meet()
    assert second.have(name)[1] == {"t": (1, 2)}
    assert numbers(second.ask(name, publisher.src, "t", 1, 2)) == [b"1", b"2"]


def test_each_bridge_asks_for_itself(start_bridge: Any, connect: Any, start_asking: Any) -> None:
    bridges, askers = [start_bridge(), start_bridge()], [start_asking(), start_asking()]
    publisher = connect(*bridges, repair=[asker.endpoint for asker in askers])
    assert all(publisher.publish("t", b"%d" % number) for number in range(1, 5))
    names = [asker.meet() for asker in askers]
    for asker, name, wanted in zip(askers, names, [1, 3]):
        assert asker.have(name)[1] == {"t": (1, 4)}
        assert numbers(asker.ask(name, publisher.src, "t", wanted, wanted)) == [b"%d" % wanted]


def test_what_makes_no_sense_is_passed_over(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    publisher.publish("t", b"1")
    src = publisher.src.encode()
    name = asking.meet()
    asking.have(name)
    for frames in (
        [b"what"],
        [b"want"],
        [b"want", src, b"t", b"1"],
        [b"want", src, b"t", b"2", b"1"],
        [b"want", src, b"t", b"0", b"1"],
        [b"want", src, b"t", b"-1", b"1"],
        [b"want", src, b"t", b"1", b"1" * 30],
        [b"want", src, b"t", "\u00b2".encode(), b"\xb2"],
        [b""],
    ):
        asking.send(name, *frames)
    assert asking.ask(name, "another", "t", 1, 1) == []
    assert asking.ask(name, publisher.src, "\xff", 1, 1) == []
    assert numbers(asking.ask(name, publisher.src, "t", 1, 999)) == [b"1"]


def test_request_for_too_many_is_answered_for_the_first_thousand(
    bridge: StandIn, connect: Any, asking: AskingBridge
) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    for number in range(1, 1501):
        publisher.publish("t", b"%d" % number)
    name = asking.meet()
    asking.have(name)
    asking.send(name, b"want", publisher.src.encode(), b"t", b"1", b"1500")
    events = asking.answer(name, [b"end", publisher.src.encode(), b"t", b"1", b"1000"])
    assert numbers(events) == [b"%d" % number for number in range(1, 1001)]


def test_bridge_that_reads_no_answer_keeps_no_event_from_leaving(
    bridge: StandIn, connect: Any, start_asking: Callable[..., AskingBridge]
) -> None:
    asking = start_asking(options={zmq.RCVHWM: 1, zmq.RCVBUF: 4096})
    publisher = connect(bridge, repair=asking.endpoint)
    for _ in range(700):
        publisher.publish("t", BIG)
    name = asking.meet()
    asking.have(name)
    asking.send(name, b"want", publisher.src.encode(), b"t", b"1", b"700")
    (asker,) = publisher._repair._talk.askers
    wait_until(lambda: asker._is_stuck)
    assert publisher.publish("t", b"last")
    assert len(bridge.receive_until(is_last)) == 701
    end = [b"end", publisher.src.encode(), b"t", b"1", b"700"]
    assert numbers(asking.answer(name, end)) == [BIG] * 700


def test_events_of_a_former_source_can_be_had(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    name = asking.meet()
    former = publisher.src
    publisher.publish("t", b"former")
    assert publisher.flush(10)
    assert publisher.publish("t", b"current")
    told = dict([asking.have(name), asking.have(name)])
    assert told == {former: {"t": (1, 1)}, publisher.src: {"t": (1, 1)}}
    assert numbers(asking.ask(name, former, "t", 1, 1)) == [b"former"]
    assert numbers(asking.ask(name, publisher.src, "t", 1, 1)) == [b"current"]


def test_former_source_goes_with_the_last_that_is_held_of_it(
    bridge: StandIn, connect: Any, asking: AskingBridge
) -> None:
    publisher = connect(bridge, repair=asking.endpoint, repair_bytes=100_000)
    former = publisher.src
    for number in range(10):
        publisher.publish(f"t/{number}", b"former")
    assert publisher.flush(10)
    assert [len(counters) for counters in publisher._kept.all_former()] == [10]
    for _ in range(1000):
        publisher.publish("t", b"x" * 100)
    assert publisher._kept.all_former() == []
    assert publisher.flush(10) and publisher.flush(10)
    assert [[counter.topic for counter in counters] for counters in publisher._kept.all_former()] == [[b"t"]]
    name = asking.meet()
    assert asking.have(name)[1].keys() == {"t"}
    assert asking.ask(name, former, "t/0", 1, 1) == []


def test_of_a_former_source_only_the_topics_are_held_that_can_be_asked_for(
    bridge: StandIn, connect: Any, asking: AskingBridge
) -> None:
    publisher = connect(bridge, repair=asking.endpoint, max_topics=10)
    for number in range(100):
        publisher.publish(f"@user/{number}", b"x")
        publisher.publish("t", b"x")
    assert {len(counters) for counters in publisher._kept.all_former()} == {1}
    assert len(publisher._kept.all_former()) == 11


def test_what_is_held_is_searched_without_the_lock_and_in_portions(
    bridge: StandIn, connect: Any, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else publish() would wait for it: here a topic's few events lie far apart among those of another."""
    publisher = connect(bridge, repair=asking.endpoint)
    searched = []

    def noted(events: list[Any], *args: Any) -> Iterator[tuple[int, bytes, bytes]]:
        searched.append((asker._room, publisher._lock._is_owned()))
        return events_in(events, *args)

    monkeypatch.setattr("zwsbridge.asker.events_in", noted)
    monkeypatch.setattr("zwsbridge.asker._LOOK_BYTES", 300)
    for number in range(5000):
        publisher.publish("rare" if number % 500 == 0 else "t", b"%d" % number)
    name = asking.meet()
    (asker,) = publisher._repair._talk.askers
    asking.have(name)
    events = asking.ask(name, publisher.src, "rare", 1, 10)
    assert numbers(events) == [b"%d" % number for number in range(0, 5000, 500)]
    rooms, owned = zip(*searched)
    assert len(rooms) >= 10 and not any(owned)
    assert all(room > 0 for room in rooms), "nothing is looked for that has no room in this portion"
    assert len([room for room in rooms if room == max(rooms)]) > 1, "one request takes more than one portion"


def test_forked_child_has_nothing_of_its_parents(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    publisher = connect(bridge, repair=asking.endpoint)
    parents = asking.meet()
    publisher.publish("t", b"parent")
    src = publisher.src
    assert asking.have(parents) == (src, {"t": (1, 1)})
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            publisher.publish("t", b"child 1")
            publisher.publish("t", b"child 2")
            os.read(read, 1)
            publisher.close()
            status = 0
        finally:
            os._exit(status)
    name = asking.meet()
    childs, told = asking.have(name)
    if told == {"t": (1, 1)}:  # said between the two
        childs, told = asking.have(name)
    assert childs != src and told == {"t": (1, 2)}
    assert asking.ask(name, src, "t", 1, 1) == []
    assert numbers(asking.ask(name, childs, "t", 1, 2)) == [b"child 1", b"child 2"]
    assert numbers(asking.ask(parents, src, "t", 1, 1)) == [b"parent"]
    os.write(write, b"\0")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(read)
    os.close(write)


def close_after_a_loss(
    start_bridge: Callable[..., StandIn], connect: Any, asking: AskingBridge
) -> tuple[bytes, str, int, threading.Thread]:
    """The asking bridge's name at the publisher, the source, how many events of "t" were taken, and who closes it."""
    bridge = start_bridge(options=SMALL_BUFFERS)
    publisher = connect(bridge, queue_size=20, repair=asking.endpoint, linger=30)
    name = asking.meet()
    bridge.stall()
    taken = publish_until_dropped(publisher, "t")
    src = publisher.src
    closing = threading.Thread(target=publisher.close)
    closing.start()
    bridge.resume()
    return name, src, taken, closing


def test_close_after_a_loss_gives_the_bridge_time_to_ask(
    start_bridge: Callable[..., StandIn], connect: Any, asking: AskingBridge
) -> None:
    name, src, taken, closing = close_after_a_loss(start_bridge, connect, asking)
    while asking.have(name) != (src, {"t": (1, taken + 1)}):  # one may have come before
        pass
    assert numbers(asking.ask(name, src, "t", taken + 1, taken + 1)) == [BIG]
    closing.join()
    assert "zwsbridge-repair" not in {thread.name for thread in threading.enumerate()}


def test_close_after_a_loss_waits_until_the_bridge_is_told(
    start_bridge: Callable[..., StandIn], connect: Any, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine that may take longer than a bridge is given to ask."""
    monkeypatch.setattr("zwsbridge.repair._QUIET", 0.001)
    say_now, go_on = Asker.say_now, threading.Event()

    def say_later(self: Asker) -> None:
        go_on.wait(PATIENCE)
        say_now(self)

    monkeypatch.setattr(Asker, "say_now", say_later)
    name, src, taken, closing = close_after_a_loss(start_bridge, connect, asking)
    closing.join(0.2)
    assert closing.is_alive()
    go_on.set()
    while asking.have(name) != (src, {"t": (1, taken + 1)}):  # one may have come before
        pass
    closing.join()


def test_close_returns_in_a_signal_handler_too(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    """It may come in the middle of publish(), when this thread has the lock that the answers wait for."""
    publisher = connect(bridge, repair=asking.endpoint, linger=0)
    name = asking.meet()
    publisher.publish("t", "x")
    src = publisher.src
    asking.have(name)
    thread = publisher._repair._talk.thread
    with publisher._lock:
        asking.send(name, b"want", src.encode(), b"t", b"1", b"1")
        publisher.close()
    thread.join()


def test_close_lets_answers_leave(bridge: StandIn, connect: Any, start_asking: Any) -> None:
    asking = start_asking(options={zmq.RCVHWM: 1, zmq.RCVBUF: 4096})
    publisher = connect(bridge, repair=asking.endpoint, linger=30)
    src = publisher.src.encode()
    name = asking.meet()
    for _ in range(700):
        publisher.publish("t", BIG)
    asking.have(name)
    asking.send(name, b"want", src, b"t", b"1", b"700")
    (asker,) = publisher._repair._talk.askers
    wait_until(lambda: asker._is_stuck)
    closing = threading.Thread(target=publisher.close)
    closing.start()
    assert len(asking.answer(name, [b"end", src, b"t", b"1", b"700"])) == 700
    closing.join()


def test_who_keeps_nothing_is_asked_by_nobody(bridge: StandIn, connect: Any, asking: AskingBridge) -> None:
    threads = set(threading.enumerate())
    publisher = connect(bridge, repair=asking.endpoint, repair_bytes=0)
    publisher.publish("orders", {"n": 1})
    assert set(threading.enumerate()) == threads


@pytest.mark.parametrize("repair", [NEXT_PORT, NOBODY, "ipc:///nowhere/at/all", None])
def test_where_nobody_asks_nothing_is_said_and_nothing_waits(
    bridge: StandIn, repair: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with Publisher(bridge.endpoint, linger=60, repair=repair) as publisher:
        for number in range(1000):
            assert publisher.publish("t", b"%d" % number)
        wait_until(lambda: publisher.ready)
    assert [bridge.receive().payload for _ in range(1000)] == [b"%d" % number for number in range(1000)]
    assert not caplog.records


def test_whoever_else_listens_there_is_left_alone(
    bridge: StandIn, start_asking: Callable[..., AskingBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a server that serves one connection at a time."""
    monkeypatch.setattr("zwsbridge.dealer._HELLO_WITHIN", 0.05)
    monkeypatch.setattr("zwsbridge.dealer._LEFT_ALONE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        publisher = Publisher(bridge.endpoint, repair=endpoint)
        for _ in range(2):
            accepted, _ = server.accept()
            with accepted, accepted.makefile("rb") as heard:
                accepted.settimeout(PATIENCE)
                assert heard.read().startswith(b"\xff")  # and ends
    with publisher:
        publisher.wait_ready(10)
        publisher.publish("t", b"1")
        asking = start_asking(bind=endpoint)
        assert asking.have(asking.meet())[1] == {"t": (1, 1)}


def test_publisher_that_is_dropped_ends_its_thread(bridge: StandIn, asking: AskingBridge) -> None:
    publisher = Publisher(bridge.endpoint, repair=asking.endpoint)
    asking.meet()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "zwsbridge-repair"]
    del publisher
    wait_until(lambda: not thread.is_alive())


def refuse_to_start(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_thread_that_was_not_to_be_had_is_tried_again(
    bridge: StandIn, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        publisher = Publisher(bridge.endpoint, repair=asking.endpoint)
    assert publisher.wait_ready(10)
    publisher.publish("t", b"")
    assert asking.have(asking.meet())[1] == {"t": (1, 1)}
    publisher.close()


def test_without_a_thread_no_connection_is_held(
    bridge: StandIn, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads what ZeroMQ tells of it, and a queue that is full stops ZeroMQ's thread."""
    ends = asking.monitor_ends()
    hang_up = Dealer.hang_up
    met: list[bytes] = []

    def hang_up_when_met(dealer: Dealer) -> None:
        if not met:
            wait_until(lambda: bool(dealer.socket.getsockopt(zmq.EVENTS) & zmq.POLLOUT))
            met.append(asking.meet())
        hang_up(dealer)

    def is_gone() -> bool:
        assert publisher.ready in (True, False)  # it tries again to start
        return bool(ends.poll(1))

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        patch.setattr(Dealer, "hang_up", hang_up_when_met)
        publisher = Publisher(bridge.endpoint, repair=asking.endpoint)
        wait_until(is_gone)
    assert publisher.wait_ready(10)
    asking.meet()
    publisher.close()
    ends.close()


def test_where_threads_are_none_nothing_waits_in_zeromq(
    bridge: StandIn, asking: AskingBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with gevent or eventlet, which put a function of their own in place of time.sleep."""

    class Poller(zmq.Poller):
        def poll(self, timeout: float | None = None) -> list[tuple[Any, int]]:
            raise AssertionError("it waits")

    sleep = time.sleep
    with monkeypatch.context() as patch:
        patch.setattr(zmq, "Poller", Poller)
        patch.setattr(time, "sleep", lambda seconds: sleep(seconds))
        with Publisher(bridge.endpoint, repair=asking.endpoint) as publisher:
            assert publisher.wait_ready(10) and publisher.publish("t", b"1")
            name = asking.meet()
            assert asking.have(name) == (publisher.src, {"t": (1, 1)})
            assert numbers(asking.ask(name, publisher.src, "t", 1, 1)) == [b"1"]


def test_repair_is_encrypted_as_publishing_is(start_bridge: Any, connect: Any, start_asking: Any) -> None:
    public, secret = zmq.curve_keypair()
    server = {zmq.CURVE_SERVER: 1, zmq.CURVE_SECRETKEY: secret}
    asking = start_asking(options=server)
    publisher = connect(start_bridge(options=server), repair=asking.endpoint, curve_server_key=public)
    publisher.publish("t", b"1")
    name = asking.meet()
    assert asking.have(name)[1] == {"t": (1, 1)}
    assert numbers(asking.ask(name, publisher.src, "t", 1, 1)) == [b"1"]


def test_program_of_the_page_speaks_it(bridge: StandIn, start_asking: Callable[..., AskingBridge]) -> None:
    page, heading = REPAIR
    (program,) = blocks(page, "python")[heading]
    assert len([line for line in program.splitlines() if line]) <= 65
    asking = start_asking()
    for endpoint, here in ((DEFAULT_ENDPOINT, bridge.endpoint), ("tcp://127.0.0.1:5557", asking.endpoint)):
        assert endpoint in program
        program = program.replace(endpoint, here)
    with subprocess.Popen([sys.executable, "-c", program.replace("poll(100)", "poll(1)")]) as process:
        try:
            name = asking.meet()
            sent = [bridge.receive() for _ in range(3)]
            src, told = asking.have(name)
            assert set(told) == {"prices/btc-eur"} and src == sent[0].header["src"]
            again = asking.ask(name, src, "prices/btc-eur", 1, sent[-1].header["seq"])  # the first had no bridge yet
            assert [(payload, json.loads(header)) for _, payload, header in again[-3:]] == [
                (event.payload, event.header) for event in sent
            ]
            assert [json.loads(header)["seq"] for _, _, header in again] == list(range(1, len(again) + 1))
            first, newest = asking.have(name)[1]["prices/btc-eur"]
            assert first == 1 and newest > told["prices/btc-eur"][1]
            asking.stop()
            asking = start_asking(bind=asking.endpoint)
            name = asking.meet()
            assert asking.have(name)[1]["prices/btc-eur"][1] >= newest
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("repair", "endpoints", "bind", "expected"),
    [
        (NEXT_PORT, ["tcp://127.0.0.1:5556", "tcp://[::1]:6000"], False, ["tcp://127.0.0.1:5557", "tcp://[::1]:6001"]),
        (NEXT_PORT, ["tcp://eth0:0;bridge.example:5556"], False, ["tcp://eth0:0;bridge.example:5557"]),
        (NEXT_PORT, ["ipc:///run/zws", "tcp://127.0.0.1:65535"], False, []),
        (NEXT_PORT, ["tcp://127.0.0.1:5556"], True, []),
        (None, ["tcp://127.0.0.1:5556"], False, []),
        ("", ["tcp://127.0.0.1:5556"], False, []),
        ([], ["tcp://127.0.0.1:5556"], False, []),
        ("ipc:///run/repair", ["ipc:///run/zws"], True, ["ipc:///run/repair"]),
        (["tcp://a:1", "tcp://b:1"], ["tcp://a:5556"], False, ["tcp://a:1", "tcp://b:1"]),
    ],
)
def test_where_to_be_asked(repair: Any, endpoints: list[str], bind: bool, expected: list[str]) -> None:
    assert list(repair_endpoints(repair, endpoints, bind)) == expected


def test_mistakes_are_told_at_once(bridge: StandIn) -> None:
    with pytest.raises(ValueError, match="not a ZeroMQ endpoint"):
        Publisher(bridge.endpoint, repair="nonsense")
    with pytest.raises(TypeError, match="repair"):
        Publisher(bridge.endpoint, repair=[5557])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="repair_bytes"):
        Publisher(bridge.endpoint, repair_bytes=-1)
