"""docs/OPERATING.md: its commands run and its configurations hold, as they stand there. Only what belongs to one
machine is replaced: /etc/zwsbridge, the address and where the programs lie."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import jwt
import pytest

from support.bridge import DAEMON, ROOT, free_port
from support.certificate import Certificate
from support.producer import Curve
from support.tokens import Issuer
from support.zws_tool import ZWS

PAGE = (ROOT / "docs/OPERATING.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str, mark: str) -> str:
    """The only one that holds `mark`."""
    (found,) = [text for text in blocks(language) if mark in text]
    return found


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """What /etc/zwsbridge is to the page, with every file that its examples name."""
    folder = tmp_path / "zwsbridge"
    folder.mkdir()
    issuer = Issuer("ES256")
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(issuer.key.public_key()))
    (folder / "jwks.json").write_text(json.dumps({"keys": [{**jwk, "alg": "ES256"}]}))
    pair = Certificate(folder)
    pair.cert_file.rename(folder / "fullchain.pem")
    pair.key_file.rename(folder / "privkey.pem")
    return folder


def here(text: str, etc: Path) -> str:
    return text.replace("/etc/zwsbridge", str(etc))


def shell(commands: str, folder: Path) -> str:
    """Runs them as a person would who types them one after the other, and stops at what fails."""
    path = f"{DAEMON.parent}:{ZWS.parent}:{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZWSBRIDGE_")}
    done = subprocess.run(
        ["sh", "-euc", commands], cwd=folder, env={**clean, "PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


def make_producer_keys(etc: Path) -> None:
    shell(here(block("sh", "zws keygen bridge"), etc), etc)


def test_every_configuration_of_the_page_is_one(etc):
    make_producer_keys(etc)
    examples = blocks("toml")
    assert len(examples) >= 3
    for example in examples:
        text = here(example, etc)
        if "[auth]" not in text:  # an excerpt of one that has a key
            text += f'\n[auth]\njwks_file = "{etc}/jwks.json"\naudience = "*"\n'
        (etc / "zwsbridge.toml").write_text(text)
        assert shell(f"zwsbridge --config {etc}/zwsbridge.toml --check", etc) == ""


def test_the_check_before_a_configuration_goes_into_force(etc):
    (etc / "zwsbridge.toml").write_text(here(block("toml", "jwks_file"), etc))
    printed = shell(here(block("sh", "print-config --origin"), etc), etc)
    assert f"# {etc}/zwsbridge.toml:" in printed and "# default" in printed


def test_producers_on_other_machines(etc, make_bridge, make_producer):
    make_producer_keys(etc)
    settings = {
        name: here(path, etc)
        for name, path in re.findall(r'^(\w+_file) = "(.*)"$', block("toml", "curve_secret_key_file"), re.MULTILINE)
    }
    port = free_port()
    bridge = make_bridge(
        {"ingest.bind": [f"tcp://*:{port}"], **{f"ingest.{name}": path for name, path in settings.items()}}
    )
    public, server, secret = (
        (etc / name).read_text().strip() for name in ("import-job.public", "bridge.public", "import-job.secret")
    )
    producer = make_producer(f"tcp://127.0.0.1:{port}", curve=Curve(server, public, secret))
    client = bridge.connect()
    client.subscribe("a")
    producer.send("a", {"type": "x"})
    assert client.receive()["type"] == "x"
    bridge.log.wait_for("let in the producer import-job")


def test_what_to_watch(bridge, etc):
    commands = block("sh", "promtool").replace("127.0.0.1:8000", f"127.0.0.1:{bridge.port}")
    shown = shell(commands.replace("compose/", f"{ROOT}/compose/"), etc)
    assert '{"ready":true' in shown and "zws_connections 0" in shown and "SUCCESS" in shown


def test_the_drop_in_fits_the_unit(etc):
    unit = (ROOT / "bridge/share/zwsbridge.service.in").read_text()
    (etc / "zwsbridge.service").write_text(
        unit.replace("@ZWS_BIN@/zwsbridge", str(DAEMON)).replace("@ZWS_CONFIG_FILE@", str(etc / "zwsbridge.toml"))
    )
    drop_in = etc / "zwsbridge.service.d/override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(here(block("ini", "LoadCredential"), etc).replace("/usr/local/bin/zwsbridge", str(DAEMON)))
    done = subprocess.run(
        ["systemd-analyze", "verify", etc / "zwsbridge.service"], capture_output=True, text=True, timeout=60
    )
    assert [line for line in (done.stdout + done.stderr).splitlines() if "zwsbridge" in line] == []


def test_the_log_line_of_a_client_that_is_ended_is_as_the_page_shows_it(bridge):
    client = bridge.connect()
    client.send(b"binary")
    assert client.wait_closed()[0] == 1003
    line = bridge.log.wait_for("closed: 1003")
    assert re.search(r"client [0-9a-f-]{36} \(user anonymous, from 127\.0\.0\.1\) closed: 1003 binary messages", line)
    assert re.search(r'client \S+ \(user "ada", from 203\.0\.113\.7\) closed: 4410 slow consumer', PAGE)
