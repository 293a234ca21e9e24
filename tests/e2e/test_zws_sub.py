"""How `zws sub` ends and what it comes back from, by a bridge that does what no real one can be made to do at will."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from support.zws_tool import CANNOT_CONNECT, DENIED, DONE, FAILED, zws


@contextmanager
def answering(statuses: list[int], session: Callable[[ServerConnection], None]) -> Iterator[str]:
    """Lets in with 101, the next of these; refuses with any other. Yields its URL."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        status = statuses.pop(0)
        return None if status == 101 else connection.respond(HTTPStatus(status), "")

    with serve(session, "127.0.0.1", 0, process_request=answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/api/ws"
        finally:
            server.shutdown()
            thread.join()


def say(connection: ServerConnection, **message: Any) -> None:
    connection.send(json.dumps(message, separators=(",", ":")))  # as the bridge writes it


def listened(connection: ServerConnection, *topics: str) -> None:
    say(connection, type="connection", heartbeat=25)
    connection.recv()
    for topic in topics or ("t",):
        say(connection, type="subscribed", topic=topic, success=True, at=["a:1"])


def wait_gone(connection: ServerConnection) -> None:
    with pytest.raises(ConnectionClosed):
        connection.recv()


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, DENIED), (403, DENIED), (404, CANNOT_CONNECT), (429, CANNOT_CONNECT), (503, CANNOT_CONNECT)],
)
def test_who_is_not_let_in_at_first_is_told_why(status, code):
    with answering([status], lambda connection: None) as url:
        ended = zws("sub", "t", "--url", url)
    assert ended.code == code and str(status) in ended.talk


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_who_was_connected_waits_for_what_passes(status):
    connections = 0

    def session(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        listened(connection)
        if connections == 1:
            return connection.close(1012, "no reason")
        say(connection, type="x", topic="t", **{"@id": "a:2"})
        wait_gone(connection)

    with answering([101, status, 101], session) as url:
        ended = zws("sub", "t", "--count", 1, "--url", url)
    assert ended.code == DONE and json.loads(ended.out)["@id"] == "a:2", ended


@pytest.mark.parametrize("status", [401, 404])
def test_who_was_connected_ends_with_what_does_not_pass(status):
    def session(connection: ServerConnection) -> None:
        listened(connection)
        connection.close(1012, "no reason")

    with answering([101, status], session) as url:
        ended = zws("sub", "t", "--url", url)
    assert ended.code == (DENIED if status == 401 else CANNOT_CONNECT) and str(status) in ended.talk


@pytest.mark.parametrize(
    ("close", "code"),
    [(1002, FAILED), (1003, FAILED), (1007, FAILED), (1009, FAILED), (4400, FAILED), (4401, DENIED), (4403, DENIED)],
)
def test_who_is_closed_for_good_does_not_come_back(close, code):
    def session(connection: ServerConnection) -> None:
        listened(connection)
        connection.close(close, "for good")

    with answering([101], session) as url:
        ended = zws("sub", "t", "--url", url)
    assert ended.code == code and f"{close} for good" in ended.talk


def test_who_is_let_in_only_to_be_told_that_it_is_full_could_not_connect():
    with answering([101], lambda connection: connection.close(1013, "full")) as url:
        ended = zws("sub", "t", "--url", url)
    assert ended.code == CANNOT_CONNECT and "1013 full" in ended.talk


def test_it_goes_on_until_the_last_subscription_of_this_connection_is_ended():
    connections = 0

    def session(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        listened(connection, "t", "u")
        if connections == 1:
            return connection.close(1012, "no reason")
        say(connection, type="unsubscribed", topic="t", code="forbidden")
        say(connection, type="x", topic="u", **{"@id": "a:2"})
        say(connection, type="unsubscribed", topic="u", code="forbidden")
        wait_gone(connection)

    with answering([101, 101], session) as url:
        ended = zws("sub", "t", "u", "--url", url)
    assert ended.code == DENIED and [json.loads(line)["@id"] for line in ended.lines] == ["a:2"], ended
