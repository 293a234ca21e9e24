"""CURVE on the ZeroMQ side: who has a listed key is heard, wherever it stands; nobody else is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq
from zwsbridge import Publisher

from support.bridge import Bridge, free_port
from support.producer import Curve, Producer
from support.tokens import bearer
from support.zws_tool import DENIED, zws


@dataclass(frozen=True)
class Keys:
    """A pair as `zws keygen` writes it."""

    public_file: Path
    secret_file: Path

    @property
    def public(self) -> str:
        return self.public_file.read_text().strip()

    @property
    def secret(self) -> str:
        return self.secret_file.read_text().strip()


class House:
    """The keys of a bridge and of its producers, and the settings that name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bridge = self.keys("bridge")
        self.listed = self.keys("import-job")
        self.unlisted = self.keys("stranger")
        self.list = folder / "producers"
        self.allow(self.listed)

    def keys(self, name: str) -> Keys:
        assert zws("keygen", self.folder / name).code == 0
        return Keys(self.folder / f"{name}.public", self.folder / f"{name}.secret")

    def allow(self, *keys: Keys) -> None:
        self.list.write_text("# who may publish\n" + "".join(f"{k.public} {k.public_file.stem}\n" for k in keys))

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "ingest.curve_secret_key_file": str(self.bridge.secret_file),
            "ingest.curve_allowed_keys_file": str(self.list),
        }

    def curve(self, keys: Keys, server: Keys | None = None) -> Curve:
        return Curve((server or self.bridge).public, keys.public, keys.secret)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def hears(bridge: Bridge, send: Callable[[], Any]) -> None:
    """What is sent reaches a client."""
    client = bridge.connect()
    client.subscribe("orders")
    send()
    assert client.receive()["type"] == "order"


def wait_refused(bridge: Bridge, reason: str, times: float = 1) -> None:
    bridge.wait_metric_at_least("zws_producers_refused_total", times, reason=reason)


def wait_any_refused(bridge: Bridge) -> None:
    """For a plain libzmq: it breaks off itself if it sees first that the other side speaks CURVE."""
    bridge.wait_metric_at_least("zws_producers_refused_total", 1)


ORDER = {"type": "order", "id": 17}


@pytest.mark.short
def test_a_pyzmq_producer_with_a_listed_key_is_heard(make_bridge, make_producer, house):
    bridge = make_bridge(house.settings)
    producer = make_producer(bridge.endpoint, curve=house.curve(house.listed))
    hears(bridge, lambda: producer.send("orders", ORDER))
    line = bridge.log.wait_for("let in the producer import-job")
    assert "127.0.0.1" in line and house.listed.public in line
    bridge.wait_metric("zws_producers", 1)
    assert bridge.metric("zws_producers_refused_total") == 0


def test_our_python_publisher_with_a_listed_key_is_heard(make_bridge, house):
    bridge = make_bridge(house.settings)
    keys = {"curve_server_key": house.bridge.public, "curve_secret_key": house.listed.secret}
    with Publisher(bridge.endpoint, **keys) as publisher:
        assert publisher.wait_ready(30)
        hears(bridge, lambda: publisher.publish("orders", ORDER))


def pub(bridge: Bridge, house: House, keys: Keys | None, wait: str = "20s") -> Any:
    curve: list[object] = ["--curve-server-key-file", house.bridge.public_file]
    if keys:
        curve += ["--curve-secret-key-file", keys.secret_file]
    return zws("pub", "orders", '{"type":"order"}', "--to", bridge.endpoint, "--wait", wait, *curve)


@pytest.mark.short
def test_zws_pub_and_so_the_cpp_publisher_with_a_listed_key_is_heard(make_bridge, house):
    bridge = make_bridge(house.settings)

    def send() -> None:
        assert pub(bridge, house, house.listed).code == 0

    hears(bridge, send)


def test_zws_pub_with_another_key_is_told_that_it_is_denied(make_bridge, house):
    bridge = make_bridge(house.settings)
    for keys in (house.unlisted, None):
        done = pub(bridge, house, keys, "500ms")
        assert done.code == DENIED and "CURVE" in done.talk
    assert bridge.metric("zws_events_received_total") == 0


