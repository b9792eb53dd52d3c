"""Migrated databases in a moment: the run migrates one, and PostgreSQL copies its files for everybody else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
# Any number that nobody else on the test run's server locks.
_LOCK = 7_316_442


def create_migrated_database(name: str) -> None:
    """Make an up-to-date database on the server of `DATABASE_URL`."""
    template = migrated_template()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def migrated_template() -> str:
    """The name of the migrated database to copy; whoever comes first makes it, the others wait. Nobody may use it."""
    name = os.environ["TEMPLATE_DATABASE"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            # Under its name only once it is whole.
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_begun"')
            connection.execute(f'CREATE DATABASE "{name}_begun"')
            _migrate(f"{name}_begun")
            connection.execute(f'ALTER DATABASE "{name}_begun" RENAME TO "{name}"')
    return name


def drop_template() -> None:
    """Where the run has not a server of its own, it leaves none of its databases behind."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for name in (os.environ["TEMPLATE_DATABASE"], f"{os.environ['TEMPLATE_DATABASE']}_begun"):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')


def database_address(name: str) -> str:
    """The address of database `name` on the server that `DATABASE_URL` points to."""
    return re.sub(r"/[^/?]+(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"], count=1)


def _migrate(database: str) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    settings = {"READ_DOT_ENV": "false", "DEBUG": "true", "DATABASE_URL": database_address(database)}
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    done = subprocess.run(command, env=clean | settings, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
