"""zws bench: a load generator whose counts can be trusted, against a server that errs and against the daemon."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.bridge import DAEMON, DEADLINE, ROOT, free_port

# The sanitizer presets build the daemon alone; the load then comes from the build that people use.
BUILD = next(
    (folder for folder in (DAEMON.parents[1], ROOT / "build/dev") if (folder / "tests/bench/raw_fanout").exists()),
    ROOT / "build/dev",
)
ZWS = Path(os.environ.get("ZWS_BIN", BUILD / "tools/zws/zws"))
RAW_FANOUT = BUILD / "tests/bench/raw_fanout"

WHOLE = {"missing": 0, "told_missing": 0, "doubled": 0, "out_of_order": 0, "stray": 0, "failed": 0, "closed": {}}


def bench(*arguments, expect=0):
    """One run of `zws bench ... --json`: what it found, or with another exit code what it said."""
    command = [str(ZWS), "bench", *map(str, arguments), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=4 * DEADLINE)
    assert run.returncode == expect, run.stdout + run.stderr
    return json.loads(run.stdout) if run.stdout else run.stderr


def assert_whole(found):
    assert {name: found["loss"][name] for name in WHOLE} == WHOLE


@pytest.fixture
def raw_fanout():
    """Starts the bare loop with some flags; returns the arguments that point the bench at it."""
    started = []

    def start(*flags):
        command = [str(RAW_FANOUT), "--port", "0", "--ingest", "tcp://127.0.0.1:*", *map(str, flags)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(server)
        ws, ingest = re.fullmatch(r"listening (\S+) (\S+)\n", server.stdout.readline()).groups()
        return ["--url", ws, "--publish", ingest, "--pid", server.pid]

    yield start
    for server in started:
        server.terminate()
        assert server.wait(DEADLINE) == 0
        server.stdout.close()


@pytest.fixture
def target(bridge):
    return ["--url", bridge.ws_url, "--publish", bridge.endpoint, "--pid", bridge.pid]


# ---- the counters, against a server that is known to err ----

SEVEN_CLIENTS_500_EVENTS = ["latency", "--clients", 7, "--rate", 1000, "--seconds", 0.5, "--warmup", 0]


@pytest.mark.parametrize("mode", ["each", "joined"])
@pytest.mark.parametrize("topics", [1, 7, 30])
def test_a_server_that_does_not_err_is_found_whole(raw_fanout, mode, topics):
    found = bench(*SEVEN_CLIENTS_500_EVENTS, "--topics", topics, *raw_fanout("--mode", mode, "--envelope"))
    assert found["traffic"]["events"] == 500
    assert found["traffic"]["deliveries"] == (3500 if topics == 1 else 500)
    assert found["traffic"]["latency_ms"]["count"] == found["traffic"]["deliveries"]
    assert found["traffic"]["server_us_per_delivery"]["total"] > 0
    assert_whole(found)


def test_skipped_events_are_missing(raw_fanout):
    found = bench(*SEVEN_CLIENTS_500_EVENTS, *raw_fanout("--mode", "each", "--skip-every", 99), expect=1)
    assert found["loss"]["missing"] == 35
    assert found["loss"]["doubled"] == found["loss"]["out_of_order"] == 0


def test_doubled_events_are_counted(raw_fanout):
    found = bench(*SEVEN_CLIENTS_500_EVENTS, *raw_fanout("--mode", "each", "--double-every", 77), expect=1)
    assert found["loss"]["doubled"] == 45
    assert found["traffic"]["deliveries"] == 3545
    assert found["loss"]["missing"] == found["loss"]["out_of_order"] == 0


def test_swapped_events_are_out_of_order(raw_fanout):
    found = bench(*SEVEN_CLIENTS_500_EVENTS, *raw_fanout("--mode", "each", "--swap-every", 99), expect=1)
    assert found["loss"]["out_of_order"] == 35
    assert found["loss"]["missing"] == found["loss"]["doubled"] == 0


def test_the_bare_loop_takes_a_flood_without_loss(raw_fanout):
    found = bench("fanout", "--clients", 20, "--seconds", 0.5, "--warmup", 0.1, *raw_fanout("--mode", "joined"))
    assert found["traffic"]["deliveries"] == 20 * found["traffic"]["events"] > 0
    assert_whole(found)


# ---- each mode, against the daemon ----


def test_fanout(target):
    found = bench("fanout", "--clients", 20, "--in-flight", 64, "--seconds", 0.5, "--warmup", 0.1, *target)
    assert found["traffic"]["deliveries"] == 20 * found["traffic"]["events"] > 0
    assert found["connect"]["server_us_per_connect"]["total"] > 0
    assert_whole(found)


@pytest.mark.parametrize("topics", [1, 10, 100])
@pytest.mark.parametrize("by", [[], ["--patterns"]])
def test_latency(target, topics, by):
    found = bench("latency", "--clients", 10, "--topics", topics, "--rate", 500, "--seconds", 0.5, *by, *target)
    assert found["traffic"]["events"] == 250
    assert found["traffic"]["deliveries"] == (2500 if topics == 1 else 250)
    assert found["traffic"]["latency_ms"]["count"] == found["traffic"]["deliveries"]
    assert_whole(found)


def test_idle(target):
    found = bench("idle", "--clients", 200, "--topics", 200, "--seconds", 0.2, *target)
    assert found["rest"]["resident_bytes"] >= found["rest"]["resident_bytes_before"] > 0
    assert_whole(found)


def test_reconnect(target):
    found = bench(
        *["reconnect", "--clients", 100, "--topics", 10, "--witnesses", 10, "--rate", 200],
        *["--seconds", 0.5, "--away", 0.2, "--within", 0.5, *target],
    )
    assert found["return"]["recovered"] == 100
    assert found["return"]["not_recovered"] == 0
    assert found["loss"]["replayed"] > 0
    assert_whole(found)


def test_a_client_that_stands_still_loses_only_its_own_and_is_told(make_bridge):
    bridge = make_bridge({"limits.queue_bytes": 8 << 20})  # half a second: the others may share a busy machine
    found = bench(
        *["latency", "--clients", 10, "--stopped", 1, "--stop-seconds", 2, "--seconds", 0.5],
        *["--rate", 2000, "--size", 8000, "--url", bridge.ws_url, "--publish", bridge.endpoint],
    )
    assert found["loss"]["missing"] == found["loss"]["told_missing"] > 0
    assert found["loss"]["missing_steady"] == 0
    assert found["stop"]["latency_ms"]["count"] == 9 * found["stop"]["events"]


# ---- what a person sees ----


def test_lines_on_stdout_and_progress_on_the_terminal(raw_fanout):
    terminal, stderr = os.openpty()
    command = [str(ZWS), "bench", *map(str, SEVEN_CLIENTS_500_EVENTS), *map(str, raw_fanout())]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=DEADLINE)
    os.close(stderr)
    shown = b""
    while part := read_terminal(terminal):
        shown += part
    os.close(terminal)
    assert run.returncode == 0
    assert run.stdout.startswith("latency: 7 clients, 1 topic, 200 bytes, 1000 events a second\n")
    assert "(3500 of 500 events" in run.stdout
    assert "0 missing (0 of them told), 0 doubled, 0 out of order" in run.stdout
    assert b"measuring" in shown and b" %" in shown


def read_terminal(terminal):
    """What was written to it; nothing when the writer has closed it."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


