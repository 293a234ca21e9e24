"""A real Prometheus scrapes real bridges with the alert rules of compose/, and every expression of the
rules and of the dashboard finds what it asks for."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.bridge import DEADLINE, ROOT, Bridge, free_port
from support.process_log import ProcessLog
from support.redis import Redis

COMPOSE = ROOT / "compose"
ALERTS = COMPOSE / "prometheus/alerts.yml"
DASHBOARD = json.loads((COMPOSE / "grafana/zwsbridge.json").read_text())

CONFIGURATION = """
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [%(alerts)s]
scrape_configs:
  - job_name: zwsbridge
    static_configs: [{targets: ["127.0.0.1:%(bridge)d"]}]
"""


class Prometheus:
    def __init__(self, folder: Path, bridge: Bridge) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = folder / "prometheus.yml"
        config.write_text(CONFIGURATION % {"alerts": ALERTS, "bridge": bridge.port})
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address={self.url.removeprefix('http://')}"]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        self.log = ProcessLog()
        self.reader = self.log.follow(self.process.stderr)
        self.log.wait_for("Server is ready to receive web requests", seconds=DEADLINE)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE)
        self.reader.join()

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}") as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.get("query", query=expression)["result"]

    def alerts(self) -> dict[str, str]:
        """Name -> "pending" or "firing"."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self.get("alerts")["alerts"]}

    def wait(self, what: Callable[[Prometheus], Any]) -> Any:
        until = time.monotonic() + DEADLINE
        while not (found := what(self)):
            assert time.monotonic() < until, f"{self.alerts()}\n{self.log.tail()}"
        return found


@pytest.fixture
def bridge(make_bridge: Callable[..., Bridge], tmp_path: Path) -> Iterator[Bridge]:
    """One of a fleet, so that it has everything to tell."""
    with Redis(tmp_path / "redis") as redis:
        bridge = make_bridge({"relay.redis": redis.url()})
        bridge.wait_metric("zws_relay_up", 1)
        yield bridge


@pytest.fixture
def prometheus(bridge: Bridge, tmp_path: Path) -> Iterator[Prometheus]:
    """One that has scraped `bridge`."""
    running = Prometheus(tmp_path, bridge)
    try:
        running.wait(lambda its: its.query('up{job="zwsbridge"} == 1'))
        yield running
    finally:
        running.stop()


def alert_names() -> list[str]:
    return re.findall(r"- alert: (\w+)", ALERTS.read_text())


def dashboard_expressions() -> list[str]:
    variables = {"$instance": ".+", "$__rate_interval": "5m"}
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    for name, value in variables.items():
        expressions = [expression.replace(name, value) for expression in expressions]
    return expressions


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:zws|process)_\w+", expression))


def test_every_expression_finds_its_metrics_on_a_live_bridge(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules] == alert_names()
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}, rules
    there = set(prometheus.get("label/__name__/values"))
    expressions = [rule["query"] for rule in rules] + dashboard_expressions()
    assert len(expressions) > 40
    for expression in expressions:
        assert metrics_in(expression) <= there, expression
        prometheus.query(expression)  # fails on what is no expression


def test_the_dashboard_leaves_no_metric_of_ours_out(prometheus):
    there = {re.sub(r"_(bucket|sum|count)$", "", name) for name in prometheus.get("label/__name__/values")}
    shown = {re.sub(r"_bucket$", "", name) for e in dashboard_expressions() for name in metrics_in(e)}
    ours = {name for name in there if name.startswith("zws_")}
    alerts = {"config_last_reload_successful", "tls_certificate_not_after", "jwks_last_fetch_successful"}
    assert ours - shown <= {f"zws_{name}" for name in alerts | {"jwks_last_success_timestamp_seconds"}}


def test_a_bridge_that_is_well_raises_no_alert(prometheus, make_producer, bridge):
    make_producer(bridge.endpoint)
    prometheus.wait(lambda its: its.query("zws_producers == 1"))
    prometheus.wait(lambda its: "ZwsNoProducers" not in its.alerts())
    assert prometheus.alerts() == {}


def test_trouble_raises_its_alert(prometheus, make_producer, bridge):
    prometheus.wait(lambda its: its.alerts().get("ZwsNoProducers") == "pending")
    producer = make_producer(bridge.endpoint)

    bridge.settings["limits.topics"] = "many"
    bridge.reload()
    prometheus.wait(lambda its: its.alerts().get("ZwsReloadRefused") == "firing")

    producer.send("a", "1", {"src": "s", "seq": 1})
    producer.send("a", "5", {"src": "s", "seq": 5})
    prometheus.wait(lambda its: its.alerts().get("ZwsEventsLostBeforeTheBridge") == "firing")

    assert bridge.stop() == 0
    prometheus.wait(lambda its: its.alerts().get("ZwsBridgeDown") == "pending")


def test_each_alert_fires_in_its_trouble_and_in_no_other():
    """`promtool test rules`, on series that go on for an hour and a half."""
    cases = ROOT / "tests/support/prometheus/alerts_test.yml"
    done = subprocess.run(["promtool", "test", "rules", cases], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(name in cases.read_text() for name in alert_names())


def test_each_alert_is_explained_to_the_operator():
    explained = re.findall(r"^\| `(Zws\w+)`", (ROOT / "docs/OPERATING.md").read_text(), re.MULTILINE)
    assert explained == alert_names()


def test_the_example_configuration_is_one():
    done = subprocess.run(
        ["promtool", "check", "config", COMPOSE / "prometheus/prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
