"""docs/SCALING.md: the relay between producers and many bridges runs as the page has it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import zwsbridge

from support.bridge import ROOT, Bridge, free_port

PAGE = (ROOT / "docs/SCALING.md").read_text()


@pytest.fixture
def relay() -> Iterator[tuple[str, str]]:
    """Where producers connect, and where bridges do."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    ends = tuple(f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    for of_the_page, here in zip(("tcp://*:5556", "tcp://*:5558"), ends, strict=True):
        assert of_the_page in program
        program = program.replace(of_the_page, here)
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", program])
    yield ends[0], ends[1]
    assert process.poll() is None
    process.kill()
    process.wait()


def wait_heard(bridge: Bridge, publisher: zwsbridge.Publisher) -> None:
    """The relay has told the publisher of one bridge; that it knows of each shows only with an event."""

    def is_heard() -> bool:
        publisher.publish("first", {"type": "x"})
        return bridge.metric("zws_events_received_total") > 0

    bridge.wait_until(is_heard, "it hears the relay")


def test_bridges_behind_the_relay_hear_every_producer_under_one_id(relay, make_bridge):
    producers_end, bridges_end = relay
    bridges = [make_bridge({"ingest.bind": [], "ingest.connect": [bridges_end]}) for _ in range(2)]
    clients = [bridge.connect() for bridge in bridges]
    for client in clients:
        client.subscribe("news")
    with zwsbridge.Publisher(producers_end, repair=None) as one, zwsbridge.Publisher(producers_end, repair=None) as two:
        for number, publisher in enumerate((one, two)):
            assert publisher.wait_ready(30)
            for bridge in bridges:
                wait_heard(bridge, publisher)
            publisher.publish("news", {"type": "n", "n": number})
            first, second = (client.receive_frame() for client in clients)
            assert first == second and f'"n":{number}' in first.replace(" ", "")
