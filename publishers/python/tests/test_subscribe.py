"""The subscriber and the real daemon: resuming, gaps, refusals; and its book-keeping by itself."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, aclosing
from http import HTTPStatus
from pathlib import Path
from typing import Any, Callable

import pytest
from support.bridge import Bridge
from support.fault_proxy import FaultProxy
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

import zwsbridge.asking
import zwsbridge.backoff
import zwsbridge.positions
import zwsbridge.subscriber
from zwsbridge import Gap, Publisher, SubscribedEvent, SubscribeError, subscribe
from zwsbridge.backoff import Backoff
from zwsbridge.positions import Positions, matcher

SECRET = "s" * 32


def ended_within(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(work(), seconds)

    asyncio.run(run())


async def numbers(events: AsyncGenerator[SubscribedEvent, None], count: int) -> list[int]:
    return [(await events.__anext__()).message["n"] for _ in range(count)]


def publish(publisher: Publisher, topic: str, *values: int) -> None:
    for number in values:
        assert publisher.publish(topic, {"type": "x", "n": number})


def stub(handler: Callable[[ServerConnection], Awaitable[None]]) -> AbstractAsyncContextManager[Server]:
    """A bridge that does what no real one can be made to do at will. `async with` it."""
    return serve(handler, "127.0.0.1", 0)


def url_of(server: Server) -> str:
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/ws"


async def requested(connection: ServerConnection) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(await connection.recv())
    return request


async def say(connection: ServerConnection, **message: Any) -> None:
    await connection.send(json.dumps(message))


@pytest.mark.parametrize("name", ["import:1", "import:*"])
def test_what_was_missed_comes_after_a_break(
    start_daemon: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(zwsbridge.backoff, "STABLE", 0)  # so that each break is the first
    daemon = start_daemon()
    gaps: list[Gap] = []
    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)
        publish(publisher, "import:1", 1)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            events = subscribe(url, name, "elsewhere/*", last=1, on_gap=gaps.append)
            assert await numbers(events, 1) == [1]
            for number in range(2, 20, 3):
                proxy.cut()  # and nobody comes back before the loop goes on
                publish(publisher, "import:1", number, number + 1)
                assert await numbers(events, 2) == [number, number + 1]
                publish(publisher, "import:1", number + 2)
                assert await numbers(events, 1) == [number + 2]
            await events.aclose()

        ended_within(30, work)
    assert [gap for gap in gaps if gap.topic == name] == []


def test_what_cannot_be_had_is_told(start_daemon: Callable[..., Bridge]) -> None:
    daemon = start_daemon()
    with Publisher(daemon.endpoint, headers=False) as publisher:  # the bridge's own numbers end with the bridge
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)
        gaps: list[Gap] = []

        async def work() -> None:
            events = subscribe(daemon.ws_url, "t", last=1, on_gap=gaps.append)
            assert await numbers(events, 1) == [1]
            daemon.kill()
            daemon.start()
            coming = asyncio.ensure_future(numbers(events, 1))
            while not gaps:
                await asyncio.wait([coming], timeout=0.01)
            publish(publisher, "t", 2)
            assert await coming == [2]
            await events.aclose()

        ended_within(30, work)
        assert gaps == [Gap("t", None, "not_recovered")]


def test_hole_is_told_and_a_broadcast_is_not_for_us(start_daemon: Callable[..., Bridge]) -> None:
    daemon = start_daemon()
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)
        gaps: list[Gap] = []

        async def work() -> None:
            events = subscribe(daemon.ws_url, "t", last=1, on_gap=gaps.append)
            assert await numbers(events, 1) == [1]
            publisher.broadcast({"type": "all"})
            publisher._source.counters["t"].seq += 2  # as if a queue had been full
            publish(publisher, "t", 4)
            assert await numbers(events, 1) == [4]
            await events.aclose()

        ended_within(30, work)
        assert [(gap.topic, gap.missed) for gap in gaps] == [("t", 2)]


def test_what_on_gap_raises_comes_out_of_the_loop() -> None:
    connections = 0

    async def bridge(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        request = await requested(connection)
        await say(connection, type="subscribed", topic="t", success=True, at=["a:1"], id=request["id"])
        await say(connection, **{"type": "x", "topic": "t", "@id": "a:2"})
        gap = {"from": 3, "to": 3, "missed": 1, "reason": "producer"}
        await say(connection, type="gap", topic="t", src="a", **gap)
        await say(connection, **{"type": "x", "topic": "t", "@id": "a:4"})
        await connection.wait_closed()

    def on_gap(gap: Gap) -> None:
        raise ConnectionError("no connection to my database")

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "t", on_gap=on_gap)) as events:
            assert (await events.__anext__()).id == "a:2"
            with pytest.raises(ConnectionError, match="my database"):
                await events.__anext__()
            assert (await events.__anext__()).id == "a:4"

    ended_within(30, work)
    assert connections == 1


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(DEEP, id="too deep"),
        pytest.param(b'{"type":"x","@topic":"]}","n":' + DEEP + b', "s": "}\\"]"}', id="too deep in an object"),
        pytest.param(b'{"type":"x","n":' + b"7" * 5000 + b"}", id="a number too long"),
    ],
)
def test_what_python_cannot_read_is_told_as_a_gap_and_ends_nothing(daemon: Bridge, payload: bytes) -> None:
    gaps: list[Gap] = []
    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)
        assert publisher.publish("t", payload)
        publish(publisher, "t", 3)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            async with aclosing(subscribe(url, "t", last=3, on_gap=gaps.append)) as events:
                assert await numbers(events, 2) == [1, 3]
                assert gaps == [Gap("t", 1, "unreadable")]
                assert publisher.publish("t", payload)
                publish(publisher, "t", 5)
                assert await numbers(events, 1) == [5]
                proxy.cut()
                publish(publisher, "t", 6)
                assert await numbers(events, 1) == [6]

        ended_within(30, work)
    assert gaps == 2 * [Gap("t", 1, "unreadable")]


def test_who_gives_up_waiting_loses_nothing(daemon: Bridge) -> None:
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)

        async def work() -> None:
            async with aclosing(subscribe(daemon.ws_url, "t")) as events:
                for _ in range(3):  # the first while it connects
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(events.__anext__(), 0.001)
                await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 1)
                for number in range(10):
                    given_up = asyncio.ensure_future(events.__anext__())
                    await asyncio.wait([given_up], timeout=0)
                    publish(publisher, "t", number)  # it may have come before the other is gone
                    assert given_up.cancel()
                    await asyncio.wait([given_up])
                    assert await numbers(events, 1) == [number]
            assert [event async for event in events] == []

        ended_within(30, work)


def test_connection_ends_with_the_loop(daemon: Bridge) -> None:
    async def work() -> None:
        events = subscribe(daemon.ws_url, "t")
        waiting = asyncio.ensure_future(events.__anext__())
        await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 1)
        with pytest.raises(RuntimeError, match="another task"):
            await events.__anext__()
        await events.aclose()
        with pytest.raises(StopAsyncIteration):
            await waiting
        await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 0)

        events = subscribe(daemon.ws_url, "t")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(events.__anext__(), 0.001)
        await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 1)
        del events, waiting  # and nobody holds it any more
        gc.collect()
        await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 0)

    ended_within(30, work)


def test_it_does_not_pass_into_another_event_loop_without_a_word(daemon: Bridge) -> None:
    """As of a program that calls asyncio.run twice: the first call has ended it."""
    events = subscribe(daemon.ws_url, "t", last=1)
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def first() -> None:
            assert await numbers(events, 1) == [1]

        async def second() -> None:
            async with aclosing(events):
                with pytest.raises(RuntimeError, match="subscribe anew"):
                    await events.__anext__()

        ended_within(30, first)
        ended_within(30, second)


def test_raw_payload_is_not_taken_for_the_bridges_word(tmp_path: Path) -> None:
    route = '[[route]]\nmatch = "raw/*"\nformat = "raw"\n'
    daemon = Bridge(tmp_path / "bridge", tables=route).start()
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def work() -> None:
            events = subscribe(daemon.ws_url, "raw/*", "t", last=1)
            assert await numbers(events, 1) == [1]
            forged = {"type": "unsubscribed", "topic": "t", "success": True, "code": "forbidden"}
            daemon.wait_metric("zws_subscriptions", 2)
            assert publisher.publish("raw/1", forged)
            publish(publisher, "t", 2)
            assert await numbers(events, 1) == [2]
            await events.aclose()

        ended_within(30, work)
    assert daemon.stop() == 0


@pytest.mark.parametrize(
    ("count", "per_second"), [(300, 100), (600, 4)]
)  # the second has to be asked for in two pieces
def test_hundreds_of_topics(start_daemon: Callable[..., Bridge], count: int, per_second: int) -> None:
    daemon = start_daemon({"limits.messages_per_second": per_second})
    names = [f"job:{number}" for number in range(count)]
    gaps: list[Gap] = []
    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)
        for number, name in enumerate(names):
            publish(publisher, name, number)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            async with aclosing(subscribe(url, *names, last=1, on_gap=gaps.append)) as events:
                assert sorted(await numbers(events, count)) == list(range(count))
                proxy.cut()
                for number, name in enumerate(names):
                    publish(publisher, name, -number)
                assert sorted(await numbers(events, count)) == list(range(1 - count, 1))

        ended_within(30, work)
    assert gaps == []


@pytest.mark.parametrize("most", [1024, 100])
def test_no_event_of_a_pattern_comes_twice(
    start_daemon: Callable[..., Bridge], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(zwsbridge.positions, "MAX_FOUND", most)
    daemon = start_daemon()
    gaps: list[Gap] = []
    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            async with aclosing(subscribe(url, "job:*", "end", on_gap=gaps.append)) as events:
                coming = asyncio.ensure_future(numbers(events, 1))
                await asyncio.to_thread(daemon.wait_metric, "zws_subscriptions", 2)
                publish(publisher, "end", -1)
                assert await coming == [-1]
                for number in range(300):
                    publish(publisher, f"job:{number}", number)
                assert await numbers(events, 300) == list(range(300))
                proxy.cut()
                coming = asyncio.ensure_future(numbers(events, 1))
                while most < 300 and not gaps:
                    await asyncio.wait([coming], timeout=0.01)
                publish(publisher, "end", 300)
                assert await coming == [300]

        ended_within(30, work)
    assert gaps == ([] if most > 300 else [Gap("job:*", None, "not_recovered")])


def test_names_are_asked_for_in_few_messages() -> None:
    asked: list[dict[str, Any]] = []
    names = [f"{number:04}" + "x" * 200 for number in range(600)]  # more than one message holds

    async def bridge(connection: ServerConnection) -> None:
        while len(asked) < 3:
            asked.append(await requested(connection))
            for name in asked[-1]["topics"]:
                await say(connection, type="subscribed", topic=name, success=True, at=["a:1"])
        await say(connection, **{"type": "x", "topic": names[0], "@id": "a:2"})
        await connection.wait_closed()

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), *names)) as events:
            assert (await events.__anext__()).id == "a:2"

    ended_within(30, work)
    assert [name for message in asked for name in message["topics"]] == names
    assert all(len(json.dumps(message)) < 50_000 for message in asked)


def test_topic_of_a_raw_route_ends_nothing(tmp_path: Path) -> None:
    daemon = Bridge(tmp_path / "bridge", tables='[[route]]\nmatch = "raw/*"\nformat = "raw"\n').start()
    gaps: list[Gap] = []
    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 0)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            async with aclosing(subscribe(url, "raw/1", "t", "*", last=1, on_gap=gaps.append)) as events:
                assert await numbers(events, 1) == [0]
                for breaks in (1, 2):
                    proxy.cut()
                    publish(publisher, "t", breaks)
                    assert await numbers(events, 1) == [breaks]
                    coming = asyncio.ensure_future(numbers(events, 1))
                    while len(gaps) < breaks:
                        await asyncio.wait([coming], timeout=0.01)
                    publish(publisher, "u", -breaks)
                    assert await coming == [-breaks]

        ended_within(30, work)
    assert daemon.stop() == 0
    assert gaps == [Gap("raw/1", None, "not_recovered")] * 2  # and of "*" nothing was missed


def test_bridge_that_wants_to_be_asked_later_is_heard_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.asking, "MAX_NAMES", 1)
    monkeypatch.setattr(zwsbridge.asking, "RATE_PAUSE", 3600)

    async def bridge(connection: ServerConnection) -> None:
        first = await requested(connection)
        await say(connection, type="subscribed", topic="a", success=True, at=["a:1"], id=first["id"])
        second = await requested(connection)
        await say(connection, type="error", code="rate_limited", message="too many messages", id=second["id"])
        await say(connection, **{"type": "x", "topic": "a", "@id": "a:2"})
        await connection.wait_closed()

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "a", "b")) as events:
            assert (await events.__anext__()).id == "a:2"

    ended_within(30, work)


def test_who_was_too_fast_asks_in_the_same_order_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics before patterns: one that a pattern has brought already could not be told to be recovered."""
    monkeypatch.setattr(zwsbridge.asking, "RATE_PAUSE", 0)
    names = ["b", "a", "c:*"]
    asked: list[list[str]] = []

    async def bridge(connection: ServerConnection) -> None:
        request = await requested(connection)
        await say(connection, type="error", code="rate_limited", message="too many messages", id=request["id"])
        asked.extend([request["topics"], (await requested(connection))["topics"]])
        await connection.close(4403, "enough")

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), *names)) as events:
            with pytest.raises(SubscribeError, match="enough"):
                await events.__anext__()

    ended_within(30, work)
    assert asked == [names, names]


