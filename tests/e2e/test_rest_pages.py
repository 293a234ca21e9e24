"""What an administrator may look at: totals, and lists page by page."""

import pytest

from support.administrator import Administrator, assert_refused
from support.tokens import bearer

USERS = ["alice", "bob", "carol", "dave"]


def test_stats_tell_totals_users_and_topics(guarded, admin, people, make_producer):
    producer = make_producer(guarded.endpoint)
    people["alice"][0].subscribe("a")
    producer.send("a", {"type": "x"})
    people["alice"][0].receive()
    stats = admin.get("/api/ws/stats")
    assert (stats["connections"], stats["users"], stats["subscriptions"]) == (24, 4, 1)
    assert (stats["topics"], stats["events_received"], stats["deliveries"]) == (1, 1, 1)
    assert {row["user"]: row["connections"] for row in stats["top_users"]} == dict.fromkeys(USERS, 6)
    assert stats["busiest_topics"][0]["topic"] == "a"
    assert stats["memory"]["resident_bytes"] > 0 and "events_per_second" in stats["rates"]


def pages(admin, path, member, limit):
    """All items, page by page."""
    items, cursor = [], ""
    while cursor is not None:
        page = admin.get(f"{path}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page[member]) <= limit and page[member]
        items += page[member]
        cursor = page["cursor"]
    return items


@pytest.mark.parametrize("limit", [1, 7, 24, 1000])
def test_connections_come_in_pages(admin, people, limit):
    seen = pages(admin, "/api/ws/connections", "connections", limit)
    everyone = [(client.hello["client_id"], user) for user, connections in people.items() for client in connections]
    assert sorted((row["client_id"], row["user"]) for row in seen) == sorted(everyone)
    assert {row["address"] for row in seen} == {"127.0.0.1"}


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_topics_come_in_pages(admin, people, limit):
    names = [f"topic:{n}" for n in range(7)]
    for client in people["alice"]:
        for name in names:
            client.subscribe(name)
    seen = pages(admin, "/api/ws/topics", "topics", limit)
    own = [("@all", 24), *((f"@user/{user}", 6) for user in USERS)]
    assert [(row["topic"], row["subscribers"]) for row in seen] == own + [(name, 6) for name in names]


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_topics_that_are_heard_by_patterns_only_are_listed_and_so_are_the_patterns(guarded, admin, people, limit):
    for client in people["alice"]:
        for pattern in ("import:*", "*:1"):
            client.subscribe(pattern)
    people["bob"][0].subscribe("import:1")
    for topic in ("import:1", "import:1", "import:2", "elsewhere"):
        admin.done("POST", "/api/ws/publish", {"topic": topic, "message": {"type": "x"}})
    seen = pages(admin, "/api/ws/topics", "topics", limit)
    rows = {row["topic"]: (row["pattern"], row["subscribers"], row["events"]) for row in seen}
    assert len(rows) == len(seen)
    assert {topic: row for topic, row in rows.items() if not topic.startswith("@")} == {
        "import:1": (False, 7, 2),
        "import:2": (False, 6, 1),
        "elsewhere": (False, 0, 1),
        "import:*": (True, 6, 3),
        "*:1": (True, 6, 2),
    }
    busiest = admin.get("/api/ws/stats")["busiest_topics"]
    assert (busiest[0]["topic"], busiest[0]["events"]) == ("import:*", 3)
    assert {row["topic"] for row in busiest if row["events"]} == {
        "import:1",
        "import:2",
        "elsewhere",
        "import:*",
        "*:1",
    }
    guarded.wait_metric("zws_topics", 5)


@pytest.mark.parametrize("limit", [1, 2])
def test_every_page_is_complete_whatever_the_names_hold(admin, people, limit):
    names = sorted(["a+b", "a b", "a%20b", "a%2Bb", "a&cursor=b", "a/b", "a=b", "温度", "z+"], key=str.encode)
    for name in names:
        people["alice"][0].subscribe(name)
    seen = [row["topic"] for row in pages(admin, "/api/ws/topics", "topics", limit)]
    assert [name for name in seen if not name.startswith("@")] == names


@pytest.mark.parametrize("cursor", ["a+b", "a", "%2B", "****", "b:7"])
@pytest.mark.parametrize("path", ["connections", "topics"])
def test_a_cursor_of_a_list_that_no_page_gave_is_400(admin, path, cursor):
    assert_refused(admin("GET", f"/api/ws/{path}?cursor={cursor}"), 400)


def test_those_with_most_connections_come_first(guarded, issuer, admin):
    for user, count in (("few", 1), ("most", 4), ("some", 2)):
        for _ in range(count):
            guarded.connect(headers=bearer(issuer.token(user)))
    rows = admin.get("/api/ws/stats")["top_users"]
    assert [(row["user"], row["connections"]) for row in rows] == [("most", 4), ("some", 2), ("few", 1)]
    for number in range(99):
        guarded.connect(headers=bearer(issuer.token(f"u{number}")))
    rows = admin.get("/api/ws/stats")["top_users"]
    assert (len(rows), rows[0]["user"], rows[1]["user"]) == (100, "most", "some")


@pytest.mark.parametrize("topic", ["import:task-1", "a/b", "温度 1", "100%"])
def test_a_topics_history_comes_in_pages_the_newest_first(admin, topic):
    quoted = "".join(f"%{byte:02x}" for byte in topic.encode())
    path = f"/api/ws/topics/{quoted}/history"
    sent = [
        admin.done("POST", "/api/ws/publish", {"topic": topic, "message": {"type": "n", "n": n}})["id"]
        for n in range(5)
    ]
    page = admin.get(path + "?limit=2")
    assert (page["topic"], page["positions"]) == (topic, [sent[-1]])
    assert [event["@id"] for event in page["events"]] == sent[3:]
    page = admin.get(f"{path}?limit=2&cursor={page['cursor']}")
    assert [event["@id"] for event in page["events"]] == sent[1:3]
    page = admin.get(f"{path}?limit=2&cursor={page['cursor']}")
    assert ([event["@id"] for event in page["events"]], page["cursor"]) == (sent[:1], None)


def test_pages_stay_in_place_while_events_and_clients_come_and_go(guarded, issuer, admin, people):
    for n in range(6):
        admin.done("POST", "/api/ws/publish", {"topic": "a", "message": {"type": "n", "n": n}})
    newest = admin.get("/api/ws/topics/a/history?limit=3")
    first = admin.get("/api/ws/connections?limit=12")
    admin.done("POST", "/api/ws/publish", {"topic": "a", "message": {"type": "n", "n": 6}})
    gone = {client.hello["client_id"] for client in people["bob"]}
    for _ in range(4):
        guarded.connect(headers=bearer(issuer.token("late")))
    admin.done("DELETE", "/api/ws/users/bob/connections")
    guarded.wait_metric("zws_connections", 22)
    before = admin.get(f"/api/ws/topics/a/history?limit=10&cursor={newest['cursor']}")
    assert [event["n"] for event in before["events"] + newest["events"]] == [0, 1, 2, 3, 4, 5]
    assert before["cursor"] is None
    rest = admin.get(f"/api/ws/connections?limit=100&cursor={first['cursor']}")
    seen = [row["client_id"] for row in first["connections"] + rest["connections"]]
    assert len(set(seen)) == len(seen)
    stayed = {client.hello["client_id"] for connections in people.values() for client in connections} - gone
    assert stayed <= set(seen)


def test_all_of_a_long_history_can_be_turned_through(make_bridge, issuer, tmp_path, make_producer):
    """Past limits.replay_events too, which bounds what a client is sent at once."""
    settings = {"history.size": 500, "limits.replay_events": 50, "server.threads": 2}
    bridge = make_bridge({**issuer.settings(tmp_path), **settings})
    producer = make_producer(bridge.endpoint)
    client = bridge.connect(headers=bearer(issuer.token()))
    client.subscribe("a")
    for n in range(300):
        producer.send("a", {"type": "n", "n": n})
    while client.receive()["n"] != 299:
        pass
    admin = Administrator(bridge, issuer.admin())
    bridge.wait_metric("zws_events_received_total", 300)
    turned, cursor = [], ""
    while cursor is not None:
        page = admin.get(f"/api/ws/topics/a/history?limit=70&cursor={cursor}")
        turned = [event["n"] for event in page["events"]] + turned
        cursor = page["cursor"]
    assert turned == list(range(300))


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "b:7", "17", "9" * 30])
def test_a_cursor_of_a_history_that_no_page_gave_is_400(admin, cursor):
    assert_refused(admin("GET", f"/api/ws/topics/a/history?cursor={cursor}"), 400)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1001", "limit=1.5"])
@pytest.mark.parametrize("path", ["connections", "topics", "topics/a/history"])
def test_a_limit_out_of_range_is_400(admin, path, query):
    assert_refused(admin("GET", f"/api/ws/{path}?{query}"), 400)
