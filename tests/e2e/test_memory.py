"""limits.memory_bytes: the bridge lets go of something before the kernel lets go of the bridge."""

import json
from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidStatus

MIB = 1 << 20


def limit_to(bridge, bytes_):
    bridge.settings["limits.memory_bytes"] = int(bytes_)
    bridge.reload()
    if bytes_:
        bridge.wait_metric("zws_memory_limit_bytes", int(bytes_))


def has_room(bridge):
    try:
        bridge.connect().close()
    except InvalidStatus:
        return False
    return True


def test_near_the_limit_new_clients_are_refused_and_those_inside_stay(bridge, producer):
    inside = bridge.connect()
    inside.subscribe("a")
    limit_to(bridge, bridge.metric("process_resident_memory_bytes") / 0.87)
    with pytest.raises(InvalidStatus) as refused:
        bridge.connect()
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0
    assert json.loads(refused.value.response.body)["code"] == "limit_exceeded"
    assert bridge.metric("zws_handshakes_total", result="short_of_memory") == 1
    bridge.log.wait_for(r"memory is at \d\d % of limits.memory_bytes")
    assert bridge.get("/healthz").status == 200
    ready = bridge.get("/readyz")
    assert ready.status == 200 and "short of memory (limits.memory_bytes)" in ready.json["reasons"][0]
    producer.send("a", {"type": "x"})
    assert inside.receive()["type"] == "x"
    assert bridge.metric("zws_closed_for_memory_total") == 0
    limit_to(bridge, 1 << 40)
    bridge.connect()


def test_who_hoards_half_a_message_goes_before_who_is_behind(make_bridge, make_producer):
    bridge = make_bridge(
        {
            "limits.message_bytes": 16 * MIB,
            "limits.messages_per_second": 1_000_000,  # or so long a message would not be read so fast
            "limits.queue_bytes": 16 * MIB,
            "limits.stalled_timeout": "1h",
            "history.size": 0,
        }
    )
    producer = make_producer(bridge.endpoint)
    with bridge.raw(receive_buffer=4096) as laggard, bridge.raw() as hoarder:
        for client in (laggard, hoarder):
            assert client.upgrade()[0] == 101
        laggard.send_frame(1, b'{"type":"subscribe","topic":"a"}')
        bridge.wait_metric("zws_subscriptions", 1)
        for _ in range(64):
            producer.send("a", "x" * 65_536)
        bridge.wait_until(lambda: bridge.metric("zws_queue_bytes") > 3 * MIB, "the laggard is behind")
        limit_to(bridge, bridge.metric("process_resident_memory_bytes") + 8 * MIB)

        def closed():
            if not bridge.metric("zws_closed_for_memory_total"):
                hoarder.send_frame(1 if closed.first else 0, b"x" * MIB, final=False)
                closed.first = False
            return bridge.metric("zws_closed_for_memory_total") > 0

        closed.first = True
        bridge.wait_until(closed, "somebody is closed")
        assert hoarder.close_code() == 4410
        bridge.log.wait_for(r"closed with 4410")
        bridge.wait_metric("zws_connections", 1)
        assert bridge.metric("zws_closed_for_memory_total") == 1
        assert bridge.metric("zws_queue_bytes") > 3 * MIB, "the laggard keeps what waits for it"


def test_many_that_hold_little_each_are_closed_where_together_they_hold_much(make_bridge):
    bridge = make_bridge({"limits.messages_per_second": 1_000_000})
    with ExitStack() as stack:
        crowd = [stack.enter_context(bridge.raw()) for _ in range(600)]
        for client in crowd:
            assert client.upgrade()[0] == 101
        limit_to(bridge, bridge.metric("process_resident_memory_bytes") + 4 * MIB)
        for client in crowd:
            client.send_frame(1, b"x" * 15_000, final=False)  # half a message
        bridge.wait_metric_at_least("zws_closed_for_memory_total", 1)
        bridge.log.wait_for(r"\d+ that hold most of it are closed with 4410")


def test_at_the_limit_who_holds_most_is_closed_and_nobody_else(make_bridge, make_producer):
    bridge = make_bridge(
        {"limits.queue_bytes": 512 * MIB, "limits.stalled_timeout": "1h", "history.size": 0, "heartbeat.timeout": "1h"}
    )
    producer = make_producer(bridge.endpoint)
    reader = bridge.connect()
    reader.subscribe("small")
    with bridge.raw(receive_buffer=4096) as greedy, bridge.raw(receive_buffer=4096) as modest:
        for client, topic in ((greedy, b"big"), (modest, b"small")):
            assert client.upgrade()[0] == 101
            client.send_frame(1, b'{"type":"subscribe","topic":"%s"}' % topic)
        bridge.wait_metric("zws_subscriptions", 3)
        limit_to(bridge, bridge.metric("process_resident_memory_bytes") + 64 * MIB)
        for n in range(32):
            producer.send("small", {"type": "n", "n": n, "pad": "x" * 32_768})
            assert reader.receive()["n"] == n

        def closed():
            for _ in range(16):
                producer.send("big", "x" * 65_536)
            return bridge.metric("zws_closed_for_memory_total") > 0

        bridge.wait_until(closed, "somebody is closed")
        assert greedy.close_code() == 4410
        bridge.log.wait_for(r"memory is at \d+ % .* closed with 4410")
        bridge.wait_metric("zws_connections", 2)
        assert bridge.metric("zws_closed_for_memory_total") == 1
        producer.send("small", {"type": "n", "n": -1})
        assert reader.receive()["n"] == -1

        bridge.wait_until(lambda: has_room(bridge), "there is room again")
        assert bridge.metric("zws_queue_bytes") > 500_000, "the one that holds little keeps it"


def test_who_takes_too_much_later_is_closed_too_and_there_is_room_each_time(make_bridge, make_producer):
    bridge = make_bridge(
        {"limits.queue_bytes": 512 * MIB, "limits.stalled_timeout": "1h", "history.size": 0, "heartbeat.timeout": "1h"}
    )
    producer = make_producer(bridge.endpoint)
    limit_to(bridge, bridge.metric("process_resident_memory_bytes") + 64 * MIB)

    def closed(count):
        for _ in range(16):
            producer.send("big", "x" * 65_536)
        return bridge.metric("zws_closed_for_memory_total") >= count

    for count in (1, 2, 3):
        with bridge.raw(receive_buffer=4096) as greedy:
            assert greedy.upgrade()[0] == 101
            greedy.send_frame(1, b'{"type":"subscribe","topic":"big"}')
            bridge.wait_metric("zws_subscriptions", 1)
            bridge.wait_until(lambda count=count: closed(count), "it is closed")
            assert greedy.close_code() == 4410
        bridge.wait_until(lambda: has_room(bridge), "there is room again")
