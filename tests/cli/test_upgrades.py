"""A note, once a day at most, where the backend asks for a newer version; never in a script or a pipe."""

import os
import sys
import time
from pathlib import Path

import pytest

from cli import __version__
from cli.upgrades import NOTED, note_version
from tests.cli.terminals import Pointed

DAY = 86400


def test_the_note_is_for_a_person_and_once_a_day(ada: Pointed) -> None:
    ada.backend.headers["Insighta-Cli-Version"] = "99.0"
    assert ada.run("whoami").err == ""
    shown = []
    for _ in range(2):
        with ada.terminal("whoami") as terminal:
            assert terminal.end() == 0
        shown.append(terminal.plain)
    note = f"Note: this is insighta {__version__}, and this backend asks for 99.0 or later."
    assert [note in text for text in shown] == [True, False]
    assert "pipx upgrade insighta" in shown[0]
    assert "ada\n" in shown[1]


@pytest.mark.parametrize(("age", "is_said"), [(DAY - 60, False), (DAY + 60, True), (-60, False), (-2 * DAY, True)])
def test_a_day_is_counted_from_the_last_note(
    age: float, is_said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock that was far ahead for a while does not end the notes."""
    (tmp_path / NOTED).touch()
    os.utime(tmp_path / NOTED, (time.time() - age,) * 2)
    for said in (is_said, False):
        note_version("99.0", str(tmp_path))
        assert bool(capsys.readouterr().err) is said


@pytest.mark.parametrize(
    "wanted",
    [__version__, "0.0.9", "0.1", "", "newest", "99.0\x1b[2J", "99.0; rm -rf ~", "9" * 5 + ".0", "v99.0", "٩٩.0", "99"],
)
def test_an_older_version_and_no_version_say_nothing(
    wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note_version(wanted, str(tmp_path / "home"))
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="There is no /dev/null.")
def test_where_it_cannot_be_remembered_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for home in ("/dev/null/x", str(tmp_path / "file" / "x")):
        (tmp_path / "file").touch()
        note_version("99.0", home)
    (tmp_path / NOTED).symlink_to(tmp_path / "elsewhere")
    note_version("99.0", str(tmp_path))
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "elsewhere").exists()
