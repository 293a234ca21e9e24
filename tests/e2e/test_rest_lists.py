"""Who suffers, and what passes through: lists that are searched and sorted by the bridge, and single rows."""

import json
from urllib.parse import quote

import pytest

from support.administrator import Administrator, assert_refused
from support.raw_socket import CLOSE, TEXT
from support.tokens import bearer


def pages(admin, path, member, limit=2):
    """All rows, page by page."""
    rows, cursor = [], ""
    while cursor is not None:
        joint = "&" if "?" in path else "?"
        page = admin.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page[member]) <= limit
        rows += page[member]
        cursor = page["cursor"]
    return rows


def ids(rows):
    return [row["client_id"] for row in rows]


def test_connections_are_sorted_over_all_lanes(guarded, admin, people):
    everyone = [client for clients in people.values() for client in clients]
    for number, client in enumerate(everyone):
        for topic in range(number % 5):
            client.subscribe(f"t:{topic}")
    rows = pages(admin, "/api/ws/connections?sort=-subscriptions", "connections", 7)
    assert len(set(ids(rows))) == 24
    assert [row["subscriptions"] for row in rows] == sorted((n % 5 for n in range(24)), reverse=True)
    for begin in range(24):
        same = [row["client_id"] for row in rows if row["subscriptions"] == rows[begin]["subscriptions"]]
        assert same == sorted(same)
    by_user = pages(admin, "/api/ws/connections?sort=user", "connections", 5)
    assert [row["user"] for row in by_user] == sorted(row["user"] for row in rows)
    first, *_ = pages(admin, "/api/ws/connections?sort=connected", "connections", 24)
    assert first["client_id"] == everyone[0].hello["client_id"]
    turned = pages(admin, "/api/ws/connections?sort=-client_id", "connections", 9)
    assert ids(turned) == sorted(ids(rows), reverse=True)


def test_connections_are_sorted_by_where_they_come_from(guarded, admin):
    for last in ("9", "1", "5"):
        guarded.connect(headers={"X-Forwarded-For": f"203.0.113.{last}"})
    rows = pages(admin, "/api/ws/connections?sort=-address", "connections", 2)
    assert [row["address"] for row in rows] == ["203.0.113.9", "203.0.113.5", "203.0.113.1"]


def test_connections_are_chosen_from(guarded, admin, people):
    def chosen(query):
        return sorted(ids(pages(admin, f"/api/ws/connections?{query}", "connections", 5)))

    def of(*users):
        return sorted(client.hello["client_id"] for user in users for client in people[user])

    assert chosen("user=bob") == of("bob")
    assert chosen("user=bo") == []
    assert chosen("search=BO") == of("bob")
    assert chosen("search=a") and set(of("alice", "carol", "dave")) <= set(chosen("search=a")), "ids hold it, too"
    one = of("dave")[0]
    assert chosen(f"search={one[:18]}&sort=-dropped") == [one]
    assert chosen("search=127.0.0") == of("alice", "bob", "carol", "dave")
    assert chosen("address=127.0.0.1") == of("alice", "bob", "carol", "dave")
    assert chosen("address=127.0.0.2") == []
    assert chosen("slow=false") == of("alice", "bob", "carol", "dave") and chosen("slow=true") == []


def test_who_does_not_read_is_found(make_bridge, make_producer):
    limits = {"limits.queue_bytes": 65536, "limits.unsent_bytes": 16384, "limits.stalled_timeout": "10m"}
    bridge = make_bridge(limits)
    admin = Administrator(bridge, bridge.admin_token)
    healthy = bridge.connect()
    healthy.subscribe("a")
    with bridge.raw(receive_buffer=4096) as slow:
        assert slow.upgrade()[0] == 101
        hello = json.loads(slow.frame().payload)
        slow.send_frame(TEXT, b'{"type":"subscribe","topic":"a"}')
        assert slow.frame().opcode != CLOSE
        producer = make_producer(bridge.endpoint)
        for number in range(2000):
            producer.send("a", {"type": "x", "n": number, "filler": "x" * 1000})
            healthy.receive()
        bridge.wait_metric_at_least("zws_dropped_total", 1, reason="slow_consumer")
        suffering = admin.get("/api/ws/connections?slow=true")["connections"]
        assert [row["client_id"] for row in suffering] == [hello["client_id"]]
        assert suffering[0]["dropped"] > 0 and suffering[0]["queued_bytes"] > 0
        for order in ("-queued", "-dropped", "rate", "delivered"):
            rows = pages(admin, f"/api/ws/connections?sort={order}", "connections", 1)
            assert ids(rows) == [hello["client_id"], healthy.hello["client_id"]], order
        assert rows[1]["rate"] > rows[0]["rate"] > 0


