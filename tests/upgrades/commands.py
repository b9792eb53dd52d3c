"""The servers and the worker as the Procfile starts them."""

import contextlib
import re
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template

import httpx

from tests.people import NO_CERTIFICATES
from tests.processes import ROOT, Live, Process, free_port

PROGRAMS = Path(sys.executable).parent


def from_procfile(name: str, environment: dict[str, str], *, port: int = 0) -> Process:
    """A process of the Procfile, not started. A server listens on `port` of 127.0.0.1."""
    line = re.search(rf"^{name}:\s*(.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert line is not None, name
    command = shlex.split(Template(line[1]).substitute(BACKEND_PORT=port, PORTAL_PORT=port))
    answers_at = f"http://{'localhost' if name == 'portal' else '127.0.0.1'}:{port}/healthz" if port else ""
    return Process(command, environment | {"PATH": f"{PROGRAMS}:{environment['PATH']}"}, answers_at)


def server_of(live: Live, name: str) -> Process:
    """A server beside `live`'s own, with its settings and addresses, on a port of its own."""
    addresses = {"BACKEND_URL": live.backend_url, "PORTAL_URL": live.portal_url}
    return from_procfile(name, live.environment | addresses, port=free_port())


@contextlib.contextmanager
def started(process: Process) -> Iterator[Process]:
    """`process`, for as long as the block lasts."""
    process.start()
    try:
        yield process
    finally:
        process.stop(signal.SIGKILL)


def ask_to_end(process: Process) -> None:
    """SIGTERM to the one process that an init system or a container engine knows, not to those that it has started."""
    assert process.popen is not None
    process.popen.terminate()


def wait_for_end(process: Process, *, seconds: float = 60) -> int:
    """Its exit code. Raises subprocess.TimeoutExpired where it goes on."""
    assert process.popen is not None
    return process.popen.wait(timeout=seconds)


def address(process: Process) -> str:
    """Where a server listens."""
    return process.answers_at.removesuffix("/healthz")


def port_of(process: Process) -> int:
    return int(address(process).rpartition(":")[2])


def wait_until_refused(process: Process, *, seconds: float = 60) -> None:
    """Until nobody listens on the server's port any more. Raises AssertionError where somebody still does."""
    deadline = time.monotonic() + seconds
    while _is_listening(port_of(process)):
        assert time.monotonic() < deadline, process.text()
        time.sleep(0.02)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def new_connection() -> httpx.Client:
    """A client that opens a connection for each request, as programs do that are started for each."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=60, verify=NO_CERTIFICATES, limits=limits)
