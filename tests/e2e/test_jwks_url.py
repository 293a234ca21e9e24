"""Keys that the bridge fetches: when it does, what it does with a source that is ill, and what stays."""

import os
import signal

import pytest

from support.certificate import Certificate
from support.key_server import KeyServer, key_set, token_of
from support.tokens import Issuer, bearer


@pytest.fixture
def server():
    with KeyServer() as its:
        yield its


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    folder = tmp_path / "state"
    monkeypatch.setenv("STATE_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def make(make_bridge):
    def settings_of(server, refresh="1h", **more):
        return {"auth.jwks_url": server.url, "auth.jwks_refresh": refresh, "auth.audience": "*", **more}

    return lambda server, refresh="1h", start=True, **more: make_bridge(
        settings_of(server, refresh, **more), start=start
    )


def signs_in(bridge, issuer, kid):
    return bridge.connect(headers=bearer(token_of(issuer, kid))).hello["user"] == "alice"


def refusal(bridge, issuer, kid):
    client = bridge.connect(headers=bearer(token_of(issuer, kid)), greeted=False)
    closed, messages = client.wait_closed()
    return closed, messages[0]["code"]


def lines(bridge, text):
    return [line for line in bridge.log.since(0) if text in line]


def readiness(bridge):
    answer = bridge.get("/readyz")
    return answer.status, answer.json["reasons"]


def wait_fetched(bridge, well=1):
    bridge.wait_metric("zws_jwks_last_fetch_successful", well)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_keys_are_fetched_at_the_start(make, server, algorithm):
    issuer = Issuer(algorithm)
    server.publish(a=issuer)
    bridge = make(server)
    assert signs_in(bridge, issuer, "a"), "also while the fetch still runs"
    assert refusal(bridge, Issuer(algorithm), "a") == (4401, "invalid_token")
    bridge.wait_until(lambda: readiness(bridge) == (200, []), "it is ready")
    assert bridge.metric("zws_jwks_last_success_timestamp_seconds") > 1_700_000_000


def test_over_https_they_come_from_whose_certificate_is_trusted(make, tmp_path, monkeypatch):
    issuer, certificate = Issuer("ES256"), Certificate(tmp_path / "provider")
    with KeyServer(certificate) as server:
        server.publish(a=issuer)
        wary = make(server)
        wary.log.wait_for("auth.jwks_url: cannot be fetched: .*certificate")
        assert readiness(wary)[0] == 503 and server.answered == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert_file))
        bridge = make(server)
        assert signs_in(bridge, issuer, "a")


def test_over_https_a_redirect_is_followed_but_to_nothing_in_the_clear(make, server, tmp_path, monkeypatch):
    issuer, certificate = Issuer("ES256"), Certificate(tmp_path / "provider")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert_file))
    with KeyServer(certificate) as moved, KeyServer(certificate) as here:
        for each in (server, here):
            each.publish(a=issuer)
        moved.mode, moved.moved_to = 302, here.url
        assert signs_in(make(moved), issuer, "a")
        moved.moved_to = server.url
        make(moved).log.wait_for("auth.jwks_url: cannot be fetched")
        assert server.answered == []


def test_a_kid_nobody_knows_has_them_fetched_at_once_and_its_token_waits(make, server):
    old, new = Issuer("ES256"), Issuer("ES256")
    server.publish(old=old)
    bridge = make(server)
    assert signs_in(bridge, old, "old")
    wait_fetched(bridge)  # a token that comes while a fetch ends waits for that one
    server.publish(old=old, new=new)
    assert signs_in(bridge, new, "new")
    server.wait_answered(2)  # it says so itself a moment after the bridge has the answer
    for i in range(20):
        assert refusal(bridge, Issuer("ES256"), f"made-up-{i}") == (4401, "invalid_token")
    assert len(server.answered) == 2, "a stranger's inventions cost the source nothing"
    assert signs_in(bridge, old, "old"), "and nobody else"


def test_they_are_fetched_again_and_again_and_unchanged_ones_are_not_sent(make, server):
    first, second = Issuer("ES256"), Issuer("ES256")
    server.publish(a=first)
    bridge = make(server, refresh="1s")
    server.wait_answered(2, status=304)
    assert len(lines(bridge, "auth.jwks_url: 1 keys are in force")) == 1
    server.publish(b=second)
    bridge.wait_until(lambda: lines(bridge, "in force")[1:], "the new set")
    assert signs_in(bridge, second, "b")
    assert refusal(bridge, first, "a") == (4401, "invalid_token"), "its key is gone"


