"""The log of a bridge whose stderr nobody reads: the work goes on, and what the log lost is counted and told."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import resource
import subprocess
import time
from collections.abc import Iterator

import pytest

from support.bridge import DAEMON, Bridge
from support.tokens import bearer

LINE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z (debug|info|warning|error|audit) .+")
LONG_NAMES = [f"{n}" * 200 for n in range(10)]  # so that one audit line fills half of a page


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A small one: its reading end and its writing end. Who closes one puts -1 there."""
    ends = list(os.pipe())
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        if end >= 0:
            os.close(end)


@pytest.fixture
def bridge(make_bridge, pipe) -> Bridge:
    """A bridge whose stderr is that pipe. It is ready."""
    bridge = make_bridge(start=False)
    bridge.launch(pipe[1])
    os.close(pipe[1])
    pipe[1] = -1
    return bridge.wait_ready()


def say_much(bridge: Bridge) -> None:
    """Calls that leave a long line each, until lines are lost."""
    connection = http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=10)
    body = json.dumps({"title": "x", "target_users": LONG_NAMES})
    headers = {**bearer(bridge.admin_token), "Content-Type": "application/json"}
    while bridge.metric("zws_log_dropped_total") == 0:
        for _ in range(50):
            connection.request("POST", "/api/ws/notify", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
    connection.close()


def works(bridge: Bridge, make_producer) -> None:
    begun = time.monotonic()
    assert bridge.get("/healthz").status == 200
    assert time.monotonic() - begun < 1
    client = bridge.connect()
    client.subscribe("a")
    make_producer(bridge.endpoint).send("a", {"type": "x"})
    assert client.receive()["type"] == "x"


def test_a_log_that_nobody_reads_holds_up_nothing_and_says_what_it_lost(bridge, pipe, make_producer):
    say_much(bridge)
    works(bridge, make_producer)

    reading, pipe[0] = os.fdopen(pipe[0], "rb"), -1
    bridge.log.follow(reading)
    told = bridge.log.wait_for("log lines dropped")
    lost = bridge.metric("zws_log_dropped_total")
    assert re.search(rf" warning log lines dropped because nothing read them: {lost:.0f}$", told)
    assert all(LINE.fullmatch(line) for line in bridge.log.lines)
    assert any("listening on" in line for line in bridge.log.lines)

    mark = bridge.log.mark()
    bridge.reload()  # the log goes on
    assert not any("dropped" in line for line in bridge.log.since(mark)), "it is told once"


def test_it_ends_in_time_though_nobody_reads(bridge):
    say_much(bridge)
    begun = time.monotonic()
    assert bridge.stop() == 0
    assert time.monotonic() - begun < 5


def test_it_lives_on_when_the_reader_of_its_log_has_left(bridge, pipe, make_producer):
    os.close(pipe[0])
    pipe[0] = -1
    say_much(bridge)
    works(bridge, make_producer)
    assert bridge.stop() == 0


def test_it_lives_on_when_its_log_may_not_grow(make_bridge, make_producer, tmp_path):
    """A full disk is an error of each write; a file at its limit (ulimit -f) is a signal besides."""
    bridge = make_bridge(start=False)
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = bridge.launch(file.fileno())
    bridge.wait_ready()
    held = log.stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (held, resource.RLIM_INFINITY))
    say_much(bridge)
    works(bridge, make_producer)
    assert bridge.stop() == 0
    assert log.stat().st_size == held


def test_a_start_that_fails_ends_in_time_though_nobody_reads(make_bridge, pipe):
    os.set_blocking(pipe[1], False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(pipe[1], b"x" * 4096)
    os.set_blocking(pipe[1], True)
    bridge = make_bridge({"auth.hs256_secret": "short"}, start=False)
    begun = time.monotonic()
    bridge.launch(pipe[1])
    assert bridge.wait() == 2
    assert time.monotonic() - begun < 5


def test_closed_standard_descriptors_are_taken_by_nothing_else(make_bridge):
    """Else the log would be written into the next socket that is opened."""
    bridge = make_bridge(start=False)
    bridge.write_config()
    command = 'exec "$0" --config "$1" <&- >&- 2>&-'
    bridge.process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "sh", "-c", command, str(DAEMON), str(bridge.config_file)]
    )
    bridge.wait_ready()
    assert [os.readlink(f"/proc/{bridge.pid}/fd/{n}") for n in range(3)] == ["/dev/null"] * 3
    assert bridge.stop() == 0
