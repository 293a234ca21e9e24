"""A mutant: one realistic bug as a patch, with the harm it would do and the suite that must see it.

    failure: an event is delivered twice after a reload
    suite: unit:lane_test:InboxTest.WhatWaitsComesOutInOrder
    preset: asan                                                   (only where `dev` would not do)
    diff --git a/bridge/lane/inbox.cpp b/bridge/lane/inbox.cpp
    ...

Suites are `unit:PROGRAM:FILTER` (gtest), `e2e:FILE[::TEST]`, `python:FILE[::TEST]`, `conformance:FILE[::TEST]`
(pytest), `client:FILE[::TEST]`, `browser:FILE[::TEST]` (vitest) and `rules:` (tests/tidy.py).
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = {"unit", "e2e", "python", "conformance", "client", "browser", "rules"}
PRESETS = {"dev", "asan", "tsan"}
FOLDER = Path("tests/mutants")
FOLDERS = {
    "client": "bridge/console/client",
    "browser": "tests/browser",
}  # what FILE is relative to, where that is not the root


class Malformed(Exception):
    """What is wrong with a patch, in words."""


@dataclass(frozen=True)
class Suite:
    kind: str
    place: str  # a program, or a file
    test: str  # a filter, or a name; may be empty
    preset: str = "dev"

    def __str__(self) -> str:
        between = ":" if self.kind == "unit" else "::"
        under = "" if self.preset == "dev" else f" ({self.preset})"
        return f"{self.kind}:{self.place}" + (between + self.test if self.test else "") + under


@dataclass(frozen=True)
class Mutant:
    name: str
    patch: Path
    failure: str
    suite: Suite


def suite_of(text: str, preset: str = "dev") -> Suite:
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise Malformed(f"suite: '{kind}' is none of {', '.join(sorted(KINDS))}")
    if preset not in PRESETS:
        raise Malformed(f"preset: '{preset}' is none of {', '.join(sorted(PRESETS))}")
    place, _, test = rest.partition(":" if kind == "unit" else "::")
    if not place and kind != "rules":
        raise Malformed("suite: names no program and no file")
    return Suite(kind, place.strip(), test.strip(), preset)


def read(patch: Path) -> Mutant:
    """The mutant in a patch; Malformed if its header is not as above."""
    head, diff, _ = patch.read_text().partition("diff --git ")
    if not diff:
        raise Malformed("holds no diff")
    lines = dict(re.findall(r"^(failure|suite|preset): *(\S.*)$", head, re.M))
    for wanted in ("failure", "suite"):
        if wanted not in lines:
            raise Malformed(f"its header has no line '{wanted}:'")
    suite = suite_of(lines["suite"].strip(), lines.get("preset", "dev").strip())
    return Mutant(patch.stem, patch.resolve(), lines["failure"].strip(), suite)


def patches_in(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("*.patch"))


def git_apply(tree: Path, patch: Path, *options: str) -> str:
    """What git said against it; empty when it was done. The tree may be, or not be, a repository."""
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}
    command = ["git", "apply", "--whitespace=nowarn", *options, str(patch)]
    done = subprocess.run(command, cwd=tree, env=alone, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or "git apply failed"


@functools.cache
def unit_tests(root: Path) -> str:
    texts = [file.read_text() for file in sorted((root / "tests/unit").rglob("*.cpp"))]
    return re.sub(r",\s+", ", ", "".join(texts))


def demand(root: Path, suite: Suite) -> None:
    """Malformed if the suite is not in the tree, where nothing would see the mutant."""
    missing = []
    if suite.kind == "unit":
        names = [name for name in suite.test.split(":") if name and "*" not in name]
        missing = [name for name in names if f"({name.replace('.', ', ')})" not in unit_tests(root)]
    elif suite.kind != "rules":
        file = root / FOLDERS.get(suite.kind, "") / suite.place
        if not file.is_file():
            raise Malformed(f"suite: there is no {file.relative_to(root)}")
        name = suite.test.partition("[")[0]
        missing = [name] if file.suffix == ".py" and f"def {name}" not in file.read_text() else []
    if missing:
        raise Malformed(f"suite: there is no test {', '.join(missing)}")


def breaches(root: Path) -> Iterator[str]:
    """What tests/tidy.py says of the patches of a tree."""
    for patch in patches_in(root):
        try:
            demand(root, read(patch).suite)
        except Malformed as wrong:
            yield f"{patch.relative_to(root)}: {wrong}"
            continue
        if said := git_apply(root, patch.resolve(), "--check"):
            yield f"{patch.relative_to(root)}: no longer applies: {said.splitlines()[0]}"
