"""Completion in the shells themselves, as far as they are installed here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Machine

SESSION = {"client_id": "insighta-cli", "created_at": "2026-11-23T10:00:00Z", "last_used_at": None, "current": False}
ONE, TWO = "019ab3f2-0000-7000-8000-000000000001", "019ab3f7-0000-7000-8000-000000000002"


@pytest.fixture
def ada(backend: FakeBackend, machine: Machine) -> Machine:
    """Ada is signed in, twice."""
    machine.store(backend.store_for(backend.sign_in(), seconds_left=170))
    sessions = [SESSION | {"id": ONE, "label": "Firefox"}, SESSION | {"id": TWO, "label": "Laptop"}]
    backend.answers["GET", "/api/v1/sessions"] = lambda query, body: (200, {"results": sessions, "next": None})
    return machine


def complete_in_bash(machine: Machine, line: str) -> list[str]:
    words = line.split(" ")
    script = f"""
        eval "$(insighta completion bash)"
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=({" ".join(map(repr, words))}) COMP_CWORD={len(words) - 1}
        _insighta; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run_in(machine, ["bash", "--norc", "-c", script])


def complete_in_fish(machine: Machine, line: str) -> list[str]:
    script = f"insighta completion fish | source; complete -C {line!r}"
    return [text.split("\t")[0] for text in run_in(machine, ["fish", "--no-config", "-c", script])]


def run_in(machine: Machine, command: list[str]) -> list[str]:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed.")
    path = f"{machine.command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env=machine.environment | {"PATH": path}, capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.splitlines()


SHELLS = [complete_in_bash, complete_in_fish]


@pytest.mark.parametrize("complete", SHELLS)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("insighta log", ["login", "logout"]),
        ("insighta sessions ", ["list", "revoke"]),
        ("insighta login --de", ["--device"]),
        ("insighta completion ", ["bash", "fish", "zsh"]),
        ("insighta sessions revoke 019ab3f7", ["019ab3f7-0000"]),
        ("insighta sessions revoke ", ["019ab3f2-0000", "019ab3f7-0000"]),
    ],
)
def test_words_options_and_ids(ada: Machine, complete: object, line: str, expected: list[str]) -> None:
    assert callable(complete)
    assert sorted(complete(ada, line)) == expected


def test_a_scope_with_its_colon_in_bash(ada: Machine) -> None:
    """Bash has already split the word at the colon, and puts back what comes after it."""
    line = "insighta tokens create x --scope account:r"
    script = f"""
        eval "$(insighta completion bash)"
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=(insighta tokens create x --scope account : r) COMP_CWORD=7
        _insighta; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert run_in(ada, ["bash", "--norc", "-c", script]) == ["read"]


def test_zsh_at_a_terminal(ada: Machine) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed.")
    ada.home.joinpath(".zshrc").write_text(
        'PS1="ready> "\nautoload -Uz compinit; compinit -u\neval "$(insighta completion zsh)"\n'
    )
    path = f"{ada.command.parent}{os.pathsep}{os.environ['PATH']}"
    shell = Machine(Path("zsh"), ada.home, ada.api, {"PATH": path})
    with shell.terminal("-i") as terminal:
        terminal.see("ready> ")
        terminal.type("insighta sessions revoke 019ab3f7\t")
        terminal.see("019ab3f7-0000")
        terminal.type("\x15exit\n")
        terminal.end()


@pytest.mark.parametrize("trouble", ["signed out", "backend away", "damaged"])
def test_trouble_is_silent(backend: FakeBackend, machine: Machine, trouble: str) -> None:
    if trouble == "backend away":
        machine.store(backend.store_for(backend.sign_in(), seconds_left=170))
        backend.faults["*"] = ["always cut before"]
    if trouble == "damaged":
        machine.store("{")
    done = machine.run("__complete", "--", "book", "")
    assert (done.code, done.out, done.err) == (0, "", "")
