"""What a console draws: the last hour, the configuration, rights, sources, bridges; and @stats, which comes by itself."""

import json

import pytest

from support.administrator import Administrator, assert_refused
from support.tokens import Issuer, bearer

SECRET = "0123456789abcdef" * 4


# ---- the last hour ----


def test_samples_tell_what_happened_each_second(guarded, admin, people, make_producer):
    producer = make_producer(guarded.endpoint)
    for client in people["bob"]:
        client.subscribe("a")
    for number in range(50):
        producer.send("a", number)

    def seen():
        return admin.get("/api/ws/samples")["samples"]

    guarded.wait_until(lambda: sum(seen()["deliveries"]) == 300, "the sample of these events")
    samples = seen()
    assert len({len(column) for column in samples.values()}) == 1
    assert sum(samples["events"]) == 50 and sum(samples["dropped_slow_consumer"]) == 0
    assert samples["time"] == sorted(samples["time"])
    assert (samples["connections"][-1], samples["users"][-1], samples["producers"][-1]) == (24, 4, 1)
    assert samples["subscriptions"][-1] == 6 and samples["resident_bytes"][-1] > 0
    assert len(admin.get("/api/ws/samples?minutes=60")["samples"]["time"]) >= len(samples["time"])

    def rows(minutes):
        return len(admin.get(f"/api/ws/samples?minutes={minutes}")["samples"]["time"])

    guarded.wait_until(lambda: rows(60) >= 4, "some seconds have passed")
    assert rows(1) >= 4


@pytest.mark.parametrize("minutes", ["0", "61", "-1", "x", "1.5"])
def test_minutes_out_of_range_are_400(admin, minutes):
    assert_refused(admin("GET", f"/api/ws/samples?minutes={minutes}"), 400)


def test_a_role_that_reads_totals_reads_samples_and_no_more(make_bridge, issuer, tmp_path):
    bridge = make_bridge(issuer.settings(tmp_path), '[auth.roles.ops]\nmay = ["stats"]\n')
    ops = Administrator(bridge, issuer.token("olga", role="ops"))
    assert ops.get("/api/ws/samples")["every_seconds"] == 1
    for path in ("config", "bridges", "sources", "connections/x", "topics/x"):
        assert_refused(ops("GET", f"/api/ws/{path}"), 403)
    assert_refused(ops("POST", "/api/ws/rights", {"user": "ada"}), 403)


def test_administrators_hear_stats_each_second_and_nobody_else(guarded, issuer, admin):
    user = guarded.connect(headers=bearer(issuer.token("ada")))
    assert user.ask({"type": "subscribe", "topic": "@stats"})["code"] == "forbidden"
    root = guarded.connect(headers=bearer(issuer.admin()))
    root.subscribe("@stats")
    first, second = root.receive(), root.receive()
    assert (first["type"], first["topic"]) == ("sample", "@stats")
    assert second["data"]["sample"]["time"] >= first["data"]["sample"]["time"]
    assert second["data"]["sample"]["connections"] == second["data"]["totals"]["connections"] == 2
    assert admin.get("/api/ws/stats")["events_received"] == 0, "the bridge's own word is none"
    assert user.receive_all() == []


def test_stats_tell_what_a_console_would_ask_for_again_and_again(guarded, issuer, admin):
    root = guarded.connect(headers=bearer(issuer.admin()))
    root.subscribe("@stats")
    told = root.receive()["data"]
    assert told["ready"] == guarded.get("/readyz").json

    def names(text):
        return [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]

    assert names(told["metrics"]) == names(guarded.get("/metrics").text)
    assert told["bridges"] == admin.get("/api/ws/bridges")["bridges"]
    assert admin.get("/api/ws/log")["audit"], "a call that leaves a line was made"
    before = told["lines"]["audit"]
    guarded.wait_until(lambda: root.receive()["data"]["lines"]["audit"] > before, "it tells of the new line")


def test_nobody_sends_stats_but_the_bridge(guarded, issuer, admin, make_producer):
    root = guarded.connect(headers=bearer(issuer.admin()))
    root.subscribe("@stats")
    for path, body in (
        ("publish", {"topic": "@stats", "message": 1}),
        ("broadcast", {"topic": "@stats", "message": {}}),
    ):
        assert_refused(admin("POST", f"/api/ws/{path}", body), 400, "invalid_topic")
    make_producer(guarded.endpoint).send("@stats", {"type": "forged"})
    guarded.wait_metric("zws_ingest_rejected_total", 1, reason="topic_reserved")
    assert {root.receive()["type"] for _ in range(2)} == {"sample"}


