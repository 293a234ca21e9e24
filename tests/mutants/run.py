#!/usr/bin/env python3
"""Puts the bugs of tests/mutants into a copy of the tree, one at a time, and runs the suite that must see each.

    tools/dev mutants [NAME..]       NAMEs are names of patches, or beginnings of them, or files that they touch
    tools/dev mutants --list         the table of docs/TESTING.md
    tools/dev mutants --document     writes that table into docs/TESTING.md

Ends with 0 when every one was killed: applied, built, and was seen by its suite, which passes without it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import mutant as mutants
from mutant import Malformed, Mutant, Suite

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build/mutants/tree"
LOGS = ROOT / "build/logs/mutants"
TABLE = ROOT / "docs/TESTING.md"
NODE_MODULES = ("bridge/console/node_modules", "tests/browser/node_modules")
SUITE_SECONDS = 300  # what hangs longer is dead
BUILD_SECONDS = 3600

KILLED, SURVIVED, UNBUILT, STALE, UNJUDGED = "killed", "SURVIVED", "does not build", "no longer applies", "not judged"


# ---- the tree of our own ----


def files_of(root: Path) -> list[str]:
    """What git knows of, or would: the tree as it is now, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (root / name).is_file()]


def copy_tree(root: Path, tree: Path) -> None:
    """Brings `tree` up to `root`. What is the same there keeps its time, so that little is built again."""
    wanted = set(files_of(root))
    for name in wanted:
        source, copy = root / name, tree / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    for folder, folders, names in os.walk(tree):
        folders[:] = [each for each in folders if each not in {"build", "node_modules"}]
        for name in names:
            path = Path(folder, name)
            if str(path.relative_to(tree)) not in wanted and not path.is_symlink():
                path.unlink()


def link_tools(root: Path, tree: Path) -> None:
    """What was installed beside the real tree serves the copy too."""
    for name in ("build/venv", *NODE_MODULES):
        link = tree / name
        if (root / name).exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / name)


# ---- running ----


def environment(preset: str) -> dict[str, str]:
    build = TREE / "build" / preset
    return {
        **os.environ,
        "CCACHE_BASEDIR": str(TREE),
        "CCACHE_NOHASHDIR": "1",
        "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
        "PYTHONPATH": str(TREE / "publishers/python/src"),  # before what the venv was installed from
        "PYTHONDONTWRITEBYTECODE": "1",  # a mutant is as long as what it replaces, and as old
        "ZWSBRIDGE_BIN": str(build / "bridge/zwsbridge"),
        "ZWS_BIN": str(build / "tools/zws/zws"),
        "ZWS_ECHO_SERVER": str(build / "tests/conformance/echo_server"),
    }


def run(command: list[str], log: Path, seconds: int, env: Mapping[str, str], cwd: Path = TREE) -> bool:
    """Whether it ended well. Its output is added to `log`; what it started ends with it."""
    with log.open("a") as out:
        out.write(f"$ {' '.join(command)}\n")
        out.flush()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            out.write(f"still running after {seconds} s\n")
            return False
        finally:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


# ---- suites ----


def targets_of(suite: Suite) -> list[str]:
    if suite.kind == "unit":
        return [suite.place]
    if suite.kind in {"e2e", "browser"}:
        installs = suite.place.endswith(("test_install.py", "test_cpp_publisher.py", "test_operating.py"))
        return ["all"] if installs else ["zwsbridge", "zws"]
    if suite.kind == "conformance":
        return ["echo_server"]
    return ["zwsbridge"] if "test_with_bridge" in suite.place else []


def build(suite: Suite, log: Path) -> bool:
    targets = targets_of(suite)
    if not targets:
        return True
    env, folder = environment(suite.preset), TREE / "build" / suite.preset
    if not (folder / "build.ninja").exists() and not run(["cmake", "--preset", suite.preset], log, 600, env):
        return False
    jobs = os.environ.get("ZWS_JOBS", str(os.cpu_count() or 1))
    return run(["cmake", "--build", str(folder), "--parallel", jobs, "--target", *targets], log, BUILD_SECONDS, env)


def command_of(suite: Suite) -> tuple[list[str], Path]:
    """The command, and where it runs."""
    python = str(TREE / "build/venv/bin/python")
    if suite.kind == "unit":
        program = str(TREE / "build" / suite.preset / "tests" / suite.place)
        return [program, "--gtest_brief=1", f"--gtest_filter={suite.test or '*'}"], TREE
    if suite.kind == "rules":
        return [python, "tests/tidy.py"], TREE
    if suite.kind in {"client", "browser"}:
        folder = TREE / ("bridge/console/client" if suite.kind == "client" else "tests/browser")
        only = ["-t", suite.test] if suite.test else []
        return ["npx", "vitest", "run", Path(suite.place).name, *only], folder
    test = f"{suite.place}::{suite.test}" if suite.test else suite.place
    return [python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test], TREE