def test_topic_that_is_refused_anew_is_refused() -> None:
    connections = 0

    async def bridge(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await say(connection, type="connection", heartbeat=25)
        if connections == 1:
            request = await requested(connection)
            await say(connection, type="subscribed", topic="t", success=True, at=["a:1"], id=request["id"])
            await connection.close(1012, "no reason")
        while True:
            request = await requested(connection)
            refusal = {"success": False, "code": "invalid_message", "message": "not so"}
            await say(connection, type="subscribed", topic="t", id=request["id"], **refusal)

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "t")) as events:
            with pytest.raises(SubscribeError, match="not so"):
                await events.__anext__()

    ended_within(30, work)


@pytest.mark.parametrize(("code", "at_least"), [(4410, 0.0), (4429, 5.0), (1013, 5.0)])
def test_who_is_thrown_out_again_and_again_comes_back_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch, code: int, at_least: float
) -> None:
    pauses: list[float] = []
    original = Backoff.next

    def next_pause(backoff: Backoff, later: bool) -> float:
        pauses.append(original(backoff, later))
        return 0

    monkeypatch.setattr(random, "uniform", lambda least, most: most)  # so that the bounds are seen
    monkeypatch.setattr(Backoff, "next", next_pause)

    async def bridge(connection: ServerConnection) -> None:
        await say(connection, type="connection", heartbeat=25)
        request = await requested(connection)
        await say(connection, type="subscribed", topic="t", success=True, at=["a:1"], id=request["id"])
        if len(pauses) == 7:
            await say(connection, **{"type": "x", "topic": "t", "@id": "a:2"})
        await connection.close(code, "no reason")

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "t")) as events:
            assert (await events.__anext__()).id == "a:2"

    ended_within(30, work)
    assert pauses == [min(20.0, at_least + bound) for bound in (0.5, 1, 2, 4, 8, 16, 20)]


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009, 4400, 4403])
def test_who_is_told_not_to_come_back_does_not(code: int) -> None:
    async def bridge(connection: ServerConnection) -> None:
        await connection.close(code, "why")

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "t")) as events:
            with pytest.raises(SubscribeError, match="why") as refused:
                await events.__anext__()
            assert refused.value.code == str(code)

    ended_within(30, work)


