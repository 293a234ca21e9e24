"""The administrator's calls, at the real daemon."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from support.bridge import Bridge, free_port

import zwsbridge.admin
from zwsbridge import Admin, AdminError


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path / "bridge").start()
    yield bridge
    bridge.close_clients()
    assert bridge.stop() == 0, bridge.log.tail()


@pytest.fixture
def admin(daemon: Bridge) -> Admin:
    return Admin(daemon.url + "/", daemon.admin_token)


def test_what_is_sent_reaches_the_subscribers(daemon: Bridge, admin: Admin) -> None:
    client = daemon.connect()
    client.subscribe("a/b")
    client.subscribe("notifications")
    assert admin.publish("a/b", {"type": "x", "n": 1}) == 1
    assert client.receive()["n"] == 1
    day = datetime(2026, 11, 29, 20, 15, tzinfo=timezone.utc)
    assert admin.publish("a/b", {"type": "x", "n": 2, "at": day, "price": Decimal("1.10")}) == 1
    assert {"at": "2026-11-29T20:15:00+00:00", "price": "1.10"}.items() <= client.receive().items()
    assert admin.broadcast({"type": "all"}) == 1
    assert client.receive()["type"] == "all"
    assert admin.broadcast({"type": "some"}, topic="nobody/here") == 0
    assert admin.notify("Ready", "It is.", level="success") == 1
    assert client.receive()["data"] == {"title": "Ready", "content": "It is.", "level": "success"}
    assert admin.notify("Nobody", target_users=[]) == 0
    assert [event["n"] for event in admin.history("a/b")] == [1, 2]
    with pytest.raises(TypeError, match="list of users"):
        admin.notify("x", target_users="ada")


def test_lists_come_page_by_page(daemon: Bridge, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zwsbridge.admin, "_PAGE", 2)
    client = daemon.connect()
    for number in range(5):
        client.subscribe(f"t/{number}")
        admin.publish("t/0", {"type": "x", "n": number})
    assert {topic["topic"] for topic in admin.topics()} >= {f"t/{number}" for number in range(5)}
    assert [event["n"] for event in admin.history("t/0")] == list(range(5))
    assert len(list(admin.connections())) == 1


def test_kick(daemon: Bridge, admin: Admin) -> None:
    daemon.connect()
    (connection,) = admin.connections()
    admin.kick(connection["client_id"])
    daemon.wait_metric("zws_connections", 0)
    with pytest.raises(AdminError) as refused:
        admin.kick(connection["client_id"])
    assert refused.value.status == 404
    assert admin.kick_user("a/da") == 0


def test_state(admin: Admin) -> None:
    assert admin.ready() and admin.stats()["connections"] == 0


def test_refusal_says_what_the_bridge_said(daemon: Bridge) -> None:
    with pytest.raises(AdminError) as refused:
        Admin(daemon.url, "not.a.token").stats()
    assert refused.value.status in (401, 403) and refused.value.code != "unknown"
    assert "not.a.token" not in str(refused.value)


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="not the URL of a bridge"):
        Admin("127.0.0.1:8000")
    with pytest.raises(OSError, match="refused"):
        Admin(f"http://127.0.0.1:{free_port()}").stats()
    assert "secret" not in repr(Admin("http://127.0.0.1:1", "secret"))
    with pytest.raises(ValueError, match="no token has") as refused:
        Admin("http://127.0.0.1:1", "a secret")
    assert "a secret" not in str(refused.value)


@pytest.mark.parametrize("address", ["{url}", "{url}/", "{url}/api/ws", "{ws_url}"])
def test_any_address_of_a_bridge_and_a_token_as_a_file_holds_it_serve(daemon: Bridge, address: str) -> None:
    url = address.format(url=daemon.url, ws_url=daemon.ws_url)
    admin = Admin(url, daemon.admin_token + "\n")
    assert admin.stats()["connections"] == 0 and admin.ready()


def test_a_bridge_with_another_path_is_called_there(tmp_path: Path) -> None:
    bridge = Bridge(tmp_path / "bridge", {"server.path": "/live"}).start()
    admin = Admin(bridge.url, bridge.admin_token, path="/live")
    assert admin.stats()["connections"] == 0 and list(admin.topics()) == [] and admin.ready()
    assert bridge.stop() == 0, bridge.log.tail()


@contextmanager
def answered_once(answer: bytes) -> Iterator[Admin]:
    """The calls of something that answers a request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        yield Admin(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=10)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", OSError),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n{", AdminError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", AdminError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", AdminError),
        (b"\xff\0\0\0\0\0\0\0\x01\x7f\r\n\r\n", OSError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200005\r\n\r\n" + b'{"a":' + b"[" * 200_000, AdminError),
    ],
)
def test_what_is_no_answer_of_a_bridge(answer: bytes, error: type[Exception]) -> None:
    with answered_once(answer) as admin, pytest.raises(error):
        admin.stats()


def test_a_bridge_that_stops_is_not_ready_and_what_is_no_bridge_is_an_error() -> None:
    stops = b'{"ready":false,"reasons":["the bridge stops"]}'
    with answered_once(b"HTTP/1.1 503 Busy\r\nContent-Length: %d\r\n\r\n%b" % (len(stops), stops)) as admin:
        assert not admin.ready()
    with answered_once(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") as admin, pytest.raises(AdminError):
        admin.ready()


def test_an_answer_that_never_comes_is_waited_for_as_long_as_was_said() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def call() -> None:
            with pytest.raises(OSError):
                Admin(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.1).stats()
            ended.set()

        threading.Thread(target=call, daemon=True).start()
        assert ended.wait(10)
