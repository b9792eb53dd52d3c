"""Completion in the shells themselves."""

import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cli.commands import complete
from tests.cli.terminals import Pointed

SESSION = {"client_id": "insighta-cli", "created_at": "2026-11-23T10:00:00Z", "last_used_at": None, "current": False}
ONE, TWO = "019ab3f2-0000-7000-8000-000000000001", "019ab3f7-0000-7000-8000-000000000002"
HOSTILE = [
    "$(touch${IFS}made)",
    "`touch made`",
    "a;touch made",
    "a\ttouch made",
    "a\ntouch made",
    "x'$(touch made)'",
    "*",
    "~root",
    "%(touch made)",
    "-o",
    "a b",
    "é\u202e$(touch made)",
    "\x1b]0;owned\x07",
]


@pytest.fixture
def ada(machine: Pointed) -> Pointed:
    """Ada is signed in, twice."""
    machine.sign_in()
    sessions = [SESSION | {"id": ONE, "label": "Firefox"}, SESSION | {"id": TWO, "label": "Laptop"}]
    machine.backend.answer("/sessions", {"results": sessions, "next": None})
    return machine


def complete_in_bash(machine: Pointed, line: str, words: list[str] | None = None) -> list[str]:
    """`words` as bash has split them, where that is not at spaces."""
    words = words or line.split(" ")
    script = f"""
        eval "$(insighta completion bash)"
        COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _insighta; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run_in(machine, "bash", "--norc", "-c", script)


def complete_in_fish(machine: Pointed, line: str) -> list[str]:
    script = f"insighta completion fish | source; complete -C {shlex.quote(line)}"
    return [text.split("\t")[0] for text in run_in(machine, "fish", "--no-config", "-c", script)]


def complete_in_zsh(machine: Pointed, line: str) -> list[str]:
    """The line is typed at a terminal, and what zsh lists is read from its screen."""
    rc = 'PS1="ready> "\nautoload -Uz compinit; compinit -u\nzstyle ":completion:*" list-prompt ""\nLISTMAX=0\n'
    hook = 'compadd() { builtin compadd -O found "$@"; print -rl -- $found >>~/found; builtin compadd "$@" }\n'
    machine.home.joinpath(".zshrc").write_text(f'{rc}eval "$(insighta completion zsh)"\n{hook}')
    with machine.shell("zsh").terminal("-i") as terminal:
        terminal.see("ready> ")
        terminal.type(f"{line}\t")
        terminal.type("\x15print end''ed\n")
        terminal.see("ended\n")
        terminal.type("exit\n")
        terminal.end()
    found = machine.home / "found"
    return found.read_text().splitlines() if found.exists() else []


def run_in(machine: Pointed, shell: str, *words: str) -> list[str]:
    environment = machine.shell(shell).environment
    done = subprocess.run([shell, *words], env=environment, cwd=machine.home, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


Complete = Callable[[Pointed, str], list[str]]
IN_EVERY_SHELL = pytest.mark.parametrize("complete", [complete_in_bash, complete_in_fish, complete_in_zsh])


@IN_EVERY_SHELL
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("insighta log", ["login", "logout"]),
        ("insighta sessions ", ["list", "revoke"]),
        ("insighta login --de", ["--device"]),
        ("insighta completion ", ["bash", "fish", "zsh"]),
        ("insighta sessions revoke 019ab3f7", ["019ab3f7-0000"]),
        ("insighta sessions revoke ", ["019ab3f2-0000", "019ab3f7-0000"]),
        ("insighta whoami --account a", ["ada"]),
    ],
)
def test_words_options_and_ids(
    ada: Pointed, complete: Callable[..., list[str]], line: str, expected: list[str]
) -> None:
    assert sorted(set(complete(ada, line))) == expected


@IN_EVERY_SHELL
def test_nothing_that_a_backend_says_is_evaluated(ada: Pointed, complete: Complete) -> None:
    """Neither now, nor when the completed line is run: what a shell could act on is not offered at all."""
    hosts: list[dict[str, Any]] = [{"id": ONE, "login": word, "display_name": word} for word in HOSTILE]
    hosts.append({"id": TWO, "login": "grace", "display_name": HOSTILE[0]})
    ada.backend.answer("/hosts", {"results": hosts, "next": None})
    sessions = [SESSION | {"id": HOSTILE[0], "label": "x"}, SESSION | {"id": TWO, "label": HOSTILE[0]}]
    ada.backend.answer("/sessions", {"results": sessions, "next": None})
    assert complete(ada, "insighta slots list --host ") == ["grace"]
    assert not [word for word in complete(ada, "insighta sessions revoke ") if "$" in word]
    assert not list(ada.home.rglob("made"))


def test_a_scope_with_its_colon_in_bash(ada: Pointed) -> None:
    """Bash has already split the word at the colon, and puts back what comes after it."""
    words = ["insighta", "tokens", "create", "x", "--scope", "account", ":", "r"]
    assert complete_in_bash(ada, "insighta tokens create x --scope account:r", words) == ["read"]


@pytest.mark.parametrize("trouble", ["signed out", "backend away", "damaged", "other shapes"])
def test_trouble_is_silent(machine: Pointed, trouble: str) -> None:
    if trouble in {"backend away", "other shapes"}:
        machine.sign_in()
    if trouble == "backend away":
        machine.backend.faults["*"] = ["always cut before"]
    if trouble == "other shapes":
        machine.backend.answer("/slots", {"results": [{"id": 5}, None]})
    if trouble == "damaged":
        machine.store("{")
    done = machine.run("__complete", "--", "book", "")
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("slots list --host grace --", "--json"),
        ("whoami --account ada --", "--json"),
        ("--", ""),
        ("reschedule --account ada 019ab3f2 019", ""),
        ("completion bash ", ""),
        ("hosting list --when ", "upcoming"),
        ("api ", "get"),
    ],
)
def test_what_an_option_takes_is_no_argument(
    line: str, expected: str, machine: Pointed, capsys: pytest.CaptureFixture[str]
) -> None:
    complete.run(["--", *line.split(" ")])
    found = [candidate.split("\t")[0] for candidate in capsys.readouterr().out.splitlines()]
    assert expected in found if expected else found == []


@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "token",
        "__complete -- log",
        "__complete -- slots list --",
        "__complete -- completion ",
        "__complete -- whoami --account ",
    ],
)
def test_words_are_completed_without_what_takes_longer_than_python_itself(machine: Pointed, line: str) -> None:
    machine.sign_in()
    script = (
        f"import sys; from insighta_cli.main import run; run({line.split(' ')!r});print(*sys.modules, file=sys.stderr)"
    )
    words = [str(machine.command.with_name("python")), "-c", script]
    done = subprocess.run(words, env=machine.environment, capture_output=True, text=True)
    assert done.stdout
    slow = {"argparse", "contextlib", "collections", "functools", "http.client", "json", "re", "ssl", "typing"}
    assert not slow & set(done.stderr.split())


def test_an_installation_puts_the_scripts_where_the_shells_look(machine: Pointed) -> None:
    share = machine.command.parent.parent / "share"
    places = {
        "bash": "bash-completion/completions/insighta",
        "zsh": "zsh/site-functions/_insighta",
        "fish": "fish/vendor_completions.d/insighta.fish",
    }
    for shell, place in places.items():
        assert (share / place).read_text() == machine.run("completion", shell).out
    script = f"XDG_DATA_DIRS={share} fish -c 'complete -C \"insighta log\"'"
    assert {line.split("\t")[0] for line in run_in(machine, "bash", "--norc", "-c", script)} == {"login", "logout"}
