"""TLS on the bridge's own port: what is spoken, what is refused and how, certificates and their reload."""

import os
import re
import socket
import ssl
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.bridge import DAEMON
from support.certificate import Certificate, pem_of
from support.raw_socket import CLOSE, RawSocket
from support.ws_client import WsClient

pytestmark = pytest.mark.short

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def encryption(tmp_path_factory):
    """Every bridge here speaks TLS."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


def connected(bridge, context=None, **options):
    """A TLS connection that has said nothing yet."""
    plain = socket.create_connection(("127.0.0.1", bridge.port), timeout=30)
    return (context or bridge.tls).wrap_socket(plain, server_hostname="localhost", **options)


def certificate_of(bridge, trusted):
    with connected(bridge, trusted.context()) as client:
        return client.getpeercert(binary_form=True)


def openssl(bridge, *arguments, given=b""):
    """`openssl s_client` against the bridge, to its end."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{bridge.port}", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


# ---- what is spoken ----


def test_listening_says_https_and_whose_certificate_it_is(bridge):
    assert f"https://127.0.0.1:{bridge.port}" in bridge.log.wait_for(r"\blistening\b")
    bridge.log.wait_for(r"TLS: the certificate is of CN=bridge, valid until \d{4}-")


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_https_and_wss_are_spoken_on_one_port(shared_bridge, shared_producer, encryption, version):
    context = encryption.context(version)
    with connected(shared_bridge, context) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    with WsClient(shared_bridge.ws_url, tls=context) as client:
        client.subscribe("a")
        shared_producer.send("a", {"type": "x", "n": 1})
        assert client.receive()["n"] == 1


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(shared_bridge, version):
    said = openssl(shared_bridge, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM"])
def test_ciphers_of_the_past_are_refused(shared_bridge, encryption, ciphers):
    context = encryption.context(ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        connected(shared_bridge, context)


def test_http_1_1_is_chosen_and_other_protocols_are_refused(shared_bridge, encryption):
    context = encryption.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connected(shared_bridge, context) as client:
        assert client.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connected(shared_bridge, context)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_client_that_comes_back_resumes_its_session_on_any_lane(shared_bridge, encryption, version):
    context = encryption.context(version)
    session = None
    for turn in range(6):
        with connected(shared_bridge, context, session=session) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert client.session_reused == (turn > 0)
            session = client.session


def test_the_end_is_told_by_tls_too(shared_bridge):
    """Without close_notify a client could not tell the end from an attacker's."""
    with connected(shared_bridge, suppress_ragged_eofs=False) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while client.recv(65536):
            pass


def test_half_a_close_still_gets_its_answer(shared_bridge):
    with shared_bridge.raw() as client:
        client.request("GET /healthz HTTP/1.1", {"Host": "localhost"})
        client.end_sending()
        assert client.answer()[0] == 200


def test_many_handshakes_at_once_all_succeed(shared_bridge):
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _: shared_bridge.get("/healthz").status, range(200))) == [200] * 200


# ---- what is refused ----


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /api/ws/publish HTTP/1.1", "HEAD / HTTP/1.1"])
def test_plain_http_is_told_to_use_https(shared_bridge, line):
    with RawSocket(shared_bridge.port) as client:
        client.request(line, {"Host": "localhost", "Content-Length": "100000"})
        client.send(b"x" * 100_000)
        status, headers = client.answer()
        assert status == 400 and b"https://" in client.take(int(headers["content-length"]))
        assert client.at_end()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"hello\r\n\r\n",
        os.urandom(64).replace(b"\x16", b"\x17"),
        b"\x16\x03\x01\xff\xff" + b"\x01" * 100,
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
    ],
    ids=["zeros", "text", "random", "record-too-long", "hello-too-long", "sslv2"],
)
def test_garbage_in_place_of_a_hello_is_ended(make_bridge, garbage):
    bridge = make_bridge({"limits.handshake_timeout": "1s"})
    with RawSocket(bridge.port) as client:
        client.send(garbage)
        try:
            while client.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
    assert bridge.get("/healthz").status == 200


def test_who_stops_in_the_handshake_is_cut(make_bridge):
    bridge = make_bridge({"limits.handshake_timeout": "1s"})
    with RawSocket(bridge.port) as silent, RawSocket(bridge.port) as half:
        half.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert silent.at_end() and half.at_end()
    bridge.wait_metric("zws_handshakes_total", 2, result="timeout")


def test_who_stops_after_the_handshake_is_told_408(make_bridge):
    bridge = make_bridge({"limits.handshake_timeout": "1s"})
    with bridge.raw() as silent:
        assert silent.answer()[0] == 408
    bridge.wait_metric("zws_handshakes_total", 1, result="timeout")


