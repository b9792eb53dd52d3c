"""What is installed is exactly what was looked at: every package locked to a version and its archives' hashes."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.supply.locks import PYTHON_LOCKS, ROOT, locked, npm_locks, pins, requirements_of

MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_every_direct_dependency_at_its_version(lock: Path) -> None:
    wanted = pins(requirements_of(lock))
    given = {name: package.version for name, package in locked(lock).items()}
    stale = {name: version for name, version in wanted.items() if given.get(name) != version}
    assert wanted
    assert stale == {}, f"{lock.name} is behind {requirements_of(lock).name}. Run make lock."


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_its_hashes_and_no_address(lock: Path) -> None:
    assert [name for name, package in locked(lock).items() if not package.hashes] == []
    assert re.findall(r"://|^-", lock.read_text(), re.MULTILINE) == []


def test_what_is_checked_is_what_runs() -> None:
    runs, checks = (locked(lock) for lock in PYTHON_LOCKS[:2])
    assert runs.items() <= checks.items()


def test_every_installation_asks_for_hashes() -> None:
    installations = [line for line in MAKEFILE.splitlines() if "$(PIP)" in line]
    assert len(installations) == 4
    for line in installations:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation --editable ." in line


@pytest.mark.parametrize("is_the_one", [True, False])
def test_pip_takes_only_the_archive_that_was_locked(tmp_path: Path, is_the_one: bool) -> None:
    archive = tmp_path / "something-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("something-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: something\nVersion: 1.0\n")
        wheel.writestr(
            "something-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
    wanted = hashlib.sha256(archive.read_bytes() if is_the_one else b"another").hexdigest()
    (tmp_path / "lock").write_text(f"something==1.0 --hash=sha256:{wanted}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-index", "--no-deps", "--find-links", str(tmp_path)]
    done = subprocess.run(
        [*command, "--dest", str(tmp_path / "got"), "--require-hashes", "--requirement", str(tmp_path / "lock")],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert (done.returncode == 0) == is_the_one, done.stderr
    assert (tmp_path / "got" / archive.name).exists() == is_the_one


@pytest.mark.parametrize("lock", npm_locks(), ids=lambda lock: lock.parent.name)
def test_every_npm_package_has_its_hash_and_no_address(lock: Path) -> None:
    packages = {name: about for name, about in json.loads(lock.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, about in packages.items() if not about.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, about in packages.items() if "resolved" in about] == []


def test_every_package_json_has_a_lock_beside_it() -> None:
    manifests = {path.parent for path in (ROOT / "tests").rglob("package.json") if "node_modules" not in path.parts}
    assert manifests == {lock.parent for lock in npm_locks()}
