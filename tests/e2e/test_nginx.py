"""Behind nginx, the usual way: compose/nginx.conf, told with a real nginx."""

import json
import re

import pytest
from websockets.exceptions import InvalidStatus

from support.bridge import ROOT
from support.nginx import Nginx
from support.raw_socket import PING, PONG, TEXT
from support.tokens import Issuer, bearer

READ_TIMEOUT = "proxy_read_timeout 90s"


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def guarded(make_bridge, issuer, tmp_path):
    """Makes bridges that need a token: without a key a bridge refuses what was forwarded."""
    return lambda **settings: make_bridge({**issuer.settings(tmp_path), **settings})


def test_events_and_rest_pass_over_tls(guarded, make_producer, issuer):
    bridge = guarded()
    producer = make_producer(bridge.endpoint)
    with Nginx(bridge.port) as nginx, nginx.connect(headers=bearer(issuer.token("alice"))) as client:
        assert client.hello["user"] == "alice"
        client.subscribe("a")
        producer.send("a", {"type": "x", "n": 1})
        assert client.receive()["n"] == 1
        with nginx.raw() as administrator:
            body = b'{"topic":"a","message":{"type":"x","n":2}}'
            head = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
            administrator.request("POST /api/ws/publish HTTP/1.1", {**head, **bearer(issuer.admin())})
            administrator.send(body)
            assert administrator.answer()[0] == 200
        assert client.receive()["n"] == 2


def test_the_client_keeps_its_own_address_and_cannot_forge_one(guarded, issuer):
    bridge = guarded(**{"server.trusted_proxies": ["127.0.0.1"]})
    forged = {"X-Forwarded-For": "203.0.113.9", **bearer(issuer.token("alice"))}
    with (
        Nginx(bridge.port) as nginx,
        nginx.connect(headers=forged, source_address=("127.0.0.5", 0)),
    ):
        (row,) = bridge.get("/api/ws/connections", bearer(issuer.admin())).json["connections"]
        assert row["address"] == "127.0.0.5"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("app.example", "https://app.example", 101),
        ("app.example:8443", "https://app.example:8443", 101),
        ("app.example", "https://evil.example", 403),
        ("app.example", "https://app.example:8443", 403),
    ],
)
def test_the_page_must_come_from_the_name_that_nginx_serves(guarded, host, origin, status):
    bridge = guarded()
    with Nginx(bridge.port) as nginx, nginx.raw() as client:
        assert client.upgrade(host=host, origin=origin)[0] == status


def test_the_heartbeat_keeps_a_quiet_client_through_nginx(guarded):
    bridge = guarded(**{"heartbeat.interval": "1s", "heartbeat.timeout": "30s"})
    with Nginx(bridge.port, changes={READ_TIMEOUT: "proxy_read_timeout 2s"}) as nginx, nginx.raw() as client:
        assert client.upgrade()[0] == 101
        pings = 0
        while pings < 4:  # one a second: twice the time after which nginx lets go of the silent
            frame = client.frame()
            if frame.opcode == PING:
                pings += 1
                client.send_frame(PONG, frame.payload)
        client.send_frame(TEXT, b'{"type":"ping"}')
        assert json.loads(client.frame().payload)["type"] == "pong"


def test_without_one_in_time_nginx_cuts_it(guarded):
    """What the line of docs/OPERATING.md warns of."""
    bridge = guarded()
    with Nginx(bridge.port, changes={READ_TIMEOUT: "proxy_read_timeout 1s"}) as nginx, nginx.raw() as client:
        assert client.upgrade()[0] == 101
        assert json.loads(client.frame().payload)["heartbeat"] == 25
        assert client.at_end()
    bridge.wait_metric("zws_connections", 0)


def test_clients_come_back_when_their_bridge_restarts(guarded):
    bridge = guarded()
    with Nginx(bridge.port) as nginx:
        with nginx.connect() as client:
            assert bridge.stop() == 0
            assert client.wait_closed()[0] == 1012
        with pytest.raises(InvalidStatus) as refused:
            nginx.connect()
        assert refused.value.response.status_code == 502
        bridge.start()
        with nginx.connect() as client:
            assert client.ask({"type": "ping"})["type"] == "pong"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_other_bridge_takes_over(guarded, make_producer, end):
    bridges = [guarded(), guarded()]
    with Nginx(*(bridge.port for bridge in bridges)) as nginx:
        clients = [nginx.connect() for _ in range(4)]
        assert [bridge.metric("zws_connections") for bridge in bridges] == [2, 2]
        getattr(bridges[0], end)()
        for client in clients:
            client.close()
        for _ in range(4):
            with nginx.connect() as client:
                assert client.ask({"type": "ping"})["type"] == "pong"


def test_no_token_is_in_the_access_log(guarded, issuer):
    token = issuer.token("alice")
    bridge = guarded()
    with Nginx(bridge.port) as nginx:
        with nginx.connect(f"?token={token}") as client:
            assert client.hello["user"] == "alice"
        nginx.stop()
        said = nginx.log("access") + nginx.log("error")
        assert "GET /api/ws" in said and token not in said


def test_no_token_is_in_any_log_while_the_bridge_is_down(guarded, issuer):
    token = issuer.token("alice")
    bridge = guarded()
    port = bridge.port
    assert bridge.stop() == 0
    with Nginx(port, port) as nginx:
        for path in ("/api/ws", "/healthz"):
            for _ in range(3):  # refused by both, then nobody left to ask
                with nginx.raw() as client:
                    client.request(f"GET {path}?token={token} HTTP/1.1", {"Host": "127.0.0.1"})
                    assert client.answer()[0] == 502
        nginx.stop()
        access, error = nginx.log("access"), nginx.log("error")
    assert token not in access + error
    assert f'"GET /api/ws" 502 127.0.0.1:{port}' in access, "who was asked in vain is still said"


def test_every_configuration_of_the_page_keeps_requests_out_of_both_logs():
    page = (ROOT / "docs/OPERATING.md").read_text()
    servers = [text for text in re.findall(r"^(?:map |server ).*?^}$", page, re.M | re.S) if "proxy_pass" in text]
    assert len(servers) == 2
    for server in servers:
        assert "access_log off;" in server and "error_log stderr emerg;" in server


def test_in_open_mode_nothing_passes(make_bridge):
    """A bridge without a key trusts this machine, and nginx brings the world to it."""
    bridge = make_bridge()
    with Nginx(bridge.port) as nginx, nginx.raw() as client:
        assert client.upgrade()[0] == 403
