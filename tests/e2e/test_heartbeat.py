"""Signs of life: the bridge pings, and lets go of who stays silent."""

import json

import pytest

from support.raw_socket import CLOSE, PING, PONG, TEXT

pytestmark = [pytest.mark.short, pytest.mark.both_wires]


@pytest.fixture
def quick(make_bridge):
    return make_bridge({"heartbeat.interval": "1s", "heartbeat.timeout": "2s"})


@pytest.fixture
def client(quick):
    with quick.raw() as client:
        assert client.upgrade()[0] == 101
        assert json.loads(client.frame().payload)["heartbeat"] == 1
        yield client


def pings_until_close(client, answer):
    """Reads frames, calling `answer` for each ping, up to five pings or the close; returns the pings."""
    pings = 0
    while pings < 5 and (frame := client.frame()).opcode != CLOSE:
        if frame.opcode == PING:
            pings += 1
            answer(frame)
    return pings


def test_a_silent_client_is_closed_with_4408(quick, client):
    frames = [client.frame()]
    while frames[-1].opcode != CLOSE:
        frames.append(client.frame())
    assert [frame.opcode for frame in frames[:-1]].count(PING) >= 1
    assert frames[-1].close_code == 4408
    assert client.at_end()
    quick.wait_metric("zws_connections", 0)
    assert quick.metric("zws_closed_total", code="4408") == 1


def test_pongs_keep_a_client_alive(client):
    assert pings_until_close(client, lambda ping: client.send_frame(PONG, ping.payload)) == 5


def test_its_own_ping_messages_keep_a_client_alive(client):
    assert pings_until_close(client, lambda _: client.send_frame(TEXT, b'{"type":"ping"}')) == 5


def test_even_half_a_frame_is_a_sign_of_life(client):
    unfinished = iter(b"\x81\xfe\x10\x00" + bytes(4096))
    assert pings_until_close(client, lambda _: client.send(bytes([next(unfinished)]))) == 5


def test_events_to_a_client_are_no_sign_of_its_life(quick, client, make_producer):
    client.send_frame(TEXT, b'{"type":"subscribe","topic":"a"}')
    producer = make_producer(quick.endpoint)
    while (frame := client.frame()).opcode != CLOSE:
        producer.send("a", {"type": "event"})
    assert frame.close_code == 4408
