#!/usr/bin/env python3
"""The house rules that a program can check: who includes whom, one door for each vendor, the habits
of the tree, and that each bug of tests/mutants still applies. Run by ctest; prints one line for each breach and exits 1 if there is any.

    tests/tidy.py [ROOT]
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from mutants import mutant

# A room of bridge/ -> the rooms it may include besides itself. main.cpp may include all.
ROOMS: dict[str, set[str]] = {
    "core": set(),
    "config": {"core"},
    "metrics": {"core"},
    "auth": {"core", "config"},
    "ingest": {"core", "config", "metrics"},
    "relay": {"core", "config", "metrics", "exchange"},
    "exchange": {"core", "config", "metrics"},
    "routing": {"core", "metrics", "exchange"},
    "client": {"core", "config", "metrics", "auth", "exchange", "routing"},
    "port": {"core", "config", "metrics", "client"},
    "lane": {"core", "config", "metrics", "auth", "exchange", "routing", "client", "port"},
    "api": {"core", "config", "metrics", "auth", "exchange", "routing", "client", "port", "lane"},
}

# A vendor's headers -> the files of the product that may include them (tests may include any).
PROGRAMS = ["tools/zws/*", "publishers/cpp/*"]
DOORS: list[tuple[str, list[str]]] = [
    (r"zmq(_addon)?\.h(pp)?", ["bridge/ingest/*", *PROGRAMS]),
    (
        r"websocketpp/.*",
        ["bridge/port/*.cpp", "bridge/port/connection.hpp", "bridge/port/transport.hpp", "tools/zws/ws_client.cpp"],
    ),
    (r"asio(\.hpp|/.*)", ["bridge/client/*", "bridge/port/*", "bridge/lane/*", "bridge/relay/*", *PROGRAMS]),
    (r"toml(\+\+)?(\.hpp|\.h|/.*)", ["bridge/config/*.cpp"]),
    (r"nlohmann/.*", ["*.cpp", *PROGRAMS]),
    (r"openssl/.*", ["bridge/auth/*.cpp", "bridge/port/tls*.cpp", "bridge/relay/redis_stream.cpp", *PROGRAMS]),
    (r"jose/.*|jansson\.h", ["bridge/auth/*.cpp", *PROGRAMS]),
    (r"curl/.*", ["bridge/auth/*.cpp"]),
    (r"prometheus/.*", ["bridge/metrics/*.cpp"]),
    (r"hiredis/.*", ["bridge/relay/*.cpp"]),
    (r"systemd/.*", ["bridge/service.cpp"]),
    (r"CLI/.*", ["bridge/config/command_line.cpp", "tools/zws/*"]),
    (r"spdlog/(?!fmt/).*", ["bridge/core/log.cpp"]),
]

# Written so that no pattern matches this file.
ANYWHERE: list[tuple[str, str]] = [
    (r"\b(TO[D]O|FIX[M]E|XX[X])\b", "a mark of unfinished work"),
    (r"(?:^|[^a-z.])/(?:root|home|work)/", "an absolute path of one machine"),
    (
        r"\bCONTRACT (?:section|§)|\b(?:PEERS|FAULTS|REDESIGN)\.md",
        "a document that is not in the tree; name a page of docs/",
    ),
]
IN_TESTS: list[tuple[str, str]] = [
    (
        r"sleep[_](for|until)|\b(us|nano|time[.]|asyncio[.])sleep[(]|set[T]imeout[(]|waitFor[T]imeout[(]",
        "waiting by the clock: wait for the thing itself, with a deadline",
    ),
    (r"GTEST[_]SKIP|\bDISABLED[_]|pytest[.]skip|mark[.]skip|\b(it|test)[.]skip", "a skipped test"),
]

# What no test can see: a file, what it must hold, and why.
HELD: list[tuple[str, str, str]] = [
    (
        "bridge/auth/admin_token.cpp",
        "CRYPTO_memcmp(",
        "the administrator's token is compared in a time that does not tell how much of a guess is right",
    ),
    ("bridge/main.cpp", "draw_hash_key();", "else strangers could foretell which names share a place of a table"),
]

# Tables of few entries, or by texts that the operator or the bridge chose; and a hash that is the same on every bridge.
FORETOLD = {
    "bridge/client/admission.cpp",
    "bridge/client/admission.hpp",
    "bridge/exchange/frame.cpp",
    "bridge/ingest/curve_keys.hpp",
    "bridge/ingest/gatekeeper.hpp",
    "bridge/ingest/publishers.hpp",
    "bridge/port/http_places.hpp",
    "bridge/relay/call_gate.hpp",
}

VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
NOT_OURS = {".git", "build", "node_modules", "dist", "__pycache__", ".venv"}
CODE = (".cpp", ".hpp")


def files_of(root: Path) -> Iterator[str]:
    """Paths of the project's own files, relative to `root`."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.startswith(".pytest")]
        for name in names:
            if name not in NOT_OURS:  # in a git worktree .git is a file
                yield str(Path(folder, name).relative_to(root))


