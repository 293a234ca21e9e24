"""The C++ publisher as a stranger uses it: installed, found, built against, and heard by a bridge."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from support.bridge import DAEMON, ROOT, free_port
from support.listener import DEADLINE, Listener
from support.lossy_link import LossyLink

pytestmark = pytest.mark.as_released  # a stranger's program links no sanitizer

BUILD = DAEMON.resolve().parents[1]
CONSUMER = ROOT / "tests/support/cpp_consumer"
WATCHED = ["orders", "import:*", "wallet_updates", "notifications", "system_status"]


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    """The installed publisher, moved once: nothing in it may know where it was installed to."""
    first = tmp_path_factory.mktemp("installed") / "first"
    run("cmake", "--install", BUILD, "--component", "libzws-dev", "--prefix", first)
    return Path(shutil.move(first, first.parent / "moved"))


@pytest.fixture(scope="module")
def lines(prefix, tmp_path_factory) -> Path:
    """The program that publishes what it reads."""
    return built_with_cmake(prefix, tmp_path_factory.mktemp("lines")).with_name("lines")


class Lines:
    """That program, running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def publish(self, topic: str, payload: str) -> str:
        """What became of it."""
        self._process.stdin.write(f"{topic} {payload}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def end(self) -> int:
        self._process.stdin.close()
        return self._process.wait(timeout=60)


@contextmanager
def running(program: Path, *arguments: str) -> Iterator[Lines]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([program, *arguments], text=True, **pipes) as process:
        try:
            yield Lines(process)
        finally:
            process.kill()


def built_with_cmake(prefix: Path, folder: Path) -> Path:
    run("cmake", "-S", CONSUMER, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder)
    return folder / "consumer"


def built_with_pkg_config(prefix: Path, folder: Path) -> Path:
    (found,) = prefix.glob("lib/**/pkgconfig/zws.pc")
    flags = run(
        "pkg-config", "--cflags", "--libs", "zws", env={"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(found.parent)}
    )
    folder.mkdir()
    run("c++", "-std=c++17", CONSUMER / "main.cpp", "-o", folder / "consumer", *flags.split())
    return folder / "consumer"


@pytest.mark.parametrize("built", [built_with_cmake, built_with_pkg_config])
def test_a_program_outside_the_tree_publishes_with_every_verb(built, prefix, tmp_path, bridge):
    consumer = built(prefix, tmp_path / "build")
    client = bridge.connect()
    for topic in WATCHED:
        client.subscribe(topic)

    assert run(consumer, bridge.endpoint).split("\n") == ["sent"] * 7 + [""]

    events = []
    while not events or events[-1]["type"] != "farewell":
        events.append(client.receive())
    seen = [(e["type"], e.get("@topic", e["topic"]), e.get("data")) for e in events]
    assert seen == [
        ("order", "orders", None),
        ("import_progress", "import:task-1", {"progress": 50.0}),
        ("wallet_update", "wallet_updates", {"score": 85}),
        ("notification", "notifications", {"title": "To all"}),
        ("system_status", "system_status", {"cpu": 45.2}),
        ("farewell", "@all", None),
    ]
    ids = {e["@id"].split(":")[0] for e in events}
    assert len(ids) == 1, "all events count under the publisher's own src"
    assert all(e["@id"].endswith(":1") for e in events)


def test_a_program_that_cannot_connect_is_told_so(prefix, tmp_path):
    consumer = built_with_pkg_config(prefix, tmp_path / "build")
    done = subprocess.run([consumer, "not-an-endpoint"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "not-an-endpoint" in done.stderr


def test_what_is_published_before_the_bridge_is_there_waits_for_it(lines, make_bridge):
    bridge = make_bridge(start=False)
    with running(lines, bridge.endpoint) as program:
        for number in range(3):
            assert program.publish("orders", f'{{"type":"order","id":{number}}}') == "sent"
        bridge.start()
        client = bridge.connect()
        client.subscribe("orders", last=3)
        assert [client.receive()["id"] for _ in range(3)] == [0, 1, 2]
        assert program.end() == 0


def test_an_event_over_max_event_bytes_is_refused(lines, bridge):
    with running(lines, bridge.endpoint) as program:
        assert program.publish("orders", "x" * (1024 * 1024 + 1)) == "the event is larger than max_event_bytes"
        assert program.publish("orders", "x" * 1024) == "sent"
        assert program.end() == 0


def two_free_ports() -> int:
    """The first of two that follow each other."""
    first = free_port()
    while (second := free_port()) != first + 1:
        first = second
    return first


def test_a_bridge_that_asks_at_the_next_port_gets_events_again(lines):
    port = two_free_ports()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.rcvtimeo = int(DEADLINE * 1000)
        router.bind(f"tcp://127.0.0.1:{port + 1}")
        with Listener(f"tcp://127.0.0.1:{port}") as listener, running(lines, listener.endpoint) as program:
            for number in range(1, 4):
                assert program.publish("orders", f'{{"type":"order","id":{number}}}') == "sent"
            heard = [listener.receive() for _ in range(3)]

            publisher, probe = router.recv_multipart()
            assert probe == b""
            router.send_multipart([publisher, b"hello"])
            _, verb, source, *topics = router.recv_multipart()
            assert verb == b"have" and topics == [b"orders", b"1", b"3"]

            router.send_multipart([publisher, b"want", source, b"orders", b"2", b"3"])
            assert router.recv_multipart() == [publisher, b"event", *heard[1]]
            assert router.recv_multipart() == [publisher, b"event", *heard[2]]
            assert router.recv_multipart() == [publisher, b"end", source, b"orders", b"2", b"3"]

            assert program.publish("orders", "last") == "sent"
            assert router.recv_multipart() == [publisher, b"have", source, b"orders", b"1", b"4"]
            assert program.end() == 0


PATIENT = {"ingest.repair_wait": "5s"}  # an answer may take its time on a busy machine


def publish(program, numbers: range) -> None:
    for number in numbers:
        assert program.publish("orders", f'{{"type":"order","id":{number}}}') == "sent"


def test_what_a_link_loses_comes_once_and_in_order(lines, make_bridge):
    """Every tenth event is lost, and the last ones."""
    bridge = make_bridge(PATIENT)
    client = bridge.connect()
    client.subscribe("orders")
    with (
        LossyLink(bridge.endpoint, lambda number: number % 10 == 0 or number > 1990) as link,
        running(lines, link.endpoint, bridge.repair_endpoint) as program,
    ):
        publish(program, range(1, 2001))
        heard = [client.receive() for _ in range(2000)]
        assert [event.get("id") for event in heard] == list(range(1, 2001)), "no gap is told"
        assert [event["@id"].rpartition(":")[2] for event in heard] == [str(number) for number in range(1, 2001)]
        assert link.lost == 209
        bridge.wait_metric("zws_repaired_total", 209)
        assert program.end() == 0
    assert client.receive_all() == []


def test_a_bridge_that_was_killed_begins_with_what_is_held(lines, make_bridge):
    bridge = make_bridge(PATIENT)
    client = bridge.connect()
    client.subscribe("orders")
    with running(lines, bridge.endpoint, bridge.repair_endpoint) as program:
        publish(program, range(1, 51))
        at = [client.receive() for _ in range(50)][19]["@id"]
        bridge.kill()
        bridge.start()
        bridge.wait_metric("zws_repaired_total", 50)
        client = bridge.connect()
        answer = client.subscribe("orders", since=[at])
        assert (answer["recovered"], answer["replayed"]) == (True, 30)
        assert [client.receive()["id"] for _ in range(30)] == list(range(21, 51))
        publish(program, range(51, 52))
        assert client.receive()["id"] == 51
        assert program.end() == 0
