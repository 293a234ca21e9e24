"""The daemon's life: what keeps it from starting, how it ends, and what a reload changes."""

import json
import os
import signal
import socket
import subprocess

import pytest

from support.bridge import DAEMON
from support.raw_socket import CLOSE

pytestmark = pytest.mark.short


def run_daemon(*arguments, **environment):
    """Runs a daemon that ends by itself: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [DAEMON, *arguments], capture_output=True, text=True, timeout=30, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout, done.stderr


def failed_start(bridge):
    """The exit code of a start that fails, and its complaints."""
    mark = bridge.log.mark()
    bridge.launch()
    return bridge.wait(), [line for line in bridge.log.since(mark) if " info " not in line]


def test_listening_names_the_addresses(bridge):
    line = bridge.log.wait_for(r"\blistening\b")
    assert f"127.0.0.1:{bridge.port}" in line and bridge.endpoint in line


@pytest.mark.parametrize("holder", ["a program", "a program with SO_REUSEPORT", "another bridge"])
def test_a_port_that_is_taken_ends_the_start_with_1_and_one_line(make_bridge, holder):
    bridge = make_bridge(start=False)
    with socket.socket() as other:
        if holder == "another bridge":
            make_bridge({"server.listen": f"127.0.0.1:{bridge.port}"})
        else:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, "REUSEPORT" in holder)
            other.bind(("127.0.0.1", bridge.port))
            other.listen()
        code, lines = failed_start(bridge)
    assert code == 1
    assert len(lines) == 1 and f"127.0.0.1:{bridge.port}" in lines[0], lines


def test_a_zeromq_endpoint_that_is_taken_ends_the_start_with_1_and_one_line(make_bridge):
    first = make_bridge()
    code, lines = failed_start(make_bridge({"ingest.bind": [first.endpoint]}, start=False))
    assert code == 1
    assert len(lines) == 1 and first.endpoint in lines[0], lines


def test_a_port_just_left_can_be_taken_again(bridge):
    bridge.connect()
    bridge.restart()
    assert bridge.connect().hello["status"] == "connected"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_tells_clients_to_come_back(bridge, number):
    clients = [bridge.connect() for _ in range(5)]
    bridge.signal(number)
    assert [client.wait_closed()[0] for client in clients] == [1012] * 5
    assert bridge.wait() == 0


@pytest.mark.both_wires
def test_what_waits_is_sent_before_the_end(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    for n in range(500):
        producer.send("a", {"type": "x", "n": n})
    assert client.receive()["n"] == 0
    bridge.signal(signal.SIGTERM)
    code, messages = client.wait_closed()
    assert code == 1012
    numbers = [message["n"] for message in messages if message["type"] == "x"]
    assert numbers == list(range(1, len(numbers) + 1)), "in order, none left out"
    assert bridge.wait() == 0


@pytest.mark.both_wires
def test_a_second_signal_ends_it_at_once(make_bridge):
    bridge = make_bridge({"server.drain_timeout": "600s"})
    with bridge.raw() as deaf:  # it never answers the close, so that the drain goes on
        deaf.upgrade()
        bridge.signal(signal.SIGTERM)
        while (frame := deaf.frame()).opcode != CLOSE:
            pass
        assert frame.close_code == 1012
        bridge.signal(signal.SIGTERM)
        assert bridge.wait() == 0  # within a deadline that is far below the ten minutes


@pytest.mark.both_wires
def test_clients_that_do_not_answer_do_not_hold_up_the_end(make_bridge):
    bridge = make_bridge({"server.drain_timeout": "1s"})
    with bridge.raw() as deaf, bridge.raw() as stranger:
        deaf.upgrade()
        stranger.send(b"GET /api/ws HTTP/1.1\r\n")
        assert bridge.stop() == 0


def test_it_runs_on_its_defaults_with_no_configuration(make_bridge):
    code, _, error = run_daemon("--check")
    assert (code, error) == (0, "")


def test_settings_come_from_file_then_environment_then_set(make_bridge, tmp_path, monkeypatch):
    monkeypatch.setenv("ZWSBRIDGE_HEARTBEAT_INTERVAL", "11s")
    assert make_bridge({"heartbeat.interval": "10s"}).connect().hello["heartbeat"] == 11
    bridge = make_bridge({"heartbeat.interval": "10s"}, arguments=["--set", "heartbeat.interval=12s"])
    assert bridge.connect().hello["heartbeat"] == 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nlisten = 7\n", ["2", "server.listen", "7"]),
        ("[server]\n\nlitsen = ''\n", ["3", "litsen", "listen"]),
        ("[heartbeat]\ninterval = '60s'\ntimeout = '10s'\n", ["heartbeat.timeout", "10s"]),
        ("[limits]\nqueue_bytes = -1\n", ["2", "limits.queue_bytes", "-1"]),
        ("[[route]]\nmatch = 'a*b'\n", ["2", "match", "a*b"]),
        ("[[route]]\nmatch = 'a'\noverflow = 'drop'\n", ["3", "overflow", "drop", "drop_oldest"]),
        ("[ingest]\nbind = ['tcp://0.0.0.0:5556']\n", ["ingest.insecure"]),
        ("[server]\nlisten = '0.0.0.0:8000'\n", ["auth.open"]),
        ("[server]\nlisten = \n", ["2"]),
        ("[relax]\n", ["1", "relax"]),
    ],
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(tmp_path, text, words):
    file = tmp_path / "bridge.toml"
    file.write_text(text)
    for check in ([], ["--check"]):
        code, out, error = run_daemon("--config", str(file), *check)
        assert code == 2 and out == ""
        assert len(error.splitlines()) == 1
        assert all(word in error for word in [*words, str(file)]), error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["--set"],
        ["--set", "heartbeat.interval"],
        ["--set", "no.such=1"],
        ["--config", "/no/such/file"],
        ["--log-format", "xml"],
        ["surprise"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    code, out, error = run_daemon(*arguments)
    assert code == 2 and out == "" and error


def test_a_secret_is_masked_in_the_complaint(tmp_path):
    code, _, error = run_daemon("--check", ZWSBRIDGE_AUTH_HS256_SECRET="too-short-to-be-safe")
    assert code == 2 and "auth.hs256_secret" in error and "too-short" not in error


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_no_mistakes(option):
    code, out, error = run_daemon(option)
    assert code == 0 and "zwsbridge" in out and error == ""


def test_the_log_can_be_json(make_bridge):
    bridge = make_bridge(arguments=["--log-format", "json"])
    assert all(isinstance(json.loads(line), dict) for line in bridge.log.since(0))


def test_a_bad_reload_is_refused_whole_and_the_old_one_stays(bridge, producer):
    client = bridge.connect()
    client.subscribe("a")
    mark = bridge.log.mark()
    bridge.settings["limits.event_bytes"] = "many"
    bridge.reload()
    bridge.log.wait_for("limits.event_bytes", after=mark)
    producer.send("a", {"type": "x"})
    assert client.receive()["type"] == "x"


def test_a_reload_changes_limits_for_who_comes_and_who_is_there(bridge):
    client = bridge.connect()
    client.subscribe("a")
    bridge.settings["limits.subscriptions"] = 1
    assert "reloaded, settings changed: limits.subscriptions" in bridge.reload()
    assert client.ask({"type": "subscribe", "topic": "b"}).get("code") == "limit_exceeded"


def test_more_connections_than_allowed_are_503(make_bridge):
    bridge = make_bridge({"limits.connections": 2})
    kept = [bridge.connect() for _ in range(2)]
    with bridge.raw() as third:
        status, headers = third.upgrade()
        assert status == 503 and int(headers["retry-after"]) > 0
    kept.pop().close()
    bridge.wait_metric("zws_connections", 1)
    assert bridge.connect().hello["status"] == "connected"
