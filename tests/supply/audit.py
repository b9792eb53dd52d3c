"""`make audit`: what is known of the locked packages. Exit code 0: nothing; 1: weaknesses; 2: not all answered."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.supply.locks import PYTHON_LOCKS, ROOT, npm_locks

PIP_AUDIT = ["-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
MARK = {"weak": 1, "unanswered": 2, "clean": 0}


def main() -> int:
    verdicts = [*map(audit_python, PYTHON_LOCKS), *map(audit_npm, npm_locks())]
    for verdict, lock, sentence in verdicts:
        sys.stdout.write(f"{lock.relative_to(ROOT)}: {verdict}: {sentence}\n")
    found = {verdict for verdict, _, _ in verdicts}
    return next(MARK[verdict] for verdict in MARK if verdict in found)


def audit_python(lock: Path) -> tuple[str, Path, str]:
    """Verdict, lock file, and a sentence that names what is weak or why nothing could be learnt."""
    report = _json_of([sys.executable, *PIP_AUDIT, "--requirement", str(lock)], ROOT)
    packages = report.get("dependencies", [])
    weak = list(_weaknesses(packages))
    if weak:
        return "weak", lock, "; ".join(weak)
    unanswered = [package["name"] for package in packages if "skip_reason" in package]
    if unanswered or not packages:
        return "unanswered", lock, f"the list of weaknesses gave no answer for {len(unanswered) or 'any'} package(s)"
    return "clean", lock, f"{len(packages)} packages, no known weakness"


def audit_npm(lock: Path) -> tuple[str, Path, str]:
    """The same for an npm lock file."""
    report = _json_of(["npm", "audit", "--package-lock-only", "--json"], lock.parent)
    if "vulnerabilities" not in report:
        return "unanswered", lock, "the list of weaknesses gave no answer"
    weak = [f"{name} ({about['severity']})" for name, about in report["vulnerabilities"].items()]
    return ("weak", lock, "; ".join(weak)) if weak else ("clean", lock, "no known weakness")


def _weaknesses(packages: list[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for known in package.get("vulns", []):
            repaired = ", ".join(known["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {known['id']}, mended in {repaired}"


def _json_of(command: list[str], folder: Path) -> dict[str, Any]:
    """What the command reports; nothing where it ended without a report, as it does without a network."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        report = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return {}
    return report if isinstance(report, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
