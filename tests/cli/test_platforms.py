"""No call that one system lacks is left without its counterpart: the types of each system's standard library say so."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_every_call_exists_on_the_platform(platform: str, tmp_path: Path) -> None:
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"[mypy]\nstrict = true\nplatform = {platform}\ncache_dir = {tmp_path}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "cli"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
