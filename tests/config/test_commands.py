"""Management commands as an operator runs them: what they print, what they change, how they end."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session as AdminSession
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Event, SignInFlow, User
from accounts.services import people
from tests.accounts.github import fresh
from tests.config.conftest import add_slot
from tests.people import Browser, Tokens, call, refresh
from tests.processes import ROOT, Live, free_port
from tokens.models import Session


def run(name: str, *arguments: str) -> str:
    output = StringIO()
    call_command(name, *arguments, stdout=output, stderr=StringIO())
    return output.getvalue()


@dataclass(frozen=True)
class Hedy:
    """Somebody with a booking and a token for scripts."""

    login: str
    id: str
    email: str
    tokens: Tokens
    script: str
    slot_id: str
    host: str


@pytest.fixture
def hedy(live: Live) -> Hedy:
    login, grace = fresh("hedy"), fresh("grace")
    tokens, host = Browser(live, login).sign_in(), Browser(live, grace).sign_in().access
    live.manage("make_host", grace)
    me = call(live, "/me", tokens.access).json()
    slot_id = add_slot(live, host)
    assert call(live, "/bookings", tokens.access, "POST", json={"slot_id": slot_id}).status_code == 201
    token = {"name": "script of hedy", "scopes": ["bookings:read"]}
    script = call(live, "/personal-access-tokens", tokens.access, "POST", json=token).json()["token"]
    return Hedy(login, me["id"], me["email"], tokens, script, slot_id, host)


def test_a_person_has_their_data_and_leaves_with_a_balanced_ledger(live: Live, hedy: Hedy) -> None:
    _check_export(live, hedy)
    assert "bookings: 1" in live.manage("erase_person", hedy.login, "--dry-run")
    with pytest.raises(RuntimeError, match="cannot be undone"):
        live.manage("erase_person", hedy.login)
    assert call(live, "/me", hedy.tokens.access).status_code == 200

    assert hedy.id in live.manage("erase_person", hedy.login, "--yes")
    assert live.manage("audit") == "Every rule holds.\n"
    assert call(live, "/me", hedy.tokens.access).status_code == 401
    assert call(live, "/slots", hedy.script).status_code == 401
    assert refresh(live, hedy.tokens.refresh).status_code == 400
    assert call(live, f"/slots/{hedy.slot_id}", hedy.host).json()["seats_taken"] == 0
    assert _traces(live, hedy) == []
    after = json.loads(live.manage("export_person", hedy.id))
    assert [row["status"] for row in after["bookings"]] == ["cancelled"]
    assert sum(row["amount"] for row in after["credit_entries"]) == after["subscriptions"][0]["credits_remaining"]
    with pytest.raises(RuntimeError, match="erased already"):
        live.manage("erase_person", hedy.id, "--yes")
    again = call(live, "/me", Browser(live, hedy.login).sign_in().access).json()
    assert (again["login"], again["id"] == hedy.id) == (hedy.login, False)


def _check_export(live: Live, hedy: Hedy) -> None:
    kept = json.loads(live.manage("export_person", hedy.login))
    assert kept["person"]["email"] == hedy.email != ""
    assert [row["slot__title"] for row in kept["bookings"]] == ["Office hours"]
    assert sum(row["amount"] for row in kept["credit_entries"]) == kept["subscriptions"][0]["credits_remaining"]
    assert kept["personal_access_tokens"][0]["name"] == "script of hedy"
    assert {"person.created", "session.opened", "booking.made"} <= {row["kind"] for row in kept["events"]}
    assert "hash" not in json.dumps(kept)


def _traces(live: Live, hedy: Hedy) -> list[str]:
    """Tables in which a row still holds the person's name or address, or their trail an address of the network."""
    found = []
    with live.connect() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = f"SELECT 1 FROM {table} AS t WHERE t::text ILIKE %s OR t::text ILIKE %s LIMIT 1"
            if connection.execute(query.encode(), [f"%{hedy.email}%", f"%{hedy.login}%"]).fetchone():
                found.append(str(table))
        trail = "SELECT 1 FROM accounts_event WHERE user_id = %s AND address IS NOT NULL"
        found += ["trail"] if connection.execute(trail, [UUID(hedy.id)]).fetchone() else []
    return found


def test_an_old_token_key_goes_only_when_nobody_needs_it(transactional_db: None, settings: Any) -> None:
    settings.TOKEN_KEYS = ["n" * 40, "o" * 40]
    now = timezone.now()
    ada = people.upsert_person(github_id=7, login="ada", now=now)
    times = {"expires_at": now + timedelta(days=9), "ends_at": now + timedelta(days=90)}
    old = Session.objects.create(user=ada, client_id="insighta-cli", current_hash=b"x", **times)
    Session.objects.filter(id=old.id).update(created_at=now - timedelta(days=2))
    promoted = ("--promoted-at", (now - timedelta(days=1)).isoformat())

    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_token_key", *promoted, "--json", stdout=output)
    assert ended.value.code == 1
    report = json.loads(output.getvalue())
    assert report["sessions_of_old_keys"] == 1
    assert report["last_of_them_ends_at"] == times["expires_at"].isoformat()
    assert len(set(report["accepted"])) == 2
    assert "nnnn" not in output.getvalue()

    Session.objects.filter(id=old.id).update(rotated_at=now)
    assert "It can be removed." in run("rotate_token_key", *promoted)
    assert len(run("rotate_token_key", "--generate").strip()) >= 48
    with pytest.raises(CommandError, match="needs an instant with its offset"):
        run("rotate_token_key", "--promoted-at", "yesterday")


def test_purging_goes_in_batches_and_can_be_looked_at_first(transactional_db: None) -> None:
    now = timezone.now()
    for number in range(7):
        SignInFlow.objects.create(
            cookie_hash=b"x", restart_path="", resume_path="", expires_at=now - timedelta(hours=2)
        )
        AdminSession.objects.create(session_key=f"old-{number}", session_data="", expire_date=now)
    AdminSession.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    counted = json.loads(run("purge", "--dry-run", "--json"))
    assert (counted["sign-in flows"], counted["admin sessions"], counted["sessions"]) == (7, 7, 0)
    assert SignInFlow.objects.count() == 7
    progress = StringIO()
    progress.isatty = lambda: True  # type: ignore[method-assign]  # progress is for terminals
    call_command("purge", "--batch", "3", "--json", stdout=StringIO(), stderr=progress)
    assert [line for line in progress.getvalue().splitlines() if "flows" in line] == [
        "3 sign-in flows so far",
        "6 sign-in flows so far",
        "7 sign-in flows so far",
    ]
    assert SignInFlow.objects.count() == 0
    assert list(AdminSession.objects.values_list("session_key", flat=True)) == ["new"]


@pytest.mark.parametrize("name", ["export_person", "erase_person", "approve_user", "revoke_sessions"])
def test_nobody_by_that_name_is_said_so(transactional_db: None, name: str) -> None:
    arguments = ["--yes"] if name == "erase_person" else []
    with pytest.raises(CommandError, match="Nobody called 'nobody' has signed in here"):
        run(name, "nobody", *arguments)
    assert not Event.objects.exists()
    assert not User.objects.exists()


def test_a_database_that_does_not_answer_is_one_sentence() -> None:
    address = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    environment = {"PATH": os.environ["PATH"], "READ_DOT_ENV": "false", "DEBUG": "true", "DATABASE_URL": address}
    command = [sys.executable, "manage.py", "audit"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")
    sentence, advice = done.stderr.splitlines()
    assert sentence.startswith("The database does not answer: ")
    assert "DATABASE_URL" in advice
