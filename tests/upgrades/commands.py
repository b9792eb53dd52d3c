"""The servers and the worker as the Procfile starts them."""

import re
import shlex
import sys
from pathlib import Path
from string import Template

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