def passes(suite: Suite, log: Path) -> bool:
    command, folder = command_of(suite)
    return run(command, log, SUITE_SECONDS, environment(suite.preset), folder)


def ran_something(suite: Suite, log: Path) -> bool:
    """A filter that matches nothing passes everything (pytest alone says so by its exit code)."""
    text = log.read_text(errors="replace")
    if suite.kind in {"client", "browser"}:
        return re.search(r"\b[1-9]\d* passed", text) is not None
    return "0 tests from 0 test suites ran" not in text


# ---- judging ----


@dataclass
class Bench:
    """Judges mutants; remembers which suites pass without any."""

    sound: dict[Suite, bool] = field(default_factory=dict)

    def suite_is_sound(self, suite: Suite) -> bool:
        if suite not in self.sound:
            log = LOGS / f"suite-{len(self.sound)}.log"
            log.write_text(f"without a mutant: {suite}\n")
            self.sound[suite] = build(suite, log) and passes(suite, log) and ran_something(suite, log)
        return self.sound[suite]

    def judge(self, each: Mutant, say: Progress) -> str:
        log = LOGS / f"{each.name}.log"
        log.write_text(f"{each.failure}\n")
        if mutants.git_apply(TREE, each.patch, "--check"):
            return STALE
        say.step("without it")
        if not self.suite_is_sound(each.suite):
            return UNJUDGED
        mutants.git_apply(TREE, each.patch)
        try:
            say.step("building")
            if not build(each.suite, log):
                return UNBUILT
            say.step("testing")
            return SURVIVED if passes(each.suite, log) else KILLED
        finally:
            mutants.git_apply(TREE, each.patch, "--reverse")


class Progress:
    """One line on a terminal that tells what is being done; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._at = 0
        self._name = ""
        self._shown = sys.stdout.isatty()

    def next(self, name: str) -> None:
        self._at += 1
        self._name = name

    def step(self, what: str) -> None:
        if self._shown:
            print(f"\r\x1b[K[{self._at}/{self._total}] {self._name}: {what} ...", end="", flush=True)

    def result(self, text: str) -> None:
        print(("\r\x1b[K" if self._shown else "") + text, flush=True)


def judge_all(chosen: list[Mutant]) -> dict[str, str]:
    bench, say, verdicts = Bench(), Progress(len(chosen)), {}
    width = max(len(each.name) for each in chosen)
    for each in chosen:
        began = time.monotonic()
        say.next(each.name)
        verdicts[each.name] = bench.judge(each, say)
        took = time.monotonic() - began
        say.result(f"{each.name:<{width}}  {verdicts[each.name]:<17} {took:4.0f} s  {each.suite}")
    return verdicts


# ---- the table ----


def table_of(chosen: Iterable[Mutant]) -> str:
    rows = [f"| `{each.name}` | {each.failure} | `{each.suite}` |" for each in chosen]
    return "\n".join(["| mutant | what a user would suffer | seen by |", "| --- | --- | --- |", *rows]) + "\n"


def document(chosen: Iterable[Mutant]) -> None:
    """Puts the table between its two marks."""
    begin, end = "<!-- mutants: tools/dev mutants --document -->\n", "<!-- end of mutants -->\n"
    before, _, rest = TABLE.read_text().partition(begin)
    after = rest.partition(end)[2]
    TABLE.write_text(before + begin + table_of(chosen) + end + after)


# ---- the program ----


def is_named(each: Mutant, names: list[str]) -> bool:
    touched = [line[6:] for line in each.patch.read_text().splitlines() if line.startswith("+++ b/")]
    return any(each.name.startswith(name) or any(path.startswith(name) for path in touched) for name in names)


def choose(names: list[str]) -> tuple[list[Mutant], int]:
    """The mutants asked for, and how many patches are none."""
    chosen, malformed = [], 0
    for patch in mutants.patches_in(ROOT):
        try:
            each = mutants.read(patch)
        except Malformed as wrong:
            print(f"{patch.name}: {wrong}")
            malformed += 1
            continue
        if not names or is_named(each, names):
            chosen.append(each)
    return chosen, malformed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/dev mutants", description="Bugs that the tests must see.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="patches, their beginnings, or files they touch")
    parser.add_argument("--list", action="store_true", help="print the table of docs/TESTING.md")
    parser.add_argument("--document", action="store_true", help="write that table there")
    options = parser.parse_args()
    chosen, malformed = choose(options.names)
    if options.list:
        print(table_of(chosen), end="")
        return 0
    if options.document:
        document(chosen)
        return 0
    if not chosen:
        print("no mutant has that name", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    copy_tree(ROOT, TREE)
    link_tools(ROOT, TREE)
    verdicts = judge_all(chosen)
    killed = sum(verdict == KILLED for verdict in verdicts.values())
    print(f"{killed} killed, {len(verdicts) - killed + malformed} not; logs in {LOGS.relative_to(ROOT)}")
    return 0 if killed == len(verdicts) and not malformed else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
