"""docs/security.md names tests as its evidence: each one exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def test_every_test_that_the_page_names_exists() -> None:
    named = EVIDENCE.findall((ROOT / "docs/security.md").read_text())
    assert len(named) > 30
    missing = [(file, test) for file, test in named if not _holds(ROOT / file, test)]
    assert missing == []


def test_every_threat_is_shown_by_a_test() -> None:
    page = (ROOT / "docs/security.md").read_text()
    rows = page.partition("| An attacker has |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(rows) > 20
    assert [row[:80] for row in rows if not EVIDENCE.search(row)] == []


def _holds(file: Path, test: str) -> bool:
    return file.exists() and f"def {test}" in file.read_text()
