"""/metrics: the names and labels that dashboards are built on, all there from the first scrape, and
nothing in them that strangers can make grow."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.bridge import DAEMON, Bridge

pytestmark = pytest.mark.short

VERSION = subprocess.run([DAEMON, "--version"], capture_output=True, text=True, timeout=60).stdout.split()[-1]
REASONS = {"no_payload", "topic_empty", "topic_too_long", "topic_not_utf8", "topic_control", "topic_wildcard"}
CODES = {"1000", "1001", "1002", "1003", "1005", "1006", "1007", "1009", "1011", "1012", "1013"}
REFUSALS = {
    *"invalid_json invalid_message unknown_type invalid_topic forbidden unauthorized invalid_token".split(),
    *"token_expired limit_exceeded rate_limited internal".split(),
}
STATUSES = {*"200 204 304 400 401 403 404 405 411 413 415 429 503 other".split()}
RESULTS = {"accepted", "bad_request", "not_found", "forbidden_host", "forbidden_origin", "full", "full_for_address"}

# What scripts rely on (docs/OPERATING.md), and what the bridge tells besides: name -> (type, values of its label).
PROMISED: dict[str, tuple[str, set[str]]] = {
    "zws_connections": ("gauge", set()),
    "zws_subscriptions": ("gauge", set()),
    "zws_topics": ("gauge", set()),
    "zws_events_received_total": ("counter", set()),
    "zws_ingest_rejected_total": (
        "counter",
        {f"reason={r}" for r in REASONS | {"topic_reserved", "commands_off", "too_big", "duplicate"}},
    ),
    "zws_ingest_header_ignored_total": ("counter", set()),
    "zws_ingest_gaps_total": ("counter", set()),
    "zws_repaired_total": ("counter", set()),
    "zws_repair_failed_total": (
        "counter",
        {f"reason={r}" for r in ("gone", "unanswered", "no_room", "unasked")},
    ),
    "zws_sources_forgotten_total": ("counter", set()),
    "zws_deliveries_total": ("counter", set()),
    "zws_delivered_bytes_total": ("counter", set()),
    "zws_dropped_total": ("counter", {f"reason={r}" for r in ("slow_consumer", "lane_overload", "disconnected")}),
    "zws_replaced_total": ("counter", set()),
    "zws_handshakes_total": (
        "counter",
        {
            f"result={r}"
            for r in RESULTS | {"too_many_failures", "timeout", "tls_failed", "short_of_memory", "draining"}
        },
    ),
    "zws_closed_total": (
        "counter",
        {f"code={c}" for c in CODES | {"4400", "4401", "4403", "4408", "4410", "4429", "other"}},
    ),
    "zws_queue_bytes": ("gauge", set()),
    "zws_history_bytes": ("gauge", set()),
    "zws_event_latency_seconds": ("histogram", set()),
    "zws_build_info": ("gauge", {f"version={VERSION}"}),
    "process_cpu_seconds_total": ("counter", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_virtual_memory_bytes": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
    "process_max_fds": ("gauge", set()),
    "process_start_time_seconds": ("gauge", set()),
}
BESIDES = {
    "zws_ingest_resets_total": ("counter", set()),
    "zws_producers": ("gauge", set()),
    "zws_producers_connected_total": ("counter", set()),
    "zws_producers_lost_total": ("counter", set()),
    "zws_producers_refused_total": (
        "counter",
        {
            f"reason={r}"
            for r in (
                "no_curve",
                "unlisted_key",
                "wrong_key",
                "broken_off",
                "protocol",
                "too_big",
                "too_many",
                "wrong_type",
            )
        },
    ),
    "zws_ingest_endpoints": ("gauge", {f"state={s}" for s in ("connected", "connecting", "unresolved")}),
    "zws_config_last_reload_successful": ("gauge", set()),
    "zws_tls_certificate_not_after": ("gauge", set()),
    "zws_jwks_last_fetch_successful": ("gauge", set()),
    "zws_jwks_last_success_timestamp_seconds": ("gauge", set()),
    "zws_closed_for_memory_total": ("counter", set()),
    "zws_log_dropped_total": ("counter", set()),
    "zws_memory_limit_bytes": ("gauge", set()),
    "zws_refusals_total": ("counter", {f"code={c}" for c in REFUSALS}),
    "zws_http_responses_total": ("counter", {f"code={c}" for c in STATUSES}),
}


def families(bridge: Bridge) -> dict[str, tuple[str, set[str]]]:
    page = bridge.get("/metrics").text
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    labels: dict[str, set[str]] = {name: set() for name in types}
    for name, given in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.MULTILINE):
        family = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
        for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', given):
            if label != "le":
                labels[family].add(f"{label}={value}")
    return {name: (kind, labels[name]) for name, kind in types.items()}


def test_every_metric_is_there_before_anything_has_happened(shared_bridge):
    assert families(shared_bridge) == {**PROMISED, **BESIDES}


def test_promtool_finds_nothing_to_say_about_it(shared_bridge):
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=shared_bridge.get("/metrics").body,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_type_of_the_page_is_that_of_prometheus(shared_bridge):
    assert shared_bridge.get("/metrics").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_no_topic_user_or_address_gets_into_it(make_bridge, make_producer):
    bridge = make_bridge({"auth.hs256_secret": "0123456789abcdef0123456789abcdef"})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect("?token=forged-token", headers={"X-Forwarded-For": "203.0.113.77"}, greeted=False)
    assert client.wait_closed()[0] == 4401
    producer.send("a-topic-of-mine", {"type": "x"}, {"src": "a-source-of-mine", "seq": 7})
    producer.send("a\x01topic-of-mine", {"type": "x"})
    bridge.wait_metric("zws_events_received_total", 2)
    page = bridge.get("/metrics").text
    for word in ("of-mine", "203.0.113", "127.0.0.1", "forged"):
        assert word not in page
    assert set(families(bridge)) == {*PROMISED, *BESIDES}


def test_the_process_is_told_as_it_is(bridge):
    told = bridge.metric("process_open_fds")
    there = len(os.listdir(f"/proc/{bridge.pid}/fd"))
    assert abs(told - there) <= 3  # the scrape's own connection and folder
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{bridge.pid}/status").read_text())[1]) * 1024
    assert 0.5 < bridge.metric("process_resident_memory_bytes") / resident < 2
    # Field 22 of stat: its start in ticks since boot.
    stat = Path(f"/proc/{bridge.pid}/stat").read_text().rpartition(")")[2].split()
    boot = int(re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)[1])
    started = boot + int(stat[19]) / os.sysconf("SC_CLK_TCK")
    assert abs(bridge.metric("process_start_time_seconds") - started) < 2


def test_lanes_are_summed(make_bridge, make_producer):
    bridge = make_bridge({"server.threads": 3})
    producer = make_producer(bridge.endpoint)
    clients = [bridge.connect() for _ in range(12)]
    for client in clients:
        client.subscribe("a")
    producer.send("a", {"type": "x"})
    for client in clients:
        client.receive()
    assert bridge.metric("zws_connections") == 12
    bridge.wait_metric("zws_deliveries_total", 12)
    assert bridge.metric("zws_topics") == 1
    assert bridge.metric("zws_events_received_total") == 1


def test_a_refused_reload_is_seen_until_one_holds(bridge):
    assert bridge.metric("zws_config_last_reload_successful") == 1
    bridge.settings["server.console"] = "perhaps"
    bridge.reload()
    bridge.wait_metric("zws_config_last_reload_successful", 0)
    bridge.settings["server.console"] = True
    bridge.reload()
    bridge.wait_metric("zws_config_last_reload_successful", 1)
