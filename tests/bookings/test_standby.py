"""The public calendar from a standby of the database, and everything of a person's own from the primary."""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.development import embedded_postgres
from tests.people import HTTP, Browser, Tokens, call
from tests.processes import Live, Process, wait_until
from tests.upgrades.pages import run

READS = ["/slots", "/slots/days", "/hosts", "/offerings"]


class Standby:
    """A second server that follows the first one."""

    def __init__(self, folder: Path, primary_url: str) -> None:
        self.data = folder / "standby"
        self.url = f"postgresql://postgres@/postgres?host={self.data}"
        command = 'pg_basebackup --dbname="$URL" --pgdata="$DATA" --checkpoint=fast --write-recovery-conf'
        run(command, as_server=True, URL=primary_url, DATA=self.data)
        program = str(embedded_postgres.programs() / "postgres")
        command_line = [*embedded_postgres.as_server_account(self.data), program, "-D", str(self.data)]
        command_line += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.data}"]
        self.process = Process(command_line, {"PATH": os.environ["PATH"]}, is_ready=self._answers)

    def start(self) -> None:
        # Of a killed server.
        for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.data / name).unlink(missing_ok=True)
        self.process.start()

    def stop(self) -> None:
        """Without waiting for those who are connected."""
        self.process.stop(signal.SIGINT)

    def pause(self) -> None:
        """From now on nothing that is written becomes visible here."""
        self._ask("SELECT pg_wal_replay_pause()")
        wait_until(lambda: self._ask("SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        self._ask("SELECT pg_wal_replay_resume()")

    def _answers(self) -> bool:
        try:
            return bool(self._ask("SELECT pg_is_in_recovery()"))
        except psycopg.OperationalError:
            return False

    def _ask(self, statement: str) -> Any:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


@dataclass
class Installation:
    live: Live
    standby: Standby
    grace: Tokens
    hours: Iterator[int] = field(default_factory=lambda: itertools.count(48))

    def add_slot(self) -> str:
        """One more public hour of grace's; its id."""
        starts = datetime.now(UTC) + timedelta(hours=next(self.hours))
        return self.make("/slots", offering_id=self.offering_id, starts_at=starts.isoformat())

    @cached_property
    def offering_id(self) -> str:
        return self.make("/offerings", title="Hours", minutes=50, capacity=3, public=True)

    def make(self, path: str, **body: Any) -> str:
        made = call(self.live, path, self.grace.access, "POST", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def read(self, path: str) -> Any:
        """What nobody in particular is answered."""
        found = HTTP.get(f"{self.live.backend_url}/api/v1{path}")
        assert found.status_code == 200, found.text
        return found.json()

    def shows(self, slot_id: str) -> bool:
        return slot_id in {slot["id"] for slot in self.read("/slots")["results"]}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="insighta-standby-"))
    account = embedded_postgres.server_account()
    shutil.chown(folder, *(account.pw_name, account.pw_gid) if account else (os.geteuid(), os.getegid()))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        primary = embedded_postgres.start(folder / "primary")
        stack.callback(primary.cleanup)
        with psycopg.connect(primary.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        standby = Standby(folder, primary.get_uri())
        standby.start()
        stack.callback(standby.stop)
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("DATABASE_URL", primary.get_uri())
        live = Live(workers=1)
        live.portal = Process(["true"], live.environment)
        live.backend.environment["DATABASE_REPLICA_URL"] = standby.url.replace("/postgres?", f"/{live.database}?")
        stack.enter_context(live)
        grace = Browser(live, "grace").sign_in()
        live.manage("make_host", "grace")
        yield Installation(live, standby, grace)


@pytest.fixture
def paused(installation: Installation) -> Iterator[str]:
    """A slot that the standby knows; it learns of nothing else."""
    slot = installation.add_slot()
    wait_until(lambda: installation.shows(slot))
    installation.standby.pause()
    yield slot
    installation.standby.resume()


def test_readers_without_a_token_are_answered_by_the_standby(installation: Installation, paused: str) -> None:
    before = {path: installation.read(path) for path in READS}
    later = installation.add_slot()
    assert {path: installation.read(path) for path in READS} == before
    installation.standby.resume()
    wait_until(lambda: installation.shows(later))


def test_a_person_sees_what_the_person_has_done(installation: Installation, paused: str) -> None:
    live, ada = installation.live, Browser(installation.live, "ada").sign_in()
    booked = call(live, "/bookings", ada.access, "POST", json={"slot_id": paused}).json()
    (upcoming,) = call(live, "/bookings", ada.access).json()["results"]
    assert upcoming["id"] == booked["id"]
    seen = call(live, f"/slots/{paused}", ada.access).json()
    assert seen["booking_id"] == booked["id"]
    public = installation.read(f"/slots/{paused}")
    assert public["seats_left"] == seen["seats_left"] + 1
    assert call(live, "/me", ada.access).json()["login"] == "ada"


def test_the_primary_answers_for_a_standby_that_is_away(installation: Installation) -> None:
    standby = installation.standby
    standby.stop()
    slot = installation.add_slot()
    assert installation.shows(slot)
    standby.start()
    standby.pause()
    later = installation.add_slot()
    wait_until(lambda: not installation.shows(later))
    standby.resume()
    wait_until(lambda: installation.shows(later))
