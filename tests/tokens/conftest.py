import sys
from collections.abc import Iterator

import pytest

from tests.processes import Live, Process


@pytest.fixture
def worker(live: Live) -> Iterator[Process]:
    """A worker of the shared product, which tells applications before it does what other tests have ordered."""
    with live.connect() as connection:
        connection.execute("UPDATE procrastinate_jobs SET priority = -2 WHERE status = 'todo'")
    command = [sys.executable, "manage.py", "procrastinate", "worker"]
    with Process(command, live.environment | {"DJANGO_SETTINGS_MODULE": "config.settings.backend"}) as process:
        yield process
