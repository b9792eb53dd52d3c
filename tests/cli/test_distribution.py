"""The wheel alone: what is in it, and that each installer makes a command of it on each supported Python there is."""

import email
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import __version__
from tests.cli.conftest import install_with_pip, run_tool
from tests.processes import ROOT

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def find_python(version: str) -> str | None:
    """On the path, where a shim of pyenv may lead nowhere, or among pyenv's own."""
    own = sorted(map(str, (Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python")))
    found = filter(None, [shutil.which(f"python{version}"), *own])
    return next(
        (path for path in found if not subprocess.run([path, "-c", "import ssl"], capture_output=True).returncode), None
    )


TOOLS = Path(sys.executable).parent


def install_with_pipx(wheel: Path, python: str, folder: Path) -> Path:
    places = {"PIPX_HOME": folder, "PIPX_BIN_DIR": folder / "bin", "PIPX_MAN_DIR": folder / "man"}
    run_tool(str(TOOLS / "pipx"), "install", "--python", python, str(wheel), **{n: str(p) for n, p in places.items()})
    assert (folder / "man/man1/insighta.1").exists()
    return folder / "bin/insighta"


def install_with_uv(wheel: Path, python: str, folder: Path) -> Path:
    places = {"UV_TOOL_DIR": folder, "UV_TOOL_BIN_DIR": folder / "bin", "UV_PYTHON_DOWNLOADS": "never"}
    words = ("tool", "install", "--quiet", "--python", python, str(wheel))
    run_tool(str(TOOLS / "uv"), *words, **{name: str(place) for name, place in places.items()})
    return folder / "bin/insighta"


@pytest.mark.alone
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("install", [install_with_pip, install_with_pipx, install_with_uv])
def test_each_installer_makes_a_command_that_works(
    install: Callable[[Path, str, Path], Path], version: str, wheel: Path, tmp_path: Path
) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    command = install(wheel, python, tmp_path / "installed")

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        return subprocess.run([command, *words], env=environment, capture_output=True, text=True, cwd=tmp_path)

    assert run("--version").stdout == f"insighta {__version__}\n"
    assert "insighta login" in run("login", "--help").stdout
    assert run("completion", "bash").stdout == (ROOT / "cli/share/completions/insighta").read_text()
    assert run("__complete", "--", "slots", "list", "--js").stdout.split()[0] == "--json"
    done = run("status")
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)


def test_the_wheel_says_what_it_is_and_holds_the_command_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        information = f"insighta-{__version__}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{information}/METADATA"))
        entries = archive.read(f"{information}/entry_points.txt").decode()
    assert {name.split("/")[0] for name in names} == {"insighta_cli", information, f"insighta-{__version__}.data"}
    modules = {str(path.relative_to(ROOT / "cli")) for path in (ROOT / "cli").rglob("*.py")}
    assert {name.removeprefix("insighta_cli/") for name in names if name.endswith(".py")} == modules
    assert "insighta = insighta_cli.main:main" in entries
    for field in ("Name", "Version", "Summary", "Author", "Keywords", "Requires-Python", "Description-Content-Type"):
        assert metadata[field], field
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(metadata.get_all("Classifier") or ()))
    assert versions == list(VERSIONS)
    needed = [re.match(r"[\w-]+", one) for one in metadata.get_all("Requires-Dist") or ()]
    assert {found[0] for found in needed if found} == {"segno", "certifi"}
    assert str(metadata.get_payload()).startswith("# The command line")
