"""docs/DEPLOYING.md: its lines in real servers, and what the bridge knows and serves behind them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib

import pytest
import yaml

from support.bridge import DAEMON, ROOT
from support.front import Caddy, HAProxy, HAProxyOfTcp, Nginx, NginxOverUnixSocket, changed, lines_of
from support.tokens import bearer
from support.zws_tool import zws

FRONTS = {
    "nginx": Nginx,
    "nginx-unix": NginxOverUnixSocket,
    "haproxy": HAProxy,
    "haproxy-tcp": HAProxyOfTcp,
    "caddy": Caddy,
}


@pytest.fixture
def stand(make_bridge, issuer, tmp_path):
    """Makes a bridge and the front of that name before it, both ready to run."""

    def make(name, **settings):
        bridge = make_bridge({**issuer.settings(tmp_path), "server.trusted_proxies": ["127.0.0.1"]}, start=False)
        front = FRONTS[name](bridge.port)
        if isinstance(front, NginxOverUnixSocket):
            bridge.settings["server.listen"] = [f"127.0.0.1:{bridge.port}", front.listen]
        if isinstance(front, HAProxyOfTcp):
            server = tomllib.loads(lines_of(HAProxyOfTcp.heading, "toml"))["server"]
            bridge.settings.update({f"server.{key}": value for key, value in server.items()})
            bridge.settings.update(front.certificate.settings)
            bridge.tls = front.tls
        bridge.settings.update(settings)
        return bridge, front

    return make


@pytest.mark.parametrize("name", FRONTS)
def test_clients_calls_and_pages_pass_and_the_address_is_the_clients_own(stand, make_producer, issuer, name):
    bridge, front = stand(name)
    bridge.start()
    producer = make_producer(bridge.endpoint)
    forged = {"X-Forwarded-For": "203.0.113.9", **bearer(issuer.token("alice"))}
    admin = bearer(issuer.admin())
    with front, front.connect(headers=forged, source_address=("127.0.0.5", 0)) as client:
        client.subscribe("a/b")
        producer.send("a/b", {"type": "x", "n": 1})
        assert client.receive()["n"] == 1
        (row,) = front.get("/api/ws/connections", admin).json["connections"]
        assert row["address"] == "127.0.0.5"
        (event,) = front.get("/api/ws/topics/a%2Fb/history", admin).json["events"]
        assert event["n"] == 1
        where = f"{'https' if front.tls else 'http'}://127.0.0.1:{front.port}{front.prefix}/api/ws"
        seen = zws("check", "--insecure", "--url", where)
        assert seen.code == 0 and "clients are taken" in seen.out, "below a prefix, too"
        assert "zws-path" in front.get("/").text and front.get("/client.js").status == 200
        for host, origin, status in (("a.example", "https://a.example", 101), ("a.example", "https://b.example", 403)):
            with front.raw() as page:
                assert page.upgrade(f"{front.prefix}/api/ws", host=host, origin=origin)[0] == status


@pytest.mark.parametrize("check", ["option httpchk GET /readyz", "option httpchk", ""])
def test_haproxy_finds_out_who_is_well(stand, check):
    """The page's check, the one that HAProxy makes where nothing is said of it, and a mere connection."""
    bridge, front = stand("haproxy")
    changes = {**front.changes(), "option httpchk GET /readyz": check}
    front.changes = lambda: changes
    with front:
        bridge.wait_until(lambda: front.get("/healthz").status == 503, "nobody is there")
        bridge.start()
        bridge.wait_until(lambda: front.get("/healthz").status == 200, "the bridge is well")


def test_a_balancer_of_tcp_finds_out_who_is_well(stand):
    bridge, front = stand("haproxy-tcp", **{"server.tls_cert": "", "server.tls_key": ""})
    bridge.tls = front.tls = None
    bridge.start()
    with front:
        assert front.get("/healthz").status == 200
        refused = bridge.metric("zws_handshakes_total", result="bad_request")
        assert front.get("/readyz").status == 200
        assert bridge.metric("zws_handshakes_total", result="bad_request") == refused == 0


