import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed
from tests.processes import ROOT
from tests.shared import shared_folder


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment into which `pip install .` has put the command and nothing but what it needs."""
    return shared_folder(tmp_path_factory, "installation", _install) / "installed/bin"


def _install(folder: Path) -> None:
    source, target = folder / "source", folder / "installed"
    (source / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", source)
    shutil.copytree(ROOT / "cli", source / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "docs/cli.md", source / "docs")
    venv.create(target, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(target / "bin/python")]
    done = subprocess.run([*pip, "install", "-q", str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