def includes_of(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, found[1]


def check_includes(path: str, text: str) -> Iterator[str]:
    room = path.split("/")[1] if path.startswith("bridge/") and path.count("/") > 1 else ""
    for number, included in includes_of(text):
        where = f"{path}:{number}"
        target = included.split("/")[0]
        if room in ROOMS and target in ROOMS and target not in ROOMS[room] | {room}:
            yield f"{where}: {room} may not include {target}"
        if path.startswith("tests/"):
            continue
        for vendor, doors in DOORS:
            if re.fullmatch(vendor, included) and not any(fnmatch(path, door) for door in doors):
                yield f"{where}: <{included}> belongs in {', '.join(doors)}"


def check_hashes(path: str, text: str) -> Iterator[str]:
    """A table by texts that strangers choose takes a hash that they cannot foretell (core/keyed_hash.hpp)."""
    if not path.startswith("bridge/") or path in FORETOLD:
        return
    table = r"unordered_(?:map|set)<std::string(?:_view)?\b(?!.*KeyedHash)"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"\bstd::hash<std::string|{table}", line):
            yield f"{path}:{number}: a hash of text that strangers can foretell, and no KeyedHash: {line.strip()[:80]}"


def check_header(path: str, text: str) -> Iterator[str]:
    if not text.startswith("//"):
        yield f"{path}:1: a header opens with a comment that says what it promises"
    if "#pragma once" not in text:
        yield f"{path}:1: #pragma once is missing"
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*using namespace\b", line):
            yield f"{path}:{number}: using namespace in a header"


def check_lines(path: str, text: str) -> Iterator[str]:
    of_tests = (path.startswith("tests/") or "/test/" in path or "/tests/" in path) and not path.endswith(".patch")
    rules = ANYWHERE + (IN_TESTS if of_tests else [])
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, breach in rules:
            if re.search(pattern, line):
                yield f"{path}:{number}: {breach}: {line.strip()[:80]}"


def check(path: str, text: str) -> Iterator[str]:
    """The breaches in one file. `path` is relative to the root, with slashes."""
    for part in path.split("/"):
        if part.split(".")[0].lower() in VAGUE_NAMES:
            yield f"{path}: '{part}' says not what it is; find the owner of what is in it"
    if path.endswith("package-lock.json"):
        if re.search(r'"resolved": *"https?:', text):
            yield f"{path}: names a registry host (npm: omit-lockfile-registry-resolved=true)"
        return
    yield from check_lines(path, text)
    for file, held, why in HELD:
        if path == file and held not in text:
            yield f"{path}: {held} is missing: {why}"
    if path.endswith(CODE):
        yield from check_includes(path, text)
        yield from check_hashes(path, text)
    if path.endswith(".hpp"):
        yield from check_header(path, text)


def check_invariants(root: Path) -> Iterator[str]:
    """Each test that docs/INVARIANTS.md relies on exists."""
    page = root / "docs/INVARIANTS.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    units = "".join(file.read_text(encoding="utf-8") for file in root.glob("tests/unit/**/*_test.cpp"))
    for file, name in re.findall(r"`(test_\w+\.py)::(test_\w+)`", text):
        story = root / "tests/e2e" / file
        if not story.exists() or f"def {name}(" not in story.read_text(encoding="utf-8"):
            yield f"docs/INVARIANTS.md: there is no {file}::{name}"
    for suite, name in re.findall(r"`([A-Z]\w+)\.([A-Z]\w+)`", text):
        if not re.search(rf"\(\s*{suite},\s*{name}\)", units):
            yield f"docs/INVARIANTS.md: there is no {suite}.{name}"


def check_metrics(root: Path) -> Iterator[str]:
    """docs/METRICS.md explains what /metrics tells, and nothing else."""
    told, page = root / "bridge/metrics/prometheus.cpp", root / "docs/METRICS.md"
    if not told.exists():
        return
    names = set(re.findall(r'"((?:zws|process)_\w+)"', told.read_text(encoding="utf-8")))
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    explained = set(re.findall(r"`((?:zws|process)_\w+)`", text))
    for name in sorted(names - explained):
        yield f"docs/METRICS.md: does not explain {name}"
    for name in sorted(explained - names):
        yield f"docs/METRICS.md: the bridge tells of no {name}"


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent
    breaches = 0
    for path in sorted(files_of(root)):
        try:
            text = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a picture, a fuzzer's find; a file just gone
            text = ""
            if path.endswith(".hpp"):
                raise
        for breach in check(path, text):
            print(breach)
            breaches += 1
    for breach in [*mutant.breaches(root), *check_invariants(root), *check_metrics(root)]:
        print(breach)
        breaches += 1
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