def raw_zmtp(greeting: bytes) -> Callable[[Bridge, House], Any]:
    """A peer that speaks ZeroMQ's protocol by hand, and sends `orders` in it."""

    def connect(bridge: Bridge, _: House) -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", int(bridge.endpoint.rpartition(":")[2])))
        peer.sendall(greeting)
        return peer

    return connect


def pyzmq(curve: Callable[[House], Curve | None]) -> Callable[[Bridge, House], Any]:
    def connect(bridge: Bridge, house: House) -> Producer:
        return Producer(bridge.endpoint, curve=curve(house))

    return connect


PLAIN_GREETING = b"\xff" + b"\0" * 7 + b"\x01\x7f\x03\x00NULL" + b"\0" * 16 + b"\0" * 32
EVENT_OF_ZMTP_1 = b'\x07\x01orders\x07\x00{"a":1}'
PEERS = {
    "plain": (None, pyzmq(lambda house: None)),
    "NULL": ("no_curve", raw_zmtp(PLAIN_GREETING)),
    "ZMTP 1": ("no_curve", raw_zmtp(b"\x01\x00" + EVENT_OF_ZMTP_1)),
    "ZMTP 2": ("no_curve", raw_zmtp(b"\xff" + b"\0" * 7 + b"\x01\x7f\x01\x01\x00\x00\x01\x06orders\x00\x01a")),
    "an unlisted key": ("unlisted_key", pyzmq(lambda house: house.curve(house.unlisted))),
    "another bridge's key": ("wrong_key", pyzmq(lambda house: house.curve(house.listed, house.unlisted))),
    "silence": ("broken_off", raw_zmtp(b"")),
}

WORDS = {
    "no_curve": "it speaks no CURVE",
    "unlisted_key": "is not in ingest.curve_allowed_keys_file",
    "wrong_key": "it encrypts for another key than the bridge's",
    "broken_off": "it left before its handshake was done",
    None: "",
}


@pytest.mark.parametrize("peer", PEERS)
def test_who_has_no_listed_key_delivers_nothing_and_is_counted(make_bridge, make_producer, house, peer):
    bridge = make_bridge({**house.settings, "log.level": "debug"})
    reason, connect = PEERS[peer]
    friend = make_producer(bridge.endpoint, curve=house.curve(house.listed))
    client = bridge.connect()
    client.subscribe("*")
    stranger = connect(bridge, house)
    if isinstance(stranger, Producer):
        stranger.send("orders", {"type": "forged"})
    elif peer == "silence":
        stranger.close()
    wait_refused(bridge, reason) if reason else wait_any_refused(bridge)
    stranger.close()
    friend.send("orders", ORDER)
    assert client.receive()["type"] == "order"
    assert bridge.metric("zws_events_received_total") == 1
    bridge.wait_metric("zws_producers", 1)  # who is refused is no producer that left
    bridge.log.wait_for(f"refused a producer.*{WORDS[reason]}")


def test_a_listed_key_on_a_socket_that_is_no_pub_is_told_apart_from_who_speaks_no_curve(make_bridge, house):
    """Such a peer comes back ten times a second for ever."""
    bridge = make_bridge(house.settings)
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = 0
        push.curve_serverkey = house.bridge.public.encode()
        push.curve_publickey = house.listed.public.encode()
        push.curve_secretkey = house.listed.secret.encode()
        push.connect(bridge.endpoint)
        wait_refused(bridge, "wrong_type", 5)
        old, connect = PEERS["ZMTP 2"]
        connect(bridge, house).close()
        wait_refused(bridge, old)
        # While it is there: who closes amid its greeting has not shown that it speaks CURVE.
        assert bridge.metric("zws_producers_refused_total", reason="no_curve") == 1
    lines = [line for line in bridge.log.since(0) if "is no PUB" in line]
    assert len(lines) == 1, "once a minute"
    assert bridge.metric("zws_producers") == 0


