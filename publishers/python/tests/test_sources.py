"""Whether the producers of a topic live, as the subscriber is told: asked of each connection, told at its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from contextlib import aclosing
from typing import Any, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

import zwsbridge.backoff
from zwsbridge import Gap, SourceState, subscribe

HEARD = "2026-01-02T03:04:05.000Z"
LATER = "2026-01-02T03:05:00.000Z"


class Story:
    """A bridge that tells this, one list for each connection, and what it was asked."""

    def __init__(self, *connections: list[dict[str, Any]]) -> None:
        self._connections = list(connections)
        self.requests: list[dict[str, Any]] = []

    async def tell(self, connection: ServerConnection) -> None:
        request = json.loads(await connection.recv())
        self.requests.append(request)
        for message in self._connections.pop(0):
            answer = {"success": True, "id": request["id"]} if message["type"] == "subscribed" else {}
            await connection.send(json.dumps({**message, **answer}))
        if not self._connections:
            await connection.wait_closed()

    def run(self, work: Callable[[str], Awaitable[None]]) -> None:
        async def within() -> None:
            async with serve(self.tell, "127.0.0.1", 0) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                await asyncio.wait_for(work(f"ws://127.0.0.1:{port}/api/ws"), 30)

        asyncio.run(within())


def event(topic: str, position: str) -> dict[str, Any]:
    return {"type": "x", "topic": topic, "@id": position}


def known(src: str, alive: bool, **more: object) -> dict[str, Any]:
    return {"src": src, "alive": alive, "heard": HEARD, **more}


def test_what_is_told_of_sources_comes_at_its_place_and_again_after_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.backoff, "FIRST", 0)
    monkeypatch.setattr(zwsbridge.backoff, "STABLE", 0)
    story = Story(
        [
            {"type": "subscribed", "topic": "t", "at": ["a:1"], "sources": [known("a", True), known("b", False)]},
            event("t", "a:2"),
            {"type": "source", "topic": "t", "src": "a", "state": "silent", "timestamp": LATER},
            event("t", "a:3"),
        ],
        [
            {"type": "subscribed", "topic": "t", "at": ["c:1"], "recovered": False, "sources": [known("c", True)]},
            event("t", "c:2"),
        ],
    )
    told: list[object] = []

    async def work(url: str) -> None:
        async with aclosing(subscribe(url, "t", on_source=told.append, on_gap=told.append)) as events:
            for _ in range(3):
                told.append((await events.__anext__()).id)

    story.run(work)
    assert told == [
        SourceState("t", "a", "alive", HEARD),
        SourceState("t", "b", "lost", HEARD),
        "a:2",
        SourceState("t", "a", "silent", LATER),
        "a:3",
        Gap("t", None, "not_recovered"),
        SourceState("t", "c", "alive", HEARD),
        "c:2",
    ]
    assert [request.get("sources") for request in story.requests] == [True, True]


def test_sources_of_a_pattern_are_told_with_their_topics() -> None:
    sources = [known("a", True, topic="t:1"), known("a", True, topic="t:2"), known("b", True, topic="t:2", silent=True)]
    story = Story(
        [
            {"type": "subscribed", "topic": "t:*", "sources": sources},
            {"type": "source", "topic": "t:2", "src": "a", "state": "lost", "timestamp": LATER},
            event("t:1", "a:2"),
        ]
    )
    told: list[tuple[str, str]] = []

    async def work(url: str) -> None:
        def on_source(source: SourceState) -> None:
            told.append((source.topic, source.state))

        async with aclosing(subscribe(url, "t:*", on_source=on_source)) as events:
            await events.__anext__()

    story.run(work)
    assert told == [("t:1", "alive"), ("t:2", "alive"), ("t:2", "silent"), ("t:2", "lost")]


def test_who_does_not_want_to_know_asks_for_nothing_and_what_on_source_raises_comes_out() -> None:
    answer = {"type": "subscribed", "topic": "t", "at": ["a:1"], "sources": [known("a", True)]}
    story = Story([answer, event("t", "a:2")], [answer, event("t", "a:2")])

    def on_source(source: SourceState) -> None:
        raise ConnectionError("no connection to my database")

    async def work(url: str) -> None:
        async with aclosing(subscribe(url, "t")) as events:
            assert (await events.__anext__()).id == "a:2"
        async with aclosing(subscribe(url, "t", on_source=on_source)) as events:
            with pytest.raises(ConnectionError, match="my database"):
                await events.__anext__()
            assert (await events.__anext__()).id == "a:2"

    story.run(work)
    assert [request.get("sources") for request in story.requests] == [None, True]