# ---- the newest lines of the log ----


def test_the_newest_lines_are_told_of_each_kind_the_oldest_first(admin):
    assert_refused(admin("POST", "/api/ws/publish", {"topic": "\u202ea\n", "message": 1}), 400)
    admin.get("/api/ws/topics")
    told = admin.get("/api/ws/log")
    assert "listening" in "".join(line["text"] for line in told["log"])
    assert {line["level"] for line in told["audit"]} == {"audit"}
    refused, listed = [line["text"] for line in told["audit"]][-2:]
    assert 'path="/api/ws/publish"' in refused and r"\xe2\x80\xaea\x0a" in refused
    assert 'path="/api/ws/topics"' in listed
    assert [line["text"] for line in admin.get("/api/ws/log?limit=1")["audit"]] == [listed], "to look leaves no line"


def test_a_refused_look_at_the_log_leaves_a_line(guarded, admin, issuer):
    for token, status in ((issuer.token("ada"), 403), ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl", 401)):
        assert guarded.get("/api/ws/log", bearer(token)).status == status
    told = json.dumps(admin.get("/api/ws/log"))
    assert "status=403" in told and "status=401" in told
    assert "c2lnbmF0dXJl" not in told and issuer.key not in told


def test_what_is_kept_of_the_log_has_a_bound(admin):
    for _ in range(205):
        admin.get("/api/ws/bridges")
    assert len(admin.get("/api/ws/log?limit=200")["audit"]) == 200


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x"])
def test_more_of_the_log_than_is_kept_is_400(admin, limit):
    assert_refused(admin("GET", f"/api/ws/log?limit={limit}"), 400)


# ---- what is set ----


def test_the_configuration_says_whence_and_hides_secrets(make_bridge, tmp_path):
    issuer = Issuer()
    bridge = make_bridge(
        {**issuer.settings(tmp_path), "auth.hs256_previous_secret": SECRET}, '[[route]]\nmatch = "a"\n'
    )
    admin = Administrator(bridge, issuer.admin())
    told = admin("GET", "/api/ws/config")
    assert told.status == 200 and SECRET not in told.text and issuer.key not in told.text
    values = {row["key"]: row for row in told.json["values"]}
    assert len(values) == len(told.json["values"])
    assert values["auth.hs256_previous_secret"]["value"] == "***"
    assert values["auth.hs256_previous_secret"]["origin"].startswith(f"{bridge.config_file}:")
    assert values["limits.queue_bytes"] == {
        "key": "limits.queue_bytes",
        "value": 1048576,
        "origin": "default",
        "applies": "reload",
    }
    assert values["server.threads"]["applies"] == "restart"
    assert values["route[0].match"]["value"] == "a"
    assert told.json["last_reload_failed"] is False
    bridge.settings["limits.queue_bytes"] = 65536
    bridge.reload()
    again = admin.get("/api/ws/config")
    assert {row["key"]: row for row in again["values"]}["limits.queue_bytes"]["value"] == 65536
    assert again["since"] > told.json["since"]
    bridge.settings["limits.queue_bytes"] = 1
    bridge.reload()
    bridge.wait_until(lambda: admin.get("/api/ws/config")["last_reload_failed"], "the refused reload")


def test_a_bridge_alone_is_its_own_fleet(guarded, admin, people):
    (row,) = admin.get("/api/ws/bridges")["bridges"]
    assert (row["clients"], row["state"], row["lag_ms"]) == (24, "ready", None)
    assert row["name"] and row["version"] and row["address"].endswith(f":{guarded.port}")


# ---- rights ----


@pytest.fixture
def roles(make_bridge, issuer, tmp_path):
    settings = {**issuer.settings(tmp_path), "auth.user.subscribe": ["inbox:{user}:*"]}
    return make_bridge(settings, '[auth.roles.ops]\nsubscribe = ["ops:*"]\nmay = ["stats"]\n')


def test_rights_of_a_token_are_what_its_bearer_has(roles, issuer):
    admin = Administrator(roles, issuer.admin())
    token = issuer.token("ada", role="ops")
    topics = ["inbox:ada:1", "inbox:bob:1", "ops:*", "*", "@user/ada", "@user/bob", "@stats"]
    told = admin.done("POST", "/api/ws/rights", {"token": token, "topics": topics})
    assert (told["valid"], told["user"], told["admin"], told["roles"]) == (True, "ada", False, ["ops"])
    assert told["calls"] == ["stats"]
    assert {"pattern": "inbox:ada:*", "from": "auth.user.subscribe"} in told["topics"]
    client = roles.connect(headers=bearer(token))
    assert told["expires"] == client.hello["expires"]
    for row in told["asked"]:
        answer = client.ask({"type": "subscribe", "topic": row["topic"]})
        assert answer.get("success", False) is row["granted"], row
    by = {row["topic"]: row["by"] for row in told["asked"]}
    assert by["ops:*"] == {"pattern": "ops:*", "from": "auth.roles.ops.subscribe"} and by["*"] is None
    same = admin.done("POST", "/api/ws/rights", {"user": "ada", "roles": ["ops"], "topics": topics})
    assert {**same, "expires": told["expires"]} == told


def test_a_token_that_is_refused_is_told_why_and_kept_nowhere(roles, issuer):
    admin = Administrator(roles, issuer.admin())
    foreign, ended = Issuer().token("ada"), issuer.token("ada", lives=-3600)
    answers = [admin("POST", "/api/ws/rights", {"token": token}) for token in (foreign, ended, "x")]
    assert [answer.json["valid"] for answer in answers] == [False] * 3
    assert "signature" in answers[0].json["reason"] and "expired" in answers[1].json["reason"]
    for token, answer in zip((foreign, ended), answers, strict=False):
        assert token not in answer.text and token not in roles.log.tail(1000)
    many = [f"role-{i}" for i in range(1001)]
    for body in (
        {},
        {"token": ended, "user": "ada"},
        {"token": ended, "roles": []},
        {"user": ""},
        {"user": 1},
        {"user": "ada", "roles": many},
    ):
        refused = admin("POST", "/api/ws/rights", body)
        assert_refused(refused, 400)
        assert ended not in refused.text


def test_in_open_mode_the_bridges_own_token_is_the_administrators(bridge):
    admin = Administrator(bridge, bridge.admin_token)
    told = admin.done("POST", "/api/ws/rights", {"token": bridge.admin_token})
    assert (told["valid"], told["admin"], told["user"]) == (True, True, None)
    assert bridge.admin_token not in json.dumps(told)
    assert "no key is configured" in admin.done("POST", "/api/ws/rights", {"token": "x"})["reason"]


# ---- sources ----


def test_sources_tell_what_never_came(guarded, admin, make_producer):
    producer = make_producer(guarded.endpoint)
    for topic, src, seq in (("a", "p", 1), ("a", "p", 2), ("a", "p", 5), ("b", "p", 1), ("a", "other-one", 9)):
        producer.send(topic, {"type": "x"}, {"src": src, "seq": seq})
    admin.done("POST", "/api/ws/publish", {"topic": "c", "message": 1})
    guarded.wait_metric("zws_events_received_total", 6)
    told = admin.get("/api/ws/sources")
    assert told["producers"] == {"connected": 1, "connected_ever": 1, "lost": 0}
    rows = [(row["topic"], row["src"], row["own"], row["seq"], row["missed"]) for row in told["sources"]]
    assert rows[:3] == [("a", "other-one", False, 9, 0), ("a", "p", False, 5, 2), ("b", "p", False, 1, 0)]
    assert rows[3][0] == "c" and rows[3][2:] == (True, 1, 0)
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.get(f"/api/ws/sources?limit=1&cursor={cursor}")
        seen += page["sources"]
        cursor = page["cursor"]
    assert seen == told["sources"]
    assert admin.get("/api/ws/sources?sort=-missed&limit=1")["sources"] == told["sources"][1:2]
    assert [row["src"] for row in admin.get("/api/ws/sources?search=OTHER-O")["sources"]] == ["other-one"]
    assert_refused(admin("GET", "/api/ws/sources?sort=rate"), 400)
