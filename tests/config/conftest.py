import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from tests.config.checkout import Checkout
from tests.people import call
from tests.processes import ROOT, Live, Process

METRICS_TOKEN = "scraper-" + 8 * "0123"

# What Python has compiled comes along, because servers start sooner; not what it is writing.
LEFT_OUT = (".venv", ".local", ".git", ".env", "*.pyc.*", ".*_cache", ".hypothesis", "*.egg-info", "node_modules")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A copy of the tree as somebody would have cloned it, in a path with a space, with this run's packages."""
    copy = Checkout(tmp_path / "a clone")
    shutil.copytree(ROOT, copy.path, ignore=shutil.ignore_patterns(*LEFT_OUT))
    copy.borrow_packages()
    try:
        yield copy
    finally:
        copy.end_everything()


@pytest.fixture(scope="session")
def observed() -> Iterator[Live]:
    """The product with lines for programs, and metrics for whoever has the token."""
    with Live(LOG_FORMAT="json", METRICS_TOKEN=METRICS_TOKEN) as product:
        yield product


@pytest.fixture(scope="module")
def worker(observed: Live) -> Iterator[Process]:
    """The worker of the observed product, for one module: others look at jobs that wait."""
    process = Process([sys.executable, "manage.py", "procrastinate", "worker"], observed.environment)
    yield process.start()
    process.stop()


def add_slot(live: Live, token: str) -> str:
    """A slot of the host whose access token this is, at night, when no host of the demo works; its id."""
    starts = datetime.now(UTC).replace(hour=3, minute=7, second=0, microsecond=0) + timedelta(days=2)
    slot = {"title": "Office hours", "capacity": 3, "starts_at": starts.isoformat()}
    answer = call(live, "/slots", token, "POST", json={**slot, "ends_at": (starts + timedelta(hours=1)).isoformat()})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def address_of_test_database() -> str:
    """For a second connection beside Django's."""
    parameters: dict[str, Any] = connection.get_connection_params()
    keep = ("host", "port", "user", "password", "dbname")
    return make_conninfo(**{name: parameters[name] for name in keep if parameters.get(name)})
