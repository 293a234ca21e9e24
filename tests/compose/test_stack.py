"""The stack as it is started by the first person who tries it. The tests go in this order."""

from __future__ import annotations

import json

TASK = "import:task-123"


def sequence(event: dict) -> int:
    return int(event["@id"].rpartition(":")[2])


def test_an_event_of_a_producer_reaches_a_client_over_wss(stack):
    events = stack.listen(TASK, 3)
    assert {event["topic"] for event in events} == {TASK}
    first = sequence(events[0])
    assert [sequence(event) for event in events] == [first, first + 1, first + 2]


def test_a_client_goes_on_at_the_other_bridge_where_it_stopped(stack):
    for away, other in (("bridge-1", "bridge-2"), ("bridge-2", "bridge-1")):
        seen = stack.listen(TASK, 1)[-1]
        stack.compose("stop", away)
        assert stack.state(away)["ExitCode"] == 0, f"{away} drained"
        missed = stack.listen(TASK, 2, "--since", seen["@id"])
        assert [sequence(event) for event in missed] == [sequence(seen) + 1, sequence(seen) + 2], f"by {other}"
        stack.up(away)


def test_both_bridges_are_one_fleet_by_their_redis(stack):
    for bridge in ("bridge-1", "bridge-2"):
        told = json.loads(stack.administer(bridge, "bridges", "--json"))
        assert sorted(each["name"] for each in told["bridges"]) == ["bridge-1:8000", "bridge-2:8000"]


def test_browsers_get_the_console_and_the_client(stack):
    assert "<!doctype html>" in stack.get("https://localhost:8443/")
    assert "@zwsbridge/client" in stack.get("https://localhost:8443/client.js")


def test_prometheus_watches_both_bridges_and_has_the_alert_rules(stack):
    up: dict[str, str] = {}
    while set(up.values()) != {"1"} or len(up) != 2:
        answer = json.loads(stack.get("http://localhost:9090/api/v1/query?query=up"))
        up = {row["metric"]["instance"]: row["value"][1] for row in answer["data"]["result"]}
    assert set(up) == {"bridge-1:8000", "bridge-2:8000"}
    groups = json.loads(stack.get("http://localhost:9090/api/v1/rules"))["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"} and groups


def test_each_service_finds_its_own_secrets_and_no_others(stack):
    def found(service: str, folder: str) -> str:
        return stack.compose("exec", "-T", service, "ls", folder)

    assert found("bridge-1", "/run/zws-secrets") == found("bridge-2", "/run/zws-secrets") == "hs256\n"
    assert found("nginx", "/etc/nginx/secrets") == "tls.crt\ntls.key\n"
    key = stack.compose("exec", "-T", "bridge-1", "cat", "/run/zws-secrets/hs256").strip()
    for service in ("nginx", "producers", "prometheus", "redis"):
        searched = f"grep -rlsF -e {key} /etc /run /var /srv /tmp /usr/local || true"
        assert stack.compose("exec", "-T", "-u", "0", service, "sh", "-c", searched) == "", service


def test_a_bridge_runs_as_nobody_and_writes_nothing(stack):
    assert stack.compose("exec", "-T", "bridge-1", "id", "-u") == "10001\n"
    stack.compose("exec", "-T", "bridge-1", "sh", "-c", "! touch /tmp/file")