# ---- what it says when it cannot ----


def test_no_bridge_at_the_url(bridge):
    url = f"ws://127.0.0.1:{free_port()}/api/ws"
    assert "refused" in bench("idle", "--url", url, "--publish", bridge.endpoint, expect=3)


def test_no_bridge_at_the_endpoint(bridge):
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    assert "no bridge subscribed" in bench("idle", "--url", bridge.ws_url, "--publish", endpoint, expect=3)


def test_a_bridge_that_lets_nobody_in(make_bridge, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(os.urandom(24).hex())
    bridge = make_bridge({"auth.hs256_secret_file": str(secret)})
    said = bench("fanout", "--url", bridge.ws_url, "--publish", bridge.endpoint, expect=4)
    assert "unauthorized" in said or "forbidden" in said


def test_the_place_and_the_token_come_from_the_environment_too(make_bridge, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text(os.urandom(24).hex())
    bridge = make_bridge({"auth.hs256_secret_file": str(secret)})
    made = [str(ZWS), "token", "--user", "ada", "--secret-file", str(secret)]
    monkeypatch.setenv("ZWS_TOKEN", subprocess.run(made, capture_output=True, text=True, check=True).stdout.strip())
    monkeypatch.setenv("ZWS_URL", bridge.ws_url)
    monkeypatch.setenv("ZWS_ENDPOINT", bridge.endpoint)
    found = bench(*SEVEN_CLIENTS_500_EVENTS)
    assert found["traffic"]["deliveries"] == 7 * 500
    assert_whole(found)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fanout", "--url", "wss://127.0.0.1/"],
        ["fanout", "--url", "ws://"],
        ["fanout", "--publish", "nonsense"],
        ["fanout", "--clients", "0"],
        ["fanout", "--size", "10"],
        ["fanout", "--rate", "5"],
        ["latency", "--stopped", "1000"],
        ["reconnect", "--clients", "5", "--topics", "6"],
        ["nonsense"],
        [],
    ],
)
def test_usage(arguments):
    said = bench(*arguments, expect=2)
    assert said.startswith("zws: ")


def test_a_process_that_is_gone(bridge):
    gone = subprocess.Popen(["true"])
    gone.wait(DEADLINE)
    said = bench("idle", "--url", bridge.ws_url, "--publish", bridge.endpoint, "--pid", gone.pid, expect=1)
    assert f"--pid {gone.pid}" in said
