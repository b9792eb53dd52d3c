"""Programs that are started, asked to stop or killed, each the leader of its own process group."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120
"""Seconds to wait for a program to answer or to end."""


def program(name: str, package: str) -> str:
    """The path of a Debian program. Raises RuntimeError that says what to install."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise RuntimeError(f"This test needs {name}. On Debian: apt-get install --no-install-recommends {package}")
    return path


def accepts(port: int) -> bool:
    """Whether something listens at this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Daemon:
    """`is_ready` is asked until it is true after a start. `account` is for programs that refuse to run as root."""

    command: list[str]
    environment: dict[str, str]
    directory: Path
    output: Path
    is_ready: Callable[[], bool]
    account: str | None = None
    popen: "subprocess.Popen[bytes] | None" = None

    def begin(self) -> None:
        """Start it without waiting."""
        with self.output.open("ab") as output:
            self.popen = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.account,
                group=self.account,
                extra_groups=[] if self.account else None,
            )

    def wait_until_ready(self) -> None:
        """Raises RuntimeError with its output when it ends or does not answer."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_ready():
            ended = self.popen is None or self.popen.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.command} {'ended' if ended else 'does not answer'}:\n{self.text()}")
            time.sleep(0.05)

    def start(self) -> None:
        self.begin()
        self.wait_until_ready()

    def stop(self) -> int:
        """Ask it to end as an operator does, with SIGTERM to it alone, and wait; its exit code."""
        assert self.popen is not None
        self.popen.terminate()
        return self.popen.wait(timeout=PATIENCE)

    def kill(self) -> None:
        """SIGKILL for it and all that it started, at once."""
        if self.popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def text(self) -> str:
        """All it has printed, over all its lives."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""
