"""The lock files of this repository and what stands in them. The standard library only: `make audit` has no more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = ("production", "dev", "audit", "patroni", "schemas", "barman")
PYTHON_LOCKS = [ROOT / "requirements" / f"{name}.lock" for name in NAMES]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")


@dataclass(frozen=True)
class Locked:
    version: str
    hashes: int


def npm_locks() -> list[Path]:
    return sorted(lock for lock in (ROOT / "tests").rglob("package-lock.json") if "node_modules" not in lock.parts)


def requirements_of(lock: Path) -> Path:
    return ROOT / "requirements.txt" if lock.stem == "production" else lock.with_suffix(".txt")


def pins(requirements: Path) -> dict[str, str]:
    """The direct dependencies of a requirements file: name to version, of included files too."""
    found: dict[str, str] = {}
    for line in requirements.read_text().splitlines():
        if line.startswith("-r "):
            found |= pins(requirements.parent / line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            name, version = _pin(line)
            found[name] = version
    return found


def locked(lock: Path) -> dict[str, Locked]:
    """Every package of a lock file."""
    return {name: Locked(version, block.count("--hash=sha256:")) for name, version, block in _blocks(lock)}


def _blocks(lock: Path) -> Iterator[tuple[str, str, str]]:
    for block in re.split(r"^(?=[A-Za-z0-9-])", lock.read_text(), flags=re.MULTILINE)[1:]:
        yield *_pin(block), block


def _pin(line: str) -> tuple[str, str]:
    """Normalized name (PEP 503) and version. Raises ValueError for anything but an exact pin."""
    found = PIN.match(line)
    if found is None:
        raise ValueError(f"{line.splitlines()[0]!r} names no exact version")
    return re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]
