"""`zws` at a terminal and in a script, against the real bridge."""

import fcntl
import json
import os
import pty
import re
import secrets
import signal
import socket
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import zmq

from support.bridge import ROOT, free_port
from support.certificate import Certificate
from support.listener import Listener
from support.tls_proxy import TlsProxy
from support.zws_tool import (
    CANNOT_CONNECT,
    DEADLINE,
    DENIED,
    DONE,
    FAILED,
    TIMED_OUT,
    USAGE,
    ZWS,
    Running,
    environment,
    zws,
)

COMMANDS = [
    "pub", "sub", "tap", "token", "stats", "check", "connections", "topics", "kick", "broadcast", "notify", "bench",
    "keygen", "demo", "completion",
]  # fmt: skip
NOBODY = "tcp://127.0.0.1:1"


def wait_until_bound(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"nobody listens on {port}")


def wait_until_left(endpoint: str) -> None:
    """Until nobody is connected to that port: what a producer writes before it has seen the end is lost."""
    port = f":{int(endpoint.rpartition(':')[2]):04X}"
    until = time.monotonic() + 30
    while time.monotonic() < until:
        connections = [line.split()[2:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if not any(remote.endswith(port) and state in ("01", "08") for remote, state in connections):
            return
    raise AssertionError(f"somebody is still connected to {endpoint}")


def wait_until_asleep(pid: int) -> None:
    """Until it waits for something, whatever that is, or has ended."""
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R":
        assert time.monotonic() < until, "it never waits"


def wait_until_full(pipe: int) -> None:
    """Until a pipe that nobody reads holds about all it can."""
    until = time.monotonic() + 30
    held = bytearray(4)
    while int.from_bytes(held, sys.byteorder) < 60_000:
        assert time.monotonic() < until, "the pipe does not fill"
        fcntl.ioctl(pipe, termios.FIONREAD, held)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(secrets.token_hex(32) + "\n")
    return path


@pytest.fixture
def locked(make_bridge, secret_file):
    """A bridge with a key: who has no token may not listen."""
    return make_bridge({"auth.hs256_secret_file": str(secret_file)})


def token(secret_file: Path, *arguments: object) -> str:
    return zws("token", "--secret-file", secret_file, *arguments).out.strip()


# ---- pub and sub ----


@pytest.mark.short
def test_what_pub_sends_sub_receives(bridge):
    with Running("sub", "orders", "--count", 1, "--url", bridge.ws_url) as sub:
        sub.wait_listening("orders")
        assert zws("pub", "orders", '{"type":"order","id":17}', "--to", bridge.endpoint).code == DONE
        ended = sub.ended()
    assert ended.code == DONE
    event = json.loads(ended.out)
    assert event.pop("@id")
    assert event == {"type": "order", "id": 17, "topic": "orders"}
    assert json.loads(ended.talk.splitlines()[0])["type"] == "connection"


@pytest.mark.short
def test_the_first_message_is_never_lost(bridge):
    client = bridge.connect()
    client.subscribe("n")
    for number in range(20):
        assert zws("pub", "n", number, "--to", bridge.endpoint).code == DONE
    assert [client.receive()["data"] for _ in range(20)] == list(range(20))


def test_many_messages_come_in_order_whatever_the_queue_holds(bridge):
    count = 30_000
    client = bridge.connect()
    client.subscribe("n")
    done = zws("pub", "n", "{{count}}", "--count", count, "--header", "--to", bridge.endpoint)
    assert (done.code, done.out) == (DONE, "")
    bridge.wait_metric("zws_events_received_total", count)
    assert bridge.metric("zws_ingest_gaps_total") == 0


def test_templates_differ_with_each_message():
    with Listener() as heard:
        assert (
            zws("pub", "t:{{count}}", "{{count}} {{uuid}} {{time}} {{x}}", "--count", 3, "--to", heard.endpoint).code
            == DONE
        )
        seen = [heard.receive() for _ in range(3)]
    assert [frames[0] for frames in seen] == [b"t:1", b"t:2", b"t:3"]
    pattern = rb"(\d) [0-9a-f-]{36} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \{\{x\}\}"
    assert [re.fullmatch(pattern, frames[1])[1] for frames in seen] == [b"1", b"2", b"3"]
    assert len({frames[1] for frames in seen}) == 3


@pytest.mark.parametrize(
    ("given", "more", "expected"),
    [
        ("a\nb\n", [], [b"a", b"b"]),
        ("a\nlast", [], [b"a", b"last"]),
        ("{{count}}\n\n", [], [b"{{count}}", b""]),
        ("a\nb\nc\n", ["--count", 2], [b"a", b"b"]),
        ("", [], []),
    ],
)
def test_a_line_of_stdin_is_a_message(given, more, expected):
    with Listener() as heard:
        assert zws("pub", "t", "-", *more, "--to", heard.endpoint, given=given).code == DONE
        zws("pub", "end", "", "--to", heard.endpoint)
        seen = []
        while (frames := heard.receive())[0] != b"end":
            seen.append(frames[1])
    assert seen == expected


def test_headers_are_sent_only_when_asked_for():
    with Listener() as heard:
        to = heard.endpoint
        zws("pub", "t", "1", "--to", to)
        zws("pub", "t", "1", "--count", 2, "--header", "--to", to)
        zws("pub", "t", "1", "--key", "k", "--to", to)
        plain, first, second, keyed = (heard.receive() for _ in range(4))
    assert plain == [b"t", b"1"]
    first, second, keyed = (json.loads(frames[2]) for frames in (first, second, keyed))
    assert (first["seq"], second["seq"], first["src"]) == (1, 2, second["src"])
    assert abs(first["ts"] / 1e9 - time.time()) < 3600
    assert keyed["key"] == "k" and keyed["src"] != first["src"]


def test_a_rate_is_kept_and_loses_nothing():
    with Listener() as heard:
        assert zws("pub", "t", "{{count}}", "--count", 4, "--rate", 20, "--header", "--to", heard.endpoint).code == DONE
        heard_of = [heard.receive() for _ in range(4)]
    assert [payload for _, payload, _ in heard_of] == [b"1", b"2", b"3", b"4"]
    sent = [json.loads(header)["ts"] for _, _, header in heard_of]
    assert sent == sorted(sent)
    # Two pauses of 50 ms; the first may be over before the bridge has come.
    assert sent[-1] - sent[0] > 60_000_000


def test_no_bridge_is_said_and_has_its_exit_code():
    ended = zws("pub", "t", "x", "--to", NOBODY, "--wait", "0.2")
    assert (ended.code, ended.out) == (CANNOT_CONNECT, "")
    assert f"no bridge is listening at {NOBODY}" in ended.talk
    assert zws("demo", "import", "--to", NOBODY, "--wait", "0.2").code == CANNOT_CONNECT


def test_a_bridge_that_does_not_want_the_topic_is_said(make_bridge):
    bridge = make_bridge({"ingest.subscribe": ["import:"]})
    ended = zws("pub", "orders", "x", "--to", bridge.endpoint, "--wait", "0.5")
    assert ended.code == CANNOT_CONNECT
    assert "ingest.subscribe" in ended.talk
    assert zws("pub", "import:1", "x", "--to", bridge.endpoint).code == DONE


def test_pub_to_the_port_of_clients_says_so(bridge):
    ended = zws("pub", "t", "x", "--to", f"tcp://127.0.0.1:{bridge.port}", "--wait", "0.3")
    assert ended.code == CANNOT_CONNECT
    assert "speaks HTTP, not ZeroMQ" in ended.talk and "ingest.bind" in ended.talk


def test_the_endpoint_comes_from_the_environment_unless_it_is_given(make_bridge):
    bridges = [make_bridge(), make_bridge()]
    both = {"ZWS_ENDPOINT": ", ".join(bridge.endpoint for bridge in bridges)}
    clients = [bridge.connect() for bridge in bridges]
    for client in clients:
        client.subscribe("t")
    assert zws("pub", "t", "to both", env=both).code == DONE
    for client in clients:
        assert client.receive()["data"] == "to both"
    assert zws("pub", "t", "to the first", "--to", bridges[0].endpoint, env={"ZWS_ENDPOINT": NOBODY}).code == DONE
    assert clients[0].receive()["data"] == "to the first"
    for demo in ("import", "wallets", "status", "notify"):
        assert NOBODY in zws("demo", demo, "--wait", "0", env={"ZWS_ENDPOINT": NOBODY}).talk
        assert NOBODY in zws("demo", demo, "--wait", "0", "--to", NOBODY, env=both).talk
    assert "tcp://127.0.0.1:5556" in zws("pub", "--help", env={"ZWS_ENDPOINT": ""}).out
    here = f"tcp://127.0.0.1:{free_port()}"
    with Running("tap", "--count", 1, "--format", "payload", env={"ZWS_ENDPOINT": here}) as tap:
        assert zws("pub", "t", "tapped", "--wait", 20, env={"ZWS_ENDPOINT": here}).code == DONE
        assert tap.ended().out == "tapped"


def test_pub_waits_for_a_bridge_that_comes():
    port = free_port()
    with Running("pub", "t", "x", "--to", f"tcp://127.0.0.1:{port}", "--wait", 30) as pub:
        with Listener(f"tcp://127.0.0.1:{port}") as heard:
            assert heard.receive() == [b"t", b"x"]
        assert pub.wait() == DONE


def test_a_bridge_restarted_in_mid_stream_misses_nothing():
    heard = Listener()
    with Running("pub", "t", "-", "--to", heard.endpoint, stdin=subprocess.PIPE) as pub:
        lines = pub.process.stdin
        lines.write(b"before\n")
        lines.flush()
        assert heard.receive()[1] == b"before"
        heard.close()
        wait_until_left(heard.endpoint)
        lines.write(b"meanwhile\n")
        lines.close()
        with Listener(heard.endpoint) as again:
            assert again.receive()[1] == b"meanwhile"
        assert pub.wait() == DONE


def test_a_bridge_that_goes_for_good_is_said():
    heard = Listener()
    with Running("pub", "t", "-", "--to", heard.endpoint, stdin=subprocess.PIPE) as pub:
        lines = pub.process.stdin
        lines.write(b"before\n")
        lines.flush()
        assert heard.receive()[1] == b"before"
        heard.close()
        wait_until_left(heard.endpoint)
        lines.write(b"lost\n")
        lines.close()
        ended = pub.ended()
    assert ended.code == FAILED
    assert "not all messages could leave" in ended.talk


@pytest.mark.parametrize("topic", ["", "a*", "a\nb", "x" * 256, "@else"])
def test_a_topic_that_is_none_is_wrong_usage(topic):
    ended = zws("pub", topic, "x", "--to", NOBODY)
    assert ended.code == USAGE
    assert "is not a topic" in ended.talk


def test_sub_ends_with_count_or_timeout(bridge, producer):
    url = ("--url", bridge.ws_url)
    assert zws("sub", "t", "--timeout", "0.3", *url).code == DONE
    ended = zws("sub", "t", "--count", 1, "--timeout", "300ms", *url)
    assert (ended.code, ended.out) == (TIMED_OUT, "")
    assert "0 of 1 messages" in ended.talk
    with Running("sub", "t", "--count", 2, *url) as sub:
        sub.wait_listening("t")
        for number in range(5):
            producer.send("t", number)
        assert [json.loads(line)["data"] for line in sub.ended().lines] == [0, 1]


@pytest.mark.parametrize(
    ("payload", "as_json", "as_payload"),
    [
        (b'{"type":"x",\n"n":1.50}', r'\{"type":"x", "n":1\.50,"topic":"t","@id":"[^"]+"\}', '{"type":"x",\n"n":1.50}'),
        (b"[1, 2]", r'\{"type":"message","topic":"t","data":\[1, 2\],.*\}', "[1, 2]"),
        ("Grüße".encode(), r'\{"type":"message","topic":"t","data":"Grüße",.*\}', "Grüße"),
    ],
)
def test_formats(bridge, producer, payload, as_json, as_payload):
    shown = {}
    for form in ("json", "payload", "pretty"):
        with Running("sub", "t", "--count", 1, "--format", form, "--url", bridge.ws_url) as sub:
            sub.wait_listening("t")
            producer.send("t", payload)
            shown[form] = sub.ended().out
    assert re.fullmatch(as_json, shown["json"])
    assert shown["payload"] == as_payload
    header, _, body = shown["pretty"].partition("\n")
    assert re.fullmatch(r"\S+Z  t  \S+:\d+", header)
    if payload[:1] in b"{[":
        assert json.loads(body) == json.loads(payload)
    assert "\x1b" not in "".join(shown.values()), "no colour without a terminal"


def test_bytes_come_out_as_they_went_in(bridge, producer):
    with Running("sub", "t", "--count", 1, "--format", "payload", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        producer.send("t", b"\xff\xfe\x01")
        assert sub.ended().out == "\\xff\\xfe\x01", "as the test's log shows bytes"


def test_since_brings_what_was_missed_and_last_the_newest(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    for number in range(5):
        producer.send("t", number)
    ids = [client.receive()["@id"] for _ in range(5)]
    url = ("--url", bridge.ws_url)
    assert [json.loads(line)["@id"] for line in zws("sub", "t", "--since", ids[1], "--count", 3, *url).lines] == ids[2:]
    assert [json.loads(line)["@id"] for line in zws("sub", "t", "--last", 2, "--count", 2, *url).lines] == ids[3:]
    of_pattern = zws("sub", "*", "--since", f"t={ids[2]}", "--count", 2, *url)
    assert [json.loads(line)["@id"] for line in of_pattern.lines] == ids[3:]


def test_a_reader_that_goes_ends_sub_quietly(bridge, producer):
    """`zws sub | head -1`: while messages come, and when no other one comes."""
    for more_to_come in (True, False):
        reading, writing = os.pipe()
        command = [str(ZWS), "sub", "t", "--url", bridge.ws_url]
        sub = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment())
        os.close(writing)
        for line in sub.stderr:
            if '"subscribed"' in line:
                break
        producer.send("t", "first")
        assert b"first" in os.read(reading, 65536)
        os.close(reading)
        if more_to_come:
            producer.send("t", "second")
        assert sub.wait(30) == DONE
        assert sub.stderr.read() == ""
        sub.stderr.close()


def test_pipes_that_never_block_are_waited_for(bridge):
    """As Node and asyncio leave them to their children: there may be nothing yet, or no room."""
    there, to_pub = os.pipe()
    from_sub, here = os.pipe()
    os.set_blocking(there, False)
    os.set_blocking(here, False)
    payloads = [f"{number}:{'x' * 1000}" for number in range(500)]
    command = [str(ZWS), "sub", "t", "--format", "payload", "--count", "500", "--url", bridge.ws_url]
    sub = subprocess.Popen(command, stdout=here, stderr=subprocess.PIPE, text=True, env=environment())
    os.close(here)
    for line in sub.stderr:
        if '"subscribed"' in line:
            break
    with Running("pub", "t", "-", "--to", bridge.endpoint, stdin=there) as pub:
        os.close(there)
        wait_until_asleep(pub.process.pid)
        with os.fdopen(to_pub, "w") as lines:
            lines.writelines(payload + "\n" for payload in payloads)
        assert pub.ended().code == DONE
    wait_until_full(from_sub)
    with os.fdopen(from_sub) as heard:
        assert heard.read().splitlines() == payloads
    assert sub.wait(30) == DONE
    sub.stderr.close()


def test_descriptors_that_are_closed_go_to_nothing_else(bridge, producer):
    command = f"exec {ZWS} sub t --count 1 --url {bridge.ws_url} <&- >&- 2>&-"
    sub = subprocess.Popen(["sh", "-c", command], env=environment())
    bridge.wait_metric("zws_subscriptions", 1)
    producer.send("t", "hello")
    assert sub.wait(30) == DONE
    assert (
        subprocess.run(["sh", "-c", f"exec {ZWS} check --url {bridge.url} >&- 2>&-"], env=environment()).returncode
        == DONE
    )


@pytest.mark.parametrize("command", [["completion", "bash"], ["keygen", "pair"]])
def test_a_full_disk_is_said(command, tmp_path):
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [ZWS, *command], stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path, timeout=30
        )
    assert ended.returncode == FAILED
    assert "No space left" in ended.stderr


def test_sub_says_why_it_cannot_connect():
    ended = zws("sub", "t", "--url", f"ws://127.0.0.1:{free_port()}/api/ws")
    assert ended.code == CANNOT_CONNECT
    assert "cannot connect to ws://127.0.0.1:" in ended.talk and "refused" in ended.talk
    assert "nobody listens there" in ended.talk


@pytest.mark.parametrize("command", [["sub", "t"], ["stats", "--token", "x"]], ids=lambda value: value[0])
def test_what_is_not_in_the_name_servers_or_speaks_no_tls_is_said(command, bridge):
    ended = zws(*command, "--url", "wss://nobody.invalid/api/ws")
    assert ended.code == CANNOT_CONNECT and "nobody.invalid" in ended.talk and "DNS" in ended.talk
    ended = zws(*command, "--url", bridge.ws_url.replace("ws://", "wss://"))
    assert ended.code == CANNOT_CONNECT and "if it does not speak TLS" in ended.talk


def test_a_wrong_time_names_the_units():
    ended = zws("sub", "t", "--timeout", "5min")
    assert ended.code == USAGE and "500ms" in ended.talk and "10m" in ended.talk and "'5min'" in ended.talk


def test_an_answer_that_is_no_websocket_is_said(bridge):
    ended = zws("sub", "t", "--url", f"{bridge.url}/healthz")
    assert ended.code == CANNOT_CONNECT
    assert "answered 404" in ended.talk and "clients connect to /api/ws" in ended.talk


def test_a_host_that_is_silent_does_not_hang_sub():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        ended = zws("sub", "t", "--count", 1, "--timeout", "0.5", "--url", f"ws://127.0.0.1:{port}/api/ws")
    assert ended.code == CANNOT_CONNECT and "in 0.5 s: nobody answers" in ended.talk


def test_a_connection_that_ends_is_said(bridge):
    with Running("sub", "t", "--once", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        bridge.stop()
        ended = sub.ended()
    assert ended.code == FAILED
    assert "1012" in ended.talk.splitlines()[-1]


def test_a_bridge_that_is_killed_is_said(bridge):
    with Running("sub", "t", "--once", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        bridge.kill()
        ended = sub.ended()
    assert ended.code == FAILED
    assert "closed the connection: 1006" in ended.talk


# ---- tokens ----


def test_a_token_is_what_the_bridge_takes(locked, secret_file):
    made = token(secret_file, "--user", "ada", "--topics", "orders:*,notifications", "--ttl", "2h")
    claims = jwt.decode(made, secret_file.read_text().strip(), algorithms=["HS256"])
    assert claims["sub"] == "ada" and claims["topics"] == ["orders:*", "notifications"]
    assert claims["exp"] - claims["iat"] == 7200 and "role" not in claims
    url = ("--url", locked.ws_url, "--timeout", "0.3")
    assert zws("sub", "orders:1", *url, env={"ZWS_TOKEN": made}).code == DONE
    assert zws("sub", "orders:1", *url, "--token", made, env={"ZWS_TOKEN": "another's"}).code == DONE, (
        "what is said counts"
    )
    assert '"user":"ada"' in zws("sub", "orders:1", *url, env={"ZWS_TOKEN": made}).talk
    assert zws("sub", "wallets", *url, env={"ZWS_TOKEN": made}).code == DENIED


def test_roles_and_other_claims_can_be_tried_out(make_bridge, secret_file):
    bridge = make_bridge(
        {
            "auth.hs256_secret_file": str(secret_file),
            "auth.user.subscribe": [],
            "auth.roles.ops.subscribe": ["import:*"],
            "auth.claims.roles": ["roles", "realm_access.roles"],
        }
    )
    secret = secret_file.read_text().strip()
    made = token(
        secret_file, "--user", "ada", "--role", "ops,dev", "--role", "x", "--claim", "tenant=acme", "--claim", "n=7"
    )
    claims = jwt.decode(made, secret, algorithms=["HS256"])
    assert (claims["roles"], claims["tenant"], claims["n"]) == (["ops", "dev", "x"], "acme", 7)
    nested = token(secret_file, "--user", "ada", "--claim", 'realm_access={"roles":["ops"]}')
    for good in (made, nested):
        assert zws("sub", "import:1", "--timeout", "0.2", "--url", bridge.ws_url, "--token", good).code == DONE
    other = token(secret_file, "--user", "ada", "--role", "dev")
    assert zws("sub", "import:1", "--timeout", "0.2", "--url", bridge.ws_url, "--token", other).code == DENIED
    for wrong in ("novalue", "=x"):
        assert zws("token", "--user", "ada", "--claim", wrong, "--secret-file", secret_file).code == USAGE


def test_one_address_serves_every_command_and_the_calls_of_the_docs(bridge):
    """ZWS_URL as docs/REST.md has it, and as browsers show it."""
    for url in (bridge.url, bridge.url + "/", bridge.ws_url, bridge.ws_url.removesuffix("/api/ws")):
        env = {"ZWS_URL": url, "ZWS_TOKEN": bridge.admin_token}
        assert zws("sub", "t", "--timeout", "0.2", env=env).code == DONE, url
        assert zws("stats", env=env).code == DONE, url


@pytest.mark.parametrize("way", ["argument", "file", "stdin", "environment"])
def test_each_way_to_give_a_token(way, locked, secret_file, tmp_path):
    made = token(secret_file, "--user", "ada")
    (tmp_path / "token").write_text(made + "\n")
    ways = {
        "argument": {"arguments": ["--token", made]},
        "file": {"arguments": ["--token-file", tmp_path / "token"]},
        "stdin": {"arguments": ["--token-file", "-"], "given": made},
        "environment": {"env": {"ZWS_TOKEN": made}},
    }
    options = ways[way]
    arguments = options.pop("arguments", [])
    ended = zws("sub", "t", "--timeout", "0.3", "--url", locked.ws_url, *arguments, **options)
    assert ended.code == DONE and '"user":"ada"' in ended.talk


def test_ps_does_not_show_a_token(locked, secret_file):
    made = token(secret_file, "--user", "ada")
    for given in (["--token", made], [f"--token={made}"]):
        with Running("sub", "t", "--url", locked.ws_url, *given) as sub:
            sub.wait_listening("t")
            shown = Path(f"/proc/{sub.process.pid}/cmdline").read_bytes()
        assert b"--token" in shown and made.encode() not in shown


@pytest.mark.parametrize("bad", ["nonsense", "a.b.c"])
def test_a_bad_token_is_denied(locked, bad):
    ended = zws("sub", "t", "--url", locked.ws_url, "--token", bad)
    assert ended.code == DENIED
    assert "4401" in ended.talk and "invalid_token" in ended.talk


def test_without_a_token_a_locked_bridge_denies(locked):
    ended = zws("sub", "t", "--url", locked.ws_url)
    assert ended.code == DENIED
    assert "cannot listen to 't'" in ended.talk


def test_a_token_that_cannot_be_read_or_made_is_said(tmp_path, secret_file):
    missing = tmp_path / "missing"
    ended = zws("sub", "t", "--token-file", missing)
    assert ended.code == FAILED and str(missing) in ended.talk and "No such file" in ended.talk
    assert zws("sub", "t", "--token", "two words").code == USAGE
    assert zws("token", "--user", "ada").code == USAGE
    ended = zws("token", "--user", "ada", "--secret-file", missing)
    assert ended.code == FAILED and str(missing) in ended.talk
    (tmp_path / "short").write_text("short")
    ended = zws("token", "--user", "ada", "--secret-file", tmp_path / "short")
    assert ended.code == FAILED and "at least 32" in ended.talk
    for wrong in (
        ["--user", "a*"],
        ["--user", ""],
        ["--user", "a", "--ttl", "soon"],
        ["--user", "a", "--topics", "a*b"],
    ):
        ended = zws("token", *wrong, "--secret-file", secret_file)
        assert (ended.code, ended.out) == (USAGE, ""), wrong


def test_the_secret_may_come_from_the_bridges_own_environment(secret_file):
    secret = secret_file.read_text().strip()
    for env in ({"ZWSBRIDGE_AUTH_HS256_SECRET": secret}, {"ZWSBRIDGE_AUTH_HS256_SECRET_FILE": str(secret_file)}):
        made = zws("token", "--user", "ada", "--admin", env=env).out.strip()
        assert jwt.decode(made, secret, algorithms=["HS256"])["role"] == "admin"


def test_being_thrown_out_is_denied(locked, secret_file):
    admin = token(secret_file, "--user", "root", "--admin")
    with Running("sub", "t", "--url", locked.ws_url, env={"ZWS_TOKEN": token(secret_file, "--user", "ada")}) as sub:
        sub.wait_listening("t")
        locked.http("DELETE", "/api/ws/users/ada/connections", headers={"Authorization": f"Bearer {admin}"})
        ended = sub.ended()
    assert ended.code == DENIED
    assert "4403" in ended.talk


# ---- tap ----


def test_tap_hears_producers_that_connect():
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with Running("tap", "a", "--count", 3, "--from", endpoint) as tap:
        for payload in ('{"n":1}', "text"):
            assert zws("pub", "a:1", payload, "--to", endpoint, "--wait", 30).code == DONE
        assert zws("pub", "a*"[:1], "{}", "--header", "--to", endpoint).code == DONE
        first, second, third = map(json.loads, tap.ended().lines)
    assert first == {"topic": "a:1", "payload": {"n": 1}}
    assert second == {"topic": "a:1", "payload": "text"}
    assert third["header"]["seq"] == 1


def test_tap_goes_to_a_producer_that_binds():
    producer = zmq.Context.instance().socket(zmq.XPUB)
    producer.linger = 0
    port = producer.bind_to_random_port("tcp://127.0.0.1")
    with Running("tap", "--count", 1, "--format", "payload", "--from", f"tcp://127.0.0.1:{port}") as tap:
        assert producer.recv() == b"\x01"
        producer.send_multipart([b"t", b"heard"])
        ended = tap.ended()
    producer.close()
    assert (ended.code, ended.out) == (DONE, "heard")


def test_tap_says_that_a_bridge_listens_there(bridge):
    ended = zws("tap", "--from", bridge.endpoint)
    assert ended.code == CANNOT_CONNECT
    assert "is it the bridge?" in ended.talk
    ended = zws("tap", "--bind", "--from", bridge.endpoint)
    assert ended.code == CANNOT_CONNECT
    assert "Address already in use" in ended.talk


def test_tap_says_that_there_is_no_such_host():
    ended = zws("tap", "--from", "tcp://nowhere.invalid:5556")
    assert ended.code == CANNOT_CONNECT and "cannot look up 'nowhere.invalid'" in ended.talk


def test_tap_does_not_take_an_ipc_address_from_a_bridge(make_bridge, tmp_path):
    endpoint = f"ipc://{tmp_path}/ingest"
    bridge = make_bridge({"ingest.bind": [endpoint]})
    assert zws("tap", "--from", endpoint).code == CANNOT_CONNECT
    client = bridge.connect()
    client.subscribe("t")
    assert zws("pub", "t", "still heard", "--to", endpoint).code == DONE
    assert client.receive()["data"] == "still heard"


def test_tap_tells_what_a_bridge_would_refuse():
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    producer = zmq.Context.instance().socket(zmq.XPUB)
    producer.linger = 1000
    with Running("tap", "--count", 3, "--from", endpoint) as tap:
        producer.connect(endpoint)
        assert producer.recv() == b"\x01"
        for frames in ([b"a*", b"x"], [b"nospace"], [b"temperature 21"]):
            producer.send_multipart(frames)
        faults = [json.loads(line).get("fault") for line in tap.ended().lines]
    producer.close()
    assert faults == ["topic_wildcard", "no payload", None]


def test_tap_times_out():
    ended = zws("tap", "--from", f"tcp://127.0.0.1:{free_port()}", "--count", 1, "--timeout", "0.2")
    assert ended.code == TIMED_OUT
    assert zws("tap", "--from", f"tcp://127.0.0.1:{free_port()}", "--timeout", "0.2").code == DONE
    assert zws("tap", "--from", "nonsense").code == USAGE


def test_a_reader_that_goes_ends_tap_quietly():
    port = free_port()
    reading, writing = os.pipe()
    tap = subprocess.Popen(
        [str(ZWS), "tap", "--from", f"tcp://127.0.0.1:{port}"], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    wait_until_bound(port)
    os.close(reading)
    assert tap.wait(30) == DONE
    assert tap.stderr.read() == b""
    tap.stderr.close()


# ---- stats ----


def test_stats_are_for_administrators(locked, secret_file):
    ended = zws("stats", "--url", locked.ws_url)
    assert (ended.code, ended.out) == (DENIED, "")
    assert zws("stats", "--url", locked.ws_url, "--token", token(secret_file, "--user", "ada")).code == DENIED
    admin = token(secret_file, "--user", "root", "--admin")
    ended = zws("stats", "--url", locked.ws_url, env={"ZWS_TOKEN": admin})
    assert ended.code == DONE
    assert isinstance(json.loads(ended.out), dict) and ended.out.count("\n") == 1


def test_stats_find_the_token_of_an_open_bridge(make_bridge, tmp_path):
    bridge = make_bridge(start=False)
    del bridge.settings["auth.admin_token_file"]
    runtime = tmp_path / "run"
    runtime.mkdir()
    os.environ["XDG_RUNTIME_DIR"], before = str(runtime), os.environ.get("XDG_RUNTIME_DIR")
    try:
        bridge.start()
        assert zws("stats", "--url", bridge.ws_url).code == DONE
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


FOLDER_AND_FILE = ["run", "run/zwsbridge-{port}.token"]


@pytest.fixture
def stats_by_found_token(bridge, tmp_path):
    """Runs `zws stats`, which finds the token in a folder of its own."""
    place = tmp_path / "run"
    place.mkdir(mode=0o700)
    (place / f"zwsbridge-{bridge.port}.token").write_text(bridge.admin_token)
    return lambda: zws("stats", "--url", bridge.ws_url, env={"XDG_RUNTIME_DIR": str(place)})


@pytest.mark.parametrize("which", FOLDER_AND_FILE)
def test_a_token_that_others_may_have_put_there_is_not_taken(bridge, tmp_path, stats_by_found_token, which):
    """As in /tmp, where whoever comes first makes the folder, and would be shown what this user does."""
    assert stats_by_found_token().code == DONE
    (tmp_path / which.format(port=bridge.port)).chmod(0o722)
    ended = stats_by_found_token()
    assert ended.code == DENIED and "is not taken: others may write to it" in ended.talk
    if os.geteuid() == 0:  # who alone can give files away
        (tmp_path / which.format(port=bridge.port)).chmod(0o700)
        os.chown(tmp_path / which.format(port=bridge.port), 65534, -1)
        ended = stats_by_found_token()
        assert ended.code == DENIED and "is not taken: it belongs to another user" in ended.talk


@pytest.mark.parametrize(
    ("chunks", "code"), [(b'2\r\n{"\r\n5;x=y\r\na":1}\r\n0\r\n\r\n', DONE), (b'9\r\n{"a"', FAILED)]
)
def test_an_answer_in_chunks_is_read(chunks, code):
    """As of a proxy that sends on what it has before it knows how long that is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Running("stats", "--url", f"ws://127.0.0.1:{server.getsockname()[1]}/", "--token", "x") as stats:
            server.settimeout(DEADLINE)
            proxied, _ = server.accept()
            with proxied:
                proxied.settimeout(DEADLINE)
                proxied.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                proxied.sendall(head + chunks)
            ended = stats.ended()
    assert ended.code == code, ended
    if code == DONE:
        assert json.loads(ended.out) == {"a": 1}
    else:
        assert "broke off" in ended.talk


def test_stats_watch_goes_on(bridge):
    with Running(
        "stats", "--watch", "--interval", "50ms", "--token-file", bridge.admin_token_file, "--url", bridge.ws_url
    ) as stats:
        mark = 0
        for _ in range(3):
            json.loads(stats.out.wait_for(r"^\{", after=mark))
            mark = stats.out.mark()


def test_stats_say_when_nobody_answers():
    assert zws("stats", "--url", f"ws://127.0.0.1:{free_port()}/api/ws").code == CANNOT_CONNECT


# ---- keys and CURVE ----


def test_keygen_writes_a_pair_that_fits(tmp_path):
    ended = zws("keygen", tmp_path / "bridge")
    secret, public = tmp_path / "bridge.secret", tmp_path / "bridge.public"
    assert ended.code == DONE and ended.out == public.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert zmq.curve_public(secret.read_text().strip().encode()).decode() == public.read_text().strip()
    again = zws("keygen", tmp_path / "bridge")
    assert again.code == FAILED and "--force" in again.talk and public.read_text() == ended.out
    assert zws("keygen", tmp_path / "bridge", "--force").code == DONE
    assert public.read_text() != ended.out and stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert zws("keygen", tmp_path / "missing" / "bridge").code == FAILED


def test_pub_with_the_right_keys_is_heard_and_with_others_denied(tmp_path):
    for name in ("bridge", "producer", "other"):
        zws("keygen", tmp_path / name)
    secret = (tmp_path / "bridge.secret").read_text().strip().encode()
    with Listener(curve_secretkey=secret, curve_publickey=zmq.curve_public(secret), curve_server=1) as heard:
        pub = ["pub", "t", "x", "--to", heard.endpoint]
        keys = ["--curve-server-key-file", tmp_path / "bridge.public"]
        assert zws(*pub, *keys).code == DONE
        assert zws(*pub, *keys, "--curve-secret-key-file", tmp_path / "producer.secret").code == DONE
        assert heard.receive() == heard.receive() == [b"t", b"x"]
        for wrong in ([], ["--curve-server-key-file", tmp_path / "other.public"]):
            ended = zws(*pub, *wrong, "--wait", 1)
            assert ended.code == DENIED
            assert "CURVE" in ended.talk
        ended = zws(*pub, "--curve-server-key-file", tmp_path / "missing")
        assert ended.code == FAILED and "missing" in ended.talk


# ---- demo ----


def test_demo_import_plays_an_import(bridge):
    client = bridge.connect()
    client.subscribe("import:task-9")
    client.subscribe("notifications")
    ended = zws("demo", "import", "--task-id", "task-9", "--rows", 20, "--rate", 100, "--to", bridge.endpoint)
    assert ended.code == DONE
    events = [client.receive() for _ in range(5)]
    assert [e["data"].get("processed") for e in events] == [5, 10, 15, 20, None]
    assert events[3]["data"]["status"] == "completed" and events[3]["task_id"] == "task-9"
    assert set(events[0]["data"]) == {"status", "total", "processed", "success", "failed", "progress", "eta"}
    assert events[4]["type"] == "notification" and events[4]["data"]["title"] == "Import finished"


@pytest.mark.parametrize(
    ("demo", "topic", "members"),
    [
        (["wallets", "--rate", 100], "wallet_updates", {"score", "pnl"}),
        (["status", "--rate", 100], "system_status", {"cpu", "memory", "active_wallets"}),
        (["notify", "--level", "warning", "--title", "T"], "notifications", {"title", "content", "level"}),
    ],
)
def test_demos_play_the_original_events(bridge, demo, topic, members):
    client = bridge.connect()
    client.subscribe(topic)
    assert zws("demo", *demo, "--count", 2, "--to", bridge.endpoint).code == DONE
    for _ in range(2):
        event = client.receive()
        assert set(event["data"]) == members and event["timestamp"].endswith("Z")


def test_demo_notify_reaches_a_user(locked, secret_file):
    client = locked.connect("?token=" + token(secret_file, "--user", "ada"))
    assert zws("demo", "notify", "--user", "ada", "--user", "bob", "--to", locked.endpoint).code == DONE
    assert client.receive()["type"] == "notification"


# ---- the command line itself ----


def test_every_command_explains_itself_with_examples():
    overview = zws("--help")
    assert overview.code == DONE and overview.talk == ""
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", overview.out, re.MULTILINE), command
        help_ = zws(command, "--help")
        assert help_.code == DONE and "Examples:" in help_.out and f"zws {command}" in help_.out
    assert re.fullmatch(r"zws \d+\.\d+\.\d+\n", zws("--version").out)


@pytest.mark.parametrize(
    "wrong",
    [["unknown"], ["pub"], ["sub"], ["token"], ["demo"], ["demo", "nothing"], ["pub", "t", "x", "y"], ["sub", "t", "--count", "0"],
     ["sub", "t", "--count", "x"], ["sub", "t", "--format", "xml"], ["sub", "a*b"], ["sub", "t", "--url", "nonsense"],
     ["sub", "t", "--since", "x"], ["pub", "t", "x", "--rate", "-1"], ["pub", "t", "x", "--wait", "soon"],
     ["pub", "t", "x", "--to", "nonsense"], ["tap", "--bind", "--connect"], ["completion", "csh"], ["sub", "t", "--nothing"]],
)  # fmt: skip
def test_wrong_usage_has_its_exit_code(wrong):
    ended = zws(*wrong)
    assert (ended.code, ended.out) == (USAGE, ""), ended
    assert ended.talk.startswith("zws: ")


def test_a_word_that_is_none_of_a_few_is_told_with_these():
    assert "xml not in {json,pretty,payload}" in zws("sub", "t", "--format", "xml").talk
    assert "json|pretty|payload=json\n" in zws("sub", "--help").out


def test_an_unknown_command_is_named_with_the_one_that_was_meant():
    assert "no command 'unknown'\n" in zws("unknown").talk
    assert "no command 'sbu', did you mean 'sub'?" in zws("sbu").talk
    assert "did you mean 'connections'?" in zws("conections", "--json").talk


def test_a_command_of_a_command_is_named_too():
    assert "no command 'wallet', did you mean 'wallets'?" in zws("demo", "wallet").talk
    assert "no command 'fanot', did you mean 'fanout'?" in zws("bench", "fanot").talk


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "1e999"])
def test_a_number_that_is_none_to_count_with_is_told_in_few_words(number):
    ended = zws("pub", "t", "x", "--rate", number)
    assert ended.code == USAGE and f"--rate: wants a number above 0, not '{number}'\n" in ended.talk


def test_a_wrong_command_line_is_told_without_its_token_and_cannot_steer_the_terminal(secret_file):
    jwt_ = token(secret_file, "--user", "ada")
    for wrong in (["check", "--token", jwt_], ["stats", f"--tokn={jwt_}"], ["check", "--token=short"], ["stats", jwt_]):
        ended = zws(*wrong)
        assert ended.code == USAGE and "***" in ended.talk
        assert jwt_ not in ended.talk and "short" not in ended.talk
    assert "\\x1b[31mred" in zws("stats", "\x1b[31mred").talk


def test_alone_it_shows_the_help():
    alone = zws()
    assert (alone.code, alone.out, alone.talk) == (DONE, zws("--help").out, "")


def test_completions_are_scripts_that_their_shells_take(tmp_path):
    for shell in ("bash", "zsh", "fish"):
        script = zws("completion", shell)
        assert script.code == DONE and all(command in script.out for command in COMMANDS)
    (tmp_path / "zws.bash").write_text(zws("completion", "bash").out)
    complete = f"""source {tmp_path}/zws.bash
        ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _zws; echo "${{COMPREPLY[*]}}"; }}
        ask zws su
        ask zws sta
        ask zws sub --form
        ask zws sub --format p
        ask zws demo import --task
        ask zws demo w"""
    asked = subprocess.run(["bash", "-euc", complete], capture_output=True, text=True, timeout=30)
    assert asked.stdout.splitlines() == ["sub", "stats", "--format", "pretty payload", "--task-id", "wallets"], (
        asked.stderr
    )


def test_the_manual_names_every_command_and_option():
    manual = (ROOT / "tools/zws/zws.1").read_text().replace("\\-", "-")
    paths = [[command] for command in COMMANDS if command not in ("bench", "demo")]
    paths += [["demo", demo] for demo in ("import", "wallets", "status", "notify")]
    for path in paths:
        assert f"zws {path[0]}" in manual
        for option in re.findall(r"^  (?:-\w,)?(--[a-z-]+)", zws(*path, "--help").out, re.MULTILINE):
            assert option in manual or option == "--help", (path, option)
    for page in ("tools/zws/zws.1", "bridge/zwsbridge.8"):
        ended = subprocess.run(["man", "--warnings", "-l", ROOT / page], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0 and ended.stderr == "", page


def on_a_terminal(*arguments: object, env: dict[str, str] | None = None) -> str:
    """What `zws` writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [str(ZWS), *map(str, arguments)],
        stdout=its,
        stderr=subprocess.DEVNULL,
        stdin=its,
        env=environment({"TERM": "xterm", **(env or {})}),
    )
    os.close(its)
    shown = bytearray()
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux tells the end of a terminal
        pass
    os.close(ours)
    assert process.wait(30) == DONE
    return shown.decode(errors="replace").replace("\r\n", "\n")


def test_colour_is_for_terminals_only_and_not_with_no_color(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    producer.send("t", {"type": "x", "n": 1})
    client.receive()
    sub = ("sub", "t", "--last", 1, "--count", 1, "--format", "pretty", "--url", bridge.ws_url)
    assert "\x1b[" in on_a_terminal(*sub)
    assert "\x1b[" not in on_a_terminal(*sub, env={"NO_COLOR": "1"})
    assert "\x1b[" not in on_a_terminal(*sub, env={"TERM": "dumb"})
    assert "\x1b[" not in zws(*sub).out


def test_what_comes_cannot_steer_the_terminal(bridge, producer):
    client = bridge.connect()
    client.subscribe("t")
    producer.send("t", b"\x1b[2J\x07\xc2\x9b")
    client.receive()
    for form in ("json", "payload", "pretty"):
        shown = on_a_terminal(
            "sub", "t", "--last", 1, "--count", 1, "--format", form, "--url", bridge.ws_url, env={"NO_COLOR": "1"}
        )
        assert "\x1b[2J" not in shown and "\x07" not in shown and "\x9b" not in shown, form
        if form == "json":
            assert json.loads(shown)["data"] == "\x1b[2J\x07\x9b", "harmless, and the same JSON"


def test_an_interrupted_sub_dies_of_the_signal(bridge):
    with Running("sub", "t", "--url", bridge.ws_url) as sub:
        sub.wait_listening("t")
        sub.process.send_signal(signal.SIGINT)
        assert sub.wait() == -signal.SIGINT


# ---- TLS ----


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed one for localhost: certificate and key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return cert, key


@pytest.fixture
def secure(bridge, certificate) -> Iterator[str]:
    """The authority of a proxy that speaks TLS in front of `bridge`, but for its host."""
    with TlsProxy(bridge.port, *certificate) as proxy:
        yield f"{proxy.port}/api/ws"


@pytest.mark.parametrize("command", ["sub", "stats"])
def test_wss_is_spoken_and_certificates_are_checked(command, bridge, secure, certificate, producer):
    run = {
        "sub": ["sub", "t", "--last", 1, "--count", 1],
        "stats": ["stats", "--token-file", bridge.admin_token_file],
    }[command]
    client = bridge.connect()
    client.subscribe("t")
    producer.send("t", "x")
    client.receive()
    ours = ["--ca-file", certificate[0]]

    assert zws(*run, *ours, "--url", f"wss://localhost:{secure}").code == DONE
    assert zws(*run, "--insecure", "--url", f"wss://127.0.0.1:{secure}").code == DONE
    stranger = zws(*run, "--url", f"wss://localhost:{secure}")
    assert stranger.code == CANNOT_CONNECT, "nobody vouches for the certificate"
    assert "certificate" in stranger.talk and "--ca-file" in stranger.talk
    other_name = zws(*run, *ours, "--url", f"wss://127.0.0.1:{secure}")
    assert other_name.code == CANNOT_CONNECT, "it is another host's"
    plain = zws(*run, *ours, "--url", f"wss://localhost:{bridge.port}/api/ws")
    assert plain.code == CANNOT_CONNECT, "the bridge itself does not speak TLS"


def test_a_bridge_that_encrypts_is_heard(make_bridge, make_producer, tmp_path):
    certificate = Certificate(tmp_path / "certificate")
    bridge = make_bridge(certificate=certificate)
    there = ("--ca-file", certificate.cert_file, "--url", bridge.ws_url)
    with Running("sub", "t", "--count", 1, *there) as sub:
        sub.wait_listening("t")
        make_producer(bridge.endpoint).send("t", "x")
        assert sub.ended().code == DONE
    assert zws("stats", "--token-file", bridge.admin_token_file, *there).code == DONE
    assert zws("sub", "t", "--url", bridge.ws_url).code == CANNOT_CONNECT, "nobody vouches for the certificate"


def test_certificates_that_cannot_be_read_are_said(tmp_path):
    ended = zws("sub", "t", "--ca-file", tmp_path / "missing", "--url", "wss://localhost:1/api/ws")
    assert ended.code == FAILED and str(tmp_path / "missing") in ended.talk
