import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Machine
from tests.processes import ROOT


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment into which `pip install .` has put the command and nothing but what it needs."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    shutil.copy(ROOT / "pyproject.toml", source)
    shutil.copytree(ROOT / "cli", source / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "docs").mkdir()
    shutil.copy(ROOT / "docs/cli.md", source / "docs")
    venv.create(target, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(target / "bin/python")]
    done = subprocess.run([*pip, "install", "-q", str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target / "bin"


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with FakeBackend() as server:
        yield server


@pytest.fixture
def machine(installation: Path, backend: FakeBackend, tmp_path: Path) -> Machine:
    """Ada's machine, pointed at the fake backend, signed out."""
    return Machine(installation / "insighta", tmp_path, backend.url)
