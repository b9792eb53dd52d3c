"""Each row of docs/complaints.md names a public report and a test or a benchmark that is there."""

import re

import pytest

from tests.processes import ROOT

ROWS = re.findall(r"^\| (\[.+) \| (.+) \| `(.+)` \|$", (ROOT / "docs/complaints.md").read_text(), re.MULTILINE)
REPORT = re.compile(r"\[[^]]+\]\(https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+\)")


@pytest.mark.parametrize(("report", "here", "shown_by"), ROWS, ids=[row[2] for row in ROWS])
def test_a_report_has_its_thread_and_what_shows_the_answer(report: str, here: str, shown_by: str) -> None:
    assert REPORT.fullmatch(report)
    assert here
    file, _, test = shown_by.partition("::")
    if test:
        assert f"\ndef {test}(" in (ROOT / "tests/cli" / file).read_text()
    else:
        name = shown_by.removeprefix("python -m bench ")
        assert [path for path in (ROOT / "bench").glob("*.py") if f'@scenario("{name}"' in path.read_text()]


def test_every_row_of_the_tables_is_read_and_no_report_stands_twice() -> None:
    page = (ROOT / "docs/complaints.md").read_text()
    assert len(ROWS) == len(re.findall(r"^\| \[", page, re.MULTILINE))
    assert len({report for report, *_ in ROWS}) == len(ROWS)
