"""`kill -9` at any point of a refresh: the next command finds the sign-in alive."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed
from tests.processes import wait_until

FEWEST_LINES_OF_A_REFRESH = 150


class ForkingCommand:
    """The command in a process that forks for each run."""

    def __init__(self, machine: Pointed) -> None:
        script = Path(__file__).with_name("killed_at_line.py")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [machine.command.with_name("python"), script], env=machine.environment, stdin=pipe, stdout=pipe, text=True
        )

    def run(self, line: int = 0) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def machine(installation: Path, backend: FakeBackend) -> Iterator[Pointed]:
    """Ada's, with a disk in memory where there is one: the command waits for its disk in each of hundreds of runs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as home:
        yield Pointed(installation / "insighta", Path(home), backend.url, backend=backend)


@pytest.fixture
def command(machine: Pointed) -> Iterator[ForkingCommand]:
    it = ForkingCommand(machine)
    yield it
    it.close()


def test_killed_at_every_line_of_a_refresh(machine: Pointed, command: ForkingCommand) -> None:
    line, states = 0, set()
    while True:
        line += 1
        machine.backend.sessions.clear()
        session = machine.sign_in(seconds_left=-5)
        if command.run(line) == "0":
            break
        states.add((machine.account()["retry_key"] is not None, session.rotations))
        assert command.run() == "0", f"killed at line {line}, the next command failed"
        assert not session.revoked
        assert session.rotations == 1, f"killed at line {line}: not the same successor"
        assert machine.account()["refresh_token"] == session.refresh_token
    assert line > FEWEST_LINES_OF_A_REFRESH
    # Before the key was stored, with the key before the request, after the rotation, after the answer was stored.
    assert states == {(False, 0), (True, 0), (True, 1), (False, 1)}


@pytest.mark.parametrize("killed_at", ["before the request is answered", "after the rotation"])
def test_a_killed_process_leaves_its_key_to_the_next(stale: Pointed, killed_at: str) -> None:
    session = stale.session
    stale.backend.faults["/oauth/token"] = ["slow 0.6" if killed_at.startswith("before") else "cut after"] * 2
    process = stale.start("token")
    wait_until(lambda: bool(stale.backend.requests))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stale.backend.faults.clear()
    wait_until(lambda: session.rotations == 1)  # The abandoned request goes on.
    assert stale.is_signed_in()
    assert (session.rotations, session.revoked) == (1, False)


def test_leftovers_of_a_killed_write_are_swept_away(stale: Pointed) -> None:
    stale.folder.joinpath("credentials.json.new").write_text('{"version": 1, "acc')
    assert stale.run("token").code == 0
    assert sorted(path.name for path in stale.folder.iterdir()) == ["credentials.json", "credentials.json.lock"]
    assert json.loads(stale.credentials.read_text())["version"] == 1
