"""docs/security.md lists every attack with its test: nothing is claimed that is not tried."""

import re

from tests.processes import ROOT

ROOM = ROOT / "tests" / "attacks"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def listed() -> list[str]:
    page = (ROOT / "docs/security.md").read_text()
    return page.partition("| Attack |")[2].partition("\n\n")[0].splitlines()[2:]


def test_every_attack_names_a_test_that_there_is() -> None:
    assert len(listed()) > 40
    for row in listed():
        named = NAMED.findall(row)
        assert named, row
        assert not [test for file, test in named if f"def {test}(" not in (ROOT / file).read_text()], row


def test_every_file_of_this_room_is_listed() -> None:
    named = {file for file, _ in NAMED.findall("\n".join(listed()))}
    files = {f"tests/attacks/{file.name}" for file in ROOM.glob("test_*.py")} - {"tests/attacks/test_index.py"}
    assert files - named == set()