def test_a_producer_with_keys_at_a_bridge_without_is_told_which_key_is_missing(bridge, house):
    with zmq.Context() as context, context.socket(zmq.PUB) as encrypted:
        encrypted.linger = 0
        encrypted.curve_serverkey = house.bridge.public.encode()
        encrypted.curve_publickey = house.listed.public.encode()
        encrypted.curve_secretkey = house.listed.secret.encode()
        encrypted.connect(bridge.endpoint)
        bridge.log.wait_for(r"it speaks CURVE, .* \(ingest.curve_secret_key_file\)")


def test_refusals_are_logged_at_most_once_a_second(make_bridge, house):
    bridge = make_bridge(house.settings)
    for _ in range(50):
        raw_zmtp(PLAIN_GREETING)(bridge, house).close()
    wait_refused(bridge, "no_curve", 50)
    lines = [line for line in bridge.log.since(0) if "refused a producer" in line]
    seconds = {line.split()[0][:19] for line in lines}
    assert len(lines) <= len(seconds) + 1


@pytest.mark.parametrize("first", ["plain", "unlisted"])
def test_a_producer_that_binds_is_dialled_again_until_its_keys_fit(make_bridge, house, first):
    """The bridge is the CURVE server also where it connects. libzmq gives up after a handshake that failed."""
    port = free_port()
    bridge = make_bridge({**house.settings, "ingest.connect": [f"tcp://localhost:{port}"]})
    listening = f"tcp://127.0.0.1:{port}"
    with Producer(listening, bind=True, curve=None if first == "plain" else house.curve(house.unlisted)):
        wait_any_refused(bridge)
    with Producer(listening, bind=True, curve=house.curve(house.listed)) as producer:
        hears(bridge, lambda: producer.wait_ready().send("orders", ORDER))


def test_our_publisher_that_binds_is_heard_with_curve(make_bridge, house):
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    bridge = make_bridge({**house.settings, "ingest.connect": [endpoint]})
    keys = {"curve_server_key": house.bridge.public, "curve_secret_key": house.listed.secret}
    with Publisher(endpoint, bind=True, **keys) as publisher:
        assert publisher.wait_ready(30)
        hears(bridge, lambda: publisher.publish("orders", ORDER))


def test_without_a_list_whoever_knows_the_bridge_is_heard(make_bridge, make_producer, house):
    bridge = make_bridge({"ingest.curve_secret_key_file": str(house.bridge.secret_file)})
    producer = make_producer(bridge.endpoint, curve=house.curve(house.unlisted))
    hears(bridge, lambda: producer.send("orders", ORDER))
    with Producer(bridge.endpoint):
        wait_any_refused(bridge)


def test_a_key_that_is_listed_by_a_reload_is_let_in(make_bridge, make_producer, house):
    bridge = make_bridge(house.settings)
    friend = make_producer(bridge.endpoint, curve=house.curve(house.listed))
    with Producer(bridge.endpoint, curve=house.curve(house.unlisted)):
        wait_refused(bridge, "unlisted_key")
        house.allow(house.listed, house.unlisted)
        bridge.reload()
    with Producer(bridge.endpoint, curve=house.curve(house.unlisted)) as newcomer:
        hears(bridge, lambda: newcomer.wait_ready().send("orders", ORDER))
        bridge.wait_metric("zws_producers", 2)
    hears(bridge, lambda: friend.send("orders", ORDER))
    assert bridge.metric("zws_producers_connected_total") == 2, "who stays allowed stays connected"


def test_a_key_that_a_reload_no_longer_lists_is_cut_off(make_bridge, make_producer, house):
    house.allow(house.listed, house.unlisted)
    bridge = make_bridge(house.settings)
    friend = make_producer(bridge.endpoint, curve=house.curve(house.listed))
    former = make_producer(bridge.endpoint, curve=house.curve(house.unlisted))
    house.allow(house.listed)
    bridge.reload()
    bridge.log.wait_for("cut off")
    wait_refused(bridge, "unlisted_key")
    former.send("orders", {"type": "forged"})
    friend.wait_ready()
    hears(bridge, lambda: friend.send("orders", ORDER))
    bridge.wait_metric("zws_producers", 1)
    connected = bridge.metric("zws_producers_connected_total")
    bridge.reload()
    hears(bridge, lambda: friend.send("orders", ORDER))
    assert bridge.metric("zws_producers_connected_total") == connected, "nobody has to go any more"


