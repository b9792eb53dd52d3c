"""`make run`: the database, the demo and every process of the Procfile, until Ctrl-C."""

import errno
import http.client
import os
import re
import shlex
import socket
import sys
from pathlib import Path
from string import Template
from types import ModuleType
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.embedded_postgres import EmbeddedPostgresError, ensure_database
from config.supervisor import Supervisor, end_with_parent

ROOT = Path(__file__).resolve().parent.parent
PORTS = {"backend": "BACKEND_PORT", "portal": "PORTAL_PORT", "github": "GITHUB_PORT"}
PROBES = {"backend": "/readyz", "portal": "/healthz", "github": "/"}


class CannotRun(Exception):
    """The sentence to show instead of starting."""


def main() -> int:
    """Run everything. Exit code 1 when it could not start or a process ended, 0 when a person stopped it."""
    end_with_parent()
    os.chdir(ROOT)
    try:
        settings = _settings()
        commands = _commands(settings)
        _check_ports(settings, commands)
        with Supervisor() as supervisor:
            ensure_database()
            _run(supervisor, settings, commands)
    except (CannotRun, EmbeddedPostgresError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{supervisor.stopped_because or 'Stopped. The data stays.'}\n")
    return 1 if supervisor.stopped_because else 0


def _settings() -> ModuleType:
    """The backend's settings, with `DEBUG` on unless the environment or `.env` says otherwise."""
    if environ.Env().bool("READ_DOT_ENV", default=True):
        environ.Env.read_env(ROOT / ".env")
    os.environ.setdefault("DEBUG", "true")
    try:
        from config.settings import backend
    except (ImproperlyConfigured, ValueError) as error:
        raise CannotRun(str(error)) from error
    return backend


def _commands(settings: ModuleType) -> dict[str, list[str]]:
    """Name and command of each process in the Procfile; the stand-in only where the settings use it."""
    ports = {variable: str(getattr(settings, variable)) for variable in PORTS.values()}
    lines = re.findall(r"^(\w+):\s*(.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    commands = {name: shlex.split(Template(command).substitute(ports)) for name, command in lines}
    if not settings.GITHUB_IS_STAND_IN:
        del commands["github"]
    return commands


def _check_ports(settings: ModuleType, commands: dict[str, list[str]]) -> None:
    """Raises CannotRun for the first port that is given twice or cannot be listened on."""
    taken: dict[int, str] = {}
    for name, variable in PORTS.items():
        port = getattr(settings, variable)
        if name not in commands:
            continue
        if port in taken:
            raise CannotRun(f"{taken[port]} and {variable} are both {port}. Give each process a port of its own.")
        taken[port] = variable
        if problem := _why_not(port):
            hint = f"Set {variable} to a free one, for example: {variable}={_free_port(port)} make run"
            raise CannotRun(f"Port {port} {problem}. {hint}")


def _why_not(port: int) -> str:
    """Why a server could not listen on this port of 127.0.0.1; empty if it could."""
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
    """A port that is easy to remember beside `port`."""
    first = port + 100 if port < 60_000 else 8100
    return next(candidate for candidate in range(first, 65_536, 100) if not _why_not(candidate))


def _run(supervisor: Supervisor, settings: ModuleType, commands: dict[str, list[str]]) -> None:
    environment = _environment(settings)
    if not settings.DEBUG and not _collect_static(supervisor, environment):
        return
    # Servers load their code while the database is prepared; nobody knows their addresses before that is done.
    servers = [name for name in commands if name in PROBES]
    for name in servers:
        supervisor.start(name, commands[name], environment)
    supervisor.start("prepare", [sys.executable, "-m", "config.preparation"], environment, may_end=True)
    if not supervisor.relay_until(lambda: supervisor.has_ended("prepare")):
        return
    for name in commands.keys() - servers:
        supervisor.start(name, commands[name], environment)
    waiting = set(servers)
    if supervisor.relay_until(lambda: _all_answer(waiting, settings)):
        supervisor.say(_announcement(settings))
        supervisor.relay_until(lambda: False)


def _collect_static(supervisor: Supervisor, environment: dict[str, str]) -> bool:
    """Gather the files that servers with `DEBUG` off read when they start; False if that failed."""
    names = []
    for room in ("backend", "portal"):
        command = [
            sys.executable,
            "manage.py",
            "collectstatic",
            "--no-input",
            "-v0",
            f"--settings=config.settings.{room}",
        ]
        supervisor.start(f"{room} static files", command, environment, may_end=True)
        names.append(f"{room} static files")
    return supervisor.relay_until(lambda: all(map(supervisor.has_ended, names)))


def _environment(settings: ModuleType) -> dict[str, str]:
    ports = {variable: str(getattr(settings, variable)) for variable in PORTS.values()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **ports, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _all_answer(waiting: set[str], settings: ModuleType) -> bool:
    """Whether every server has answered; those that have are taken out of `waiting`."""
    urls = {"backend": settings.BACKEND_URL, "portal": settings.PORTAL_URL}
    for name in list(waiting):
        port = getattr(settings, PORTS[name])
        public_host = urlsplit(urls.get(name, "")).netloc or f"127.0.0.1:{port}"
        if _answers(port, PROBES[name], public_host):
            waiting.remove(name)
    return not waiting


def _answers(port: int, path: str, public_host: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path, headers={"Host": public_host})
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _announcement(settings: ModuleType) -> str:
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
