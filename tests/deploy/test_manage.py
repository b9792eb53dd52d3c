"""`insighta-manage` with the units of `deploy/systemd/`, whose places are those of a test."""

import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.configuration import DEPLOY

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="It changes the account, which only root can.")
SECRET = """pa$$ word;&'"`id`"""
ACCOUNT = "nobody"
PROGRAM = str(DEPLOY / "systemd" / "insighta-manage")
# Stands for Python: what it was given.
PYTHON = """#!/bin/sh
echo "account=$(id -un) group=$(id -gn) groups=$(id -G)"
pwd
tr '\\0' ' ' < /proc/$$/cmdline
echo
env
exit 3
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with the units, their environment files and a program that tells what it was given."""
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(path.stat().st_mode | 0o711)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(PYTHON)
    (tmp_path / "bin" / "python").chmod(0o755)
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text().replace("User=insighta", f"User={ACCOUNT}").replace("/opt/insighta", str(tmp_path))
        text = text.replace("/srv/insighta", str(tmp_path)).replace("/etc/insighta", str(tmp_path))
        (tmp_path / unit.name).write_text(text)
        for name in re.findall(r"^EnvironmentFile=(.+)$", text, re.MULTILINE):
            file = Path(name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"# What {file.stem} is told.\n\nTOLD_{file.stem.upper()}={SECRET}\n")
            file.chmod(0o600)
    return tmp_path


def manage(machine: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "INSIGHTA_UNITS": str(machine), "DJANGO_SETTINGS_MODULE": "root.s"}
    command = [PROGRAM, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["events", "--person", "ada lovelace"], {"INSIGHTA", "WORKER", "BACKEND", "DIRECT"}),
        (["--portal", "check", "--deploy"], {"INSIGHTA", "PORTAL"}),
    ],
)
def test_a_command_has_the_unit_s_account_directory_and_environment(
    machine: Path, words: list[str], told: set[str]
) -> None:
    done = manage(machine, *words)
    assert done.returncode == 3, done.stderr
    who, where, command, *environment = done.stdout.splitlines()
    group = pwd.getpwnam(ACCOUNT).pw_gid
    assert who.startswith(f"account={ACCOUNT} ")
    assert who.endswith(f"groups={group}")
    assert where == str(machine)
    assert command.endswith(f"manage.py {' '.join(word for word in words if word != '--portal')} ")
    given = dict(line.split("=", 1) for line in environment)
    assert {name: value for name, value in given.items() if name.startswith("TOLD_")} == {
        f"TOLD_{name}": SECRET for name in told
    }
    assert given["READ_DOT_ENV"] == "false"
    assert "DJANGO_SETTINGS_MODULE" not in given


def test_no_secret_is_an_argument(machine: Path) -> None:
    command = manage(machine, "audit").stdout.splitlines()[2]
    assert SECRET[:4] not in command


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda machine: (machine / "insighta-worker.service").unlink(), "insighta-worker.service is missing"),
        (lambda machine: (machine / "secrets" / "direct.env").unlink(), "direct.env, which .* cannot be read"),
        (lambda machine: (machine / "worker.env").write_text("SECRET hidden\n"), "a line without a value: SECRET$"),
    ],
)
def test_what_is_missing_is_a_sentence(machine: Path, break_it: object, sentence: str) -> None:
    assert callable(break_it)
    break_it(machine)
    done = manage(machine, "audit")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(sentence, done.stderr.strip())
    assert done.stderr.count("\n") == 1


def test_who_is_not_root_is_told(machine: Path) -> None:
    command = ["setpriv", "--reuid=nobody", "--clear-groups", PROGRAM, "audit"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "run it as root" in done.stderr
