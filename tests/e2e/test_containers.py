"""compose/ as far as it can be told without Docker; tests/compose starts it."""

from __future__ import annotations

import re
import shlex
import signal
import time
import tomllib
from typing import Any

import yaml

from support.bridge import ROOT
from support.raw_socket import CLOSE, RawSocket
from support.redis import Redis

STACK: dict[str, Any] = yaml.safe_load((ROOT / "compose/compose.yaml").read_text())
SERVICES: dict[str, Any] = STACK["services"]
DOCKER_PATIENCE = 10  # seconds from `docker stop` to the kill, where nothing else is said
SPARE = 3  # of them, for a machine that has much to do


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def image_drain() -> str:
    (found,) = re.findall(
        r"^ENV ZWSBRIDGE_SERVER_DRAIN_TIMEOUT=(\d+s)$", (ROOT / "compose/Dockerfile").read_text(), re.M
    )
    return found


def test_each_service_is_given_its_own_secrets_and_no_others():
    holders: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if "secrets" in source and name != "secrets":  # the one that makes them
                assert rest.endswith(":ro"), f"{name} may change {source}"
                holders.setdefault(source, set()).add(service["image"])
    assert holders == {"bridge-secrets": {"zwsbridge"}, "nginx-secrets": {"nginx:1.26"}}


def test_nobody_but_the_bridges_reaches_the_redis_of_the_fleet():
    assert STACK["networks"]["fleet"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == ["fleet"] and "ports" not in SERVICES["redis"]
    neighbours = {name for name, service in SERVICES.items() if "fleet" in service.get("networks", [])}
    assert neighbours == {"redis", "bridge-1", "bridge-2"}


def test_the_redis_of_the_stack_says_when_it_is_full_and_both_bridges_use_it(make_bridge, tmp_path):
    configuration = tomllib.loads((ROOT / "compose/zwsbridge.toml").read_text())
    assert configuration["relay"]["redis"] == "redis://redis:6379"
    words = shlex.split(SERVICES["redis"]["command"])[1:]
    options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    assert (options.pop("bind"), options["maxmemory-policy"]) == ("0.0.0.0", "noeviction")
    with Redis(tmp_path / "redis", options) as redis:
        for _ in range(2):
            make_bridge({"relay.redis": redis.url()}).wait_metric("zws_relay_up", 1)


def test_the_image_drains_within_docker_s_patience_and_the_stack_within_its_own():
    assert 0 < seconds(image_drain()) <= DOCKER_PATIENCE - SPARE
    bridges = [service for service in SERVICES.values() if service["image"] == "zwsbridge"]
    assert len(bridges) == 2
    for bridge in bridges:
        drain = bridge["environment"]["ZWSBRIDGE_SERVER_DRAIN_TIMEOUT"]
        assert seconds(drain) <= seconds(bridge["stop_grace_period"]) - SPARE


def test_a_client_that_never_answers_its_close_holds_a_drain_no_longer_than_it_is_given(make_bridge, monkeypatch):
    """What `docker stop` relies on. The variable counts above what the file says."""
    monkeypatch.setenv("ZWSBRIDGE_SERVER_DRAIN_TIMEOUT", "1s")
    bridge = make_bridge({"server.drain_timeout": "10m"})
    with RawSocket(bridge.port) as deaf:
        deaf.upgrade()
        began = time.monotonic()
        bridge.signal(signal.SIGTERM)
        while deaf.frame().opcode != CLOSE:
            pass
        assert bridge.wait() == 0
        assert time.monotonic() - began < 1 + SPARE