def test_every_nginx_of_the_page_keeps_tokens_out_of_its_logs():
    server = lines_of("nginx", "nginx")
    assert "access_log off;" in server and "error_log stderr emerg;" in server


# ---- containers ----

DOCKERFILE = (ROOT / "compose/Dockerfile").read_text()


def check(config, **environment):
    command = [DAEMON, "--config", config, "--check"]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)


def test_the_manifests_fit_the_bridge_and_each_other(tmp_path):
    documents = list(yaml.safe_load_all(lines_of("Kubernetes", "yaml")))
    kinds = {(one["kind"], one["metadata"]["name"]): one for one in documents}
    config = tmp_path / "zwsbridge.toml"
    config.write_text(kinds["ConfigMap", "zwsbridge"]["data"]["zwsbridge.toml"])
    secret = tmp_path / "hs256"
    secret.write_text("0123456789abcdef" * 4)
    pod = kinds["Deployment", "zwsbridge"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    environment["ZWSBRIDGE_AUTH_HS256_SECRET_FILE"] = str(secret)
    links = {"ZWSBRIDGE_PORT": "tcp://10.0.0.1:80", "ZWSBRIDGE_SERVICE_HOST": "10.0.0.1"}
    checked = check(config, **environment, **links)
    assert (checked.returncode, checked.stderr) == (0, "")
    server = tomllib.loads(config.read_text())["server"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert server["listen"].endswith(f":{ports['http']}")
    for name in ("zwsbridge", "zwsbridge-producers"):
        service = kinds["Service", name]["spec"]
        assert service["selector"].items() <= pod["metadata"]["labels"].items()
        assert all(port["targetPort"] in ports for port in service["ports"])
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    drain = int(environment["ZWSBRIDGE_SERVER_DRAIN_TIMEOUT"].removesuffix("s"))
    assert drain < pod["spec"]["terminationGracePeriodSeconds"]


def test_the_image_listens_where_docker_reaches_it_and_needs_a_key_for_that(tmp_path):
    (old, new) = re.findall(r"sed -i 's\|\^(.*?)\$\|(.*?)\|'", DOCKERFILE)[0]
    text = (ROOT / "tools/debian/zwsbridge.toml").read_text()
    config = tmp_path / "zwsbridge.toml"
    config.write_text(changed(text, {f"\n{old}\n": "\n" + new.replace("\\n", "\n") + "\n"}))
    assert tomllib.loads(config.read_text())["server"] == {"listen": "0.0.0.0:8000"}
    refused = check(config)
    assert refused.returncode == 2 and "set a key" in refused.stderr
    assert check(config, ZWSBRIDGE_AUTH_HS256_SECRET="0123456789abcdef" * 4).returncode == 0


def health_check(bridge):
    """The image's own, told of a bridge that is not process 1."""
    (words,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*?\])$", DOCKERFILE, re.M | re.S)
    program, flag, script = json.loads(words.replace("\\\n", ""))
    script = changed(script, {"/proc/1/cmdline": f"/proc/{bridge.pid}/cmdline"})
    return subprocess.run([program, flag, script], capture_output=True, text=True)


@pytest.mark.both_wires
@pytest.mark.parametrize("listen", ["127.0.0.1:{}", "localhost:{}", "0.0.0.0:{}", "[::]:{}", "unix:{folder}/http.sock"])
def test_the_image_s_health_check_follows_the_configuration(make_bridge, issuer, tmp_path, listen):
    bridge = make_bridge(issuer.settings(tmp_path), start=False)
    place = listen.format(bridge.port, folder=tmp_path)
    bridge.settings["server.listen"] = "127.0.0.1:1"
    bridge.arguments = ["--set", f"server.listen={place}"]
    bridge.start()
    healthy = health_check(bridge)
    assert (healthy.returncode, healthy.stderr) == (0, "")


def test_the_health_check_says_who_does_not_answer(make_bridge):
    bridge = make_bridge()
    command = [DAEMON, "--config", str(bridge.config_file), "--ready"]
    assert bridge.stop() == 0
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 1 and f"nobody answers at 127.0.0.1:{bridge.port}" in asked.stderr
