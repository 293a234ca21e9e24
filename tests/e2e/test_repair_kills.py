"""Much is lost on the way, and the bridge is killed again and again: a client that comes back each time gets all.

ZWS_KILLS=9 kills it so many times, once a minute; `-rP` shows what it was like.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.bridge import Bridge
from support.lossy_link import LossyLink
from support.raw_socket import DEADLINE
from support.ws_client import WsClient

KILLS = int(os.environ.get("ZWS_KILLS", "2"))
LIFE = 60_000 if "ZWS_KILLS" in os.environ else 2_000  # events that are heard between two kills
LOST = 0.1

# A thousand events a second until its input ends; then it says how many there were.
PUBLISHER = """
import sys, threading, time, zwsbridge
ends = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ends.set()), daemon=True).start()
n = 0
with zwsbridge.Publisher(sys.argv[1], repair=sys.argv[2], linger=30) as publisher:
    assert publisher.wait_ready(30)
    print(publisher.src, flush=True)
    began = time.monotonic()
    while not ends.wait(0.005):
        while n < (time.monotonic() - began) * 1000:
            n += 1
            publisher.publish("t", {"type": "n", "n": n})
    print(n, flush=True)
"""

ROOMY = {
    # What comes while the bridge is away is not more than that, and all of it comes again well within repair_wait.
    "history.size": 5_000,
    "limits.replay_events": 5_000,
    "limits.queue_bytes": 64 << 20,
    "heartbeat.interval": "10m",
    "heartbeat.timeout": "20m",
    "log.audit": False,  # of a call that is made again and again
    # A publisher is back some tenths of a second after its bridge, and on a busy machine later.
    "ingest.repair_wait": "5s",
}


@contextmanager
def publisher(endpoint: str, repair: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PUBLISHER, endpoint, repair]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


class Account:
    """What one client has got: each event once, in order, or told that it is lost."""

    def __init__(self) -> None:
        self.reached = 0
        self.told = 0

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "gap":
            first, last = message["from"], message["to"]
            self.told += last - first + 1
        else:
            first = last = message["n"]
        assert first == self.reached + 1, message
        self.reached = last

    def hear(self, client: WsClient, last: int) -> None:
        while self.reached < last:
            self.take(client.receive())


def seq_of(bridge: Bridge, src: str) -> int:
    """How far the bridge has come with this source, as its administrators are told."""
    text = bridge.get("/api/ws/sources", {"Authorization": f"Bearer {bridge.admin_token}"}).text
    found = re.search(rf'"src":"{src}"[^}}]*?"seq":(\d+)', text)
    return int(found[1]) if found else 0


def test_a_bridge_killed_while_a_tenth_is_lost_costs_a_client_nothing(make_bridge: Any) -> None:
    bridge = make_bridge(ROOMY)
    drawn = random.Random(1)
    account = Account()
    replayed = []
    away = []
    client = bridge.connect()
    client.subscribe("t")
    with (
        LossyLink(bridge.endpoint, lambda number: number > 1 and drawn.random() < LOST) as link,
        publisher(link.endpoint, bridge.repair_endpoint) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        src = process.stdout.readline().strip()
        account.hear(client, LIFE)
        for _ in range(KILLS):
            bridge.kill()
            began = time.monotonic()
            bridge.start()
            bridge.wait_until(lambda: seq_of(bridge, src) >= account.reached, "it knows what was heard before")
            away.append(time.monotonic() - began)
            client = bridge.connect()
            answer = client.subscribe("t", since=[f"{src}:{account.reached}"])
            assert answer["recovered"] is True, answer
            replayed.append(answer["replayed"])
            account.hear(client, account.reached + LIFE)
        process.stdin.close()
        account.hear(client, int(process.stdout.readline()))
        assert process.wait(DEADLINE) == 0
        lost = link.lost
    assert account.told == 0
    assert lost > account.reached * LOST / 2
    print(f"{account.reached:,} events, {lost:,} lost on the way, {account.told} told as lost, {KILLS} kills")
    print(f"until it knew again what was heard before: {max(away):.2f} s at most; replayed {max(replayed):,} at most")