@pytest.mark.parametrize("illness", [500, "endless", "no set", "a redirect"])
def test_what_is_no_key_set_leaves_the_last_good_one(make, server, illness):
    issuer = Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server, refresh="1s")
    assert signs_in(bridge, issuer, "a")
    if illness == "no set":
        server.body = b'{"keys":[{"kty":"oct","k":"' + b"A" * 43 + b'","alg":"HS256"}]}'
    elif illness == "a redirect":
        server.moved_to = server.url
        server.mode = 302
    else:
        server.mode = illness
    wait_fetched(bridge, 0)
    seen = len(server.answered)
    server.wait_answered(seen + 2)
    assert signs_in(bridge, issuer, "a")
    status, reasons = readiness(bridge)
    assert status == 200 and "those from before stay" in reasons[0]
    assert len(lines(bridge, "the keys from before stay")) == 1, "said once, not each time"
    server.mode = "good"
    server.publish(a=issuer)
    wait_fetched(bridge)
    bridge.wait_until(lambda: lines(bridge, "answered again"), "the end of it is said")
    assert readiness(bridge) == (200, [])


def test_a_restart_finds_the_last_good_set_where_the_source_is_dead(make, server, state):
    issuer = Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server)
    assert signs_in(bridge, issuer, "a")
    bridge.wait_until(lambda: readiness(bridge) == (200, []), "the fetch has ended")
    [kept] = state.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_bytes() == server.body
    assert bridge.stop() == 0
    server.close()
    bridge.start()
    assert signs_in(bridge, issuer, "a")
    wait_fetched(bridge, 0)
    assert readiness(bridge)[0] == 200


def test_the_kept_set_of_another_url_or_that_others_can_write_is_not_taken(make, server, state):
    issuer = Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server)
    bridge.wait_until(lambda: readiness(bridge) == (200, []), "the fetch has ended")
    server.mode = 500
    bridge.settings["auth.jwks_url"] = server.url + "?other"
    bridge.restart()
    assert refusal(bridge, issuer, "a") == (1013, "rate_limited")
    bridge.settings["auth.jwks_url"] = server.url
    for kept in state.iterdir():
        os.chmod(kept, 0o620)
    bridge.restart()
    assert refusal(bridge, issuer, "a") == (1013, "rate_limited")


def test_before_the_first_keys_tokens_are_told_to_come_back_and_readyz_says_why(make, server):
    issuer = Issuer("ES256")
    server.mode = 503
    server.publish(a=issuer)
    bridge = make(server)
    wait_fetched(bridge, 0)
    status, reasons = readiness(bridge)
    assert status == 503 and "have not come yet" in reasons[0]
    assert refusal(bridge, issuer, "a") == (1013, "rate_limited")
    answer = bridge.http("GET", "/api/ws/stats", headers=bearer(token_of(issuer, "a", role="admin")))
    assert answer.status == 429 and "not been fetched" in answer.json["message"]
    server.mode = "good"
    wait_fetched(bridge)
    assert signs_in(bridge, issuer, "a")
    assert readiness(bridge) == (200, [])


def test_a_source_that_stalls_holds_up_nobody_and_no_end(make, server):
    secret = Issuer()
    server.mode = "stalls"
    bridge = make(server, **{"auth.hs256_secret": secret.key})
    server.wait_answered(1)
    waiting = bridge.connect(headers=bearer(token_of(Issuer("ES256"), "a")), greeted=False)
    assert bridge.connect(headers=bearer(secret.token("bob"))).hello["user"] == "bob"
    bridge.signal(signal.SIGTERM)
    assert bridge.wait() == 0
    assert waiting.wait_closed()[0] in (1006, 1012, 1013)


def test_a_reload_changes_the_url(make, server):
    issuer, other = Issuer("ES256"), Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server, **{"auth.hs256_secret": "s" * 32})
    assert signs_in(bridge, issuer, "a")
    bridge.settings["auth.jwks_url"] = ""
    bridge.reload()
    assert refusal(bridge, issuer, "a") == (4401, "invalid_token")
    bridge.settings["auth.jwks_url"] = server.url
    bridge.reload()
    assert signs_in(bridge, issuer, "a"), "the same set as before is in force again"
    with KeyServer() as second:
        second.publish(b=other)
        bridge.settings["auth.jwks_url"] = second.url
        assert "configuration reloaded" in bridge.reload()
        assert signs_in(bridge, other, "b")
        assert refusal(bridge, issuer, "a") == (4401, "invalid_token")


def test_a_source_that_is_ill_is_told_of_though_the_one_before_was_too(make, server):
    server.mode = 500
    bridge = make(server, refresh="1s", **{"auth.hs256_secret": "s" * 32})
    server.wait_answered(3)
    assert len(lines(bridge, "auth.jwks_url: cannot be fetched")) == 1
    with KeyServer() as second:
        second.mode = 404
        bridge.settings["auth.jwks_url"] = second.url
        bridge.reload()
        bridge.wait_until(lambda: lines(bridge, "HTTP 404"), "why the other one gives no keys")


def test_a_reload_to_a_shorter_refresh_holds_from_then_on(make, server):
    issuer = Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server, refresh="1h")
    assert signs_in(bridge, issuer, "a")
    bridge.settings["auth.jwks_refresh"] = "1s"
    bridge.reload()
    server.wait_answered(len(server.answered) + 3)