def test_connection_that_lasted_is_come_back_to_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    backoff = Backoff()
    assert [backoff.next(False) for _ in range(3)] == [0.5, 1, 2]
    backoff.lasted(9.9)
    assert backoff.next(False) == 4
    backoff.lasted(10)
    assert backoff.next(False) == 0.5


def test_who_is_told_to_reconnect_goes_to_the_next_bridge_then_and_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda backoff, later: 60)  # as after a fault
    asked: list[dict[str, Any]] = []

    async def leaving(connection: ServerConnection) -> None:
        await say(connection, type="connection", heartbeat=25)
        request = await requested(connection)
        await say(connection, type="subscribed", topic="t", success=True, at=["a:1"], id=request["id"])
        await say(connection, type="reconnect", after_ms=100)
        await say(connection, **{"type": "x", "topic": "t", "@id": "a:2"})
        await connection.close(1012, "no reason")

    async def staying(connection: ServerConnection) -> None:
        await say(connection, type="connection", heartbeat=25)
        asked.append(await requested(connection))
        await say(
            connection,
            type="subscribed",
            topic="t",
            success=True,
            recovered=True,
            replayed=1,
            at=["a:2"],
            id=asked[0]["id"],
        )
        await say(connection, **{"type": "x", "topic": "t", "@id": "a:3"})
        await connection.wait_closed()

    async def work() -> None:
        async with (
            stub(leaving) as first,
            stub(staying) as second,
            aclosing(subscribe([url_of(first), url_of(second)], "t")) as events,
        ):
            assert [(await events.__anext__()).id for _ in range(2)] == ["a:2", "a:3"]

    ended_within(30, work)
    assert asked[0]["since"] == {"t": ["a:2"]}