def test_a_reload_with_a_bad_list_changes_nothing(make_bridge, make_producer, house):
    bridge = make_bridge(house.settings)
    producer = make_producer(bridge.endpoint, curve=house.curve(house.listed))
    house.list.write_text(house.listed.public + "\nnot a key\n")
    mark = bridge.log.mark()
    bridge.settings["limits.subscriptions"] = 1
    bridge.settings["auth.hs256_secret"] = "s" * 32  # which would end open mode, and the token of its administrator
    bridge.reload()
    assert "line 2" in bridge.log.wait_for("not reloaded", after=mark)
    hears(bridge, lambda: producer.send("orders", ORDER))
    assert bridge.connect().ask({"type": "subscribe", "topics": ["a"]})["success"]
    assert bridge.get("/api/ws/stats", bearer(bridge.admin_token)).status == 200


def test_a_reload_can_neither_take_the_list_away_nor_another_key(make_bridge, house):
    bridge = make_bridge(house.settings)
    mark = bridge.log.mark()
    path = bridge.settings.pop("ingest.curve_allowed_keys_file")
    assert "not reloaded" in bridge.reload()
    assert "curve_allowed_keys_file" in bridge.log.wait_for("not reloaded", after=mark)
    bridge.settings["ingest.curve_allowed_keys_file"] = path
    house.bridge.secret_file.write_text(house.unlisted.secret)
    bridge.reload()
    assert "restart" in bridge.log.wait_for("curve_secret_key_file holds another key", after=mark)


def bad_keys(house: House) -> dict[str, tuple[dict[str, Any], str]]:
    secret, listed = "ingest.curve_secret_key_file", "ingest.curve_allowed_keys_file"
    house.list.write_text(house.listed.secret[1:])
    wrong = house.folder / "wrong"
    wrong.write_text(house.bridge.secret[:-1])
    return {
        "a secret that is none": ({secret: str(wrong)}, secret),
        "a list that is none": (house.settings, listed),
        "a file that is missing": ({secret: str(house.folder / "missing")}, secret),
        "a list that is a folder": ({**house.settings, listed: str(house.folder)}, listed),
        "a list without a secret": ({listed: str(house.list)}, listed),
    }


def test_keys_that_cannot_be_used_are_exit_code_2_and_one_line_without_them(make_bridge, house):
    for what, (settings, key) in bad_keys(house).items():
        for check in ([], ["--check"]):
            bridge = make_bridge(settings, start=False, arguments=check)
            assert bridge.launch() and bridge.wait() == 2, what
            (line,) = bridge.log.since(0)
            assert key in line
            assert house.bridge.secret[:-1] not in line and house.listed.secret[1:] not in line


def test_no_secret_is_in_the_log_or_in_what_is_printed(make_bridge, make_producer, house):
    bridge = make_bridge({**house.settings, "log.level": "debug"})
    make_producer(bridge.endpoint, curve=house.curve(house.listed))
    bridge.reload()
    assert house.bridge.secret not in "\n".join(bridge.log.since(0))
    assert f"the bridge's public key is {house.bridge.public}" in bridge.log.wait_for("producers need CURVE")


def test_beyond_loopback_curve_is_enough_and_nothing_is_not(make_bridge, house):
    everywhere = {"ingest.bind": [f"tcp://0.0.0.0:{free_port()}"]}
    bridge = make_bridge(everywhere, start=False)
    assert bridge.launch() and bridge.wait() == 2
    assert "ingest.insecure" in bridge.log.since(0)[0]
    make_bridge({**everywhere, **house.settings})
