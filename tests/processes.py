"""The product's servers as processes: the GitHub stand-in, backends and portals, over one migrated database."""

import contextlib
import copy
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg

from tests.commands import ROOT, CommandServer
from tests.databases import create_migrated_database, database_address

__all__ = ["ROOT", "Live", "Process", "accepts", "another_backend", "free_port", "status_of", "wait_until"]


def free_port() -> int:
    """A port that was free a moment ago on 127.0.0.1, below those that systems give to outgoing connections."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def wait_until(is_so: Callable[[], bool], *, seconds: float = 300, tell: Callable[[], str] = str) -> None:
    """Wait for a condition. Raises AssertionError with what `tell` returns if it is still false after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.02)


@dataclass
class Process:
    """One child process in a process group of its own. Its output is in a file, over all its lives.

    After a start it is ready if `is_ready` says so, or if `answers_at` gives any HTTP answer. As a context manager it
    runs for as long as the block. `account` is for programs that refuse to run as root.
    """

    command: list[str]
    environment: dict[str, str]
    answers_at: str = ""
    directory: Path = ROOT
    account: str | None = None
    is_ready: Callable[[], bool] | None = None
    popen: "subprocess.Popen[bytes] | None" = None
    output: IO[bytes] = field(default_factory=lambda: tempfile.TemporaryFile())  # noqa: SIM115  # lives with the process

    def __enter__(self) -> "Process":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def start(self, *, seconds: float = 300) -> "Process":
        """Start it and wait until it is ready. Raises RuntimeError with its output otherwise."""
        self.begin()
        return self.wait_until_ready(seconds=seconds)

    def begin(self) -> None:
        """Start it without waiting."""
        self.popen = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
            user=self.account,
            group=self.account,
            extra_groups=[] if self.account else None,
        )

    def wait_until_ready(self, *, seconds: float = 300) -> "Process":
        """The second half of `start`."""
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            if self.popen is None or self.popen.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"{self.command} did not get ready:\n{self.text()}")
            time.sleep(0.05)
        return self

    def _is_ready(self) -> bool:
        if self.is_ready is not None:
            return self.is_ready()
        return not self.answers_at or bool(status_of(self.answers_at))

    @property
    def address(self) -> str:
        """Where a server listens."""
        return self.answers_at.removesuffix("/healthz")

    @property
    def port(self) -> int:
        return urlsplit(self.answers_at).port or 0

    def text(self) -> str:
        """All it has printed."""
        return os.pread(self.output.fileno(), 10_000_000, 0).decode(errors="replace")

    def terminate(self) -> None:
        """SIGTERM to the process alone, as an init system or a container engine sends it."""
        assert self.popen is not None
        self.popen.terminate()

    def wait(self, *, seconds: float = 300) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired if it goes on."""
        assert self.popen is not None
        return self.popen.wait(timeout=seconds)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End the whole process group and wait for it."""
        if self.popen is None:
            return
        for number in (signal_number, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout=10)


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens at this port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def status_of(url: str) -> int:
    """The status of a GET, 0 where nobody answers. Cheap: it is asked often while what it asks needs the processor."""
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=5)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


class Live:
    """One product, running: stand-in, backend and portal, with the settings given as environment variables.

    Used as a context manager. The database is a new one on the test run's server and is dropped at the end.
    """

    def __init__(self, *, workers: int = 2, **settings: str) -> None:
        self.ports = {name: free_port() for name in ("github", "backend", "portal")}
        self.github_url = f"http://127.0.0.1:{self.ports['github']}"
        self.backend_url = f"http://127.0.0.1:{self.ports['backend']}"
        self.portal_url = f"http://localhost:{self.ports['portal']}"
        self.workers = workers
        self.database = f"live_{os.getpid()}_{self.ports['backend']}"
        self.database_url = database_address(self.database)
        clean = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TMPDIR") if k in os.environ}
        self.environment = clean | {
            "READ_DOT_ENV": "false",
            "DEBUG": "true",
            "PUBLIC_CALENDAR": "true",
            "DATABASE_URL": self.database_url,
            "BACKEND_PORT": str(self.ports["backend"]),
            "PORTAL_PORT": str(self.ports["portal"]),
            "GITHUB_PORT": str(self.ports["github"]),
            "THROTTLE_SCALE": "1000",
            # Tests hold locks until everybody waits for them, which takes its time on a busy machine.
            "LOCK_WAIT_SECONDS": "120",
            **settings,
        }
        # By environment: tests change settings while a product runs. Copies of this object share the servers.
        self._commands: dict[tuple[tuple[str, str], ...], CommandServer] = {}
        self.github = self._process([sys.executable, "-m", "sandbox"], f"{self.github_url}/")
        self.backend = self._server("backend", f"{self.backend_url}/healthz", "127.0.0.1")
        self.portal = self._server("portal", f"{self.portal_url}/healthz", "127.0.0.1")

    def __enter__(self) -> "Live":
        create_migrated_database(self.database)
        processes = (self.github, self.backend, self.portal)
        for process in processes:
            process.begin()
        for process in processes:
            process.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.portal, self.backend, self.github):
            # Asked nicely, a server would wait for the connections that the tests' clients keep open.
            process.stop(signal.SIGKILL)
        for server in self._commands.values():
            server.stop()
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def manage(self, *arguments: str) -> str:
        """Run a management command against this product's database; its standard output. Raises RuntimeError."""
        key = tuple(sorted(self.environment.items()))
        if key not in self._commands:
            self._commands[key] = CommandServer(self.environment)
        return self._commands[key].run(arguments)

    @contextlib.contextmanager
    def connect(self) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """A connection of the test's own, in autocommit: it sees only what has been committed."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection

    def another_portal(self) -> Process:
        """A second portal process that serves the same address from another port (not started)."""
        port = free_port()
        return self._server("portal", f"http://localhost:{port}/healthz", "127.0.0.1", port=port)

    def _process(self, command: list[str], answers_at: str, **environment: str) -> Process:
        return Process(command, self.environment | environment, answers_at)

    def _server(self, room: str, answers_at: str, host: str, port: int | None = None) -> Process:
        granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", host]
        sizes = ["--port", str(port or self.ports[room]), "--workers", str(self.workers), "--blocking-threads", "8"]
        settings = f"config.settings.{room}"
        command = [*granian, *sizes, "config.wsgi:application"]
        return self._process(command, answers_at, DJANGO_SETTINGS_MODULE=settings)


@contextlib.contextmanager
def another_backend(live: Live, **settings: str) -> Iterator[Live]:
    """`live` as seen through another backend of one worker with these settings. Its address is its own unless given."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    other = copy.copy(live)
    other.workers = 1
    process = other._server("backend", f"{address}/healthz", "127.0.0.1", port=port)
    process.environment = process.environment | {"BACKEND_PORT": str(port), **settings}
    other.backend, other.backend_url = process, address
    process.start()
    try:
        yield other
    finally:
        # SIGTERM would wait for the connections that the tests' HTTP client keeps open.
        process.stop(signal.SIGKILL)
