"""The configuration as an operator meets it: what is in force and whence, what is refused and how,
what a reload says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.bridge import DAEMON, ROOT
from support.process_log import ProcessLog

pytestmark = pytest.mark.short

SECRET = "a-secret-of-more-than-thirty-two-bytes"

# docs/CONFIG.md, key by key.
DEFAULTS: dict[str, Any] = {
    "server": {
        "listen": "localhost:8000",
        "path": "/api/ws",
        "threads": 0,
        "allowed_origins": [],
        "trusted_proxies": ["127.0.0.0/8", "::1/128"],
        "proxy_protocol": False,
        "tls_cert": "",
        "tls_key": "",
        "console": True,
        "metrics_public": True,
        "drain_timeout": "10s",
        "max_connection_age": "0s",
    },
    "ingest": {
        "bind": ["tcp://127.0.0.1:5556"],
        "connect": [],
        "subscribe": [""],
        "commands": True,
        "insecure": False,
        "hwm": 10000,
        "memory_bytes": 128 << 20,
        "frame_bytes": 64 << 20,
        "heartbeat": "5s",
        "heartbeat_timeout": "15s",
        "connections": 0,
        "resolve": "30s",
        "ipc_mode": "0660",
        "repair_bind": ["tcp://127.0.0.1:5557"],
        "repair_wait": "200ms",
        "lane_bytes": 32 << 20,
        "curve_secret_key_file": "",
        "curve_allowed_keys_file": "",
    },
    "auth": {
        "hs256_secret": "",
        "hs256_secret_file": "",
        "hs256_previous_secret": "",
        "hs256_previous_secret_file": "",
        "public_key_file": "",
        "jwks_file": "",
        "jwks_url": "",
        "jwks_refresh": "15m",
        "issuer": "",
        "audience": "",
        "require_exp": True,
        "expiry_grace": "10s",
        "timeout": "10s",
        "open": False,
        "admin_token_file": "",
        "claims": {"user": "sub", "roles": ["role", "roles"], "topics": "topics", "admin": ["admin"]},
        "anonymous": {"connect": True, "subscribe": []},
        "user": {"subscribe": ["*"]},
    },
    "heartbeat": {"interval": "25s", "timeout": "60s"},
    "history": {"size": 100, "ttl": "5m", "bytes": 64 << 20},
    "limits": {
        "connections": 0,
        "connections_per_ip": 0,
        "connections_per_user": 100,
        "subscriptions": 1024,
        "message_bytes": 65536,
        "event_bytes": 1048576,
        "queue_bytes": 1048576,
        "unsent_bytes": 65536,
        "stalled_timeout": "30s",
        "messages_per_second": 100,
        "errors_per_minute": 60,
        "failed_tokens_per_minute": 100,
        "handshake_timeout": "5s",
        "request_looks": 10000,
        "replay_events": 1000,
        "topics": 1000000,
        "sources_per_topic": 64,
        "memory_bytes": 0,
    },
    "relay": {"redis": "", "prefix": "zws:", "name": "", "history": True},
    "log": {"level": "info", "format": "text", "audit": True},
}


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a daemon that ends by itself, with no settings in its environment but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZWSBRIDGE_")}
    return subprocess.run(
        [DAEMON, *arguments], capture_output=True, text=True, timeout=60, env={**clean, **environment}
    )


def accepted(*arguments: str | Path, **environment: str) -> str:
    """What it prints when nothing is wrong."""
    done = run(*arguments, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refused(*arguments: str | Path, **environment: str) -> str:
    """Its one line, when something is."""
    done = run("--check", *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("zwsbridge: "), done.stderr
    return done.stderr


def dotted(tables: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name, value in tables.items():
        keys.update(dotted(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return keys


def test_the_defaults_are_those_of_the_contract():
    assert tomllib.loads(accepted("default-config")) == DEFAULTS
    assert tomllib.loads(accepted("print-config")) == DEFAULTS


def test_the_default_configuration_is_a_configuration(tmp_path):
    file = tmp_path / "default.toml"
    file.write_text(accepted("default-config"))
    accepted("--check", "--config", file)
    assert tomllib.loads(accepted("print-config", "--config", file)) == DEFAULTS


def test_the_installed_configuration_is_the_default_one():
    assert (ROOT / "bridge/share/zwsbridge.toml").read_text() == accepted("default-config")


def test_every_key_can_be_set_in_the_environment_and_on_the_command_line():
    def toml(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')

    keys = {name: toml(value) for name, value in dotted(DEFAULTS).items()}
    variables = {"ZWSBRIDGE_" + name.upper().replace(".", "_"): value for name, value in keys.items()}
    lines = accepted("print-config", "--origin", **variables).splitlines()
    for name, variable in zip(keys, variables, strict=True):
        assert f"{name.rpartition('.')[2]} = {keys[name]}  # {variable}" in lines
    lines = accepted(
        "print-config", "--origin", *(f"--set={name}={value}" for name, value in keys.items())
    ).splitlines()
    for name, value in keys.items():
        assert f"{name.rpartition('.')[2]} = {value}  # --set" in lines


def test_the_origin_of_each_value_is_told(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[limits]\n\ntopics = 10\nsubscriptions = 10\nreplay_events = 10\n[[route]]\nmatch = "a:*"\n')
    arguments = ("print-config", "--origin", "--config", file, "--set", "limits.replay_events=30")
    lines = accepted(*arguments, ZWSBRIDGE_LIMITS_SUBSCRIPTIONS="20", ZWSBRIDGE_LIMITS_REPLAY_EVENTS="20").splitlines()
    assert f"topics = 10  # {file}:3" in lines
    assert "subscriptions = 20  # ZWSBRIDGE_LIMITS_SUBSCRIPTIONS" in lines
    assert "replay_events = 30  # --set" in lines
    assert "queue_bytes = 1048576  # default" in lines
    assert f'match = "a:*"  # {file}:7' in lines


def test_what_is_printed_can_be_loaded_again(tmp_path):
    first = accepted("print-config", "--origin", "--set", 'route=[{match="a:*", overflow="conflate", ttl="2h"}]')
    file = tmp_path / "again.toml"
    file.write_text(first)
    assert tomllib.loads(accepted("print-config", "--config", file)) == tomllib.loads(first)


def test_secrets_are_masked_wherever_values_are_shown(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text(f'[auth]\nhs256_secret = "{SECRET}"\n')
    printed = accepted("print-config", "--origin", "--config", file)
    assert f'hs256_secret = "***"  # {file}:2' in printed and SECRET not in printed
    for wrong in (f'hs256_secert = "{SECRET}"', f'hs256_secret = ["{SECRET}"]', f"hs256_secret = {SECRET}"):
        file.write_text(f"[auth]\n{wrong}\n")
        line = refused("--config", file)
        assert f"{file}:2: " in line and SECRET not in line


@pytest.mark.parametrize("command", ["--check", "print-config"])
def test_what_looks_like_a_secret_is_in_no_line_wherever_it_stands(tmp_path, command):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.hunter2hunter2"
    file = tmp_path / "bridge.toml"
    file.write_text('auth = "hunter2"\n')
    for arguments, environment in (
        (["--config", file], {}),
        (["--set", "hunter2"], {}),
        (["--hs256-secret=hunter2"], {}),
        (["--set", f"server.listen={token}"], {}),
        (["--set", f"auth.hs256_secret_file={token}"], {}),
        (["--set", "auth.hs256_secret_file=/hunter2!hunter2.hunter2#hunter2"], {}),
        (["--set", "auth.hs256_secret_file=/hunter2/hunter2"], {}),
        (["--set", 'auth.jwks_file={"keys":[{"k":"hunter2"}]}'], {}),
        (["--set", "server.listenn=hunter2"], {}),
        ([], {"ZWSBRIDGE_SERVER_PSW": "hunter2"}),
        (["--set", "ingest.connect=redis://me:hunter2@db"], {}),
        (["--set", "server.path=-----BEGIN PRIVATE KEY-----\nhunter2"], {}),
        ([], {"ZWSBRIDGE_AUTH_ISUER": "hunter2"}),
        ([], {"ZWSBRIDGE_LOG_LEVEL": token}),
    ):
        done = run(command, *arguments, **environment)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr.count("\n") == 1 and "hunter2" not in done.stderr, done.stderr
    done = run(command, ZWSBRIDGE_AUTH_ISSUER=token)
    assert done.returncode == 0 and "hunter2" not in done.stdout + done.stderr


def test_what_kubernetes_says_of_its_services_is_no_setting():
    said = {
        "ZWSBRIDGE_SERVICE_HOST": "10.96.0.7",
        "ZWSBRIDGE_SERVICE_PORT": "80",
        "ZWSBRIDGE_PORT": "tcp://10.96.0.7:80",
        "ZWSBRIDGE_ADMIN_SERVICE_HOST": "fd00::7",
        "ZWSBRIDGE_ADMIN_SERVICE_PORT_HTTP": "8080",
        "ZWSBRIDGE_ADMIN_PORT": "tcp://[fd00::7]:8080",
        "ZWSBRIDGE_ADMIN_PORT_8080_TCP": "tcp://[fd00::7]:8080",
        "ZWSBRIDGE_ADMIN_PORT_8080_TCP_PROTO": "tcp",
        "ZWSBRIDGE_ADMIN_PORT_8080_TCP_PORT": "8080",
        "ZWSBRIDGE_ADMIN_PORT_8080_TCP_ADDR": "fd00::7",
    }
    accepted("--check", **said)
    for name, text in (("ZWSBRIDGE_SERVER_PORT", "80"), ("ZWSBRIDGE_SERVICE_TIMEOUT", "5s")):
        assert name in refused(**said, **{name: text})


def test_a_variable_is_taken_as_it_is_written_and_an_empty_one_not_at_all():
    printed = tomllib.loads(
        accepted(
            "print-config",
            ZWSBRIDGE_AUTH_ISSUER="4711",
            ZWSBRIDGE_AUTH_AUDIENCE='"quoted"',
            ZWSBRIDGE_SERVER_ALLOWED_ORIGINS="https://a.example",
            ZWSBRIDGE_INGEST_BIND='["tcp://127.0.0.1:1"]',
            ZWSBRIDGE_SERVER_PATH="",
            ZWSBRIDGE_SERVER_THREADS="",
            ZWSBRIDGE_ROUTE="",
        )
    )
    assert (printed["auth"]["issuer"], printed["auth"]["audience"]) == ("4711", "quoted")
    assert printed["server"]["allowed_origins"] == ["https://a.example"]
    assert printed["ingest"]["bind"] == ["tcp://127.0.0.1:1"]
    assert (printed["server"]["path"], printed["server"]["threads"]) == ("/api/ws", 0)


IN_VAIN = {
    '[[route]]\nmatch = "a:*"\n[[route]]\nmatch = "a:b"\n': "4: route[1].match",
    '[[route]]\nmatch = "a"\nkey = "id"\n': "3: route[0].key",
    '[[route]]\nmatch = "a"\nhistory = 1\nreplay = 2\n': "4: route[0].replay",
    f'[auth]\nhs256_secret = "{SECRET}"\nuser.subscribe = ["inbox:{{usr}}"]\n': "3: auth.user.subscribe[0]",
    "[auth]\nanonymous.connect = false\n": "2: auth.anonymous.connect",
    '[auth.roles.ops]\nmay = ["stats"]\n': "2: auth.roles.ops.may",
    '[[route]]\nmatch = "@user/*"\n': "2: route[0].match",
    "[ingest]\nbind = []\n": "2: ingest.bind",
    '[server]\npath = "/metrics"\n': "2: server.path",
}


@pytest.mark.parametrize(("text", "where"), IN_VAIN.items())
def test_what_has_no_effect_is_a_warning_and_refused_where_that_is_asked_for(tmp_path, text, where):
    file = tmp_path / "bridge.toml"
    file.write_text(text)
    for strict, code in (([], 0), (["--strict"], 2)):
        done = run("--check", *strict, "--config", file)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith(f"zwsbridge: warning: {file}:{where} = "), done.stderr
        assert done.stderr.count("\n") == 1
    accepted("--check", "--strict")


def test_what_has_no_effect_is_logged_at_the_start_and_by_a_reload(make_bridge):
    bridge = make_bridge(tables='[[route]]\nmatch = "a"\nkey = "id"\n')
    assert "has no effect" in bridge.log.wait_for(r"warning.* route\[0\]\.key")
    mark = bridge.log.mark()
    bridge.tables = '[[route]]\nmatch = "a"\n[[route]]\nmatch = "a"\n'
    bridge.reload()
    assert "has no effect" in bridge.log.wait_for(r"warning.* route\[1\]\.match", after=mark)


def test_what_keeps_it_from_starting_is_json_where_the_log_is(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text("[server]\nthreads = 1000\n")
    taken = tmp_path / "taken"
    taken.write_text("somebody's")
    later = ["--set", f"auth.admin_token_file={taken}", "--set", "server.listen=127.0.0.1:0", "--set=ingest.bind=[]"]
    for code, where, arguments, environment in (
        (2, f"{file}:2: server.threads", ["--log-format", "json", "--config", file], {}),
        (2, f"{file}:2: server.threads", ["--config", file], {"ZWSBRIDGE_LOG_FORMAT": "json"}),
        (1, "taken", ["--log-format", "json", *later], {}),
    ):
        done = run(*arguments, **environment)
        assert (done.returncode, done.stdout) == (code, "")
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert lines[-1]["level"] == "error" and where in lines[-1]["message"]


def test_the_configuration_may_come_from_a_pipe_once(tmp_path):
    """As `<(make-it)` and /dev/stdin give one."""
    command = [str(DAEMON), "print-config", "--config", "/dev/stdin"]
    printed = subprocess.run(command, input="[server]\nthreads = 3\n", capture_output=True, text=True, timeout=30)
    assert tomllib.loads(printed.stdout)["server"]["threads"] == 3, printed.stderr


def test_what_is_waited_for_is_said_and_can_be_given_up(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    log = ProcessLog()
    bridge = subprocess.Popen([str(DAEMON), "--config", str(pipe)], stderr=subprocess.PIPE)
    reader = log.follow(bridge.stderr)
    try:
        log.wait_for(rf"waiting for the configuration from {pipe}")
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(30) == -signal.SIGTERM
    finally:
        bridge.kill()
        bridge.wait()
        reader.join()


def test_a_mistake_names_file_line_key_value_and_what_is_allowed(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text("[server]\n\nthreads = 1000\n")
    line = refused("--config", file)
    assert line == f"zwsbridge: {file}:3: server.threads = 1000: allowed is an integer from 0 to 256\n"


def test_a_mistake_in_the_environment_or_on_the_command_line_is_named_so():
    line = refused(ZWSBRIDGE_HEARTBEAT_INTERVAL="often")
    assert all(word in line for word in ("ZWSBRIDGE_HEARTBEAT_INTERVAL", "heartbeat.interval", '"often"', "a time"))
    line = refused("--set", "heartbeat.interval=often")
    assert all(word in line for word in ("--set", "heartbeat.interval", '"often"', "a time"))


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("sever.listen", "server.listen"),
        ("server.lisen", "server.listen"),
        ("server.queue_bytes", "limits.queue_bytes"),
        ("auth.anonymous.subscribed", "auth.anonymous.subscribe"),
    ],
)
def test_an_unknown_key_is_refused_with_what_was_meant(tmp_path, wrong, meant):
    assert f"did you mean {meant}?" in refused("--set", f"{wrong}=1")
    variable = {"ZWSBRIDGE_" + wrong.upper().replace(".", "_"): "1"}
    assert "ZWSBRIDGE_" + wrong.upper().replace(".", "_") in refused(**variable)
    file = tmp_path / "bridge.toml"
    file.write_text(f"\n{wrong} = 1\n")
    line = refused("--config", file)
    assert f"{file}:2: " in line and "did you mean " in line


def test_a_wrong_address_of_redis_is_named_without_its_password(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[relay]\nredis = "http://ada:password-of-ada@127.0.0.1"\n')
    line = refused("--config", file)
    assert f"{file}:2: relay.redis" in line and "rediss://" in line and "password-of-ada" not in line
    shown = run("print-config", "--set", "relay.redis=redis://ada:password-of-ada@127.0.0.1")
    assert shown.returncode == 0 and "password-of-ada" not in shown.stdout, shown


@pytest.mark.parametrize(
    "key",
    [
        "ingest.curve_secret_key_file",
        "auth.hs256_secret_file",
        "auth.public_key_file",
        "auth.jwks_file",
    ],
)
def test_a_key_file_that_cannot_be_read_is_refused(tmp_path, key):
    for path, why in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        line = refused("--set", f"{key}={path}")
        assert all(word in line for word in (key, str(path), why)), line


def test_a_tls_file_that_cannot_be_read_is_refused(tmp_path):
    there = tmp_path / "there.pem"
    there.write_text("something")
    missing = tmp_path / "missing.pem"
    assert "server.tls_key" in refused("--set", f"server.tls_cert={there}", "--set", f"server.tls_key={missing}")
    assert "server.tls_cert" in refused("--set", f"server.tls_cert={missing}", "--set", f"server.tls_key={there}")


def test_a_key_file_that_holds_no_key_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_text("no key at all")
    for key in ("auth.hs256_secret_file", "auth.public_key_file", "auth.jwks_file"):
        line = refused("--set", f"{key}={file}", "--set", "auth.audience=*")
        assert key in line and str(file) in line


def test_open_mode_beyond_loopback_needs_to_be_meant():
    assert "auth.open = true" in refused("--set", "server.listen=0.0.0.0:8000")
    accepted("--check", "--set", "server.listen=0.0.0.0:8000", "--set", "auth.open=true")
    accepted("--check", "--set", "server.listen=0.0.0.0:8000", ZWSBRIDGE_AUTH_HS256_SECRET=SECRET)


def test_ingest_beyond_loopback_needs_curve_or_to_be_meant():
    bind = 'ingest.bind=["tcp://*:5556"]'
    assert "ingest.insecure = true" in refused("--set", bind)
    accepted("--check", "--set", bind, "--set", "ingest.insecure=true")


def test_the_log_format_has_an_option_of_its_own():
    assert 'format = "json"  # --set' in accepted("print-config", "--origin", "--log-format", "json")


def test_a_reload_tells_what_it_changed(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": SECRET})
    mark = bridge.log.mark()
    bridge.settings["limits.queue_bytes"] = 2048
    bridge.settings["auth.hs256_secret"] = SECRET + "-of-today"
    bridge.reload()
    assert "1048576 -> 2048" in bridge.log.wait_for(r"limits\.queue_bytes", after=mark)
    assert "***" in bridge.log.wait_for(r"auth\.hs256_secret", after=mark)
    assert SECRET not in "\n".join(bridge.log.since(mark))


def test_a_reload_names_the_keys_that_need_a_restart_and_leaves_them(make_bridge):
    bridge = make_bridge()
    mark = bridge.log.mark()
    bridge.settings["server.path"] = "/elsewhere"
    bridge.reload()
    assert "restart" in bridge.log.wait_for(r"server\.path", after=mark)
    assert bridge.connect().hello["status"] == "connected"  # still under /api/ws


def test_a_reload_cannot_open_the_bridge_to_everyone(make_bridge):
    bridge = make_bridge({"auth.hs256_secret": SECRET})
    mark = bridge.log.mark()
    bridge.settings.pop("auth.hs256_secret")
    bridge.reload()
    assert "open mode" in bridge.log.wait_for(r"not reloaded", after=mark)