def test_a_reload_to_another_url_waits_for_nothing_of_the_old_one(make, server):
    issuer, new = Issuer("ES256"), Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server)
    wait_fetched(bridge)
    assert refusal(bridge, issuer, "made up") == (4401, "invalid_token"), "it was asked for that"
    server.mode = "stalls"
    bridge.reload()
    server.wait_answered(3)
    with KeyServer() as second:
        second.publish(a=issuer)
        bridge.settings["auth.jwks_url"] = second.url
        bridge.reload()
        second.wait_answered(1, within=5)  # a fetch that stalls is given 10 s
        assert signs_in(bridge, issuer, "a")
        wait_fetched(bridge)
        second.publish(a=issuer, b=new)
        assert signs_in(bridge, new, "b")
        assert not lines(bridge, "cannot be fetched"), "nobody is to blame that it was broken off"


def test_a_key_that_is_newer_than_the_answer_on_its_way_is_asked_for_again(make, server):
    old, new = Issuer("ES256"), Issuer("ES256")
    server.publish(old=old)
    bridge = make(server)
    wait_fetched(bridge)
    server.mode = "holds"
    bridge.reload()
    server.wait_answered(1, status=0)
    server.publish(old=old, new=new)
    server.mode = "good"
    waits = bridge.connect(headers=bearer(token_of(new, "new")), greeted=False)
    assert signs_in(bridge, old, "old"), "so that the other one waits by now"
    server.released.set()
    assert waits.receive()["type"] == "connection"


def test_an_empty_set_takes_every_key_back_and_comes_back_after_a_restart(make, server):
    issuer = Issuer("ES256")
    server.publish(a=issuer)
    bridge = make(server, refresh="1s", **{"auth.expiry_grace": "0s"})
    client = bridge.connect(headers=bearer(token_of(issuer, "a")))
    server.body = b'{"keys":[]}'
    assert client.wait_closed()[0] == 4401
    assert refusal(bridge, issuer, "a") == (4401, "invalid_token")
    assert readiness(bridge) == (200, [])
    assert len(lines(bridge, "its set of keys is empty")) == 1
    assert bridge.stop() == 0
    server.close()
    bridge.start()
    wait_fetched(bridge, 0)
    assert refusal(bridge, issuer, "a") == (4401, "invalid_token"), "what was taken back stays so"


def test_a_configured_key_without_a_kid_stands_before_no_fetched_one(make, server, tmp_path):
    """A PEM is tried with every token of its algorithm; that it does not match says nothing of the keys to come."""
    configured, old, new = Issuer("ES256"), Issuer("ES256"), Issuer("ES256")
    server.publish(old=old)
    bridge = make(server, **configured.settings(tmp_path), **{"limits.failed_tokens_per_minute": 2})
    assert signs_in(bridge, old, "old")
    server.publish(old=old, new=new)
    assert signs_in(bridge, new, "new")
    assert signs_in(bridge, configured, "any")
    for i in range(4):
        assert refusal(bridge, Issuer("ES256"), f"tomorrow-{i}") == (4401, "invalid_token"), (
            "no guess: it names its key"
        )
    assert signs_in(bridge, new, "new")


def test_keys_that_move_to_the_url_end_nobody(make, server, tmp_path):
    moves, taken_out = Issuer("ES256"), Issuer("EdDSA")
    (tmp_path / "keys.json").write_bytes(key_set(a=moves, b=taken_out))
    server.mode = 503
    bridge = make(
        server,
        **{"auth.jwks_url": "", "auth.jwks_file": str(tmp_path / "keys.json"), "auth.expiry_grace": "0s"},
    )
    stays, goes = (bridge.connect(headers=bearer(token_of(*whose))) for whose in ((moves, "a"), (taken_out, "b")))
    del bridge.settings["auth.jwks_file"]
    bridge.settings["auth.jwks_url"] = server.url
    bridge.reload()
    wait_fetched(bridge, 0)
    assert stays.ask({"type": "ping"})["type"] == goes.ask({"type": "ping"})["type"] == "pong", "their keys may come"
    server.publish(a=moves)
    server.mode = "good"
    assert goes.wait_closed()[0] == 4401, "its key is not among them"
    assert stays.ask({"type": "ping"})["type"] == "pong"


def test_without_a_url_nothing_fails_to_be_fetched(make, server):
    server.mode = 503
    bridge = make(server, **{"auth.hs256_secret": "s" * 32})
    wait_fetched(bridge, 0)
    bridge.settings["auth.jwks_url"] = ""
    bridge.reload()
    wait_fetched(bridge, 1)


@pytest.mark.parametrize(
    "url",
    ["http://id.example.org/keys", "ftp://127.0.0.1/keys", "https://", "https://user:password@id.example.org/", "keys"],
)
def test_a_url_that_others_could_forge_ends_the_start(make_bridge, url):
    bridge = make_bridge({"auth.jwks_url": url, "auth.audience": "*"}, start=False)
    bridge.launch()
    assert bridge.wait() == 2
    assert "auth.jwks_url" in bridge.log.tail()


def test_it_needs_an_audience(make_bridge, server):
    bridge = make_bridge({"auth.jwks_url": server.url}, start=False)
    bridge.launch()
    assert bridge.wait() == 2
    assert "auth.audience" in bridge.log.tail()
