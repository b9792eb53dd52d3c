"""The worker without its database: it ends, and takes up work when it is restarted and the database is back."""

import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.databases import create_migrated_database, database_address
from tests.fault_injection.proxy import Network, unix
from tests.processes import Process, free_port, wait_until

LINK = "worker-database"
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
        """Cut every connection and wait until the worker has ended."""
        self.network.set_fault(LINK, "cut")
        wait_until(lambda: self.exit_code is not None, tell=self.worker.text)

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
        network.listen(port, [unix(socket)], lambda _: LINK)
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


def test_a_worker_ends_with_its_database_and_works_again_once_restarted(setting: Setting) -> None:
    setting.do_a_job()
    setting.lose_database()
    setting.network.set_fault(LINK, "")
    setting.worker.begin()
    setting.do_a_job()
    assert setting.end() == 0, setting.worker.text()
