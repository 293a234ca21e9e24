"""The producers of publishers/others, each in its language and with its ZeroMQ library: a real bridge hears them.

`tools/dev verify` runs them. What a language needs and is not there is a failure that names it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.bridge import Bridge

ROOT = Path(__file__).resolve().parents[2]
PRODUCERS = ROOT / "publishers/others"
PAGE = ROOT / "docs/PUBLISHING.md"
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"
JEROMQ = "/usr/share/java/jeromq.jar"


@dataclass(frozen=True)
class Language:
    """What is run in a copy of the language's folder: steps that fetch and build, and then the program."""

    program: str
    run: list[str]
    steps: tuple[list[str], ...] = ()


LANGUAGES = {
    "node": Language("publish.js", ["node", "publish.js"], (["npm", "install", "--no-audit", "--no-fund"],)),
    "go": Language("publish.go", ["./publish"], (["go", "build", "-o", "publish", "."],)),
    "rust": Language("src/main.rs", ["cargo", "run", "--quiet"], (["cargo", "build"],)),
    "java": Language(
        "Publish.java", ["java", "-cp", f"{JEROMQ}:.", "Publish"], (["javac", "-cp", JEROMQ, "Publish.java"],)
    ),
    "php": Language("publish.php", ["php", "publish.php"]),
    "ruby": Language("publish.rb", ["ruby", "publish.rb"]),
    "perl": Language("publish.pl", ["perl", "publish.pl"]),
}


def run(command: list[str], folder: Path, seconds: float) -> None:
    assert shutil.which(command[0]) or (folder / command[0]).exists(), f"{command[0]} is not installed"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path / "bridge").start()
    yield bridge
    bridge.close_clients()
    code = bridge.stop()
    print(bridge.log.tail(400))
    assert code == 0


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_producer_of_another_language_is_heard(bridge: Bridge, tmp_path: Path, name: str) -> None:
    language = LANGUAGES[name]
    folder = tmp_path / name
    shutil.copytree(PRODUCERS / name, folder, ignore=shutil.ignore_patterns("node_modules", "target"))
    program = folder / language.program
    text = program.read_text()
    assert text.count(DEFAULT_ENDPOINT) == 1
    program.write_text(text.replace(DEFAULT_ENDPOINT, bridge.endpoint))
    for step in language.steps:
        run(step, folder, 600)
    client = bridge.connect()
    client.subscribe("prices/btc-eur")
    run(language.run, folder, 60)
    received = client.receive()
    assert (received["type"], received["topic"], received["price"]) == ("price", "prices/btc-eur", 64123.5)


def test_the_page_shows_each_as_it_is() -> None:
    section = PAGE.read_text().split("\n## In other languages\n")[1].split("\n## ")[0]
    shown = re.findall(r"^```\w+\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert shown == [(PRODUCERS / name / language.program).read_text() for name, language in LANGUAGES.items()]


def test_no_folder_is_forgotten() -> None:
    assert {path.name for path in PRODUCERS.iterdir() if path.is_dir()} == set(LANGUAGES)
