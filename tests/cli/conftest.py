import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed
from tests.processes import ROOT
from tests.shared import shared_folder

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment into which pip has put the command's wheel and nothing but what it needs."""
    return shared_folder(tmp_path_factory, "installation", _install) / "installed/bin"


@pytest.fixture(scope="session")
def wheel(installation: Path) -> Path:
    """What `pip wheel .` has built of the command."""
    return find_wheel(installation.parent.parent)


def find_wheel(folder: Path) -> Path:
    (found,) = (folder / "wheel").glob("insighta-*.whl")
    return found


def _install(folder: Path) -> None:
    _build(folder / "source", folder / "wheel")
    install_with_pip(find_wheel(folder), sys.executable, folder / "installed")


def _build(source: Path, target: Path) -> None:
    (source / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", source)
    shutil.copytree(ROOT / "cli", source / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "docs/cli.md", source / "docs")
    run_tool(*PIP, "wheel", "-q", "--no-deps", "--wheel-dir", str(target), str(source))


def install_with_pip(wheel: Path, python: str, folder: Path) -> Path:
    """The command, in a new environment of `python`."""
    run_tool(python, "-m", "venv", "--without-pip", str(folder))
    run_tool(*PIP, "--python", str(folder / "bin/python"), "install", "-q", str(wheel))
    return folder / "bin/insighta"


def run_tool(*words: str, **variables: str) -> None:
    done = subprocess.run(words, env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with FakeBackend() as server:
        yield server


@pytest.fixture
def machine(installation: Path, backend: FakeBackend, tmp_path: Path) -> Pointed:
    """Ada's machine, pointed at the fake backend, signed out."""
    return Pointed(installation / "insighta", tmp_path, backend.url, backend=backend)


@pytest.fixture
def ada(machine: Pointed) -> Pointed:
    """Her machine, signed in."""
    machine.sign_in()
    return machine


@pytest.fixture
def stale(machine: Pointed) -> Pointed:
    """Her machine, signed in; the access token has expired."""
    machine.sign_in(seconds_left=-5)
    return machine