def test_who_was_thrown_out_is_in_no_list_though_it_does_not_answer(make_bridge):
    bridge = make_bridge({})
    admin = Administrator(bridge, bridge.admin_token)
    with bridge.raw() as silent:
        assert silent.upgrade()[0] == 101
        client = json.loads(silent.frame().payload)["client_id"]
        assert ids(admin.get("/api/ws/connections")["connections"]) == [client]
        assert admin("DELETE", f"/api/ws/connections/{client}").json["closed"] == 1
        assert admin.get("/api/ws/connections")["connections"] == []


@pytest.mark.parametrize("path", ["connections", "topics"])
def test_what_cannot_be_asked_is_400_and_says_what_can(admin, people, path):
    refused = admin("GET", f"/api/ws/{path}?sort=size")
    assert_refused(refused, 400)
    assert "rate" in refused.json["message"]
    cursor = admin.get(f"/api/ws/{path}?sort=-rate&limit=1")["cursor"]
    assert admin("GET", f"/api/ws/{path}?sort=-rate&limit=1&cursor={cursor}").status == 200
    assert_refused(admin("GET", f"/api/ws/{path}?sort=rate&limit=1&cursor={cursor}"), 400)
    assert_refused(admin("GET", f"/api/ws/{path}?limit=1&cursor={cursor}"), 400)
    assert_refused(admin("GET", "/api/ws/connections?slow=yes"), 400)


def test_topics_are_sorted_and_chosen_from(guarded, admin, people, make_producer):
    """More than are asked for at once, on lanes of which none knows them all."""
    for number in range(600):
        people["alice"][number % 6].subscribe(f"many:{number:04}")
    for client in people["bob"]:
        client.subscribe("many:0123")
    people["carol"][0].subscribe("Import:*")
    producer = make_producer(guarded.endpoint)
    for number in range(600, 2_100):
        producer.send(f"many:{number:04}", 1)
    for number in (7, 300, 599):
        for _ in range(number):
            producer.send(f"many:{number:04}", 1)
    producer.send("import:1", 1)
    producer.send("Import:1", 1)
    guarded.wait_metric("zws_events_received_total", 2_408)

    def rows(query, limit=250):
        return pages(admin, f"/api/ws/topics?{query}", "topics", limit)

    busiest = rows("sort=-events")
    assert len({row["topic"] for row in busiest}) == len(busiest) == 2_100 + 3 + 5
    assert [(row["topic"], row["events"]) for row in busiest[:3]] == [
        ("many:0599", 599),
        ("many:0300", 300),
        ("many:0007", 7),
    ]
    assert [row["topic"] for row in rows("sort=-rate")][:3] == [row["topic"] for row in busiest[:3]]
    heard = [row for row in rows("sort=-subscribers") if not row["topic"].startswith("@")]
    assert (heard[0]["topic"], heard[0]["subscribers"]) == ("many:0123", 7)
    found = [(row["topic"], row["pattern"], row["subscribers"]) for row in rows("search=import", 1)]
    assert found == [("Import:*", True, 1), ("Import:1", False, 1), ("import:1", False, 0)]
    assert rows("search=import:1", 1)[-1]["rate"] > 0, "also of what nobody hears"
    assert [row["topic"] for row in rows("search=MANY:059&sort=-topic")] == [f"many:059{n}" for n in range(9, -1, -1)]


def test_one_connection_tells_who_it_is_and_what_it_hears(guarded, issuer, admin):
    client = guarded.connect(headers=bearer(issuer.token("ada", roles=["ops", "x"])))
    client.subscribe("b:*")
    client.subscribe("a")
    sent = admin.done("POST", "/api/ws/publish", {"topic": "a", "message": 1})["id"]
    client.receive()
    told = admin.get(f"/api/ws/connections/{client.hello['client_id']}")
    listed = admin.get("/api/ws/connections")["connections"][0]
    assert {**told["connection"], "rate": listed["rate"]} == listed
    assert told["connection"]["delivered"] == 1
    assert told["identity"] == {
        "user": "ada",
        "admin": False,
        "roles": ["ops", "x"],
        "expires": client.hello["expires"],
    }
    assert told["subscriptions"] == [
        {"topic": "a", "pattern": False, "replaced": 0, "positions": [sent]},
        {"topic": "b:*", "pattern": True, "replaced": 0, "positions": []},
    ]
    assert_refused(admin("GET", "/api/ws/connections/nobody"), 404)
    client.close()
    guarded.wait_metric("zws_connections", 0)
    assert_refused(admin("GET", f"/api/ws/connections/{client.hello['client_id']}"), 404)


