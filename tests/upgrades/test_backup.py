"""The commands of docs/backup.md on a database in use: what comes back, who goes on, who has to sign in again."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.development import embedded_postgres
from tests.config.conftest import add_slot
from tests.load import Load
from tests.people import Browser, Tokens, call, refresh
from tests.processes import Live, Process, another_backend, wait_until
from tests.upgrades.pages import command_of, run

PAGE = "backup.md"
MISTAKE = "Somebody"


@dataclass
class Operator:
    """The operator of a product whose database server keeps its log."""

    folder: Path
    live: Live

    @property
    def variables(self) -> dict[str, str | Path]:
        """What the page calls by these names."""
        folder = self.folder
        return {
            "DATABASE_URL": self.live.database_url,
            "BACKUPS": folder,
            "ARCHIVE": folder / "archive",
            "PGDATA": folder / "restored",
        }

    def follow(self, heading: str, number: int = 0, **variables: str) -> str:
        """Run the commands under a heading of the page."""
        return run(command_of(PAGE, heading, number), as_server=True, **self.variables | variables)

    @contextlib.contextmanager
    def reopened(self, database_url: str) -> Iterator[Live]:
        """The product over what came back, after the page's last commands."""
        assert "Every rule holds." in run(command_of(PAGE, "After a restore"), DATABASE_URL=database_url)
        with another_backend(self.live, DATABASE_URL=database_url) as backend:
            backend.database_url = database_url
            yield backend


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """A server of its own: its log is archived, which takes a restart."""
    folder = Path(tempfile.mkdtemp(prefix="insighta-backup-"))
    account = embedded_postgres.server_account()
    (folder / "archive").mkdir()
    for path in (folder, folder / "archive"):
        shutil.chown(path, *(account.pw_name, account.pw_gid) if account else (os.geteuid(), os.getegid()))
    server = embedded_postgres.start(folder / "data")
    commands = command_of(PAGE, "Back to any instant") + "psql -qc 'ALTER SYSTEM SET fsync = off' \"$DATABASE_URL\""
    run(commands, as_server=True, DATABASE_URL=server.get_uri(), ARCHIVE=folder / "archive")
    server.cleanup()
    server = embedded_postgres.start(folder / "data")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(server.cleanup)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("DATABASE_URL", server.get_uri())
        live = Live(workers=1)
        live.portal = Process(["true"], live.environment)
        yield Operator(folder, stack.enter_context(live))


@pytest.fixture(scope="module")
def slot(operator: Operator) -> str:
    grace = Browser(operator.live, "grace").sign_in()
    operator.live.manage("make_host", str(call(operator.live, "/me", grace.access).json()["id"]))
    return add_slot(operator.live, grace.access)


def booker(live: Live, slot: str, made: list[str]) -> Callable[[], None]:
    """Linus books and cancels; `made` has the ids of his bookings."""
    linus = Browser(live, "linus").sign_in()

    def book_and_cancel() -> None:
        made.append(str(call(live, "/bookings", linus.access, "POST", json={"slot_id": slot}).json()["id"]))
        assert call(live, f"/bookings/{made[-1]}/cancel", linus.access, "POST", json={}).status_code == 200

    return book_and_cancel


def kept_bookings(live: Live) -> set[str]:
    with live.connect() as connection:
        return {str(booking) for (booking,) in connection.execute("SELECT id FROM bookings_booking").fetchall()}


def make_mistake(live: Live) -> str:
    """Give everybody one name, in the database itself; the instant before."""
    with live.connect() as connection:
        (before,) = connection.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
        connection.execute("UPDATE accounts_user SET display_name = %s", [MISTAKE])
    return str(before)


def wait_until_archived(live: Live, file: str) -> None:
    query = "SELECT 1 FROM pg_stat_archiver WHERE last_archived_wal >= %s"
    with live.connect() as connection:
        wait_until(lambda: connection.execute(query, [file]).fetchone() is not None, tell=lambda: file)


def test_a_dump_of_a_database_in_use_comes_back_whole(operator: Operator, slot: str) -> None:
    live = operator.live
    ada = Browser(live, "ada").sign_in()
    load, made = Load(pause=0), list[str]()
    with load.of(linus=booker(live, slot, made)):
        load.wait_for_rounds(2)
        before = set(made[:-1])
        operator.follow("A dump")
        load.wait_for_rounds(2)
    assert load.failures == []
    restored = live.database_url.replace(live.database, "insighta_restored")
    operator.follow("Restore a dump", RESTORED_URL=restored)
    with operator.reopened(restored) as reopened:
        assert before <= kept_bookings(reopened) < kept_bookings(live)
        renewed = Tokens.of(refresh(reopened, ada.refresh))
        assert call(reopened, "/me", renewed.access).json()["login"] == "ada"


def test_going_back_to_an_instant_undoes_what_came_after_it_and_nothing_else(operator: Operator, slot: str) -> None:
    live = operator.live
    laptop, phone = (Browser(live, "margaret").sign_in() for _ in range(2))
    operator.follow("Copy the files")
    booking = str(call(live, "/bookings", laptop.access, "POST", json={"slot_id": slot}).json()["id"])
    target = make_mistake(live)
    later = Tokens.of(refresh(live, laptop.refresh))
    wait_until_archived(live, operator.follow("Go back").strip())

    operator.follow("Go back", 1, TARGET=target)
    # Only the embedded server has its socket among its data, and so its lock in the copy.
    (operator.folder / "restored" / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    server = embedded_postgres.start(operator.folder / "restored")
    try:
        database = server.get_uri().replace("/postgres?", f"/{live.database}?")
        with operator.reopened(database) as reopened:
            assert (
                call(reopened, "/me", Tokens.of(refresh(reopened, phone.refresh)).access).json()["display_name"]
                != MISTAKE
            )
            refused = refresh(reopened, later.refresh)
            assert (refused.status_code, refused.json()["error_description"]) == (400, "session lost, sign in again")
            again = Browser(reopened, "margaret").sign_in()
            (upcoming,) = call(reopened, "/bookings", again.access).json()["results"]
            assert upcoming["id"] == booking
    finally:
        server.cleanup()
