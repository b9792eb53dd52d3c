import fcntl
import os
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


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment into which `pip install .` has put the command and nothing but what it needs.

    One for all workers of the run: whoever comes first installs it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "installation"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _install(folder / "source", folder / "installed")
            (folder / "done").touch()
    return folder / "installed/bin"


def _install(source: Path, target: Path) -> None:
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
