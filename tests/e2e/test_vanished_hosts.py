"""A producer's host vanishes: no FIN, no reset, nothing. It is told lost, heard again when it is back, and what was on its
way comes again from a publisher that keeps what it sent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.bridge import Bridge, free_port
from support.host import HERE, THERE, Host
from support.ws_client import WsClient

pytestmark = [pytest.mark.own_network, pytest.mark.whole]

WATCHFUL = {"ingest.heartbeat": "1s", "ingest.heartbeat_timeout": "3s", "ingest.insecure": True}

TIMES = int(os.environ.get("ZWS_VANISHES", "2"))  # that a host vanishes; `-rP` shows how long it all took

# Twenty events a second, for ever, by plain pyzmq.
PLAIN = """
import sys, threading, zmq
pause = threading.Event()
socket = zmq.Context().socket(zmq.PUB)
getattr(socket, sys.argv[1])(sys.argv[2])
for seq in range(1, 1_000_000):
    socket.send_multipart([b"t", b"%d" % seq, b'{"src":"p","seq":%d}' % seq])
    pause.wait(0.05)
"""

# A hundred a second until its input ends. Then it says how many, and what their sum is.
OURS = """
import sys, threading, zwsbridge
ends = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ends.set()), daemon=True).start()
n = 0
with zwsbridge.Publisher(sys.argv[1], repair=sys.argv[2], linger=30) as publisher:
    assert publisher.wait_ready(30)
    while not ends.wait(0.01):
        n += 1
        publisher.publish("t", {"type": "n", "n": n})
    print(n, n * (n + 1) // 2, flush=True)
"""


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        yield made


def told(client: WsClient) -> tuple[str, str]:
    """The next word about a source."""
    while (message := client.receive())["type"] != "source":
        pass
    return message["src"], message["state"]


@pytest.mark.parametrize("dials", ["bridge", "producer"])
def test_it_is_lost_and_heard_again_as_soon_as_it_is_back(make_bridge: Any, host: Host, dials: str) -> None:
    port = free_port()
    mine = {"ingest.bind": [f"tcp://{HERE}:{port}"], "ingest.connect": []}
    theirs = {"ingest.bind": [], "ingest.connect": [f"tcp://{THERE}:{port}"]}
    bridge = make_bridge({**WATCHFUL, **(theirs if dials == "bridge" else mine)})
    client = bridge.connect()
    client.subscribe("t", sources=True)
    times: list[tuple[float, float]] = []
    how = ("bind", f"tcp://{THERE}:{port}") if dials == "bridge" else ("connect", f"tcp://{HERE}:{port}")
    host.start(sys.executable, "-c", PLAIN, *how)
    assert told(client) == ("p", "alive")
    for _ in range(TIMES):
        at = time.monotonic()
        host.vanish()
        assert told(client) == ("p", "lost")
        lost_at = time.monotonic()
        bridge.wait_metric("zws_producers", 0)
        back_at = time.monotonic()
        host.come_back()
        assert told(client) == ("p", "alive")
        while client.receive()["type"] != "message":  # what came never is told, too
            pass
        times.append((lost_at - at, time.monotonic() - back_at))
    assert bridge.metric("zws_producers_refused_total") == 0
    lost, heard = map(max, zip(*times))
    print(f"{TIMES} times, {dials} dials: lost after at most {lost:.2f} s, heard again after at most {heard:.2f} s")


def test_one_that_lost_power_is_another_source_when_it_is_back(make_bridge: Any, host: Host) -> None:
    bridge, endpoint, repair = reachable(make_bridge)
    client = bridge.connect()
    client.subscribe("t", sources=True)
    program = host.start(sys.executable, "-c", OURS, endpoint, repair)
    first, state = told(client)
    assert state == "alive"
    host.vanish()
    program.kill()
    program.wait()
    assert told(client) == (first, "lost")
    host.come_back()
    host.start(sys.executable, "-c", OURS, endpoint, repair)
    second, state = told(client)
    assert second != first and state == "alive"
    assert client.receive()["n"] >= 1


def reachable(make_bridge: Any) -> tuple[Bridge, str, str]:
    """A bridge, and where it is heard and asks."""
    endpoint, repair = (f"tcp://{HERE}:{free_port()}" for _ in range(2))
    places = {"ingest.bind": [endpoint], "ingest.repair_bind": [repair], "ingest.repair_wait": "10s"}
    return make_bridge({**WATCHFUL, **places}), endpoint, repair


def test_what_was_on_its_way_comes_once_and_in_order(make_bridge: Any, host: Host) -> None:
    bridge, endpoint, repair = reachable(make_bridge)
    client = bridge.connect()
    client.subscribe("t", sources=True)
    program = host.start(sys.executable, "-c", OURS, endpoint, repair)
    heard: list[int] = []

    def hear_until(state: str | None = None, count: int = 0) -> None:
        while count == 0 or len(heard) < count:
            message = client.receive()
            if message["type"] == "source":
                if message["state"] == state:
                    return
            else:
                assert message["type"] == "n", message
                heard.append(message["n"])

    hear_until("alive")
    for _ in range(2):
        hear_until(count=len(heard) + 50)
        host.vanish()
        hear_until("lost")
        host.come_back()
        hear_until("alive")
    hear_until(count=len(heard) + 50)
    program.stdin.close()
    count, total = map(int, program.stdout.readline().split())
    hear_until(count=count)
    assert heard == list(range(1, count + 1)) and sum(heard) == total
    assert bridge.metric("zws_repaired_total") > 0
    assert program.wait() == 0
