"""Where the bridge listens: several addresses, both families of localhost, Unix sockets."""

import json
import socket

import pytest

from support.bridge import free_port
from support.certificate import Certificate
from support.raw_socket import RawSocket
from support.tokens import bearer


def unix(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return RawSocket.over(client)


def status_of(client, path="/healthz", **headers):
    with client:
        client.request(f"GET {path} HTTP/1.1", {"Host": "localhost", **headers})
        return client.answer()[0]


def ip(host, port):
    return RawSocket.over(socket.create_connection((host, port), timeout=30))


def refused(bridge):
    """The one line of a start that must fail, and its exit code."""
    bridge.launch()
    code = bridge.wait()
    (line,) = bridge.log.tail(400).strip().splitlines()
    return code, line


def test_localhost_is_both_families(make_bridge):
    port = free_port()
    bridge = make_bridge({"server.listen": f"localhost:{port}"})
    assert f"http://127.0.0.1:{port}, http://[::1]:{port} " in bridge.log.wait_for("listening on")
    for host in ("127.0.0.1", "::1"):
        assert status_of(ip(host, port)) == 200
        with ip(host, port) as client:
            assert client.upgrade(origin="http://localhost:3000")[0] == 101


def test_any_free_port_of_localhost_is_one_of_both_families(make_bridge):
    line = make_bridge({"server.listen": "localhost:0"}).log.wait_for("listening on")
    first, second = (int(part.split()[0].strip(",").rsplit(":", 1)[1]) for part in line.split("http://")[1:])
    assert first == second != 0


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_localhost_of_which_one_half_is_taken_ends_the_start(make_bridge, taken):
    port = free_port()
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with socket.socket(family) as other:
        other.bind((taken, port))
        other.listen()
        code, line = refused(make_bridge({"server.listen": f"localhost:{port}"}, start=False))
    assert code == 1 and f"localhost:{port}" in line


def test_several_addresses_are_served_alike(make_bridge, make_producer, tmp_path):
    ports = [free_port(), free_port()]
    path = tmp_path / "http.sock"
    listen = [f"127.0.0.1:{ports[0]}", f"[::1]:{ports[1]}", f"unix:{path}"]
    bridge = make_bridge({"server.listen": listen})
    producer = make_producer(bridge.endpoint)
    clients = [ip("127.0.0.1", ports[0]), ip("::1", ports[1]), unix(path)]
    for client in clients:
        assert client.upgrade()[0] == 101
        client.frame()
        client.send_frame(1, json.dumps({"type": "subscribe", "topic": "a"}).encode())
        client.frame()
    producer.send("a", {"type": "x", "n": 1})
    for client in clients:
        assert json.loads(client.frame().payload)["n"] == 1
        client.socket.close()


def test_all_ipv4_addresses_may_stand_beside_all_ipv6_addresses(make_bridge):
    port = free_port()
    make_bridge({"server.listen": [f"[::]:{port}", f"0.0.0.0:{port}"], "auth.open": True})
    assert status_of(ip("127.0.0.1", port)) == status_of(ip("::1", port)) == 200


def test_a_unix_socket_is_a_proxy_of_this_machine(make_bridge, issuer, tmp_path):
    """Whoever connects to it says in X-Forwarded-For for whom; else it is 127.0.0.1."""
    path = tmp_path / "http.sock"
    bridge = make_bridge({**issuer.settings(tmp_path), "server.listen": [f"127.0.0.1:{free_port()}", f"unix:{path}"]})
    admin = bearer(issuer.admin())
    for headers, address in (({}, "127.0.0.1"), ({"x_forwarded_for": "203.0.113.7"}, "203.0.113.7")):
        with unix(path) as client, unix(path) as administrator:
            assert client.upgrade(**headers)[0] == 101
            client.frame()
            administrator.request("GET /api/ws/connections HTTP/1.1", {"Host": "localhost", **admin})
            size = int(administrator.answer()[1]["content-length"])
            assert f'"address":"{address}"'.encode() in administrator.take(size)
        bridge.wait_until(lambda: b'"client_id"' not in connections(path, admin), "it has left")


def connections(path, admin):
    with unix(path) as client:
        client.request("GET /api/ws/connections HTTP/1.1", {"Host": "localhost", **admin})
        return client.take(int(client.answer()[1]["content-length"]))


def test_a_unix_socket_alone_will_do_and_goes_with_the_bridge(make_bridge, tmp_path):
    path = tmp_path / "http.sock"
    bridge = make_bridge({"server.listen": f"unix:{path}"})
    with unix(path) as client:
        assert client.upgrade()[0] == 101
        client.frame()
        assert bridge.stop() == 0
    assert not path.exists()


def test_a_unix_socket_speaks_plain_http_beside_tls(make_bridge, tmp_path):
    certificate = Certificate(tmp_path)
    path = tmp_path / "http.sock"
    port = free_port()
    bridge = make_bridge({"server.listen": [f"127.0.0.1:{port}", f"unix:{path}"]}, certificate=certificate)
    assert f"https://127.0.0.1:{port}, unix:{path} " in bridge.log.wait_for("listening on")
    assert status_of(unix(path)) == 200
    with socket.create_connection(("127.0.0.1", port)) as plain:
        assert status_of(RawSocket.over(plain)) == 400


def test_the_socket_of_a_bridge_that_was_killed_is_taken_over(make_bridge, tmp_path):
    path = tmp_path / "http.sock"
    bridge = make_bridge({"server.listen": f"unix:{path}"})
    bridge.kill()
    assert path.is_socket()
    bridge.start()
    assert status_of(unix(path)) == 200


def test_what_lies_at_the_path_of_a_socket_is_not_removed_unseen(make_bridge, tmp_path):
    path = tmp_path / "http.sock"
    path.write_text("precious")
    code, line = refused(make_bridge({"server.listen": f"unix:{path}"}, start=False))
    assert code == 1 and f"unix:{path}" in line and path.read_text() == "precious"
    path.unlink()
    make_bridge({"server.listen": f"unix:{path}"})
    code, line = refused(make_bridge({"server.listen": f"unix:{path}"}, start=False))
    assert code == 1 and "another process listens there" in line
    assert status_of(unix(path)) == 200


def test_one_address_that_others_reach_needs_a_key(make_bridge):
    listen = [f"127.0.0.1:{free_port()}", f"0.0.0.0:{free_port()}"]
    code, line = refused(make_bridge({"server.listen": listen}, start=False))
    assert code == 2 and "auth.open" in line
