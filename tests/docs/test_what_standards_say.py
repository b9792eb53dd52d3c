"""docs/standards.md answers every requirement, and what it calls met names a test; the limits of docs/security.md."""

import re

import pytest

from tests.docs.pages import Page
from tests.processes import ROOT
from tokens import throttles
from tokens.throttles import Limit

PAGE = Page(ROOT / "docs/standards.md")
SECURITY = (ROOT / "docs/security.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
# OWASP ASVS 5.0.0: how many requirements each section has.
ASVS = {"6": [3, 12, 8, 6, 8, 4, 2, 4], "7": [3, 4, 2, 5, 3, 2], "10": [2, 3, 5, 16, 5, 2, 3], "16": [1, 5, 4, 3, 4]}


def rows(*, columns: int) -> list[list[str]]:
    """The rows of the page's tables with so many columns, without their heads."""
    found = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.text.splitlines() if line[:1] == "|"
    ]
    return [row for row in found if len(row) == columns and row[0][:1].isdigit()]


ANSWERS = [*rows(columns=4), *([number, what, verdict, why] for number, _, what, verdict, why in rows(columns=5))]


def test_every_requirement_of_the_chapters_is_answered_once() -> None:
    wanted = [
        f"{chapter}.{section}.{number}"
        for chapter, sizes in ASVS.items()
        for section, size in enumerate(sizes, start=1)
        for number in range(1, size + 1)
    ]
    assert [row[0] for row in rows(columns=5)] == wanted
    assert {row[1] for row in rows(columns=5)} == {"1", "2", "3"}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[0])
def test_what_is_met_is_shown_by_tests_and_what_is_not_says_why(answer: list[str]) -> None:
    _number, _what, verdict, why = answer
    assert verdict in {"met", "not applicable", "not met"}
    assert why
    named = TEST.findall(why)
    assert named or verdict != "met"
    assert [test for file, test in named if f"def {test}" not in (ROOT / file).read_text()] == []


def test_the_limits_are_those_of_the_code() -> None:
    """The table of rate limits in docs/security.md: a name and a number a row."""
    table = SECURITY.partition("### Rate limits")[2].partition("\n### ")[0]
    written = dict(re.findall(r"^\| `([\w-]+)` \| (\d+) \|", table, re.MULTILINE))
    limits = [limit for limit in vars(throttles).values() if isinstance(limit, Limit)]
    assert written == {limit.name: str(limit.number) for limit in limits}
