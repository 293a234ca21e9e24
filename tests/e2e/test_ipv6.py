"""IPv6: the port, the addresses that come to it, and IPv4 that comes by way of it."""

import socket

import pytest

from support.bridge import free_port
from support.raw_socket import RawSocket
from support.tokens import bearer


def raw_to(host, port):
    """A raw connection to another address than 127.0.0.1."""
    return RawSocket.over(socket.create_connection((host, port), timeout=30))


def get(host, port, path, headers):
    with raw_to(host, port) as client:
        client.request(f"GET {path} HTTP/1.1", {"Host": f"[{host}]:{port}" if ":" in host else host, **headers})
        status, answered = client.answer()
        return status, client.take(int(answered["content-length"])).decode()


def test_open_mode_on_ipv6_loopback(make_bridge):
    port = free_port()
    bridge = make_bridge({"server.listen": f"[::1]:{port}"})
    bearer_of = {"Authorization": f"Bearer {bridge.admin_token}"}
    with raw_to("::1", port) as client:
        assert client.upgrade(host=f"[::1]:{port}")[0] == 101
        client.frame()
        status, text = get("::1", port, "/api/ws/connections", bearer_of)
        assert status == 200 and '"address":"::1"' in text
    assert get("::1", port, "/healthz", {})[0] == 200
    assert get("::1", port, "/healthz", {"Host": "[::2]"})[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_port_for_both_families_knows_an_ipv4_address_for_what_it_is(make_bridge, issuer, tmp_path, host):
    """`::ffff:127.0.0.1` would be another client to limits and no proxy to server.trusted_proxies."""
    port = free_port()
    settings = {**issuer.settings(tmp_path), "server.listen": f"[::]:{port}", "limits.connections_per_ip": 1}
    make_bridge(settings)
    token = bearer(issuer.admin())
    with raw_to(host, port) as client:
        assert client.upgrade(host="bridge.example", x_forwarded_for="203.0.113.7")[0] == 101
        client.frame()
        status, text = get(host, port, "/api/ws/connections", token)
        assert status == 200 and '"address":"203.0.113.7"' in text, "loopback is a trusted proxy"
    with raw_to(host, port) as client, raw_to(host, port) as second:
        assert client.upgrade(host="bridge.example")[0] == 101
        client.frame()
        assert f'"address":"{host}"' in get(host, port, "/api/ws/connections", token)[1]
        assert second.upgrade(host="bridge.example")[0] == 101
        assert second.close_code() == 1013
