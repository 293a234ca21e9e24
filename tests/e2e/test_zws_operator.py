"""`zws` in the hands of an operator: what comes back after a break, and the administrator's calls."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.bridge import free_port
from support.certificate import Certificate
from support.fault_proxy import FaultProxy
from support.tokens import bearer
from support.zws_tool import CANNOT_CONNECT, DENIED, DONE, FAILED, TIMED_OUT, USAGE, Running, zws


def publish(bridge, topic, message):
    body = {"topic": topic, "message": message}
    assert bridge.http("POST", "/api/ws/publish", body, bearer(bridge.admin_token)).status == 200


@contextlib.contextmanager
def answering(answer: bytes):
    """The URL of a server that answers whoever asks it so, in one thread."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if not connection.recv(65536):
                        return  # the end, below
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            socket.create_connection(server.getsockname()).close()
            thread.join()


@pytest.fixture
def operate(bridge):
    """Runs `zws` as the administrator of the bridge."""
    env = {"ZWS_URL": bridge.url, "ZWS_TOKEN": bridge.admin_token}
    return lambda *arguments, **more: zws(*arguments, env=env, **more)


# ---- sub comes back ----


def test_sub_comes_back_with_what_it_missed(bridge):
    """Each event once and in order, those of a pattern too, over two breaks."""
    with (
        FaultProxy(bridge.port) as proxy,
        Running(
            "sub", "p:*", "a", "--count", 9, "--format", "payload", "--url", f"http://127.0.0.1:{proxy.port}"
        ) as sub,
    ):
        sub.wait_listening("a", r"p:\*")
        for topic, number in (("a", 1), ("p:x", 2), ("a", 3)):
            publish(bridge, topic, number)
        sub.out.wait_for("^3$")
        for first in (4, 7):
            mark = sub.talk.mark()
            proxy.freeze()
            for topic, number in (("a", first), ("p:x", first + 1), ("a", first + 2)):
                publish(bridge, topic, number)
            proxy.cut()
            proxy.thaw()
            sub.talk.wait_for("coming back", after=mark)
            sub.talk.wait_for(r'"p:\*".*"recovered":true', after=mark)
        ended = sub.ended()
    assert ended.code == DONE
    numbers = [int(line) for line in ended.out.splitlines()]
    assert sorted(numbers) == list(range(1, 10))
    of_a = [number for number in numbers if number % 3 != 2]
    assert of_a == sorted(of_a)
    assert "can no longer be had" not in ended.talk


