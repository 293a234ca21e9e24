"""Open mode: no key is configured, so everyone on this machine may listen, and a file makes the administrator."""

import os
import re
import stat

import pytest

from support.raw_socket import RawSocket
from support.tokens import Issuer, bearer


@pytest.fixture
def by_default(make_bridge, monkeypatch, tmp_path):
    """A bridge that finds the place for its token by itself."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    bridge = make_bridge(start=False)
    del bridge.settings["auth.admin_token_file"]
    return bridge.start(), runtime


def test_the_token_lies_in_the_runtime_folder_under_the_ports_name(by_default):
    bridge, runtime = by_default
    file = runtime / f"zwsbridge-{bridge.port}.token"
    assert [entry.name for entry in runtime.iterdir()] == [file.name]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert bridge.get("/api/ws/stats", bearer(token)).status == 200
    assert f"whoever reaches 127.0.0.1:{bridge.port} reads every topic" in bridge.log.wait_for("open mode")
    assert str(file) in bridge.log.wait_for("administrator's token") and token not in bridge.log.tail(1000)
    assert bridge.stop() == 0
    assert not file.exists(), "it is worth nothing any more"


def test_the_folder_of_the_service_comes_before_that_of_the_user(make_bridge, monkeypatch, tmp_path):
    for name in ("service", "user"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "service"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))
    bridge = make_bridge(start=False)
    del bridge.settings["auth.admin_token_file"]
    bridge.start()
    assert [file.name for file in (tmp_path / "service").iterdir()] == [f"zwsbridge-{bridge.port}.token"]
    assert list((tmp_path / "user").iterdir()) == []


def test_a_token_of_an_earlier_start_is_worth_nothing(bridge):
    earlier = bridge.admin_token
    bridge.restart()
    assert bridge.admin_token != earlier
    assert bridge.get("/api/ws/stats", bearer(earlier)).status == 401


@pytest.mark.parametrize("link", [True, False])
def test_a_file_that_is_not_the_bridges_stays_as_it_is(make_bridge, tmp_path, link):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    named = tmp_path / "link" if link else precious
    if link:
        os.symlink(precious, named)
    bridge = make_bridge({"auth.admin_token_file": str(named)}, start=False)
    bridge.launch()
    assert (bridge.wait(), precious.read_text(), named.is_symlink()) == (1, "precious", link)
    assert bridge.log.wait_for(f"^zwsbridge: auth.admin_token_file.*{named}")


def test_without_a_place_for_the_token_it_warns_and_has_no_administrator(make_bridge, make_producer, tmp_path):
    bridge = make_bridge({"auth.admin_token_file": str(tmp_path / "nowhere" / "token")})
    assert "nowhere" in bridge.log.wait_for("warning.*no administrator")
    for token in ("", "x", "0" * 64):
        assert bridge.get("/api/ws/stats", bearer(token)).status == 401
    client = bridge.connect()
    client.subscribe("a")
    make_producer(bridge.endpoint).send("a", {"type": "event"})
    assert client.receive()["type"] == "event"


def test_everyone_counts_as_signed_in_and_a_strange_token_says_nothing(bridge):
    for client in (
        bridge.connect(),
        bridge.connect("?token=nonsense"),
        bridge.connect(headers=bearer(Issuer().token("ada"))),
        bridge.connect(subprotocols=["zws.v1.json", "bearer.nonsense"]),
    ):
        assert (client.hello["user"], client.hello["expires"]) == (None, None)
        client.subscribe("*")
        stats = client.ask({"type": "get_stats"})["data"]
        assert stats["connection"]["admin"] is False
        assert stats["totals"]["connections"] > 0 and "busiest_topics" not in stats["totals"]
        assert client.ask({"type": "auth", "token": "nonsense"})["success"] is True
        assert client.ask({"type": "subscribe", "topic": "@user/ada"})["code"] == "forbidden"


@pytest.mark.parametrize("way", ["query", "header", "message"])
def test_the_token_makes_an_administrator_on_the_websocket_too(bridge, way):
    token = bridge.admin_token
    client = bridge.connect(
        f"?token={token}" if way == "query" else "", headers=bearer(token) if way == "header" else None
    )
    if way == "message":
        client.ask({"type": "auth", "token": token})
    stats = client.ask({"type": "get_stats"})["data"]
    assert stats["connection"]["admin"] is True and "busiest_topics" in stats["totals"]


def test_strange_tokens_for_calls_are_counted_as_failed(make_bridge):
    bridge = make_bridge({"limits.failed_tokens_per_minute": 3})
    for _ in range(3):
        assert bridge.get("/api/ws/stats", bearer("0" * 64)).status == 401
    refused = bridge.get("/api/ws/stats", bearer("0" * 64))
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert bridge.get("/api/ws/stats", bearer(bridge.admin_token)).status == 200


def test_by_choice_it_is_open_to_other_names_and_through_proxies(make_bridge):
    bridge = make_bridge({"auth.open": True})
    strange = {"Host": "live.example", "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    assert bridge.get("/healthz", strange).status == 200
    assert bridge.get("/api/ws/stats", {**strange, **bearer(bridge.admin_token)}).status == 200
    with RawSocket(bridge.port) as client:
        assert client.upgrade(host="live.example", x_forwarded_for="203.0.113.7")[0] == 101
