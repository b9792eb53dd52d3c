"""What every management command owes an operator. A new command fails here until it is in the table and keeps it."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command, load_command_class
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

import manage
from accounts.services import people, roles
from bookings.models import Booking, Slot, Subscription
from bookings.services import hosting, operations
from bookings.services.booking import book_slot
from tests.config.conftest import address_of_test_database
from tests.processes import ROOT
from tokens.services.applications import Registration, register_application

NOBODY = "Nobody called 'nobody' has signed in here"
NO_APPLICATION = "There is no such application"
CALLBACK = "--redirect-uri https://shop.example/callback"
TOKEN = "--name x --scope bookings:read"
INSTANT = "2026-11-24T09:00:00+00:00"


@dataclass(frozen=True)
class Promise:
    """How a command is used, how it is refused, and which of the options it has."""

    works: str
    refused: str = ""
    because: str = ""
    wrong: str = "--no-such-option"
    options: frozenset[str] = frozenset()


REPORTS, CHANGES_MUCH = frozenset({"--json"}), frozenset({"--json", "--dry-run"})
# Long ones say on a terminal how far they are.
LONG = {"audit", "expand_availability", "purge"}
NOTHING = f"{UUID(int=0)}"
# Here, `expand_availability` has nothing to add.
READS = {"audit", "events", "expand_availability", "export_person", "list_clients", "rotate_token_key"}
READS |= {"show_booking", "show_person"}
COMMANDS = {
    "adjust_credits": Promise(
        "SUBSCRIPTION 3 --note gift", f"{NOTHING} 3 --note gift", "no subscription", "none 3", REPORTS
    ),
    "approve_user": Promise("ada", "nobody", NOBODY, wrong=""),
    "audit": Promise("", options=REPORTS),
    "change_client": Promise(
        "wiki --backchannel-logout-uri https://wiki.example/ended",
        "wiki --backchannel-logout-uri http://wiki.example/ended",
        "must use https",
        "wiki",
    ),
    "book_for": Promise("ada SLOT", f"ada {NOTHING}", "no session by that id", "ada none", CHANGES_MUCH),
    "cancel_booking": Promise(
        "BOOKING --refund rule --yes", "BOOKING --refund rule", "1 credit of 1 back", "BOOKING", CHANGES_MUCH
    ),
    "cancel_slot": Promise("SLOT --yes", "SLOT", "Nothing was done", "none", CHANGES_MUCH),
    "change_subscription": Promise(
        "SUBSCRIPTION --stop", f"{NOTHING} --stop", "no subscription", "none --stop", REPORTS
    ),
    "create_token": Promise(
        "ada --name x --scope bookings:read", "nobody --name x --scope bookings:read", NOBODY, "ada"
    ),
    "disable_client": Promise("wiki", "nothing", NO_APPLICATION, wrong=""),
    "erase_person": Promise("ada --yes", "ada", "cannot be undone", wrong="", options=CHANGES_MUCH),
    "events": Promise("--person ada", "--person nobody", NOBODY, "--limit many", REPORTS),
    "expand_availability": Promise("", options=CHANGES_MUCH),
    "export_person": Promise("ada", "nobody", NOBODY, wrong=""),
    "finish_upgrade": Promise("--yes", "", "Nothing was done"),
    "give_back": Promise("BOOKING 1 --note Sorry", "BOOKING 2 --note Sorry", "1 can still be", "BOOKING 1", REPORTS),
    "grant_credits": Promise("ada 3", "ada 0", "Grant one credit or more", "ada 3 --plan Monthly", REPORTS),
    "grant_staff": Promise("ada --role support", "nobody", NOBODY, "ada --role owner"),
    "list_clients": Promise("", options=REPORTS),
    "make_host": Promise("ada", "nobody", NOBODY, wrong="", options=CHANGES_MUCH),
    "move_booking": Promise("BOOKING SLOT", f"{NOTHING} SLOT", "no booking by that id", "BOOKING", CHANGES_MUCH),
    "purge": Promise("", wrong="--batch 0", options=CHANGES_MUCH),
    "register_client": Promise(
        f"--name Shop {CALLBACK}",
        f"--name Shop {CALLBACK}#top",
        "no fragment",
        f"--name Shop {CALLBACK} --scope x",
        REPORTS,
    ),
    "reinstate_user": Promise("ada", "nobody", NOBODY, wrong=""),
    "revoke_sessions": Promise("ada", "nobody", NOBODY, wrong="", options=CHANGES_MUCH),
    "revoke_staff": Promise("grace", "ada", "does not belong to the staff", wrong="", options=REPORTS),
    "rotate_client_secret": Promise("wiki", "nothing", NO_APPLICATION, wrong=""),
    "rotate_signing_keys": Promise(""),
    "rotate_token_key": Promise(f"--promoted-at {INSTANT}", wrong="--promoted-at yesterday", options=REPORTS),
    "seed_demo": Promise("", "", "it needs DEBUG=true"),
    "show_booking": Promise("BOOKING", NOTHING, "no booking by that id", "none", REPORTS),
    "show_person": Promise("ada", "nobody", NOBODY, "", REPORTS),
    "suspend_user": Promise("ada --reason spam", "nobody --reason spam", NOBODY, "ada"),
}


FOUND: dict[str, Callable[[], str]] = {
    "SUBSCRIPTION": lambda: str(Subscription.objects.get(user__login="ada").pk),
    "BOOKING": lambda: str(Booking.objects.get(client__login="ada").pk),
    "SLOT": lambda: str(Slot.objects.get(title="More office hours").pk),
}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def ada(transactional_db: None) -> str:
    """Ada, with a booking at Grace's, who has another slot; her id. There is an application, too."""
    wiki = Registration(name="Wiki", redirect_uris=("https://wiki.example/callback",), client_id="wiki")
    register_application(registration=wiki, now=timezone.now())
    now = timezone.now()
    ada = people.upsert_person(github_id=1, login="ada", email="ada@example.test", now=now)
    grace = people.upsert_person(github_id=2, login="grace", now=now)
    people.mark_host(user_id=grace.pk, is_host=True)
    roles.grant_staff(user_id=grace.pk, role="bookings")
    times = {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=2, hours=1)}
    slot = hosting.create_slot(host_id=grace.pk, title="Office hours", capacity=3, **times)
    book_slot(client_id=ada.pk, slot_id=slot["id"])
    times = {name: time + timedelta(days=1) for name, time in times.items()}
    hosting.create_slot(host_id=grace.pk, title="More office hours", capacity=3, **times)
    return str(ada.pk)


