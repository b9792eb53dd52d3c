"""`make run`: prepares the database and runs every process of the Procfile until Ctrl-C."""

import contextlib
import errno
import http.client
import os
import re
import shlex
import socket
import sys
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import environ
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.development.embedded_postgres import EmbeddedPostgresError, ensure_database
from config.development.supervisor import Supervisor, end_with_parent

ROOT = Path(__file__).resolve().parents[2]
PORTS = {"backend": "BACKEND_PORT", "portal": "PORTAL_PORT", "github": "GITHUB_PORT"}
PROBES = {"backend": "/readyz", "portal": "/healthz", "github": "/"}


class CannotRun(Exception):
    """Its text is shown instead of starting."""


def main() -> int:
    """Exit code 0 after a signal, 1 where it cannot start or a process ends."""
    end_with_parent()
    os.chdir(ROOT)
    try:
        _load_settings()
        commands = _commands()
        _check_ports(commands)
        with Supervisor() as supervisor:
            ensure_database()
            _run(supervisor, commands)
    except (CannotRun, EmbeddedPostgresError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{supervisor.stopped_because or 'Stopped. The data stays.'}\n")
    return 1 if supervisor.stopped_because else 0


def _load_settings() -> None:
    """Load the backend's settings; `DEBUG` and the public calendar are on unless set otherwise."""
    if environ.Env().bool("READ_DOT_ENV", default=True):
        environ.Env.read_env(ROOT / ".env")
    for name in ("DEBUG", "PUBLIC_CALENDAR"):
        os.environ.setdefault(name, "true")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.backend"
    try:
        _ = settings.DEBUG
    except (ImproperlyConfigured, ValueError) as error:
        raise CannotRun(str(error)) from error


def _commands() -> dict[str, list[str]]:
    """The processes of the Procfile, by name; the stand-in only where the settings use it."""
    lines = re.findall(r"^(\w+):\s*(.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    commands = {name: shlex.split(Template(command).substitute(_ports())) for name, command in lines}
    if not settings.GITHUB_IS_STAND_IN:
        del commands["github"]
    return commands


def _ports() -> dict[str, str]:
    return {variable: str(getattr(settings, variable)) for variable in PORTS.values()}


def _check_ports(commands: dict[str, list[str]]) -> None:
    """Raises CannotRun for the first port that is given twice or not free."""
    taken: dict[int, str] = {}
    for name, variable in PORTS.items():
        port = getattr(settings, variable)
        if name not in commands:
            continue
        if port in taken:
            raise CannotRun(f"{taken[port]} and {variable} are both {port}. Give each process a port of its own.")
        taken[port] = variable
        if problem := _find_problem(port):
            hint = f"Set {variable} to a free one, for example: {variable}={_free_port(port)} make run"
            raise CannotRun(f"Port {port} {problem}. {hint}")


def _find_problem(port: int) -> str:
    """Why no server can listen on this port of 127.0.0.1; empty if one can."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OverflowError:
            return "does not exist"
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return ""


def _free_port(port: int) -> int:
    """A free port a multiple of a hundred above `port`."""
    first = port + 100 if port < 60_000 else 8100
    return next(candidate for candidate in range(first, 65_536, 100) if not _find_problem(candidate))


def _run(supervisor: Supervisor, commands: dict[str, list[str]]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, **_ports(), "PATH": path, "PYTHONUNBUFFERED": "1"}
    steps = {"prepare": [sys.executable, "-m", "config.development.preparation"]}
    if not settings.DEBUG:
        steps |= {f"{room} static files": _collect_static(room) for room in ("backend", "portal")}
    for name, command in steps.items():
        supervisor.start(name, command, environment, may_end=True)
    if not supervisor.relay_until(lambda: supervisor.have_ended(*steps)):
        return
    for name, command in commands.items():
        supervisor.start(name, command, environment)
    waiting = commands.keys() & PROBES.keys()
    if supervisor.relay_until(lambda: _all_answer(waiting)):
        supervisor.say(_announcement())
        supervisor.relay_until(lambda: False)


def _collect_static(room: str) -> list[str]:
    """The command that collects what a server with `DEBUG` off serves."""
    return [sys.executable, "manage.py", "collectstatic", "--no-input", "-v0", f"--settings=config.settings.{room}"]


def _all_answer(waiting: set[str]) -> bool:
    """Whether every server has answered; removes those that have from `waiting`."""
    urls = {"backend": settings.BACKEND_URL, "portal": settings.PORTAL_URL}
    for name in list(waiting):
        address = f"127.0.0.1:{getattr(settings, PORTS[name])}"
        connection = http.client.HTTPConnection(address, timeout=1)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", PROBES[name], headers={"Host": urlsplit(urls.get(name, "")).netloc or address})
            if connection.getresponse().status == 200:
                waiting.remove(name)
    return not waiting


def _announcement() -> str:
    addresses = {
        "Portal": settings.PORTAL_URL,
        "API": f"{settings.BACKEND_URL}/api/v1/docs",
        "Admin": f"{settings.BACKEND_URL}/admin/",
    }
    how = "with your GitHub account"
    if settings.GITHUB_IS_STAND_IN:
        addresses["GitHub stand-in"] = settings.GITHUB_URL
        how = (
            "with any name: ada has bookings, grace hosts, a name of your own is new.\n"
            "  Sign in to the admin with GitHub as admin"
        )
    rows = "\n".join(f"  {name:16}{address}" for name, address in addresses.items())
    command = os.path.relpath(Path(sys.executable).with_name("insighta"))
    return (
        f"\nInsighta is running. Ctrl-C stops it; the data stays.\n\n{rows}\n\n"
        f"  Sign in at the portal {how}.\n  Sign in from a terminal: {command} login\n"
    )


if __name__ == "__main__":
    sys.exit(main())
