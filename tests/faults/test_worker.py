"""The worker without its database: it stays, as the same process, and takes up work again when the database is back."""

import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.faults.proxy import Network, unix
from tests.processes import Process, free_port
from tests.templates import create_migrated_database, database_address
from tests.waiting import wait_until

PAIR = "worker-database"
ORDER = """
INSERT INTO procrastinate_jobs (task_name, queue_name, args)
VALUES ('bookings.retry_stalled_jobs', 'default', '{"timestamp": 0}') RETURNING id
"""
STATUS = "SELECT status::text FROM procrastinate_jobs WHERE id = %s"


@dataclass
class Setting:
    """A worker that reaches its database through a network that can be cut."""

    worker: Process
    network: Network
    connection: "psycopg.Connection[tuple[object, ...]]"

    def do_a_job(self) -> None:
        """Order one and wait until the worker has done it."""
        row = self.connection.execute(ORDER).fetchone()
        assert row is not None
        wait_until(
            lambda: self.connection.execute(STATUS, row).fetchone() == ("succeeded",), seconds=90, tell=self.worker.text
        )

    def lose_database(self) -> None:
        """Cut every connection and wait until the worker has said so."""
        known = len(self.worker.text())
        self.network.trouble(PAIR, "cut")
        wait_until(lambda: "begins anew" in self.worker.text()[known:], seconds=90, tell=self.worker.text)
        assert self.exit_code is None, self.worker.text()

    def end(self) -> int:
        """Ask it to end, and wait until it has; its exit code."""
        assert self.worker.popen is not None
        self.worker.popen.send_signal(signal.SIGTERM)
        return self.worker.popen.wait(timeout=90)

    @property
    def exit_code(self) -> int | None:
        assert self.worker.popen is not None
        return self.worker.popen.poll()


@pytest.fixture
def setting() -> Iterator[Setting]:
    name, network, port = f"worker_{secrets.token_hex(4)}", Network(), free_port()
    create_migrated_database(name)
    with psycopg.connect(database_address(name), autocommit=True) as connection:
        socket = f"{connection.info.host}/.s.PGSQL.{connection.info.port}"
        network.listen(port, [unix(socket)], lambda _: PAIR)
        address = re.sub(r"@.*", f"@127.0.0.1:{port}/{name}?sslmode=disable", database_address(name))
        settings = {"DATABASE_URL": address, "EMAIL_URL": "dummymail://", "LOG_FORMAT": "json"}
        worker = Process([sys.executable, "manage.py", "procrastinate", "worker"], os.environ | settings)
        worker.environment["DJANGO_SETTINGS_MODULE"] = "config.settings.backend"
        worker.start()
        yield Setting(worker, network, connection)
        worker.stop(signal.SIGKILL)
    network.close()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_worker_outlives_its_database_and_ends_when_it_is_told_to(setting: Setting) -> None:
    setting.do_a_job()
    for _ in range(2):
        setting.lose_database()
        setting.network.trouble(PAIR, "")
        setting.do_a_job()
    assert setting.end() == 0, setting.worker.text()


def test_a_worker_that_waits_for_its_database_ends_when_it_is_told_to(setting: Setting) -> None:
    setting.do_a_job()
    setting.lose_database()
    assert setting.end() == 0, setting.worker.text()
