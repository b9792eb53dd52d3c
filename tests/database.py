"""A pytest plugin that gives each run a PostgreSQL server of its own, thrown away at the end.

It is loaded with `-p`, before Django's settings are read. Where `DATABASE_URL` is set, that server is used instead.
"""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

os.environ["READ_DOT_ENV"] = "false"
os.environ["DEBUG"] = "true"

# One migrated database for the run's processes to copy (tests/templates.py); whoever names it drops it.
_names_template = "TEMPLATE_DATABASE" not in os.environ
os.environ.setdefault("TEMPLATE_DATABASE", f"template_{os.getpid()}")

_server = None


def _start_server() -> None:
    global _server
    import psycopg

    from config import embedded_postgres

    directory = Path(tempfile.mkdtemp(prefix="insighta-test-postgres-"))
    directory.chmod(0o755)
    # Also where the run is asked to end early, its server goes and its data with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    _server = embedded_postgres.start(directory / "data")
    os.environ["DATABASE_URL"] = _server.get_uri()
    with psycopg.connect(_server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if not os.environ.get("DATABASE_URL"):
        _start_server()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _server is not None:
        _server.cleanup()
    elif _names_template:
        from tests.templates import drop_template

        drop_template()
