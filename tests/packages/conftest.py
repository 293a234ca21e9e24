"""Machines with nothing but Debian on them, for tests of what is installed there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bridge import ROOT
from support.machine import SUITE, Machine, bare_root

PACKAGES = Path(os.environ.get("ZWS_PACKAGES", ROOT / "build/packages" / SUITE))


@pytest.fixture(scope="session")
def debs() -> dict[str, Path]:
    """The packages by name."""
    found = {deb.name.split("_")[0]: deb for deb in PACKAGES.glob("*.deb")}
    assert set(found) == {"zwsbridge", "zws-tools", "libzws-dev"}, f"tools/dev packages makes them in {PACKAGES}"
    return found


@pytest.fixture(scope="session")
def bare(tmp_path_factory) -> Path:
    return bare_root("bare")


@pytest.fixture(scope="module")
def machine(bare: Path, debs: dict[str, Path], tmp_path_factory) -> Iterator[Machine]:
    """A machine that has booted, with the packages in root's home, where they are not yet installed."""
    with Machine(bare, tmp_path_factory.mktemp("machine") / "root") as made:
        for deb in debs.values():
            (made.root / "root" / deb.name).write_bytes(deb.read_bytes())
        installed = [f"./{debs[name].name}" for name in ("zwsbridge", "zws-tools")]
        made.download(*installed, "nginx-light", "openssl", "python3-zmq", "iproute2")
        made.boot()
        yield made