def test_of_one_connection_a_thousand_subscriptions_are_told(guarded, issuer, admin):
    client = guarded.connect(headers=bearer(issuer.token("ada")))
    topics = [f"t:{number:04}" for number in range(1001)]
    for half in (topics[:500], topics[500:]):
        client.send({"type": "subscribe", "topics": half})
        assert all(client.receive()["success"] for _ in half)
    told = admin.get(f"/api/ws/connections/{client.hello['client_id']}")
    assert told["connection"]["subscriptions"] == 1001
    assert [each["topic"] for each in told["subscriptions"]] == topics[:1000]


ROUTES = (
    '[[route]]\nmatch = "a:*"\nhistory = 2\nttl = "1m"\noverflow = "conflate"\nkey = "id"\nreplay = 1\nexpect = "10m"\n'
)


@pytest.fixture
def routed(make_bridge, issuer, tmp_path):
    return make_bridge({**issuer.settings(tmp_path), "server.threads": 3}, ROUTES)


@pytest.mark.parametrize("topic", ["a:1", "a:1/history", "a:温度 %2F"])
def test_one_topic_tells_its_route_its_sources_and_who_hears_it(routed, issuer, topic):
    admin = Administrator(routed, issuer.admin())
    clients = [routed.connect(headers=bearer(issuer.token(user))) for user in ("ada", "bob", "carol")]
    clients[0].subscribe(topic)
    clients[1].subscribe("a:*")
    clients[1].subscribe(topic)
    sent = [
        admin.done("POST", "/api/ws/publish", {"topic": topic, "message": {"id": n}})["id"].rpartition(":")
        for n in range(3)
    ]
    told = admin.get(f"/api/ws/topics?topic={quote(topic, safe='')}")
    assert (told["topic"], told["pattern"], told["subscribers"], told["events"]) == (topic, False, 2, 3)
    assert 0 < told["rate"] <= 0.3
    assert told["route"] == {
        "match": "a:*",
        "format": "auto",
        "history": 2,
        "ttl": "60s",
        "replay": 1,
        "overflow": "conflate",
        "key": "id",
        "expect": "10m",
    }
    assert told["sources"][0].pop("heard_at").endswith("Z")
    assert told["sources"] == [
        {"src": sent[0][0], "seq": int(sent[-1][2]), "own": True, "missed": 0, "alive": True, "state": "alive"}
    ]
    assert told["kept"]["events"] == 2 and told["kept"]["bytes"] > 0
    assert {row["user"] for row in told["receivers"]} == {"ada", "bob"}
    again = admin.get(f"/api/ws/topics/{quote(topic, safe='')}")
    again["sources"][0].pop("heard_at")
    for changing in ("rate", "kept"):
        told.pop(changing), again.pop(changing)
    assert again == told


def test_what_is_kept_of_a_topic_is_told_with_the_times_of_its_ends(routed, issuer):
    admin = Administrator(routed, issuer.admin())

    def kept_of_two():
        admin.done("POST", "/api/ws/publish", {"topic": "a:1", "message": {"id": 1}})
        admin.done("POST", "/api/ws/publish", {"topic": "a:1", "message": {"id": 2}})
        kept = admin.get("/api/ws/topics?topic=a:1")["kept"]
        return kept["oldest"], kept["newest"]

    # Of two that came within a millisecond nobody can say more, and a busy machine may come between two clocks.
    pairs = [kept_of_two() for _ in range(50)]
    assert sum(oldest < newest for oldest, newest in pairs) > sum(oldest > newest for oldest, newest in pairs)


def test_a_pattern_and_a_topic_that_nobody_knows_are_told_of(routed, issuer):
    admin = Administrator(routed, issuer.admin())
    routed.connect(headers=bearer(issuer.token("ada"))).subscribe("a:*")
    pattern = admin.get("/api/ws/topics/a%3A%2A")
    assert (pattern["pattern"], pattern["subscribers"], pattern["route"], pattern["kept"]) == (True, 1, None, None)
    assert [row["user"] for row in pattern["receivers"]] == ["ada"]
    unknown = admin.get("/api/ws/topics/x")
    assert (unknown["events"], unknown["sources"], unknown["receivers"]) == (0, [], [])
    assert unknown["route"]["match"] is None
    assert unknown["kept"] == {"events": 0, "bytes": 0, "oldest": None, "newest": None}
    assert_refused(admin("GET", "/api/ws/topics/a%2Ab"), 400, "invalid_topic")
