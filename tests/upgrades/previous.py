"""The release before this one: a second work tree of the repository, and processes that run from it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, Live, Process


@contextlib.contextmanager
def previous_tree() -> Iterator[Path]:
    """A work tree of the release before, removed at the end. The checkout itself is left as it is."""
    release = os.environ.get("PREVIOUS") or _find_newest_tag() or "HEAD~1"
    if not _find(["rev-parse", "--quiet", "--verify", f"{release}^{{commit}}"]):
        if "PREVIOUS" in os.environ:
            raise LookupError(f"PREVIOUS is {release!r}, which git does not know here.")
        pytest.skip("this clone has no commit before the one it shows: `git fetch --unshallow` brings them")
    with tempfile.TemporaryDirectory(prefix="insighta-previous-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), release)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _find_newest_tag() -> str:
    """The release tag nearest before this commit, empty if there is none."""
    return _find(["describe", "--tags", "--abbrev=0", "HEAD~1"])


def _find(arguments: list[str]) -> str:
    with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
        return _git(*arguments)
    return ""


def _git(*arguments: str) -> str:
    """In the checkout, whoever owns it, without its hooks."""
    command = ["git", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Mixed(Live):
    """A product of two releases: `rooms` (backend, portal) run from `tree`, the rest and the migrations from here."""

    def __init__(self, tree: Path, *rooms: str) -> None:
        self.tree, self.rooms = tree, rooms
        super().__init__(workers=1)

    def _server(self, room: str, answers_at: str, host: str, port: int | None = None) -> Process:
        process = super()._server(room, answers_at, host, port)
        if room in self.rooms:
            process.command = run_in(self.tree, *process.command)
            process.environment = process.environment | {"PYTHONPATH": str(self.tree)}
        return process


def run_in(tree: Path, *command: str) -> list[str]:
    """The command with `tree` as its working directory, where Python looks for modules first."""
    return ["env", "-C", str(tree), *command]
