"""A pytest plugin: each run has a PostgreSQL server of its own, and copies of one migrated database.

It is loaded with `-p`, before Django's settings are read. If `DATABASE_URL` is set, that server is used instead.
"""

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from config.development import embedded_postgres

ROOT = Path(__file__).resolve().parent.parent
# Any number that nobody else on the test run's server locks.
_LOCK = 7_316_442

os.environ["READ_DOT_ENV"] = "false"
os.environ["DEBUG"] = "true"
# The workers inherit the name; the process that chose it drops the database.
_owns_template = "TEMPLATE_DATABASE" not in os.environ
os.environ.setdefault("TEMPLATE_DATABASE", f"template_{os.getpid()}")

_server: embedded_postgres.Server | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    global _server
    if not os.environ.get("DATABASE_URL"):
        _server = start_server()
        if getattr(early_config.known_args_namespace, "numprocesses", None):
            # While the workers collect.
            Thread(target=migrated_template, daemon=True).start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _server is not None:
        _server.cleanup()
    elif _owns_template:
        template = os.environ["TEMPLATE_DATABASE"]
        _execute(f'DROP DATABASE IF EXISTS "{template}"', f'DROP DATABASE IF EXISTS "{template}_begun"')


def create_migrated_database(name: str) -> None:
    """Make an up-to-date database on the server of `DATABASE_URL`."""
    _execute(f'CREATE DATABASE "{name}" TEMPLATE "{migrated_template()}"')


def migrated_template() -> str:
    """The name of the migrated database to copy: the first caller makes it, the others wait. Nobody may connect."""
    name = os.environ["TEMPLATE_DATABASE"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_begun"')
            connection.execute(f'CREATE DATABASE "{name}_begun"')
            _migrate(f"{name}_begun")
            connection.execute(f'ALTER DATABASE "{name}_begun" RENAME TO "{name}"')
    return name


def database_address(name: str) -> str:
    """The address of database `name` on the server that `DATABASE_URL` points to."""
    return re.sub(r"/[^/?]+(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"], count=1)


def start_server() -> embedded_postgres.Server:
    """A server with `DATABASE_URL` set to it. The caller ends it with `cleanup()`."""
    directory = Path(tempfile.mkdtemp(prefix="insighta-test-postgres-"))
    directory.chmod(0o755)
    # The server and its data also go when the run is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    server = embedded_postgres.start(directory / "data")
    os.environ["DATABASE_URL"] = server.get_uri()
    settings = ("fsync", "full_page_writes", "synchronous_commit")
    _execute(*(f"ALTER SYSTEM SET {setting} = off" for setting in settings), "SELECT pg_reload_conf()")
    return server


def _execute(*statements: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _migrate(database: str) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    settings = {"READ_DOT_ENV": "false", "DEBUG": "true", "DATABASE_URL": database_address(database)}
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    done = subprocess.run(command, env=clean | settings, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
