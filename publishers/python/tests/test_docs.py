"""Every program of docs/PUBLISHING.md and of README.md runs as it stands there, but for the bridge's address."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
import zmq
from stand_in import StandIn

ROOT = Path(__file__).parents[3]
PUBLISHING = ROOT / "docs/PUBLISHING.md"
README = ROOT / "publishers/python/README.md"
BUILD = Path(os.environ.get("ZWSBRIDGE_BIN", ROOT / "build/dev/bridge/zwsbridge")).parents[1]
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"

ALL_VERBS = [
    "import:task-123",
    "wallet_updates",
    "system_status",
    "notifications",
    "@user/admin",
    "@user/user123",
    "@all",
    "prices/btc-eur",
    "camera/1",
]
# Page and heading -> the topics that each of its programs publishes. FastAPI's is run by test_fastapi.py.
PUBLISHED: dict[tuple[Path, str], list[list[str]]] = {
    (PUBLISHING, "With plain pyzmq"): [["import:task-123"]],
    (PUBLISHING, "The header"): [["prices/btc-eur", "prices/btc-eur"]],
    (PUBLISHING, "With the Python library"): [ALL_VERBS, []],
    (PUBLISHING, "In place of an in-process manager"): [["import:task-123", "notifications"]],
    (PUBLISHING, "Encrypted"): [["orders"]],
    (README, "zwsbridge for Python"): [["import:task-123", "@user/alice", "prices/btc"], ["import:task-123"]],
}
APPLICATION = (PUBLISHING, "asyncio and FastAPI")
REPAIR = (PUBLISHING, "The repair protocol")  # run by test_repair.py
SEVERAL = (PUBLISHING, "Several bridges")


def blocks(page: Path, language: str) -> dict[str, list[str]]:
    """Heading -> the fenced blocks of that language under it."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^#+ ", page.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        programs = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        if programs:
            found[heading] = programs
    return found


def cases() -> list[tuple[Path, str, int]]:
    return [(page, heading, number) for (page, heading), runs in PUBLISHED.items() for number in range(len(runs))]


def test_no_program_is_forgotten() -> None:
    shown = {
        (page, heading): len(found)
        for page in (PUBLISHING, README)
        for heading, found in blocks(page, "python").items()
    }
    assert shown == {**{place: len(runs) for place, runs in PUBLISHED.items()}, APPLICATION: 1, REPAIR: 1, SEVERAL: 1}


@pytest.mark.parametrize(
    ("page", "heading", "number"), cases(), ids=[f"{page.name}-{heading}-{number}" for page, heading, number in cases()]
)
def test_program_publishes_what_it_says(
    start_bridge: Callable[..., StandIn], tmp_path: Path, page: Path, heading: str, number: int
) -> None:
    options = {}
    if heading == "Encrypted":
        public, secret = zmq.curve_keypair()
        options = {zmq.CURVE_SERVER: 1, zmq.CURVE_SECRETKEY: secret}
        (tmp_path / "bridge.public").write_bytes(public + b"\n")
        (tmp_path / "producer.secret").write_bytes(zmq.curve_keypair()[1] + b"\n")
    bridge = start_bridge(options=options)
    program = blocks(page, "python")[heading][number]
    if re.search(r"^await ", program, re.MULTILINE):  # as in the middle of a function
        program = "import asyncio\nasync def main():\n" + re.sub("^", "    ", program, flags=re.MULTILINE)
        program += "\nasyncio.run(main())\n"
    assert DEFAULT_ENDPOINT in program or "ws_manager" in program or "NullPublisher" in program
    result = subprocess.run(
        [sys.executable, "-c", program.replace(DEFAULT_ENDPOINT, bridge.endpoint)],
        cwd=tmp_path,
        env={**os.environ, "ZWS_ENDPOINT": bridge.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    expected = PUBLISHED[page, heading][number]
    assert [bridge.receive().topic for _ in expected] == expected


def test_program_for_several_bridges_reaches_each(start_bridge: Callable[..., StandIn]) -> None:
    bridges = [start_bridge(), start_bridge()]
    page, heading = SEVERAL
    program = blocks(page, "python")[heading][0]
    for number, bridge in enumerate(bridges, 1):
        program = program.replace(f"tcp://web-{number}:5556", bridge.endpoint)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert [bridge.receive().topic for bridge in bridges] == ["import:task-123"] * 2


def test_cpp_program_builds_against_an_installation_and_publishes(bridge: StandIn, tmp_path: Path) -> None:
    prefix, source, build = tmp_path / "installed", tmp_path / "import_job", tmp_path / "build"
    source.mkdir()
    heading = "With the C++ library"
    (source / "CMakeLists.txt").write_text(blocks(PUBLISHING, "cmake")[heading][0])
    (source / "main.cpp").write_text(blocks(PUBLISHING, "cpp")[heading][0].replace(DEFAULT_ENDPOINT, bridge.endpoint))
    for command in (
        ["cmake", "--install", BUILD, "--component", "libzws-dev", "--prefix", prefix],
        ["cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", build],
    ):
        step = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert step.returncode == 0, step.stdout + step.stderr
    result = subprocess.run([build / "import_job"], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert [bridge.receive().topic for _ in range(2)] == ["import:task-123", "prices/btc-eur"]


def test_header_of_the_plain_program_is_what_the_library_sends(bridge: StandIn) -> None:
    program = blocks(PUBLISHING, "python")["The header"][0].replace(DEFAULT_ENDPOINT, bridge.endpoint)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    headers = [bridge.receive().header for _ in range(2)]
    assert [set(header) for header in headers] == [{"src", "seq", "ts", "key"}] * 2
    assert [header["seq"] for header in headers] == [1, 2] and headers[0]["src"] == headers[1]["src"]
