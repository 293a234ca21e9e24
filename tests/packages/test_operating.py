"""docs/OPERATING.md on a bare machine: each command of one section as written, then a real browser."""

from __future__ import annotations

import json
import re
import subprocess

from support.bridge import ROOT

SECTION = "## From a package to a browser over wss"


def steps() -> list[str]:
    text = (ROOT / "docs/OPERATING.md").read_text().split(SECTION + "\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_from_a_package_to_a_browser_over_wss(machine):
    *before, browse = steps()
    told = [machine.run(step) for step in before]
    assert "active (running)" in told[0]
    event = json.loads(told[-1].splitlines()[-1])
    assert event["type"] == "import_progress" and event["topic"] == "import:task-1"

    address, demo = browse.strip().splitlines()
    url = machine.run(address).strip()
    browser = subprocess.Popen(
        [*machine.enter("--net"), "node", ROOT / "tests/packages/browser.mjs", url, "import:task-1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with browser:
        assert browser.stdout is not None
        assert browser.stdout.readline() == "subscribed\n"
        machine.run(demo)
        seen = json.loads(browser.stdout.readline())
        assert seen["topic"] == "import:task-1" and seen["type"] == "import_progress"
    assert browser.returncode == 0
