"""The wheel and the source distribution build, and what is installed from them is whole."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import typing
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Callable

import pytest

from zwsbridge import Admin, AsyncPublisher, NullPublisher, Publisher, subscribe, ws_manager

PROJECT = Path(__file__).parent.parent
MODULES = {path.name for path in (PROJECT / "src/zwsbridge").iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
    return folder


def test_wheel_holds_every_module_and_its_types(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[1] for name in names if name.startswith("zwsbridge/")} == MODULES
    assert "py.typed" in MODULES


def test_wheel_needs_pyzmq_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata_name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    needed = [name for name in metadata.get_all("Requires-Dist", []) if "extra ==" not in name]
    assert needed == ["pyzmq>=24"]
    assert (metadata["Name"], metadata["Requires-Python"]) == ("zwsbridge", ">=3.9")
    assert "MIT" in (metadata["License"] or "", metadata["License-Expression"] or "")


def test_source_distribution_holds_what_the_wheel_is_made_of(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {f"src/zwsbridge/{name}" for name in MODULES} <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "examples/import_job.py"} <= names


def test_installed_package_works_without_the_source_tree(tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(tmp_path), str(PROJECT)]
    subprocess.run(command, check=True, timeout=120)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import zwsbridge, zwsbridge.ws_manager\n"
        "print(zwsbridge.__file__)\n"
        "zwsbridge.Publisher('tcp://127.0.0.1:1').close()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    assert result.stdout.strip() == str(tmp_path / "zwsbridge/__init__.py")


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.endswith(".py")))
def test_module_is_syntax_of_the_oldest_python(module: str) -> None:
    ast.parse((PROJECT / "src/zwsbridge" / module).read_text(), module, feature_version=(3, 9))


def test_misspelt_option_is_found_by_a_type_checker(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    calls = [f"zwsbridge.{name}({{}}=1)" for name in ("Publisher", "AsyncPublisher", "NullPublisher")]
    calls.append("zwsbridge.ws_manager.configure({}=1)")
    lines = [call.format(option) for call in calls for option in ("queue_size", "queue_sise")]
    program.write_text("\n".join(["import zwsbridge.ws_manager", *lines]))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(program)]
    result = subprocess.run(command, cwd=PROJECT / "src", timeout=300, capture_output=True, text=True, check=False)
    wrong = [line for line in result.stdout.splitlines() if "error:" in line]
    assert len(wrong) == len(calls) and all('"queue_sise"' in line for line in wrong), result.stdout


def test_types_are_strict(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)]
    result = subprocess.run(command, cwd=PROJECT, timeout=300, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "function",
    [
        Publisher.__init__,
        AsyncPublisher.__init__,
        NullPublisher.__init__,
        ws_manager.configure,
        subscribe,
        Admin.__init__,
    ],
)
def test_types_can_be_asked_for_at_run_time(function: Callable[..., object]) -> None:
    """As frameworks do that inject what a constructor needs (with Python 3.10 or newer, which can read them)."""
    assert typing.get_type_hints(function)
