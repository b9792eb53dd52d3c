"""A copy of the tree in which tests run `make run`, and what runs in it."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.processes import free_port, status_of, wait_until


class Checkout:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.output = path.with_name("output")
        self.ports = {name: free_port() for name in ("BACKEND_PORT", "PORTAL_PORT", "GITHUB_PORT")}
        self.backend = f"http://127.0.0.1:{self.ports['BACKEND_PORT']}"
        # What a clean shell has, and ports that nobody else uses.
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = clean | {name: str(port) for name, port in self.ports.items()}

    def borrow_packages(self) -> None:
        """Let make find everything installed: this run's interpreter, and stamps newer than what they stamp."""
        python = self.path / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        for stamp in ("installed", "installed-dev"):
            (self.path / ".venv" / stamp).touch()

    def start(self) -> None:
        """`make run`, until it has shown its addresses."""
        with self.output.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "run"],
                env=self.environment,
                cwd=self.path,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(lambda: self.make.poll() is not None or "Sign in from" in self.text(), tell=self.text)
        assert self.make.poll() is None, self.text()
        assert status_of(f"{self.backend}/readyz") == 200

    def text(self) -> str:
        """All that the run has printed."""
        return self.output.read_text()

    def press_ctrl_c(self) -> None:
        """What a terminal does: the signal goes to make and to the program under it."""
        os.killpg(self.make.pid, signal.SIGINT)
        self.make.wait(timeout=120)
        self.wait_until_gone()

    def refuse(self, **environment: str) -> str:
        """Run it where it does not start; the line that says why."""
        command, settings = [sys.executable, "-m", "config.development"], self.environment | environment
        done = subprocess.run(command, env=settings, cwd=self.path, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        return done.stderr

    def execute(self, statement: str) -> object:
        """The first value of a statement's answer."""
        sockets = (self.path / ".local/postgres/postmaster.pid").read_text().splitlines()[4]
        with psycopg.connect(host=sockets, user="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def processes(self) -> dict[int, str]:
        """Pid and command of all that runs here: servers work in this directory, PostgreSQL in its data's."""
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (directory / "cwd").readlink().is_relative_to(self.path):
                    found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ").strip()
        return found

    def kill(self, pattern: str) -> None:
        """SIGKILL to the first process whose command matches."""
        os.kill(min(pid for pid, command in self.processes().items() if re.search(pattern, command)), signal.SIGKILL)

    def wait_until_gone(self, pattern: str = "") -> None:
        wait_until(
            lambda: not any(re.search(pattern, command) for command in self.processes().values()),
            tell=lambda: str(self.processes()),
        )

    def end_everything(self) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
