"""Management commands of a product under test, each in a fork of a process that has Django ready (tests/warm.py)."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests import warm

ROOT = Path(__file__).resolve().parent.parent


class Management:
    """`manage.py` with one environment. The process is started by the first command and ends with `stop`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = dict(environment)
        self._directory = Path(tempfile.mkdtemp(prefix="insighta-manage-"))
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str]) -> str:
        """What the command prints. Raises RuntimeError with that and its errors where it does not end with 0."""
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said, open(os.devnull) as nothing:
            streams = [nothing.fileno(), printed.fileno(), said.fileno()]
            code = warm.ask(self._address(), ["manage.py", *arguments], streams)
            texts = [os.pread(file.fileno(), 10_000_000, 0).decode(errors="replace") for file in (printed, said)]
        if code:
            raise RuntimeError(f"manage.py {tuple(arguments)} ended with {code}:\n{''.join(texts)}")
        return texts[0]

    def stop(self) -> None:
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _address(self) -> str:
        address = self._directory / "socket"
        if self._server is None:
            command = [sys.executable, "-m", "tests.warm", "serve", str(address)]
            log = self._directory / "log"
            with log.open("wb") as output:
                self._server = subprocess.Popen(
                    command, env=self.environment, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
                )
            while not address.exists():
                if self._server.poll() is not None:
                    raise RuntimeError(f"{command} ended with {self._server.returncode}:\n{log.read_text()}")
                time.sleep(0.02)
        return str(address)
