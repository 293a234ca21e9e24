"""A process of the chain dies, restarts or stops for a while: the others go on and it finds back."""

import signal
import subprocess
import sys

import pytest

from support.bridge import ROOT

PRODUCER = """
import sys, zmq
socket = zmq.Context().socket(zmq.XPUB)
socket.connect(sys.argv[1])
socket.recv()  # a bridge has subscribed
n = 0
while True:
    n += 1
    socket.send_multipart([b"life", b'{"type":"life","who":"%s","n":%d}' % (sys.argv[2].encode(), n)])
    socket.poll(10)
"""

CLIENT = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from support.ws_client import WsClient
client = WsClient(sys.argv[1])
client.subscribe("a")
print("ready", flush=True)
while True:
    try:
        print(client.receive()["n"], flush=True)
    except Exception as end:
        print("end", end.rcvd.code if getattr(end, "rcvd", None) else "lost", flush=True)
        break
"""


@pytest.fixture
def run():
    """Runs Python programs, and ends them with the test."""
    running = []

    def run(program, *arguments):
        command = [sys.executable, "-c", program, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.short
def test_a_producer_that_is_killed_and_started_again_is_heard_again(bridge, run):
    client = bridge.connect()
    client.subscribe("life")
    first = run(PRODUCER, bridge.endpoint, "first")
    bridge.log.wait_for("producer.*connect")
    assert client.receive()["who"] == "first"
    mark = bridge.log.mark()
    first.kill()
    bridge.log.wait_for("producer.*(left|lost|disconnect|gone)", after=mark)
    run(PRODUCER, bridge.endpoint, "second")
    while client.receive()["who"] != "second":
        pass
    assert bridge.metric("zws_connections") == 1, "clients noticed nothing"


@pytest.mark.short
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_bridge_that_starts_again_is_found_by_its_producers(bridge, producer, end):
    client = bridge.connect()
    client.subscribe("a")
    producer.send("a", {"type": "x", "n": 1})
    assert client.receive()["n"] == 1
    if end == "stop":
        assert bridge.stop() == 0
        assert client.wait_closed()[0] == 1012
    else:
        bridge.kill()
        assert client.wait_closed()[0] == 1006
    bridge.start()
    again = bridge.connect()
    again.subscribe("a")
    producer.wait_ready().send("a", {"type": "x", "n": 2})
    assert again.receive()["n"] == 2


def test_a_client_that_slept_has_missed_nothing_the_system_could_hold(bridge, producer, run):
    sleeper, witness = run(CLIENT, bridge.ws_url), bridge.connect()
    witness.subscribe("a")
    assert sleeper.stdout.readline() == "ready\n"
    sleeper.send_signal(signal.SIGSTOP)
    for n in range(1000):
        producer.send("a", {"type": "x", "n": n})
    assert [witness.receive()["n"] for _ in range(1000)] == list(range(1000)), "others are not held up"
    sleeper.send_signal(signal.SIGCONT)
    assert [int(sleeper.stdout.readline()) for _ in range(1000)] == list(range(1000))


def test_a_client_that_slept_too_long_learns_it_and_may_come_back(make_bridge, make_producer, run):
    bridge = make_bridge({"heartbeat.interval": "1s", "heartbeat.timeout": "2s"})
    sleeper = run(CLIENT, bridge.ws_url)
    assert sleeper.stdout.readline() == "ready\n"
    sleeper.send_signal(signal.SIGSTOP)
    bridge.wait_metric("zws_closed_total", 1, code="4408")
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.stdout.readline() == "end 4408\n"
    back = run(CLIENT, bridge.ws_url)
    assert back.stdout.readline() == "ready\n"
    make_producer(bridge.endpoint).send("a", {"type": "x", "n": 7})
    assert back.stdout.readline() == "7\n"


def test_a_producer_that_slept_goes_on_where_it_was(bridge, run):
    client = bridge.connect()
    client.subscribe("life")
    sleeper = run(PRODUCER, bridge.endpoint, "sleeper")
    numbers = [client.receive()["n"] for _ in range(10)]
    sleeper.send_signal(signal.SIGSTOP)
    assert bridge.get("/healthz").status == 200
    sleeper.send_signal(signal.SIGCONT)
    numbers += [client.receive()["n"] for _ in range(10)]
    assert numbers == list(range(numbers[0], numbers[0] + 20))
