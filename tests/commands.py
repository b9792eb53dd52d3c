"""Management commands without Django's start-up time: a server process has Django ready and forks for each command.

    python -m tests.commands serve SOCKET        until it is killed
    python tests/commands.py run SOCKET ARGS…    in place of `python ARGS…`

The command has the environment of the server and the standard streams of its caller.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CommandServer:
    """`manage.py` with one environment. The server starts with the first command and ends with `stop`."""

    def __init__(self, environment: dict[str, str], directory: Path = ROOT) -> None:
        self.environment, self.directory = dict(environment), directory
        self._files = Path(tempfile.mkdtemp(prefix="insighta-commands-"))
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str]) -> str:
        """What the command prints. Raises RuntimeError with its output and errors unless its exit code is 0."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, open(os.devnull) as nothing:
            streams = [nothing.fileno(), output.fileno(), errors.fileno()]
            code = run(str(self.start()), ["manage.py", *arguments], streams)
            texts = [os.pread(file.fileno(), 10_000_000, 0).decode(errors="replace") for file in (output, errors)]
        if code:
            raise RuntimeError(f"manage.py {tuple(arguments)} ended with {code}:\n{''.join(texts)}")
        return texts[0]

    def start(self) -> Path:
        """The server's socket, once it accepts connections."""
        address, log = self._files / "socket", self._files / "log"
        if self._server is None:
            command = [sys.executable, "-m", "tests.commands", "serve", str(address)]
            with log.open("wb") as output:
                self._server = subprocess.Popen(
                    command,
                    env=self.environment,
                    cwd=self.directory,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        while not address.exists():
            if self._server.poll() is not None:
                raise RuntimeError(f"{self._server.args!r} ended with {self._server.returncode}:\n{log.read_text()}")
            time.sleep(0.02)
        return address

    def stop(self) -> None:
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
        shutil.rmtree(self._files, ignore_errors=True)


def run(address: str, arguments: Sequence[str], streams: Sequence[int] = (0, 1, 2)) -> int:
    """The exit code of the command, 1 if it was killed. `streams` are its input, output and errors."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(arguments).encode()], list(streams))
        return int(connection.recv(16) or 1)


def serve(address: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")
    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{address}.new")
        listener.listen()
        # The file appears under its name when connections are accepted.
        os.rename(f"{address}.new", address)
        while True:
            connection, _ = listener.accept()
            with connection:
                message, descriptors, *_ = socket.recv_fds(connection, 65_536, 3)
                if os.fork() == 0:
                    _execute(json.loads(message), descriptors, connection)
                for descriptor in descriptors:
                    os.close(descriptor)


def _execute(arguments: list[str], descriptors: list[int], connection: socket.socket) -> None:
    from django.core.management import execute_from_command_line

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    code = 1
    try:
        execute_from_command_line(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001  # as the interpreter does at its top
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    action, address, *rest = sys.argv[1:]
    if action == "serve":
        serve(address)
    sys.exit(run(address, rest))