def test_sub_says_what_a_restarted_bridge_has_forgotten_and_goes_on(bridge):
    with Running("sub", "t", "--count", 1, "--format", "payload", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        mark = sub.talk.mark()
        bridge.restart()
        sub.talk.wait_for("1012.*coming back", after=mark)
        sub.talk.wait_for('"subscribed".*"t"', after=mark)
        sub.talk.wait_for("what was missed on 't' can no longer be had", after=mark)
        publish(bridge, "t", "after")
        assert sub.ended().out == "after"


def test_sub_of_hundreds_of_topics_gets_each_back(bridge):
    """In few messages: of one for each the bridge would have refused the third hundred, and nobody said so."""
    topics = [f"t.{number}" for number in range(400)]
    with Running("sub", *topics, "--format", "payload", "--count", len(topics), "--url", bridge.ws_url) as sub:
        sub.wait_listening(r"t\.399")
        mark = sub.talk.mark()
        bridge.restart()
        sub.talk.wait_for(r'"subscribed".*"t\.399"', after=mark)
        for number, topic in enumerate(topics):
            publish(bridge, topic, number)
        ended = sub.ended()
    assert ended.code == DONE
    assert [int(line) for line in ended.out.splitlines()] == list(range(400))
    assert "rate_limited" not in ended.talk


def test_what_no_parser_takes_comes_once_over_a_break(bridge):
    """Half a surrogate pair, as JavaScript cuts texts, and a number beyond a double's."""
    payloads = [r'{"type":"x","s":"\ud83d"}', '{"type":"x","n":1e400}']
    with (
        FaultProxy(bridge.port) as proxy,
        Running("sub", "t", "--format", "payload", "--count", 3, "--url", f"http://127.0.0.1:{proxy.port}") as sub,
    ):
        sub.wait_listening("t")
        assert zws("pub", "t", "-", "--to", bridge.endpoint, given="\n".join(payloads)).code == DONE
        sub.out.wait_for("1e400")
        mark = sub.talk.mark()
        proxy.cut()
        sub.talk.wait_for('"recovered":true', after=mark)
        publish(bridge, "t", 3)
        assert sub.ended().lines == [*payloads, "3"]


def test_sub_takes_more_names_than_a_message_holds(bridge):
    topics = [f"{'t' * 200}.{number}" for number in range(600)]
    since = [argument for topic in topics for argument in ("--since", f"{topic}=x:1")]
    for more in ([], since):
        with Running("sub", *topics, *more, "--url", bridge.ws_url) as sub:
            sub.wait_listening(r"t+\.0", r"t+\.599")


def test_sub_of_a_raw_route_outlives_a_restart(make_bridge):
    """Its events have no ids, so there is nothing to go on from."""
    bridge = make_bridge(tables='[[route]]\nmatch = "r"\nformat = "raw"\n')
    with Running("sub", "r", "--count", 2, "--format", "payload", "--url", bridge.ws_url) as sub:
        sub.wait_listening("r")
        publish(bridge, "r", 1)
        sub.out.wait_for("1")
        mark = sub.talk.mark()
        bridge.restart()
        sub.talk.wait_for("what was missed on 'r' cannot be had", after=mark)
        sub.talk.wait_for('"subscribed".*"success":true', after=mark)
        publish(bridge, "r", 2)
        assert sub.ended().code == DONE


@pytest.fixture
def renewed(make_bridge, tmp_path):
    """A bridge with a key, the file of a token of it, and how both are replaced."""
    secret, file = tmp_path / "secret", tmp_path / "token"

    def renew(user: str | None = None) -> None:
        secret.write_text(secrets.token_hex(32) + "\n")
        if user is None:
            return
        made = zws("token", "--secret-file", secret, "--user", user).out
        (tmp_path / "token.new").write_text(made)
        (tmp_path / "token.new").replace(file)

    renew("ada")
    bridge = make_bridge({"auth.hs256_secret_file": str(secret), "auth.expiry_grace": "0s"})
    return bridge, file, renew


def test_sub_comes_back_with_the_token_that_its_file_holds_by_then(renewed):
    bridge, file, renew = renewed
    with Running("sub", "t", "--count", 3, "--token-file", file, "--url", bridge.ws_url) as sub:
        sub.talk.wait_for('"user":"ada"')
        sub.wait_listening("t")
        assert zws("pub", "t", 1, "--to", bridge.endpoint).code == DONE
        sub.out.wait_for('"data":1')
        renew("bob")
        bridge.restart()
        sub.talk.wait_for('"user":"bob"')
        mark = sub.talk.mark()
        renew("eve")
        bridge.reload()  # which ends the token that it came with
        sub.talk.wait_for("token_expired|invalid_token", after=mark)
        sub.talk.wait_for('"user":"eve"', after=mark)
        sub.talk.wait_for('"subscribed".*"success":true', after=mark)
        for n in (2, 3):
            assert zws("pub", "t", n, "--to", bridge.endpoint).code == DONE
        assert sub.ended().code == DONE


def test_sub_whose_token_ends_and_is_not_renewed_is_denied(renewed):
    bridge, file, renew = renewed
    with Running("sub", "t", "--token-file", file, "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        renew()
        bridge.reload()
        assert sub.ended().code == DENIED


def test_sub_gives_up_when_its_time_is_over(bridge):
    with Running("sub", "t", "--count", 1, "--timeout", "1", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        bridge.stop()
        assert sub.ended().code == TIMED_OUT


# ---- the administrator's calls ----


def test_connections_are_a_table_and_as_they_came(bridge, operate):
    client = bridge.connect()
    client.subscribe("a")
    table = operate("connections")
    assert table.code == DONE
    head, row = table.lines
    assert head.split()[:3] == ["client_id", "user", "address"]
    assert row.split()[:3] == [client.hello["client_id"], "-", "127.0.0.1"]
    (page,) = operate("connections", "--json").lines
    assert page == bridge.get("/api/ws/connections", bearer(bridge.admin_token)).body.decode()
    client.close()
    bridge.wait_metric("zws_connections", 0)
    nobody = operate("connections")
    assert (nobody.code, nobody.out, nobody.talk) == (DONE, "", "zws: there are no connections\n")


def test_topics_come_from_all_pages(bridge, operate):
    client = bridge.connect()
    topics = [f"t:{number}" for number in range(1001)]
    for begin in (0, 500, 1000):
        client.send({"type": "subscribe", "topics": topics[begin : begin + 500]})
    bridge.wait_metric("zws_subscriptions", 1001)
    listed = {line.split()[0] for line in operate("topics").lines[1:]}
    assert set(topics) <= listed


def test_kick_throws_out_a_connection_or_a_user(bridge, operate):
    client = bridge.connect()
    assert "1" in operate("kick", client.hello["client_id"]).out
    assert client.wait_closed()[0] == 4403
    assert operate("kick", client.hello["client_id"]).code == FAILED
    assert json.loads(operate("kick", "--user", "no/body", "--json").out) == {"success": True, "closed": 0}
    other = bridge.connect()
    assert operate("kick", client.hello["client_id"], other.hello["client_id"]).code == FAILED
    assert other.wait_closed()[0] == 4403, "one that has gone keeps none of the others"
    assert operate("kick").code == USAGE and operate("kick", "x", "--user", "y").code == USAGE


def test_broadcast_and_notify_reach_whom_they_name(bridge, operate):
    client = bridge.connect()
    client.subscribe("notifications")
    sent = operate("broadcast", '{"type":"x","n":1.50}', "--json")
    assert json.loads(sent.out)["recipients"] == 1
    assert '"n":1.50' in client.receive_frame()
    assert operate("broadcast", "-", "--topic", "elsewhere", given='{"type":"x"}').code == DONE
    assert operate("broadcast", "text").code == USAGE
    assert operate("broadcast", "{}", "--topic", "a*").code == USAGE
    assert operate("broadcast", "{}", "--topic", "").code == USAGE, "a variable that is not set tells not everybody"
    assert operate("notify", "Ready", "It is.", "--level", "success").code == DONE
    assert client.receive()["data"] == {"title": "Ready", "content": "It is.", "level": "success"}
    assert json.loads(operate("notify", "x", "--user", "ada,bob", "--json").out)["recipients"] == 0
    assert client.receive_all() == []
    assert operate("notify", "x", "--level", "loud").code == USAGE


@pytest.mark.parametrize(
    "command", [["connections"], ["topics"], ["kick", "x"], ["broadcast", "{}"], ["notify", "x"]], ids=lambda c: c[0]
)
def test_who_may_not_is_told_so(bridge, command):
    ended = zws(*command, env={"ZWS_URL": bridge.url, "ZWS_TOKEN": "nonsense"})
    assert (ended.code, ended.out) == (DENIED, "")
    assert "401" in ended.talk and "ZWS_TOKEN" in ended.talk


# ---- stats and check ----


def test_watched_stats_survive_a_restart(bridge):
    with Running(
        "stats", "--watch", "--interval", "50ms", "--token-file", bridge.admin_token_file, "--url", bridge.url
    ) as stats:
        stats.out.wait_for(r"^\{")
        bridge.stop()
        stats.talk.wait_for("I go on trying")
        mark = stats.out.mark()
        bridge.start()
        stats.out.wait_for(r"^\{", after=mark)


def test_check_says_in_one_look_whether_a_bridge_is_well(bridge):
    well = zws("check", "--url", bridge.url)
    assert well.code == DONE and "ILL" not in well.out
    assert f"ws://127.0.0.1:{bridge.port}/api/ws" in well.out and "clients are taken" in well.out
    for url, why in (
        (f"http://127.0.0.1:{free_port()}", "nobody listens there"),
        (bridge.url + "/elsewhere", "/elsewhere answered 404"),
    ):
        ill = zws("check", "--url", url)
        assert ill.code == FAILED and "ILL" in ill.out and why in ill.out
    bridge.settings["limits.connections"] = "many"
    bridge.reload()
    bridge.wait_metric("zws_config_last_reload_successful", 0)
    ill = zws("check", "--url", bridge.url)
    assert ill.code == FAILED and "the last reload was refused" in ill.out


def test_check_says_that_a_full_bridge_takes_nobody(make_bridge):
    bridge = make_bridge({"limits.connections": 1})
    client = bridge.connect()
    assert zws("sub", "t", "--url", bridge.url).code == CANNOT_CONNECT
    full = zws("check", "--url", bridge.url)
    assert full.code == FAILED and "no clients are taken; full (limits.connections)" in full.out
    client.close()
    bridge.wait_metric("zws_connections", 0)
    well = zws("check", "--url", bridge.url)
    assert well.code == DONE
    assert "1 clients refused because the bridge was full: limits.connections" in well.out


def test_another_scheme_and_a_proxy_without_its_bridge_are_told(make_bridge, tmp_path):
    """What answers is no bridge, or not as it was asked, and says by its status why."""
    encrypted = make_bridge(certificate=Certificate(tmp_path / "certificate"))
    plain = f"http://127.0.0.1:{encrypted.port}"
    assert "it may speak TLS: write https:// or wss://" in zws("check", "--url", plain).out
    assert "(if it speaks TLS, write wss://)" in zws("sub", "t", "--url", plain).talk
    with answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as proxy:
        told = zws("check", "--url", proxy)
        assert told.code == FAILED and "502: a proxy, and the bridge behind it does not answer" in told.out
        ended = zws("sub", "t", "--url", proxy)
        assert ended.code == CANNOT_CONNECT and "the bridge behind it does not answer" in ended.talk


def test_check_tells_what_was_lost_and_where_to_look_next(bridge, producer):
    assert "since its start" not in zws("check", "--url", bridge.url).out
    for seq in (1, 4):
        producer.send("t", {"n": seq}, {"src": "s", "seq": seq})
    producer.send_frames(b"", b"no topic")
    bridge.wait_metric("zws_ingest_rejected_total", 1)
    bridge.wait_metric("zws_ingest_gaps_total", 1)
    told = zws("check", "--url", bridge.url)
    assert told.code == DONE
    assert "1 jumps in the numbers of producers: zws sources --sort -missed" in told.out
    assert "1 events of producers refused: see the log" in told.out


# Each figure is another, so that none can be told in place of another's.
MEASURED = """zws_config_last_reload_successful 1
zws_producers 3
zws_dropped_total{reason="slow_consumer"} 11
zws_dropped_total{reason="lane_overload"} 12
zws_dropped_total{reason="disconnected"} 90
zws_ingest_gaps_total 13
zws_ingest_rejected_total{reason="too_big"} 10
zws_ingest_rejected_total{reason="duplicate"} 4
zws_producers_refused_total{reason="no_curve"} 15
zws_handshakes_total{result="accepted"} 91
zws_handshakes_total{result="full"} 16
zws_handshakes_total{result="full_for_address"} 92
zws_handshakes_total{result="short_of_memory"} 17
zws_closed_for_memory_total 18
zws_relay_unwritten_total 19
"""

LOST = """11 events dropped for clients that read too slowly: zws connections --sort -dropped
12 events dropped for all clients of a busy thread: server.threads
13 jumps in the numbers of producers: zws sources --sort -missed
14 events of producers refused: see the log
15 connections of producers refused: see the log
16 clients refused because the bridge was full: limits.connections
17 clients refused for want of memory: limits.memory_bytes
18 clients closed for want of memory: limits.memory_bytes
19 events not kept in Redis: see the log
"""


@contextlib.contextmanager
def measuring(metrics: str):
    """The URL of something that is well, and whose /metrics are these."""
    answers = {"/readyz": (200, '{"ready":true,"reasons":[]}'), "/api/ws": (426, ""), "/metrics": (200, metrics)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_check_tells_each_loss_by_its_own_figure():
    with measuring(MEASURED) as url:
        told = zws("check", "--url", url)
    assert told.code == DONE, told.out
    lost = [line.split("since its start", 1)[1].strip() for line in told.lines if "since its start" in line]
    assert lost == LOST.splitlines()


@pytest.mark.parametrize(
    ("days", "code", "why"),
    [(15.5, DONE, "ends in 15 days"), (13.5, FAILED, "ends in 13 days"), (-1, FAILED, "has ended")],
)
def test_check_warns_two_weeks_before_a_certificate_ends(days, code, why):
    with measuring(f"{MEASURED}zws_tls_certificate_not_after {time.time() + days * 86400:.0f}\n") as url:
        told = zws("check", "--url", url)
    assert told.code == code and why in told.out


def test_lists_are_sorted_and_chosen_from_and_one_row_is_told_of(bridge, operate):
    few, many = bridge.connect(), bridge.connect()
    for topic in ("a", "b", "c:*"):
        many.subscribe(topic)
    few.subscribe("a")
    publish(bridge, "b", 1)
    rows = operate("connections", "--sort", "-subscriptions").lines[1:]
    assert [row.split()[0] for row in rows] == [many.hello["client_id"], few.hello["client_id"]]
    found = operate("connections", "--search", few.hello["client_id"][:13]).lines[1:]
    assert [row.split()[0] for row in found] == [few.hello["client_id"]]
    assert len(operate("connections", "--address", "127.0.0.1").lines) == 1 + 2
    for nobody in (("--slow",), ("--address", "127.0.0.2"), ("--user", "ada")):
        assert operate("connections", *nobody).talk == "zws: there are no connections\n", nobody
    assert [row.split()[0] for row in operate("topics", "--sort=-events", "--search", "B").lines[1:]] == ["b"]
    wrong = operate("topics", "--sort", "size")
    assert wrong.code == USAGE and "subscribers" in wrong.talk
    told = json.loads(operate("connections", many.hello["client_id"], "--json").out)
    assert [row["topic"] for row in told["subscriptions"]] == ["a", "b", "c:*"]
    assert "receivers" in operate("topics", "b").out
    assert operate("connections", "nobody").code == FAILED
    assert operate("topics", "a", "--sort", "rate").code == USAGE


def test_sources_rights_and_bridges_are_shown(bridge, operate, tmp_path):
    publish(bridge, "a", 1)
    head, row = operate("sources", "--sort", "-missed", "--search", "a").lines
    assert head.split()[:2] == ["topic", "src"] and row.split()[0] == "a"
    head, row = operate("bridges").lines
    assert head.split()[:3] == ["name", "version", "address"] and row.split()[-1] == "ready"
    told = json.loads(operate("rights", "--user", "ada", "--role", "ops,dev", "x", "@user/bob", "--json").out)
    assert told["roles"] == ["ops", "dev"]
    assert [row["granted"] for row in told["asked"]] == [True, False]
    own = tmp_path / "own"
    own.write_text(bridge.admin_token + "\n")
    assert "auth.claims.admin" in operate("rights", "--of", own).out
    shown = operate("rights", "--user", "ada", "--role", "ops,dev", "x").out
    assert "roles    ops, dev\n" in shown and "pattern *, from auth.user.subscribe" in shown
    refused = operate("rights", "--of", "-", given="not-a-token")
    assert refused.code == FAILED and "no key is configured" in refused.out
    assert operate("rights").code == USAGE and operate("rights", "--of", own, "--role", "x").code == USAGE


def test_check_tells_how_much_of_its_memory_a_bridge_has():
    with measuring("zws_memory_limit_bytes 1000\nprocess_resident_memory_bytes 250\n") as url:
        told = zws("check", "--url", url)
    assert told.code == DONE and "25 % of its limit" in told.out
    with measuring("zws_memory_limit_bytes 0\nprocess_resident_memory_bytes 250\n") as url:
        assert "limit" not in zws("check", "--url", url).out
