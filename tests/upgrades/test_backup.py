"""The commands of docs/backup.md on a database in use: what comes back, who goes on, who has to sign in again."""

import contextlib
import json
import os
import re
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
PROGRAM = "/opt/insighta/bin/python /srv/insighta/deploy/backup/backups.py"


@dataclass
class Operator:
    """The operator of a product whose database has a server of its own, and of the account that keeps its backups."""

    folder: Path
    live: Live

    @property
    def variables(self) -> dict[str, str | Path]:
        """What the page calls by these names, and the environment of the units."""
        folder = self.folder
        return {
            "HOME": folder / "home",
            "TMPDIR": folder / "backups" / "scratch",
            "DATABASE_URL": self.live.database_url,
            "DATABASE_HOST": folder / "data",
            "DATABASE_PORT": "5432",
            "BARMAN_PASSWORD": "password",
            "BACKUP_DIRECTORY": folder / "backups",
            "POSTGRESQL_PROGRAMS": embedded_postgres.programs(),
            "METRICS_DIRECTORY": folder / "metrics",
            "RESTORED_ROLE": "postgres",
            "RESTORED_DATABASE": self.live.database,
            "BACKUPS": folder,
            "PGDATA": folder / "restored",
        }

    def follow(self, heading: str, number: int = 0, **variables: str) -> str:
        """Run the commands under a heading of the page."""
        return self.type(command_of(PAGE, heading, number), **variables)

    def type(self, commands: str, **variables: str) -> str:
        return run(commands, as_server=True, **self.variables | variables)

    def rehearse(self, instant: str) -> str:
        """What the rehearsal says; RuntimeError with its sentence where it fails. Nothing is left of it."""
        try:
            return self.follow("Rehearse", TARGET=instant)
        finally:
            assert list((self.folder / "backups" / "scratch").iterdir()) == []

    def measured(self) -> dict[str, float]:
        """The metrics that the node exporter reads, measured now."""
        self.type(f"{PROGRAM} measure")
        lines = [line for file in (self.folder / "metrics").glob("*.prom") for line in file.read_text().splitlines()]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    @property
    def backups(self) -> list[str]:
        """The ids of the good ones, the newest first."""
        listed = json.loads(self.type("barman -f json list-backups insighta"))["insighta"]
        return [one["backup_id"] for one in listed if one["status"] == "DONE"]

    @contextlib.contextmanager
    def reopened(self, database_url: str) -> Iterator[Live]:
        """The product over what came back, after the page's last commands."""
        assert "Every rule holds." in run(command_of(PAGE, "After a restore"), DATABASE_URL=database_url)
        with another_backend(self.live, DATABASE_URL=database_url) as backend:
            backend.database_url = database_url
            yield backend


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    folder = Path(tempfile.mkdtemp(prefix="insighta-backup-"))
    account = embedded_postgres.server_account()
    for path in (folder, folder / "home", folder / "metrics"):
        path.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(path, *(account.pw_name, account.pw_gid) if account else (os.geteuid(), os.getegid()))
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
def backed_up(operator: Operator) -> Iterator[Operator]:
    """The same after the page's steps, with its first backup."""
    operator.follow("Set up", DATABASE_URL=operator.live.database_url.replace(operator.live.database, "postgres"))
    operator.follow("Set up", 2)
    try:
        printed = operator.follow("Set up", 4)
        assert "FAILED" not in printed
        assert len(operator.backups) == 1
        yield operator
    finally:
        operator.type("barman receive-wal --stop insighta; gpgconf --kill gpg-agent")


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


def instant_of(live: Live, statement: str = "") -> str:
    """The instant before the statement, in ISO 8601, and before anything later: something is written after it."""
    with live.connect() as connection:
        (now,) = connection.execute("SELECT to_json(clock_timestamp())#>>'{}'").fetchone() or ("",)
        connection.execute(statement.encode() or b"SELECT pg_logical_emit_message(true, 'test', 'later')")
    return str(now)


