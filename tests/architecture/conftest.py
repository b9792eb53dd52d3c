import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.architecture import planted_violations
from tests.architecture.checks import CHECKS, ROOT
from tests.architecture.tree import ROOMS
from tests.shared import shared_folder


@dataclass(frozen=True)
class Outcome:
    """What `python -m tests.architecture` said in one checkout; `text` has its white space reduced to single spaces."""

    code: int
    output: str

    @property
    def text(self) -> str:
        return squeeze(self.output)

    def of_check(self, name: str) -> str:
        """The part of one check."""
        any_check = "|".join(check.name for check in CHECKS)
        pattern = rf"^{name}: (passed|FAILED)$.*?(?=^({any_check}): (passed|FAILED)$|\Z)"
        part = re.search(pattern, self.output, re.MULTILINE | re.DOTALL)
        return squeeze(part.group()) if part else ""


def squeeze(text: str) -> str:
    return " ".join(text.split())


def run_checks(root: Path, *names: str) -> Outcome:
    """The command of `make check` in the checkout at `root`."""
    command = [sys.executable, "-m", "tests.architecture", *names]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All checks on a copy of the tree into which every violation has been planted, and the innocent code."""
    folder = shared_folder(tmp_path_factory, "planted", _check_planted)
    return Outcome(**json.loads((folder / "outcome.json").read_text()))


def _check_planted(folder: Path) -> None:
    copy = folder / "checkout"
    unwanted = shutil.ignore_patterns("__pycache__", "static", ".*")
    for room in (*ROOMS, "tests/architecture"):
        shutil.copytree(ROOT / room, copy / room, ignore=unwanted)
    for file in ("pyproject.toml", "manage.py", "tests/__init__.py", "tests/databases.py", "tests/shared.py"):
        shutil.copy(ROOT / file, copy / file)
    for violation in (*planted_violations.IMPORTS, *planted_violations.RULES, *planted_violations.TOOLS):
        add(copy / violation.path, violation.code)
    for path, code in planted_violations.INNOCENT.items():
        add(copy / path, code)
    copy_type_cache(copy)
    (folder / "outcome.json").write_text(json.dumps(asdict(run_checks(copy))))


def copy_type_cache(copy: Path) -> None:
    """Let mypy begin with what its last run knew: it saves ten seconds. Another run may be writing there meanwhile."""
    for database in (ROOT / ".mypy_cache").rglob("*.db"):
        target = copy / database.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(database)) as held, closing(sqlite3.connect(target)) as copied:
            held.backup(copied)


def add(file: Path, code: str) -> None:
    """Write `code` at the end of `file`; folders on the way to it become packages."""
    if not file.parent.exists():
        file.parent.mkdir(parents=True)
        (file.parent / "__init__.py").touch()
    with file.open("a", encoding="utf-8") as stream:
        stream.write(code.rstrip("\n") + "\n")
