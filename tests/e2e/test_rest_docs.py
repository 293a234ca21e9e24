"""docs/REST.md: every example runs as it stands there and gets the answer that follows it."""

import json
import os
import re
import secrets
import subprocess

import pytest

from support.bridge import ROOT
from support.tokens import Issuer, bearer

PAGE = (ROOT / "docs/REST.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(_, PREPARATION), *REST = BLOCKS
EXAMPLES = [(command, kind, answer) for (_, command), (kind, answer) in zip(REST[::2], REST[1::2], strict=True)]
EXACT = {"success", "recipients", "closed", "code", "ready"}
MAY_BE_NULL = {"user", "cursor"}


def title(example):
    found = re.search(r"-X DELETE|\$ZWS_URL[^\"]*", example[0])
    return found[0].removeprefix("$ZWS_URL") if found else "?"


@pytest.fixture
def shell(make_bridge, tmp_path):
    """Runs a command of the page beside a bridge with two clients, Ada's and an anonymous one."""
    issuer = Issuer()
    (tmp_path / "secret.txt").write_text(issuer.key + "\n")
    bridge = make_bridge({"auth.hs256_secret_file": str(tmp_path / "secret.txt")})
    ada = bridge.connect(headers=bearer(issuer.token("ada")))
    ada.subscribe("import:task-123")
    ada.subscribe("notifications")
    bridge.connect()
    event = {"topic": "import:task-123", "message": {"type": "import_progress", "data": {"progress": 68}}}
    assert bridge.http("POST", "/api/ws/publish", event, bearer(issuer.admin())).status == 200

    def run(command):
        environment = {"PATH": os.environ["PATH"], "ZWS_URL": bridge.url}
        done = subprocess.run(
            ["bash", "-c", "set -eu\n" + PREPARATION + command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def assert_like(documented, answer, name=""):
    """The same members of the same types, and the same values where the page promises them."""
    if isinstance(documented, dict):
        assert isinstance(answer, dict) and list(answer) == list(documented), (name, answer)
        for member, value in documented.items():
            assert_like(value, answer[member], member)
    elif isinstance(documented, list):
        assert isinstance(answer, list) and bool(answer) == bool(documented), (name, answer)
        for item in answer:
            assert_like(documented[0], item, name)
    elif name in EXACT:
        assert answer == documented, name
    else:
        types = {type(documented), *([type(None), str] if name in MAY_BE_NULL else [])}
        assert type(answer) in types, (name, answer)


@pytest.mark.parametrize("example", EXAMPLES, ids=title)
def test_an_example_gets_its_answer(shell, example):
    command, kind, documented = example
    answer = shell(command)
    if kind == "json":
        assert_like(json.loads(documented), json.loads(answer))
    else:
        assert answer == documented


def test_every_call_has_an_example():
    calls = json.loads((ROOT / "bridge/share/openapi.json").read_text())["paths"]
    shown = "".join(command for command, _, _ in EXAMPLES)
    for path, methods in calls.items():
        if path in ("/", "/api/ws") or path.startswith(("/client.", "/assets/")):
            continue  # for browsers
        pattern = re.escape("$ZWS_URL" + path).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"{\w+}", r'[^"/?]+', pattern) + r'["?]'
        options = "-X DELETE " if "delete" in methods else ""
        assert re.search(f'curl -sS {options}"{pattern}', shown), path


def test_zws_makes_the_same_administrator(make_bridge, tmp_path):
    """The page's token, made by OpenSSL, and that of `zws token` are both an administrator's."""
    secret = secrets.token_hex(32)
    (tmp_path / "secret.txt").write_text(secret)
    bridge = make_bridge({"auth.hs256_secret": secret})
    tool = os.environ.get("ZWS_BIN", ROOT / "build/dev/tools/zws/zws")
    made = subprocess.run(
        [tool, "token", "--user", "backend", "--admin", "--secret-file", tmp_path / "secret.txt"],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert bridge.get("/api/ws/stats", bearer(made.stdout.strip())).status == 200
