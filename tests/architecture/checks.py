"""The checks of `make check`. Each runs as a process of its own and fails with its reason and its fix."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Check:
    """One command. `why` and `fix` are printed under its output when it fails."""

    name: str
    command: tuple[str, ...]
    why: str
    fix: str

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def _environment() -> dict[str, str]:
    """The caller's, with the test settings and no database: no check needs one, so none can touch one."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "COLUMNS": "160",
    }


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _lint_imports(*arguments: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).parent / "lint-imports"), "--no-logo", *arguments)


CHECKS = (
    Check(
        name="lint",
        command=_python("-m", "ruff", "check", "."),
        why="The rules of [tool.ruff] catch known bugs, unsafe calls, naive dates and functions that do too much.",
        fix="`.venv/bin/ruff check --fix .` repairs most; `.venv/bin/ruff rule CODE` explains one. Split a long "
        "function by its steps. Where a rule is wrong: `# noqa: CODE  # the reason`.",
    ),
    Check(
        name="format",
        command=_python("-m", "ruff", "format", "--check", "--output-format", "concise", "."),
        why="One layout for all, so that a diff shows what changed and nothing else.",
        fix="`.venv/bin/ruff format .`",
    ),
    Check(
        name="types",
        command=_python("-m", "mypy", "--show-traceback"),
        why="Strict types find wrong field names, missing None checks and unstated results before a request does.",
        fix="Annotate every argument and result; narrow `X | None` with an `if`. Where a library's types are wrong: "
        "`# type: ignore[code]  # the reason`. INTERNAL ERROR: Django cannot load the apps, see its last line.",
    ),
    Check(
        name="imports",
        command=_lint_imports(),
        why="The contracts of [tool.importlinter] keep the rooms apart; each broken one says its own reason above.",
        fix="Each broken contract says its own fix above; docs/architecture.md shows the rooms at a glance.",
    ),
    Check(
        name="cycles",
        command=_lint_imports("--config", "tests/architecture/cycles.toml"),
        why="Modules in a circle can be read, tested and changed only together.",
        fix="Move what both need into a third module, or give it as an argument.",
    ),
    Check(
        name="rules",
        command=_python("-m", "tests.architecture.rules"),
        why="Queries, transactions and clocks belong to certain rooms; each broken rule says its own reason above.",
        fix="Each broken rule says its own fix above; docs/architecture.md shows the rooms at a glance.",
    ),
    Check(
        name="migrations",
        command=_python("-W", "ignore::RuntimeWarning", "-m", "django", "makemigrations", "--check", "--dry-run"),
        why="A model that differs from its migrations fails on the first database that is not a developer's own.",
        fix="`.venv/bin/python manage.py makemigrations`, read the new file, and commit it with the model.",
    ),
    Check(
        name="upgrades",
        command=_python("-m", "tests.architecture.migrations"),
        why="The release before runs while a migration is applied; `squawk` names what would break or block it.",
        fix="docs/upgrading.md shows how a change is made in two releases. Where the rule is wrong "
        'here: `accepted = {"RULE": "the reason"}` in the migration.',
    ),
)


def run(names: list[str]) -> bool:
    """Run the named checks side by side, all of them if none is named, and print each result. True if all passed."""
    chosen = [check for check in CHECKS if not names or check.name in names]
    processes = [check.start() for check in chosen]
    results = [_finish(check, process) for check, process in zip(chosen, processes, strict=True)]
    return all(results)


def _finish(check: Check, process: "subprocess.Popen[str]") -> bool:
    output, _ = process.communicate()
    if process.returncode == 0:
        sys.stdout.write(f"{check.name}: passed\n")
        return True
    sys.stdout.write(f"{check.name}: FAILED\n{output.rstrip()}\n  why: {check.why}\n  fix: {check.fix}\n\n")
    return False