def test_who_breaks_off_in_the_handshake_leaves_nothing(bridge):
    before = bridge.metric("process_open_fds")
    for _ in range(20):
        with RawSocket(bridge.port) as client:
            client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    bridge.wait_metric("process_open_fds", before)


def test_a_client_that_does_not_trust_the_certificate_is_counted_and_logged(bridge, tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(bridge, Certificate(tmp_path, "other").context())
    bridge.log.wait_for(r"a TLS handshake with 127\.0\.0\.1 failed: .*alert unknown ca")
    bridge.wait_metric("zws_handshakes_total", 1, result="tls_failed")


def test_renegotiation_is_refused(shared_bridge):
    said = openssl(shared_bridge, "-tls1_2", given=b"R\nGET /healthz HTTP/1.1\r\n\r\n")
    assert "RENEGOTIATING" in said and "no renegotiation" in said
    assert "HTTP/1.1" not in said
    assert shared_bridge.get("/healthz").status == 200


def test_a_reset_connection_is_let_go(bridge):
    for _ in range(10):
        client = bridge.raw()
        assert client.upgrade()[0] == 101
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    bridge.wait_metric("zws_connections", 0)


# ---- certificates ----


def test_a_chain_is_sent_whole(make_bridge, tmp_path):
    root = Certificate(tmp_path, "root")
    middle = Certificate(tmp_path, "middle", issuer=root)
    leaf = Certificate(tmp_path, "leaf", issuer=middle)
    leaf.cert_file.write_bytes(leaf.pem + middle.pem)
    bridge = make_bridge(certificate=leaf)
    with connected(bridge, root.context()) as client:
        assert client.getpeercert(binary_form=True) == leaf.der


@pytest.mark.parametrize(
    "make_key", [lambda: rsa.generate_private_key(65537, 2048), lambda: ec.generate_private_key(ec.SECP384R1())]
)
def test_other_kinds_of_key_serve_too(make_bridge, tmp_path, make_key):
    bridge = make_bridge(certificate=Certificate(tmp_path, key=make_key()))
    for version in VERSIONS:
        bridge.tls.minimum_version = bridge.tls.maximum_version = version
        assert bridge.get("/healthz").status == 200


def test_a_reload_takes_the_new_pair_for_new_connections_only(make_bridge, make_producer, tmp_path):
    old = Certificate(tmp_path / "old")
    new = Certificate(tmp_path / "new")
    bridge = make_bridge(certificate=old)
    client = bridge.connect()
    client.subscribe("a")
    assert certificate_of(bridge, old) == old.der
    old.cert_file.write_bytes(new.pem)
    old.key_file.write_bytes(new.key_file.read_bytes())
    assert "reloaded, no setting changed" in bridge.reload(), "the names are the same, the files are not"
    assert certificate_of(bridge, new) == new.der
    make_producer(bridge.endpoint).send("a", {"type": "x", "n": 1})
    assert client.receive()["n"] == 1


def test_the_metrics_say_until_when_the_certificate_in_force_is_valid(make_bridge, tmp_path):
    bridge = make_bridge(certificate=None)
    assert bridge.metric("zws_tls_certificate_not_after") == 0
    soon, later = Certificate(tmp_path / "soon", days=(-1, 3)), Certificate(tmp_path / "later", days=(-1, 90))
    for pair in (soon, later):
        bridge.settings.update(pair.settings)
        bridge.reload()
        bridge.tls = pair.context()
        assert bridge.metric("zws_tls_certificate_not_after") == pair.not_after
    later.key_file.write_bytes(soon.key_file.read_bytes())
    assert "not reloaded" in bridge.reload()
    assert bridge.metric("zws_tls_certificate_not_after") == later.not_after, "refused, so the old one is in force"


def test_the_log_warns_of_a_certificate_that_ends_soon_once_a_day(make_bridge, tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "20000")  # so that main looks a hundred times a second
    bridge = make_bridge(certificate=Certificate(tmp_path / "old", days=(-1, 10)))
    bridge.log.wait_for(r" warning TLS: the certificate ends in (9|10) days; renew it and reload$")
    answers = [bridge.get("/healthz").status for _ in range(30)]  # some of its rounds
    pairs = [Certificate(tmp_path / "renewed", days=(-1, 15)), Certificate(tmp_path / "sooner", days=(-1, 3))]
    for pair in pairs:
        bridge.settings.update(pair.settings)
        bridge.reload()
        bridge.tls = pair.context()
        answers.append(bridge.get("/healthz").status)
    bridge.log.wait_for(r"the certificate ends in [23] days")
    assert bridge.stop() == 0
    assert set(answers) == {200}
    assert sum("certificate ends in" in line for line in bridge.log.lines) == 2


def test_check_warns_of_a_certificate_that_ends_soon(tmp_path):
    for name, left, says in (("soon", 10, "the certificate ends in"), ("ended", -1, "has ended"), ("later", 30, "")):
        pair = Certificate(tmp_path / name, days=(-30, left))
        files = (f"--set=server.tls_cert={pair.cert_file}", f"--set=server.tls_key={pair.key_file}")
        done = subprocess.run([DAEMON, "--check", "--strict", *files], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, "the configuration is right, whatever the time is"
        assert says in done.stderr and bool(says) == bool(done.stderr), done.stderr


def test_a_reload_with_a_wrong_pair_is_refused_whole(make_bridge, tmp_path):
    old = Certificate(tmp_path / "old")
    bridge = make_bridge(certificate=old)
    old.key_file.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    bridge.settings["limits.subscriptions"] = 1
    assert "not reloaded" in bridge.reload() and "server.tls_key" in bridge.log.tail(1)
    assert certificate_of(bridge, old) == old.der
    client = bridge.connect()
    for topic in ("a", "b"):
        client.subscribe(topic)


def test_a_reload_may_begin_to_encrypt(make_bridge, tmp_path):
    certificate = Certificate(tmp_path)
    bridge = make_bridge(certificate=None)
    client = bridge.connect()
    bridge.settings.update(certificate.settings)
    bridge.reload()
    assert certificate_of(bridge, certificate) == certificate.der
    assert client.ask({"type": "ping"})["type"] == "pong"


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["over", "early"])
def test_a_certificate_that_no_client_will_take_is_a_warning(make_bridge, tmp_path, days):
    bridge = make_bridge(certificate=Certificate(tmp_path, days=days))
    bridge.log.wait_for("warning TLS: clients will refuse the certificate of CN=bridge")


def broken_pairs(pair, folder):
    """What is wrong -> the lines of [server], the key that is at fault, and words of the complaint."""
    other = Certificate(folder, "other", key=rsa.generate_private_key(65537, 2048))
    locked = folder / "locked.pem"
    locked.write_bytes(pem_of(pair.key, b"secret"))
    damaged = folder / "damaged.pem"
    damaged.write_bytes(pair.pem.replace(b"M", b"N", 40))
    empty = folder / "empty.pem"
    empty.touch()
    weak = Certificate(folder, "weak", key=rsa.generate_private_key(65537, 1024))
    cert, key = pair.cert_file, pair.key_file
    return {
        "passphrase": (cert, locked, "server.tls_key", "passphrase"),
        "another key": (cert, other.key_file, "server.tls_key", "is not the key of the certificate"),
        "no key": (cert, cert, "server.tls_key", "no private key"),
        "no certificate": (key, key, "server.tls_cert", "no certificate"),
        "damaged": (damaged, key, "server.tls_cert", "cannot be read"),
        "empty": (empty, key, "server.tls_cert", "empty"),
        "missing": (cert, folder / "missing.pem", "server.tls_key", "No such file"),
        "a folder": (folder, key, "server.tls_cert", "irectory"),
        "too weak": (weak.cert_file, weak.key_file, "server.tls_cert", "too small"),
    }


@pytest.mark.parametrize(
    "wrong",
    ["passphrase", "another key", "no key", "no certificate", "damaged", "empty", "missing", "a folder", "too weak"],
)
def test_a_pair_that_cannot_serve_is_one_line_and_exit_code_2(encryption, tmp_path, wrong):
    cert, key, named, words = broken_pairs(encryption, tmp_path)[wrong]
    file = tmp_path / "bridge.toml"
    file.write_text(f'[server]\ntls_cert = "{cert}"\ntls_key = "{key}"\n')
    line = 2 if named == "server.tls_cert" else 3
    for check in ([], ["--check"]):
        done = subprocess.run([DAEMON, "--config", file, *check], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith(f"zwsbridge: {file}:{line}: {named}"), done.stderr
        assert words in done.stderr and "secret" not in done.stderr


# ---- the end ----


def test_clients_are_told_to_come_back_when_it_stops(bridge):
    clients = [bridge.connect() for _ in range(20)]
    with bridge.raw() as by_hand:
        by_hand.upgrade()
        assert bridge.stop() == 0
        while (frame := by_hand.frame()).opcode != CLOSE:
            pass
        assert frame.close_code == 1012
    assert [client.wait_closed()[0] for client in clients] == [1012] * 20
    assert not [line for line in bridge.log.since(0) if re.search("error|warning", line)]