def run(name: str, arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The command as the shell runs it: exit code, standard output, standard error."""
    command = load_command_class(_apps()[name], name)
    code = 0
    for word, found in FOUND.items():
        if word in arguments:
            arguments = arguments.replace(word, found())
    try:
        command.run_from_argv(["manage.py", name, *arguments.split()])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capsys.readouterr()


def _apps() -> dict[str, str]:
    return {path.stem: path.parts[-4] for path in ROOT.glob("*/management/commands/[a-z]*.py")}


def test_every_command_is_in_the_table_and_on_the_page() -> None:
    assert set(_apps()) == set(COMMANDS)
    page = Path(ROOT / "docs/operations.md").read_text()
    assert [name for name in COMMANDS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_does_and_what_each_argument_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = run(name, "--help", capsys)
    assert code == 0
    assert len(printed.partition("options:")[0].split()) > 12
    parser = load_command_class(_apps()[name], name).create_parser("manage.py", name)
    assert [action.dest for action in parser._actions if not (action.help or action.dest == "name")] == []
    assert {flag for flag in COMMANDS[name].options if flag not in printed} == set()
    reports = {"--json", "--dry-run"} & {flag for action in parser._actions for flag in action.option_strings}
    assert reports == COMMANDS[name].options


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes_say_how_it_ended(name: str, ada: str, capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    promise = COMMANDS[name]
    settings.DEBUG = False
    before = _contents()
    code, printed, said = run(name, promise.wrong, capsys)
    assert (code, printed) == (2, ""), said
    if promise.because:
        code, printed, said = run(name, promise.refused, capsys)
        assert (code, printed) == (1, ""), said
        assert promise.because in said
        assert "Traceback" not in said
    if "--dry-run" in promise.options:
        assert run(name, f"{promise.works} --dry-run", capsys)[0] == 0
    assert _contents() == before
    settings.DEBUG = True
    code, printed, said = run(name, promise.works, capsys)
    assert code == 0, said
    assert printed or name in LONG


@pytest.mark.parametrize("name", [name for name, promise in COMMANDS.items() if "--json" in promise.options])
def test_what_reports_does_so_in_json_too(name: str, ada: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = run(name, f"{COMMANDS[name].works} --json", capsys)
    assert code == 0
    assert [json.loads(line) for line in printed.splitlines()]


@pytest.mark.parametrize("name", sorted(LONG))
def test_long_work_shows_its_progress_on_a_terminal_only(name: str, ada: str, settings: Any) -> None:
    people.upsert_person(github_id=3, login="linus", now=timezone.now())
    _make_work()
    for stream, expected in ((StringIO(), False), (Terminal(), True)):
        arguments = {"dry_run": True} if name == "expand_availability" else {}
        if name == "purge":
            _make_work()
        call_command(name, stdout=StringIO(), stderr=stream, **arguments)
        assert bool(stream.getvalue()) is expected


def _make_work() -> None:
    """Something for each long command: an expired flow, and a host's weekly hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_signinflow (id, cookie_hash, upstream, request, resume_path, restart_path, "
            "refused_because, expires_at) "
            "VALUES (gen_random_uuid(), '', '{}', '{}', '', '', '', now() - interval '2 hours')"
        )
        cursor.execute(
            "INSERT INTO bookings_availabilityrule (id, host_id, kind, weekday, start_time, end_time, title, capacity,"
            " slot_minutes, buffer_minutes, minimum_notice_minutes, horizon_days) SELECT gen_random_uuid(), id,"
            " 'weekly', 3, '09:00', '12:00', '', 1, 60, 0, 0, 14 FROM accounts_user WHERE is_host"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_database_that_is_away_is_said_in_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def refuse(_: object) -> None:
        raise OperationalError("connection refused")

    settings.DEBUG = True
    arguments = COMMANDS[name].works.split()
    monkeypatch.setattr(sys, "argv", ["manage.py", name, *(NOTHING if word in FOUND else word for word in arguments)])
    monkeypatch.setattr(manage, "ensure_database", lambda: None)
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert str(ended.value.code).startswith("The database does not answer: connection refused\nIs PostgreSQL running")


def test_a_standby_is_said_in_a_sentence(ada: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DEBUG = True
    monkeypatch.setattr(manage, "ensure_database", lambda: None)
    words = {word: found() for word, found in FOUND.items()}
    refused = {}
    with monkeypatch.context() as standby:
        standby.setitem(connection.settings_dict["OPTIONS"], "options", "-c default_transaction_read_only=on")
        connection.close()
        for name, promise in COMMANDS.items():
            arguments = [words.get(word, word) for word in promise.works.split()]
            standby.setattr(sys, "argv", ["manage.py", name, *arguments])
            try:
                # It closes the connection at its end.
                manage.main()
            except SystemExit as ended:
                refused[name] = str(ended.code)
    connection.close()
    assert [said for said in refused.values() if not said.startswith("The database is a standby: ")] == []
    assert COMMANDS.keys() - refused.keys() == READS


def test_counting_missing_slots_makes_none(ada: str, capsys: pytest.CaptureFixture[str]) -> None:
    _make_work()
    before = _contents()
    counted = json.loads(run("expand_availability", "--dry-run --json", capsys)[1])
    assert counted["slots"] > 0
    assert _contents() == before
    assert json.loads(run("expand_availability", "--json", capsys)[1]) == counted


def test_erasing_while_bookings_are_busy_is_refused_in_a_sentence(
    ada: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operations, "LOCK_TIMEOUT_MS", 50)
    before = _contents()
    with psycopg.connect(address_of_test_database()) as other:
        other.execute("SELECT 1 FROM bookings_slot FOR UPDATE")
        code, printed, said = run("erase_person", "ada --yes", capsys)
    assert (code, printed) == (1, "")
    assert said.strip() == (
        "CommandError: Many people are changing this at once, and nothing was done. Try again in a moment."
    )
    assert _contents() == before


def test_a_mistake_in_the_code_is_not_hidden(ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.erasure.erase_person", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_command("erase_person", "ada", "--yes")


def _contents() -> dict[str, str]:
    """A digest of every table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        digests = {}
        for table in tables:
            cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table} AS t")
            digests[table] = cursor.fetchone()[0]
    return digests
