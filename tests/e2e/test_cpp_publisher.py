"""The C++ publisher as a stranger uses it: installed, found, built against, and heard by a bridge."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.bridge import DAEMON, ROOT

pytestmark = pytest.mark.as_released  # a stranger's program links no sanitizer

BUILD = DAEMON.resolve().parents[1]
CONSUMER = ROOT / "tests/support/cpp_consumer"
WATCHED = ["orders", "import:*", "wallet_updates", "notifications", "system_status"]


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    """The installed publisher, moved once: nothing in it may know where it was installed to."""
    first = tmp_path_factory.mktemp("installed") / "first"
    run("cmake", "--install", BUILD, "--component", "libzws-dev", "--prefix", first)
    return Path(shutil.move(first, first.parent / "moved"))


def built_with_cmake(prefix: Path, folder: Path) -> Path:
    run("cmake", "-S", CONSUMER, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder)
    return folder / "consumer"


def built_with_pkg_config(prefix: Path, folder: Path) -> Path:
    (found,) = prefix.glob("lib/**/pkgconfig/zws.pc")
    flags = run(
        "pkg-config", "--cflags", "--libs", "zws", env={"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(found.parent)}
    )
    folder.mkdir()
    run("c++", "-std=c++17", CONSUMER / "main.cpp", "-o", folder / "consumer", *flags.split())
    return folder / "consumer"


@pytest.mark.parametrize("built", [built_with_cmake, built_with_pkg_config])
def test_a_program_outside_the_tree_publishes_with_every_verb(built, prefix, tmp_path, bridge):
    consumer = built(prefix, tmp_path / "build")
    client = bridge.connect()
    for topic in WATCHED:
        client.subscribe(topic)

    assert run(consumer, bridge.endpoint).split("\n") == ["sent"] * 7 + [""]

    events = []
    while not events or events[-1]["type"] != "farewell":
        events.append(client.receive())
    seen = [(e["type"], e.get("@topic", e["topic"]), e.get("data")) for e in events]
    assert seen == [
        ("order", "orders", None),
        ("import_progress", "import:task-1", {"progress": 50.0}),
        ("wallet_update", "wallet_updates", {"score": 85}),
        ("notification", "notifications", {"title": "To all"}),
        ("system_status", "system_status", {"cpu": 45.2}),
        ("farewell", "@all", None),
    ]
    ids = {e["@id"].split(":")[0] for e in events}
    assert len(ids) == 1, "all events count under the publisher's own src"
    assert all(e["@id"].endswith(":1") for e in events)


def test_a_program_that_cannot_connect_is_told_so(prefix, tmp_path):
    consumer = built_with_pkg_config(prefix, tmp_path / "build")
    done = subprocess.run([consumer, "not-an-endpoint"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "not-an-endpoint" in done.stderr
