"""The order in which workers take files, and what is read for the tests that run alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests import schedule
from tests.architecture.checks import ROOT


def ordered(*names: str) -> list[str]:
    items = [cast(Any, SimpleNamespace(nodeid=name)) for name in names]
    schedule.pytest_collection_modifyitems(items)
    return [item.nodeid for item in items]


def test_long_files_are_given_out_first_and_then_those_with_most_tests() -> None:
    first, second = schedule.LONGEST[:2]
    names = ["one.py::a", "two.py::b", "two.py::a", f"{second}::a", f"{first}::b", f"{first}::a"]
    assert ordered(*names) == [*names[4:], names[3], *names[1:3], names[0]]


def test_every_long_file_is_there() -> None:
    assert [name for name in schedule.LONGEST if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("chosen", "content", "is_read"),
    [
        ("alone", "@pytest.mark.alone\ndef test(): ...", True),
        ("alone", "def test(): ...", False),
        ("not alone", "def test(): ...", True),
        ("", "def test(): ...", True),
    ],
)
def test_files_without_a_test_that_runs_alone_are_not_read_for_those(
    tmp_path: Path, chosen: str, content: str, is_read: bool
) -> None:
    file = tmp_path / "test_something.py"
    file.write_text(content)
    config = cast(Any, SimpleNamespace(option=SimpleNamespace(markexpr=chosen)))
    assert (not schedule.pytest_ignore_collect(file, config)) == is_read