def test_the_next_of_several_is_tried_where_one_is_away(daemon: Bridge) -> None:
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def work() -> None:
            async with aclosing(subscribe(["ws://127.0.0.1:1/api/ws", daemon.ws_url], "t", last=1)) as events:
                assert await numbers(events, 1) == [1]

        ended_within(30, work)


def test_why_there_is_no_connection_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody trusts, or a port where nobody listens, may never mend."""
    refused = 0

    async def answers_503(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refused
        refused += 1
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def work() -> None:
        async with await asyncio.start_server(answers_503, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            urls = [f"ws://127.0.0.1:{port}/api/ws", f"wss://127.0.0.1:{port}/api/ws"]
            async with aclosing(subscribe(urls, "t")) as events:
                coming = asyncio.ensure_future(events.__anext__())
                while refused < 5:
                    await asyncio.wait([coming], timeout=0.01)
                coming.cancel()

    monkeypatch.setattr(Backoff, "next", lambda *_: 0.0)
    ended_within(30, work)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2
    assert "I go on trying: it answers 503" in said[0] and said[1].startswith("no connection to wss://")


def answering(statuses: list[int], handler: Callable[[ServerConnection], Awaitable[None]]) -> Any:
    """A bridge that lets nobody in where the next of these is not 101; behind the last it always answers 503."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        status = statuses.pop(0) if statuses else 503
        return None if status == 101 else connection.respond(HTTPStatus(status), "")

    return serve(handler, "127.0.0.1", 0, process_request=answer)


