"""Bounds: what is refused when it is too much, and that there is room again at once."""

import re
import resource

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.raw_socket import PING, PONG, TEXT
from support.tokens import Issuer, bearer


def assert_full(client):
    """Upgraded, told, and closed with 1013."""
    code, messages = client.wait_closed()
    assert (code, [(m["type"], m["code"]) for m in messages]) == (1013, [("error", "limit_exceeded")])


@pytest.mark.both_wires
@pytest.mark.short
def test_a_full_bridge_says_503_and_has_room_when_one_leaves(make_bridge):
    bridge = make_bridge({"limits.connections": 3})
    clients = [bridge.connect() for _ in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        bridge.connect()
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0
    assert bridge.get("/healthz").status == 200, "HTTP is still answered"
    full = "full (limits.connections): new clients are answered 503"
    assert bridge.get("/readyz").json == {"ready": True, "reasons": [full]}
    clients.pop().close()
    bridge.wait_metric("zws_connections", 2)
    assert bridge.get("/readyz").json == {"ready": True, "reasons": []}
    bridge.connect()


def test_connections_of_one_address_are_bounded(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_ip": 2})
    here = [bridge.connect() for _ in range(2)]
    assert_full(bridge.connect(greeted=False))
    assert bridge.metric("zws_refusals_total", code="limit_exceeded") == 1
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    there = [bridge.connect(headers=elsewhere) for _ in range(2)]
    assert_full(bridge.connect(headers=elsewhere, greeted=False))
    bridge.wait_metric("zws_connections", 4)
    for clients, headers in ((here, None), (there, elsewhere)):
        clients.pop().close()
        bridge.wait_metric("zws_connections", 3)
        clients.append(bridge.connect(headers=headers))


def test_who_is_refused_for_his_address_gives_back_no_place_that_he_never_had(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_ip": 2, "limits.connections": 5})
    here = [bridge.connect() for _ in range(2)]
    for _ in range(4):
        assert_full(bridge.connect(greeted=False))
        bridge.wait_metric("zws_connections", 2)
    here.pop().close()
    bridge.wait_metric("zws_connections", 1)
    here.append(bridge.connect())
    assert_full(bridge.connect(greeted=False))
    elsewhere = [bridge.connect(headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        bridge.connect(headers={"X-Forwarded-For": "203.0.113.9"})
    assert refused.value.response.status_code == 503
    assert len(elsewhere) == 3


def test_the_soft_limit_on_descriptors_is_raised_to_the_hard_one(make_bridge):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        bridge = make_bridge()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bridge.metric("process_max_fds") == hard


def test_more_connections_than_files_may_be_open_are_not_promised(make_bridge):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    bridge = make_bridge({"limits.connections": 4 * hard})
    lowered = re.search(r"limits.connections (\d+) is lowered to (\d+)", bridge.log.wait_for("is lowered to"))
    assert lowered and int(lowered[1]) == 4 * hard and 0 < int(lowered[2]) < hard


def test_expired_tokens_of_an_administrator_are_no_failures(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.failed_tokens_per_minute": 2})
    for _ in range(5):
        answer = bridge.get("/api/ws/stats", bearer(issuer.token(lives=-3600)))
        assert (answer.status, answer.json["code"]) == (401, "token_expired")
    assert bridge.get("/api/ws/stats", bearer("rubbish")).status == 401, "the first failure, not one too many"
    assert bridge.get("/api/ws/stats", bearer(issuer.admin())).status == 200


def test_ipv6_addresses_count_per_64(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_ip": 1})
    first = bridge.connect(headers={"X-Forwarded-For": "2001:db8:1:2::1"})
    assert_full(bridge.connect(headers={"X-Forwarded-For": "2001:db8:1:2:ffff::9"}, greeted=False))
    bridge.connect(headers={"X-Forwarded-For": "2001:db8:1:3::1"})
    first.close()
    bridge.wait_metric("zws_connections", 1)
    bridge.connect(headers={"X-Forwarded-For": "2001:db8:1:2:ffff::9"})  # it has the first one's place


def test_who_guesses_tokens_from_all_addresses_of_a_64_is_one_guesser(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.failed_tokens_per_minute": 2})

    def guess_from(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": address, **bearer(Issuer().token())}

    for address in ("2001:db8:1:2::1", "2001:db8:1:2::2"):
        assert bridge.connect(headers=guess_from(address), greeted=False).wait_closed()[0] == 4401
    with pytest.raises(InvalidStatus) as refused:
        bridge.connect(headers=guess_from("2001:db8:1:2::3"), greeted=False)
    assert refused.value.response.status_code == 429
    assert bridge.get("/api/ws/stats", guess_from("2001:db8:1:2::4")).status == 429, "over REST it is the same one"
    assert bridge.get("/api/ws/stats", guess_from("2001:db8:1:3::1")).status == 401, "a neighbour's are its own"


def test_only_a_trusted_proxy_may_say_whose_connection_it_is(make_bridge, issuer, tmp_path):
    settings = {**issuer.settings(tmp_path), "limits.connections_per_ip": 1, "server.trusted_proxies": ["192.0.2.1"]}
    bridge = make_bridge(settings)
    bridge.connect(headers={"X-Forwarded-For": "203.0.113.7"})
    assert_full(bridge.connect(headers={"X-Forwarded-For": "203.0.113.8"}, greeted=False))


def test_connections_of_one_user_are_bounded(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_user": 2})
    alice, bob = bearer(issuer.token("alice")), bearer(issuer.token("bob"))
    clients = [bridge.connect(headers=alice) for _ in range(2)]
    assert_full(bridge.connect(headers=alice, greeted=False))
    bridge.connect(headers=bob)
    later = bridge.connect()
    answer = later.ask({"type": "auth", "token": issuer.token("alice")})
    assert (answer["success"], answer["code"]) == (False, "limit_exceeded")
    bridge.wait_metric("zws_connections", 4)
    clients.pop().close()
    bridge.wait_metric("zws_connections", 3)
    assert later.ask({"type": "auth", "token": issuer.token("alice")})["success"] is True
    assert clients[0].ask({"type": "auth", "token": issuer.token("alice")})["success"] is True, "it has its place"


@pytest.mark.both_wires
def test_room_comes_back_when_a_connection_breaks(make_bridge, issuer, tmp_path):
    """An upgrade that ends in a reset, half-way or later, must not keep its place."""
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.connections_per_user": 1, "limits.connections": 2})
    token = issuer.token("alice")
    for _ in range(10):
        with bridge.raw() as broken:
            assert broken.upgrade(f"/api/ws?token={token}")[0] == 101
            broken.frame()
        bridge.wait_metric("zws_connections", 0)
    for _ in range(10):
        with bridge.raw() as half:
            half.send(b"GET /api/ws HTTP/1.1\r\nHost: loc")
    assert bridge.connect(headers=bearer(token)).hello["user"] == "alice"


@pytest.mark.both_wires
@pytest.mark.short
def test_failed_tokens_of_one_address_are_429_before_the_upgrade(make_bridge, issuer, tmp_path):
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.failed_tokens_per_minute": 3})
    early = bridge.connect(headers=bearer(issuer.token("early")))
    bad = Issuer().token()
    for _ in range(3):
        assert bridge.connect(headers=bearer(bad), greeted=False).wait_closed()[0] == 4401
    with pytest.raises(InvalidStatus) as refused:
        bridge.connect(headers=bearer(bad), greeted=False)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "60"
    # Who shares the address with whoever guesses is let in all the same: with a good token, without one,
    # as the administrator, and with a new token for a session that is open.
    assert bridge.connect(headers=bearer(issuer.token("late"))).hello["user"] == "late"
    assert bridge.connect().hello["user"] is None
    assert bridge.get("/api/ws/stats", bearer(issuer.admin())).status == 200
    assert bridge.get("/api/ws/stats", bearer(bad)).status == 429
    assert bridge.get("/api/ws/stats").status == 401
    assert early.ask({"type": "auth", "token": issuer.token("early", lives=7200)})["success"] is True
    other = {"X-Forwarded-For": "203.0.113.7", **bearer(issuer.token("alice"))}
    assert bridge.connect(headers=other).hello["user"] == "alice", "others are not locked out with it"


def test_expired_tokens_are_no_failures(make_bridge, issuer, tmp_path):
    """A page left open over night knocks with its old token; that is no attack."""
    bridge = make_bridge({**issuer.settings(tmp_path), "limits.failed_tokens_per_minute": 2})
    for _ in range(5):
        client = bridge.connect(headers=bearer(issuer.token(lives=-3600)), greeted=False)
        assert client.wait_closed()[1][0]["code"] == "token_expired"
    assert bridge.connect(headers=bearer(issuer.token("alice"))).hello["user"] == "alice"
    stranger = bridge.connect(headers=bearer(Issuer().token()), greeted=False)
    assert stranger.wait_closed()[0] == 4401, "the first failure, not one too many"


@pytest.mark.both_wires
def test_a_message_too_big_is_1009(make_bridge):
    bridge = make_bridge({"limits.message_bytes": 1024})
    client = bridge.connect()
    client.send('{"type":"ping","pad":"%s"}' % ("x" * 900))
    assert client.receive()["type"] == "pong"
    client.send('{"type":"ping","pad":"%s"}' % ("x" * 1100))
    assert client.wait_closed()[0] == 1009


def test_binary_is_1003(bridge):
    client = bridge.connect()
    client.send(b"{}")
    assert client.wait_closed()[0] == 1003


def test_an_event_too_big_is_dropped_and_counted(make_bridge, make_producer):
    bridge = make_bridge({"limits.event_bytes": 1024})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect()
    client.subscribe("a")
    for size in (1024, 1025, 10_000, 3):
        producer.send("a", "x" * size)
    assert [len(client.receive()["data"]) for _ in range(2)] == [1024, 3]
    assert bridge.metric("zws_ingest_rejected_total") == 2


def test_errors_without_end_are_4400(make_bridge):
    bridge = make_bridge({"limits.errors_per_minute": 5})
    client, other = bridge.connect(), bridge.connect()
    told = 0
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.send({"type": "subscribe"})
            assert client.receive()["code"] == "invalid_message"
            told += 1
    assert closed.value.rcvd.code == 4400
    assert bridge.metric("zws_refusals_total", code="invalid_message") == told
    assert other.ask({"type": "ping"})["type"] == "pong"


def test_subscriptions_are_bounded_for_each_connection(make_bridge):
    bridge = make_bridge({"limits.subscriptions": 10})
    one, two = bridge.connect(), bridge.connect()
    one.send({"type": "subscribe", "topics": [f"t{n}" for n in range(15)]})
    answers = [one.receive() for _ in range(15)]
    assert [answer["success"] for answer in answers] == [True] * 10 + [False] * 5
    assert {answer["code"] for answer in answers[10:]} == {"limit_exceeded"}
    assert bridge.metric("zws_subscriptions") == 10
    assert bridge.metric("zws_refusals_total", code="limit_exceeded") == 5
    two.subscribe("t1")


def test_limits_follow_a_reload(make_bridge):
    bridge = make_bridge({"limits.connections": 1})
    bridge.connect()
    with pytest.raises(InvalidStatus):
        bridge.connect()
    bridge.settings["limits.connections"] = 2
    bridge.reload()
    bridge.connect()


def test_a_handshake_that_never_ends_is_ended(make_bridge):
    bridge = make_bridge({"limits.handshake_timeout": "1s"})
    with bridge.raw() as idle, bridge.raw() as half:
        half.send(b"GET /api/ws HTTP/1.1\r\nHost: localhost\r\n")
        for client in (half, idle):
            status, headers = client.answer()
            assert status == 408
            client.take(int(headers["content-length"]))
            assert client.at_end()
    assert bridge.connect().ask({"type": "ping"})["type"] == "pong"


@pytest.mark.both_wires
@pytest.mark.parametrize("first", [PING | 0x80, PONG | 0x80, 0], ids=["pings", "pongs", "fragments"])
def test_frames_that_are_no_messages_are_read_no_faster_than_messages(make_bridge, first):
    bridge = make_bridge({"limits.messages_per_second": 1, "limits.message_bytes": 1 << 24})
    frames = (bytes([first, 0x80 | 1]) + b"\1\2\3\4x") * 150_000  # about 1 MiB, and more than sockets hold
    with bridge.raw() as client:
        assert client.upgrade()[0] == 101
        if first == 0:
            client.send_frame(TEXT, b"x", final=False)
        client.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            for _ in range(40):
                client.send(frames)
        assert bridge.connect().ask({"type": "ping"})["type"] == "pong"
        assert bridge.metric("zws_connections") == 2, "nobody is closed for that"


@pytest.mark.both_wires
def test_a_client_that_only_asks_and_never_reads_is_held_back(make_bridge):
    """Answers count against the queue: the bridge stops reading before it holds more than that."""
    bridge = make_bridge(
        {"limits.queue_bytes": 65536, "limits.messages_per_second": 1_000_000, "limits.stalled_timeout": "1s"}
    )
    with bridge.raw(receive_buffer=4096) as greedy:
        assert greedy.upgrade()[0] == 101
        ask = b'{"type":"get_stats"}'
        greedy.socket.settimeout(30)
        with pytest.raises(OSError):
            while True:
                greedy.send_frame(TEXT, ask)
    assert bridge.metric("zws_queue_bytes") <= 2 * 65536
    bridge.wait_metric("zws_connections", 0)
