"""The servers under test, each the way it is deployed: the same granian, the same workers and threads, no debugging."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.processes import Process

ROOT = Path(__file__).resolve().parent.parent
WORKERS, THREADS = 2, 4
# How the product, granian and Python's handlers of errors write that a request failed.
_TROUBLE = re.compile(r'"status": 5\d\d|HTTP/1\.1" 5\d\d|^\w*(Error|Timeout)\b|"level": "(warning|error)"')
_running: list[Process] = []


def clean_environment() -> dict[str, str]:
    """The caller's environment without anything that would change a server."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


@contextlib.contextmanager
def running(
    command: list[str], environment: Mapping[str, str], *, answers_at: str, directory: Path = ROOT
) -> Iterator[Process]:
    """One server, from its first answer until the end of the block."""
    process = Process(command, {**clean_environment(), **environment}, answers_at, directory=directory)
    process.start(seconds=90)
    _running.append(process)
    try:
        yield process
    finally:
        _running.remove(process)
        process.stop(signal.SIGKILL)


def complaints(*, most: int = 5) -> list[str]:
    """The last lines in which servers that run say that a request failed, each after the server's address."""
    return [
        f"{process.answers_at}: {line}"
        for process in _running
        for line in [one for one in process.text().splitlines() if _TROUBLE.search(one)][-most:]
    ]


def granian(
    application: str,
    *,
    port: int,
    python: Path = Path(sys.executable),
    access_log: bool = False,
    workers: int = WORKERS,
    threads: int = THREADS,
) -> list[str]:
    """The command that every Django server is started with; `python` says from which environment."""
    sizes = ["--workers", str(workers), "--blocking-threads", str(threads), "--log-level", "warning"]
    logs = ["--access-log"] if access_log else []
    program = str(python.parent / "granian")
    return [program, "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), *sizes, *logs, application]


def run_to_end(
    program: Path, arguments: list[str], environment: Mapping[str, str], *, directory: Path = ROOT, given: str = ""
) -> str:
    """Run a program to its end, which reads `given`; its standard output. Raises RuntimeError with what it said."""
    done = subprocess.run(  # noqa: S603  # programs of this repository
        [str(program), *arguments],
        cwd=directory,
        input=given,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