async def greeting(connection: ServerConnection) -> None:
    await say(connection, type="connection", heartbeat=25)
    await connection.close(1012, "no reason")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
def test_answer_that_no_waiting_mends_ends_it(status: int) -> None:
    async def work() -> None:
        async with answering([status], greeting) as server, aclosing(subscribe(url_of(server), "t")) as events:
            with pytest.raises(SubscribeError, match="refused the connection") as refused:
                await events.__anext__()
            assert refused.value.code == str(status)

    ended_within(30, work)


@pytest.mark.parametrize(("status", "is_later"), [(408, False), (429, True), (500, False), (502, False), (503, True)])
def test_answer_that_passes_is_waited_out(monkeypatch: pytest.MonkeyPatch, status: int, is_later: bool) -> None:
    waited: list[bool] = []

    def next_pause(_: Backoff, later: bool) -> float:
        waited.append(later)
        return 0.0

    async def bridge(connection: ServerConnection) -> None:
        await say(connection, type="connection", heartbeat=25)
        request = await requested(connection)
        await say(connection, type="subscribed", topic="t", success=True, at=["a:0"], id=request["id"])
        await say(connection, **{"type": "x", "topic": "not its own", "@topic": "t", "@id": "a:1"})
        await connection.wait_closed()

    async def work() -> None:
        async with answering([status, 101], bridge) as server, aclosing(subscribe(url_of(server), "t")) as events:
            event = await events.__anext__()
            assert (event.topic, event.id) == ("t", "a:1")

    monkeypatch.setattr(Backoff, "next", next_pause)
    ended_within(30, work)
    assert waited == [is_later]


