"""What `cmake --install` puts under a prefix: all that a person needs to run the bridge from there."""

import subprocess
from pathlib import Path

import pytest

from support.bridge import DAEMON

BUILD = DAEMON.resolve().parents[1]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_installed_bridge_serves_what_was_installed_beside_it(prefix, make_bridge, make_producer, monkeypatch):
    monkeypatch.setattr("support.bridge.DAEMON", prefix / "bin/zwsbridge")
    bridge = make_bridge()
    share = prefix / "share/zwsbridge"
    assert bridge.get("/").body == (share / "console/index.html").read_bytes()
    assets = [file for file in (share / "console/assets").iterdir() if file.suffix in {".js", ".css", ".svg"}]
    assert assets
    for file in assets:
        assert bridge.get(f"/assets/{file.name}").body == file.read_bytes()
    for file in ("client.js", "client.js.map", "client.mjs", "client.mjs.map"):
        assert bridge.get(f"/{file}").body == (share / "console" / file).read_bytes()
    assert bridge.get("/openapi.json").body == (share / "openapi.json").read_bytes()

    client = bridge.connect()
    client.subscribe("orders")
    make_producer(bridge.endpoint).send("orders", {"type": "order", "n": 1})
    assert client.receive()["n"] == 1


def test_its_unit_starts_it_with_the_configuration_beside_it(prefix):
    unit = (prefix / "share/zwsbridge/zwsbridge.service").read_text()
    (command,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    program, *arguments = command.removeprefix("ExecStart=").split()
    assert Path(program) == prefix / "bin/zwsbridge"
    checked = subprocess.run([program, "--check", *arguments], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert str(prefix / "share/zwsbridge/zwsbridge.toml") in arguments


def test_the_tool_brings_its_manual_and_completions(prefix):
    version = subprocess.run([prefix / "bin/zws", "--version"], capture_output=True, text=True, timeout=30)
    assert version.returncode == 0
    for name in ("man/man1/zws.1", "man/man8/zwsbridge.8", "bash-completion/completions/zws"):
        assert (prefix / "share" / name).stat().st_size > 0
