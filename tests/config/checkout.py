"""A checkout in which tests run `make run`, and a way to see what it leaves running."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import free_port, status_of


class Checkout:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.ports = {name: free_port() for name in ("BACKEND_PORT", "PORTAL_PORT", "GITHUB_PORT")}
        self.output = path.with_name("output")

    @property
    def environment(self) -> dict[str, str]:
        """What a clean shell has, and ports that nobody else uses."""
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**clean, **{name: str(port) for name, port in self.ports.items()}}

    @property
    def backend(self) -> str:
        return f"http://127.0.0.1:{self.ports['BACKEND_PORT']}"

    def borrow_packages(self) -> None:
        """Let make find everything installed: this run's interpreter, and stamps newer than what they stamp."""
        python = self.path / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        for stamp in ("installed", "installed-dev"):
            (self.path / ".venv" / stamp).touch()

    def start(self) -> float:
        """`make run`; seconds until the backend has answered that it is ready."""
        with self.output.open("wb") as output:
            began = time.monotonic()
            self.make = subprocess.Popen(
                ["make", "run"],
                env=self.environment,
                cwd=self.path,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        while not self.is_ready():
            assert self.make.poll() is None, self.text()
            assert time.monotonic() - began < 120, self.text()
            time.sleep(0.02)
        return time.monotonic() - began

    def text(self) -> str:
        """All that the run has printed."""
        return self.output.read_text()

    def is_ready(self) -> bool:
        return status_of(f"{self.backend}/readyz") == 200

    def wait_for(self, text: str) -> str:
        """All that the run has printed, once `text` is in it."""
        deadline = time.monotonic() + 60
        while text not in self.text():
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)
        return self.text()

    def press_ctrl_c(self) -> None:
        """What a terminal does: the signal goes to make and to the program under it."""
        os.killpg(self.make.pid, signal.SIGINT)
        self.make.wait(timeout=60)

    def refuse(self, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run it where it should not even start."""
        command = [sys.executable, "-m", "config.development"]
        settings = self.environment | environment
        return subprocess.run(command, env=settings, cwd=self.path, capture_output=True, text=True, timeout=120)

    def processes(self) -> dict[int, str]:
        """Pid and command of all that runs here: servers work in this directory, PostgreSQL in its data's."""
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (directory / "cwd").readlink().is_relative_to(self.path):
                    found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ").strip()
        return found

    def find_process(self, pattern: str) -> int:
        """The first process whose command matches."""
        return min(pid for pid, command in self.processes().items() if re.search(pattern, command))

    def wait_until_gone(self, pattern: str = "") -> None:
        """Raises AssertionError with what is still there after a minute."""
        deadline = time.monotonic() + 60
        while left := [command for command in self.processes().values() if re.search(pattern, command)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def end_everything(self) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
