"""No call that one system or version lacks is left without its counterpart: the standard library's types say so."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT


@pytest.mark.parametrize(("platform", "version"), [("win32", "3.11"), ("darwin", "3.11"), ("linux", "3.14")])
def test_every_call_exists_on_the_platform(platform: str, version: str, tmp_path: Path) -> None:
    settings = tmp_path / "mypy.ini"
    wanted = f"platform = {platform}\npython_version = {version}\n"
    settings.write_text(f"[mypy]\nstrict = true\n{wanted}cache_dir = {tmp_path}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "cli"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
