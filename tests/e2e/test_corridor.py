"""The main job: an event that an ordinary pyzmq program sends reaches every client that asked for it."""

import json
import re
import subprocess
import sys

import pytest
import zmq

from support.bridge import ROOT, free_port

pytestmark = pytest.mark.short

PROGRESS = {"type": "import_progress", "task_id": "task-123", "data": {"progress": 50.0}}


def readme_producer() -> str:
    """The producer that README.md shows, as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return next(block for block in blocks if "send_multipart" in block)


def test_the_producer_of_the_readme_reaches_a_client(bridge):
    client = bridge.connect()
    client.subscribe("import:task-123")
    program = readme_producer().replace("tcp://127.0.0.1:5556", bridge.endpoint)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    event = client.receive()
    assert event.pop("@id").endswith(":1")
    assert event == {**PROGRESS, "topic": "import:task-123"}


def test_a_client_is_greeted(bridge):
    hello = bridge.connect().hello
    assert list(hello) == ["type", "status", "client_id", "user", "expires", "timestamp", "heartbeat"]
    assert hello["status"] == "connected" and hello["heartbeat"] == 25
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", hello["client_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", hello["timestamp"])
    assert hello["user"] is None and hello["expires"] is None
    assert bridge.connect().hello["client_id"] != hello["client_id"]


def test_every_client_of_every_lane_receives_an_event_once(bridge, producer):
    clients = [bridge.connect() for _ in range(20)]
    for client in clients:
        client.subscribe("wallet_updates")
    producer.send("wallet_updates", {"type": "wallet_update", "n": 1})
    for client in clients:
        assert client.receive()["n"] == 1
        assert client.receive_all() == []
    bridge.wait_metric("zws_deliveries_total", 20)
    assert bridge.metric("zws_events_received_total") == 1


def test_events_keep_their_order(bridge, producer):
    client = bridge.connect()
    client.subscribe("numbers")
    for n in range(5000):
        producer.send("numbers", {"type": "n", "n": n})
    assert [client.receive()["n"] for _ in range(5000)] == list(range(5000))


def test_all_producers_of_a_topic_are_heard(bridge, make_producer):
    client = bridge.connect()
    client.subscribe("shared")
    for name in "abc":
        make_producer(bridge.endpoint).send("shared", {"type": "from", "name": name})
    assert {client.receive()["name"] for _ in range(3)} == set("abc")


def test_the_bridge_connects_to_producers_that_bind(make_bridge, make_producer):
    endpoints = [f"tcp://127.0.0.1:{free_port()}" for _ in range(2)]
    bridge = make_bridge({"ingest.connect": endpoints})
    client = bridge.connect()
    client.subscribe("bound")
    for n, endpoint in enumerate(endpoints):
        make_producer(endpoint, bind=True).send("bound", {"type": "n", "n": n})
        assert client.receive()["n"] == n


def test_ipc_endpoints_work(make_bridge, make_producer, tmp_path):
    endpoint = f"ipc://{tmp_path}/ingest"
    bridge = make_bridge({"ingest.bind": [endpoint]})
    client = bridge.connect()
    client.subscribe("local")
    make_producer(endpoint).send("local", {"type": "ipc"})
    assert client.receive()["type"] == "ipc"


def test_one_frame_is_split_at_its_first_space(bridge, producer):
    client = bridge.connect()
    client.subscribe("lights")
    producer.send_frames(b'lights {"type":"light","state":"on off"}')
    assert client.receive()["state"] == "on off"


def test_all_reaches_who_subscribed_to_nothing(bridge, producer):
    clients = [bridge.connect() for _ in range(4)]
    producer.send("@all", {"type": "announcement", "text": "hello"})
    for client in clients:
        event = client.receive()
        assert (event["text"], event["topic"]) == ("hello", "@all")


def test_the_bridge_asks_producers_only_for_its_prefixes(make_bridge):
    bridge = make_bridge({"ingest.subscribe": ["import:"]})
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.linger = 0
        socket.connect(bridge.endpoint)
        assert socket.poll(30_000)
        assert socket.recv() == b"\x01import:"


def test_an_event_is_one_text_frame_with_an_id(bridge, producer):
    client = bridge.connect()
    client.subscribe("import:task-123")
    producer.send("import:task-123", PROGRESS, {"src": "job-7", "seq": 1})
    frame = client.receive_frame()
    assert frame == json.dumps(PROGRESS)[:-1] + ',"topic":"import:task-123","@id":"job-7:1"}'
