from pathlib import Path

import pytest

from tests.portal import screenshots
from tests.processes import ROOT

pytestmark = pytest.mark.browser


def test_pictures_are_made_by_one_command_into_a_folder_that_is_not_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{screenshots.FOLDER.relative_to(ROOT)}/" in (ROOT / ".gitignore").read_text().split()
    monkeypatch.setattr(screenshots, "FOLDER", tmp_path)
    screenshots.main(["state-conflict"])
    looks = ("phone-dark", "phone-light", "wide-dark", "wide-light")
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"state-conflict-{look}.png" for look in looks]