def test_each_connection_counts_once_and_trouble_behind_it_is_said_anew(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a bridge that is away is dialled twice a second for ever by who was connected to it for long."""
    pauses = 0
    lasted: list[float] = []

    def next_pause(*_: object) -> float:
        nonlocal pauses
        pauses += 1
        return 0.0

    async def work() -> None:
        async with answering([503, 101], greeting) as server, aclosing(subscribe(url_of(server), "t")) as events:
            coming = asyncio.ensure_future(events.__anext__())
            while pauses < 5:
                await asyncio.wait([coming], timeout=0.01)
            coming.cancel()

    monkeypatch.setattr(Backoff, "next", next_pause)
    monkeypatch.setattr(Backoff, "lasted", lambda _, seconds: lasted.append(seconds))
    ended_within(30, work)
    assert len(lasted) == 1
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2, said


def test_refusals_end_it(start_daemon: Callable[..., Bridge]) -> None:
    daemon = start_daemon({"auth.hs256_secret": SECRET})

    async def work() -> None:
        with pytest.raises(SubscribeError) as refused:
            await subscribe(daemon.ws_url, "a*b*c").__anext__()
        assert refused.value.code in ("invalid_topic", "forbidden", "unauthorized")
        with pytest.raises(SubscribeError) as refused:
            await subscribe(daemon.ws_url, "t", token="not.a.token").__anext__()
        assert refused.value.code == "4401" and "not.a.token" not in str(refused.value)
        with pytest.raises(SubscribeError, match="404"):
            await subscribe(daemon.ws_url + "/elsewhere", "t").__anext__()

    ended_within(30, work)


def test_token_is_asked_for_again_until_one_is_good(start_daemon: Callable[..., Bridge]) -> None:
    import jwt

    daemon = start_daemon({"auth.hs256_secret": SECRET})
    good = jwt.encode({"sub": "ada", "exp": 4_000_000_000}, SECRET, "HS256")
    asked: list[str] = []

    async def token() -> str:
        asked.append("bad.bad.bad" if not asked else good)
        return asked[-1]

    async def work() -> None:
        events = subscribe(daemon.ws_url, "t", token=token, last=1)
        coming = asyncio.ensure_future(numbers(events, 1))
        with Publisher(daemon.endpoint) as publisher:
            assert publisher.wait_ready(10)
            publish(publisher, "t", 1)
            assert await coming == [1]
        await events.aclose()

    ended_within(30, work)
    assert asked == ["bad.bad.bad", good]


def test_token_is_taken_as_a_file_holds_it(start_daemon: Callable[..., Bridge]) -> None:
    import jwt

    daemon = start_daemon({"auth.hs256_secret": SECRET})
    token = jwt.encode({"sub": "ada", "exp": 4_000_000_000}, SECRET, "HS256") + "\n"

    async def work() -> None:
        events = subscribe(daemon.ws_url, "t", token=token, last=1)
        coming = asyncio.ensure_future(numbers(events, 1))
        with Publisher(daemon.endpoint) as publisher:
            assert publisher.wait_ready(10)
            publish(publisher, "t", 1)
            assert await coming == [1]
        await events.aclose()

    ended_within(30, work)


def test_token_function_that_raises_is_asked_again(start_daemon: Callable[..., Bridge]) -> None:
    daemon = start_daemon()
    asked = 0

    def token() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise OSError("the login service answers 503")
        return "<html>502 Bad Gateway</html>" if asked == 3 else '"abc"\n'

    with Publisher(daemon.endpoint) as publisher, FaultProxy(daemon.port) as proxy:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def work() -> None:
            url = daemon.ws_url.replace(str(daemon.port), str(proxy.port))
            async with aclosing(subscribe(url, "t", token=token, last=1)) as events:
                assert await numbers(events, 1) == [1]
                proxy.cut()
                publish(publisher, "t", 2)
                assert await numbers(events, 1) == [2]

        ended_within(30, work)
    assert asked == 4


def test_token_that_never_comes_is_asked_for_again(daemon: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.subscriber, "TOKEN_PATIENCE", 0.05)
    asked = 0

    async def token() -> str | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        return None

    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def work() -> None:
            async with aclosing(subscribe(daemon.ws_url, "t", token=token, last=1)) as events:
                assert await numbers(events, 1) == [1]

        ended_within(30, work)
    assert asked == 2


@pytest.mark.parametrize("code", ["token_expired", "invalid_token"])
def test_renewal_that_fails_leaves_the_connection(code: str) -> None:
    asked: list[bool] = []

    async def token() -> str:
        asked.append(True)
        if len(asked) == 2:
            raise OSError("the login service answers 503")
        return "abc"

    async def bridge(connection: ServerConnection) -> None:
        await say(connection, type="connection", heartbeat=25)
        request = await requested(connection)
        await say(connection, type="subscribed", topic="t", success=True, at=["a:1"], id=request["id"])
        await say(connection, type="error", code=code, message="the token has ended")
        await say(connection, **{"type": "x", "topic": "t", "@id": f"a:{len(asked) + 1}"})
        await connection.wait_closed()

    async def work() -> None:
        async with stub(bridge) as server, aclosing(subscribe(url_of(server), "t", token=token)) as events:
            assert (await events.__anext__()).id == "a:2"
            coming = asyncio.ensure_future(events.__anext__())
            while len(asked) < 2:
                await asyncio.wait([coming], timeout=0.01)
            for connection in server.connections:
                await say(connection, **{"type": "x", "topic": "t", "@id": "a:3"})
            assert (await coming).id == "a:3"

    ended_within(30, work)
    assert len(asked) == 2


def test_function_that_gives_no_token_is_nobody(start_daemon: Callable[..., Bridge]) -> None:
    daemon = start_daemon({"auth.hs256_secret": SECRET, "auth.anonymous.subscribe": ["t"]})
    with Publisher(daemon.endpoint) as publisher:
        assert publisher.wait_ready(10)
        publish(publisher, "t", 1)

        async def work() -> None:
            async with aclosing(subscribe(daemon.ws_url, "t", token=lambda: None, last=1)) as events:
                assert await numbers(events, 1) == [1]

        ended_within(30, work)


def test_what_is_no_token_ends_it() -> None:
    async def work() -> None:
        for bad in ("a\nb", lambda: 5):
            with pytest.raises(SubscribeError) as refused:
                await subscribe("ws://127.0.0.1:1", "t", token=bad).__anext__()  # type: ignore[arg-type]
            assert refused.value.code == "invalid_token" and "a\nb" not in str(refused.value)

    ended_within(30, work)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "at least one topic"),
        (("",), "neither a topic"),
        ((5,), "neither a topic"),
        (("a\ud800",), "neither a topic"),
    ],
)
def test_mistakes(arguments: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        subscribe("ws://127.0.0.1:1", *arguments)
    with pytest.raises(ValueError, match="at least one url"):
        subscribe([], "t")
    for url in ("http://127.0.0.1:1/api/ws", "127.0.0.1:1"):
        with pytest.raises(ValueError, match="such as ws://"):
            subscribe(url, "t")
    with pytest.raises(ValueError, match="last"):
        subscribe("ws://127.0.0.1:1", "t", last=-1)


@pytest.mark.parametrize(
    ("name", "topic", "is_so"),
    [
        ("import:*", "import:", True),
        ("import:*", "import:a/b", True),
        ("*", "x", True),
        ("*", "@all", False),
        ("@all", "@all", True),
        ("prices.*.eur", "prices.btc.eur", True),
        ("prices.*.eur", "prices..eur", False),
        ("prices.*.eur", "prices.a.b.eur", False),
        ("a.b", "axb", False),
        ("a", "ab", False),
    ],
)
def test_pattern(name: str, topic: str, is_so: bool) -> None:
    assert isinstance(matcher([name]), re.Pattern)
    assert bool(matcher([name]).fullmatch(topic)) is is_so


def test_break_in_a_replay_asks_for_its_rest() -> None:
    positions = Positions(["t"])
    positions.subscribed("t", {"at": ["a:1", "b:1"]})
    positions.subscribed("t", {"at": ["a:9", "b:2"], "recovered": True, "replayed": 9})
    positions.event("t", "a:2")
    assert sorted((positions.since("t") or {})["t"]) == ["a:2", "b:1"]
    positions.event("t", "b:2")
    positions.gap("t", "a", 3, 11)  # seven of the replay, and two that are live
    assert sorted((positions.since("t") or {})["t"]) == ["a:11", "b:2"]
    positions.event("t", "a:1")  # it was restarted
    assert sorted((positions.since("t") or {})["t"]) == ["a:1", "b:2"]


def test_gap_that_goes_on_among_live_events_stands_for_none_of_the_other_sources() -> None:
    positions = Positions(["t"])
    positions.subscribed("t", {"at": ["a:1", "b:1"]})
    positions.subscribed("t", {"at": ["a:5", "b:4"], "recovered": True, "replayed": 7})
    positions.gap("t", "a", 2, 9)  # four of the replay; the three of b are still to come
    assert sorted((positions.since("t") or {})["t"]) == ["a:9", "b:1"]


def test_what_a_refusal_replays_stands_for_nothing_of_before() -> None:
    positions = Positions(["t"])
    positions.subscribed("t", {"at": ["a:5"]})
    positions.subscribed("t", {"at": ["b:3"], "recovered": False, "replayed": 2})
    positions.event("t", "b:2")
    assert positions.since("t") == {"t": ["b:2"]}


def test_positions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.positions, "MAX_FOUND", 3)
    monkeypatch.setattr(zwsbridge.positions, "MAX_SOURCES", 2)
    now = 0.0
    positions = Positions(["named", "p:*", "q:*"], lambda: now)
    positions.event("named", "a:1")
    positions.event("q:1", "a:1")
    for now in range(10):
        positions.event(f"p:{now}", "a:1")
    assert positions.since("named") == {"named": ["a:1"]}
    assert positions.since("p:*") is None  # the bridge would send all of p:6 again
    assert positions.since("q:*") is None
    now = 3601  # and has forgotten q:1
    assert positions.since("q:*") == {}
    assert positions.since("p:*") is None
    now = 3607  # and p:6
    assert list(positions.since("p:*") or ()) == ["p:9", "p:8", "p:7"]
    for source in "abc":
        positions.event("named", f"{source}:5")
    assert positions.since("named") is None
    now += 3601
    assert positions.since("named") == {"named": ["b:5", "c:5"]}
    positions.event("p:9", "a:2")
    monkeypatch.setattr(zwsbridge.positions, "MAX_SINCE_BYTES", 40)
    assert list(positions.since("p:*") or ()) == ["p:9", "p:8"]
    positions.event("p:7", "a:2")
    positions.event("p:8", "a:2")
    assert positions.since("p:*") is None


def test_refused_pattern_forgets_what_may_be_dead() -> None:
    now = 0.0
    positions = Positions(["j:9", "j:*", "k:*"], lambda: now, refound=True)
    for topic in ("j:1", "j:9", "k:1"):
        positions.event(topic, "a:1")
    positions.subscribed("j:*", {"recovered": False, "replayed": 1})
    positions.event("j:2", "b:5")
    assert positions.since("j:*") == {"j:2": ["b:5"], "j:9": ["a:1"]}
    assert positions.since("k:*") == {"k:1": ["a:1"]}
    positions.subscribed("j:*", {"recovered": True, "replayed": 0})
    assert positions.since("j:*") == {"j:2": ["b:5"], "j:9": ["a:1"]}


def test_refused_pattern_without_last_resumes_when_nothing_can_come_twice() -> None:
    now = 0.0
    positions = Positions(["j:*"], lambda: now)
    positions.event("j:1", "a:1")
    positions.subscribed("j:*", {"recovered": False})
    assert positions.since("j:*") is None
    now = 3601
    assert positions.since("j:*") == {}


def test_pattern_resumes_again_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.backoff, "STABLE", 0)
    asked: list[Any] = []

    async def bridge(connection: ServerConnection) -> None:
        request = await requested(connection)
        asked.append(request.get("since"))
        await say(connection, type="connection", user=None)
        more = {"recovered": "j:1" not in request["since"], "replayed": 1} if len(asked) > 1 else {}
        await say(connection, type="subscribed", topic="j:*", success=True, id=request["id"], **more)
        topic = f"j:{len(asked)}"
        await say(connection, **{"type": "x", "topic": topic, "@id": "a:1", "n": len(asked)})

    gaps: list[Gap] = []

    async def work() -> None:
        async with (
            stub(bridge) as server,
            aclosing(subscribe(url_of(server), "j:*", last=1, on_gap=gaps.append)) as events,
        ):
            assert await numbers(events, 3) == [1, 2, 3]

    ended_within(30, work)
    assert asked[:3] == [None, {"j:1": ["a:1"]}, {"j:2": ["a:1"]}]
    assert gaps == [Gap("j:*", None, "not_recovered")]


def test_sources_that_the_bridge_names_are_all_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.positions, "MAX_SOURCES", 2)
    positions = Positions(["t"])
    for source in "abc":
        positions.event("t", f"{source}:5")
    assert positions.since("t") is None
    positions.subscribed("t", {"at": ["b:6", "c:5"]})
    assert positions.since("t") == {"t": ["b:6", "c:5"]}