@contextlib.contextmanager
def started(directory: Path, live: Live) -> Iterator[str]:
    """PostgreSQL on restored files; the address of the product's database there."""
    # Only the embedded server has its socket among its data, and so its lock in the copy.
    (directory / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    server = embedded_postgres.start(directory)
    try:
        yield server.get_uri().replace("/postgres?", f"/{live.database}?")
    finally:
        server.cleanup()


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
    operator.follow("A dump", 1, RESTORED_URL=restored)
    with operator.reopened(restored) as reopened:
        assert before <= kept_bookings(reopened) < kept_bookings(live)
        renewed = Tokens.of(refresh(reopened, ada.refresh))
        assert call(reopened, "/me", renewed.access).json()["login"] == "ada"


def test_going_back_to_an_instant_undoes_what_came_after_it_and_nothing_else(backed_up: Operator, slot: str) -> None:
    operator, live = backed_up, backed_up.live
    laptop, phone = (Browser(live, "margaret").sign_in() for _ in range(2))
    booking = str(call(live, "/bookings", laptop.access, "POST", json={"slot_id": slot}).json()["id"])
    kept = len(kept_bookings(live))
    target = instant_of(live, f"UPDATE accounts_user SET display_name = '{MISTAKE}'")
    later = Tokens.of(refresh(live, laptop.refresh))
    booker(live, slot, [])()

    said = operator.rehearse(target)
    assert f"people, {kept} bookings; the last event is of" in said
    assert said.endswith("Every rule holds.\n")
    measured = operator.measured()
    assert measured["insighta_rehearsal_succeeded"] == 1

    operator.follow("Go back", TARGET=target)
    with started(operator.folder / "restored", live) as database, operator.reopened(database) as reopened:
        renewed = Tokens.of(refresh(reopened, phone.refresh))
        assert call(reopened, "/me", renewed.access).json()["display_name"] != MISTAKE
        refused = refresh(reopened, later.refresh)
        assert (refused.status_code, refused.json()["error_description"]) == (400, "session lost, sign in again")
        again = Browser(reopened, "margaret").sign_in()
        (upcoming,) = call(reopened, "/bookings", again.access).json()["results"]
        assert upcoming["id"] == booking


def test_without_an_instant_the_last_change_comes_back(backed_up: Operator) -> None:
    operator, live = backed_up, backed_up.live
    instant_of(live, "CREATE TABLE last_change AS SELECT 1 AS number")
    restored = operator.folder / "latest"
    command = re.sub(r' --target-\w+ (?:"\$TARGET"|promote)', "", command_of(PAGE, "Go back"))
    assert "target" not in command
    operator.type(command, PGDATA=str(restored))
    instant_of(live, "DROP TABLE last_change")
    with started(restored, live) as database:
        assert operator.type(f"psql -qAt '{database}' -c 'TABLE last_change'") == "1\n"


def test_the_archive_is_encrypted_and_its_key_can_be_kept_elsewhere(backed_up: Operator) -> None:
    archive = backed_up.folder / "backups" / "insighta"
    files = [*archive.glob("base/*/data/*.tar*"), *(path for path in archive.glob("wals/*/*") if path.is_file())]
    assert len(files) > 1
    for path in files:
        # An OpenPGP message begins with a session key that was encrypted for a public key (RFC 9580, packet type 1).
        assert path.read_bytes()[0] & 0b1111_1100 == 0b1000_0100, path
    assert "PRIVATE KEY BLOCK" in backed_up.follow("Set up", 3)


def test_preparing_again_keeps_the_key(backed_up: Operator) -> None:
    def key() -> str:
        return backed_up.type("gpg --batch --with-colons --list-keys; cat ~/passphrase")

    before = key()
    backed_up.follow("Set up", 2)
    assert key() == before


@contextlib.contextmanager
def damaged(path: Path) -> Iterator[None]:
    """One bit in the middle of a file is another."""
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 1
    path.write_bytes(broken)
    try:
        yield
    finally:
        path.write_bytes(whole)


def test_a_damaged_backup_fails_the_rehearsal_in_a_sentence(backed_up: Operator) -> None:
    target = instant_of(backed_up.live)
    (base,) = (backed_up.folder / "backups" / "insighta" / "base" / backed_up.backups[0]).glob("data/base.tar*")
    with (
        damaged(base),
        pytest.raises(RuntimeError, match=r"could not restore to .*encrypted message has been manipulated") as failed,
    ):
        backed_up.rehearse(target)
    assert "Traceback" not in str(failed.value)
    assert backed_up.measured()["insighta_rehearsal_succeeded"] == 0


def test_an_instant_that_the_archive_does_not_reach_fails_the_rehearsal_in_a_sentence(backed_up: Operator) -> None:
    with pytest.raises(RuntimeError, match=r"PostgreSQL could not use what came back. .*before configured recovery"):
        backed_up.rehearse("2099-01-01T00:00:00+00:00")


def test_a_broken_rule_fails_the_rehearsal_and_is_named(backed_up: Operator) -> None:
    change = "UPDATE bookings_subscription SET credits_remaining = credits_remaining {} 1"
    Browser(backed_up.live, "hedy").sign_in()
    # The schema keeps who does not try hard from breaking a rule.
    instant_of(backed_up.live, "SET session_replication_role = replica;" + change.format("+"))
    target = instant_of(backed_up.live, change.format("-"))
    with pytest.raises(RuntimeError, match=r"The rehearsal failed. manage.py audit: BROKEN: "):
        backed_up.rehearse(target)


def test_an_instant_without_its_offset_is_wrong_usage(operator: Operator) -> None:
    for instant in ("yesterday", "2026-11-24T08:59:00"):
        with pytest.raises(RuntimeError, match="ended with 2"):
            operator.follow("Rehearse", TARGET=instant)


def make_older(operator: Operator, backups: list[str], *, year: int) -> None:
    for name in backups:
        information = operator.folder / "backups" / "insighta" / "meta" / f"{name}-backup.info"
        information.write_text(re.sub(r"(?m)^((?:begin|end)_time=)\d{4}", rf"\g<1>{year}", information.read_text()))


def test_what_is_older_than_the_retention_goes_and_what_it_needs_stays(backed_up: Operator) -> None:
    operator = backed_up
    operator.type("barman backup --wait insighta; barman backup --wait insighta")
    newest, *older = operator.backups
    make_older(operator, older, year=2020)
    operator.type("barman cron")
    # The one before stays as well: it leads to the instants of the last 14 days that are before the newest.
    assert operator.backups == [newest, older[0]]
    assert not (operator.folder / "backups" / "insighta" / "base" / older[-1]).exists()


def test_archiving_that_has_stopped_is_measured(backed_up: Operator) -> None:
    sound = backed_up.measured()
    assert sound['insighta_backup_check{check="receive_wal_running"}'] == 1
    assert [name for name, value in sound.items() if "check=" in name and not value] == []
    assert sound["insighta_backup_measured_timestamp_seconds"] >= sound["insighta_backup_end_timestamp_seconds"] > 0
    assert sound["insighta_backup_size_bytes"] > 1_000_000
    backed_up.type("barman receive-wal --stop insighta")
    try:
        assert backed_up.measured()['insighta_backup_check{check="receive_wal_running"}'] == 0
    finally:
        backed_up.type("barman cron")
        wait_until(lambda: backed_up.measured()['insighta_backup_check{check="receive_wal_running"}'] == 1)


def test_a_container_does_what_is_due_and_nothing_else(backed_up: Operator) -> None:
    rehearsed = backed_up.folder / "metrics" / "insighta-rehearsal.prom"
    rehearsed.touch()
    before = backed_up.backups
    backed_up.type(f"{PROGRAM} due")
    assert backed_up.backups == before

    make_older(backed_up, before, year=2025)
    os.utime(rehearsed, (0, 0))
    # An hour ago nothing had been written, so the verdict of the rehearsal depends on what the other tests have left.
    with contextlib.suppress(RuntimeError):
        backed_up.type(f"{PROGRAM} due")
    assert len(set(backed_up.backups) - set(before)) == 1
    assert rehearsed.stat().st_mtime > 0
