"""A host's front desk from the terminal, against the real backend: who comes, in, out, absent, and credits back."""

import csv
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import sign_in
from tests.cli.terminals import Done, Machine, Pointed
from tests.processes import Live

NOBODYS = "019a0000-0000-7000-8000-00000000000a"
SignIn = Callable[[str], Machine]


@pytest.fixture
def sign(installation: Path, live: Live, tmp_path: Path) -> SignIn:
    """Signs people of this test's own in, each on a machine of theirs."""
    suffix = uuid.uuid4().hex[:8]
    return lambda name: sign_in(installation, tmp_path / name, live.backend_url, f"{name}-{suffix}")


@pytest.fixture
def grace(sign: SignIn, live: Live) -> Machine:
    """A host's machine."""
    machine = sign("grace")
    live.manage("make_host", machine.run("whoami").out.strip())
    return machine


@pytest.fixture
def ada(sign: SignIn) -> Machine:
    return sign("ada")


def login_of(machine: Machine) -> str:
    return machine.run("whoami").out.strip()


def open_slot(grace: Machine, *, days: int = 3) -> str:
    """A session of Grace's with room for three; its id."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
    fields = [f"starts_at={start.isoformat()}", f"ends_at={(start + timedelta(hours=1)).isoformat()}"]
    words = [word for field in [*fields, "title=Yoga", "capacity:=3"] for word in ("--field", field)]
    done = grace.run("api", "post", "/slots", *words)
    assert done.code == 0, done.err + done.out
    return str(done.json["id"])


def start(live: Live, slot_id: str) -> None:
    """As if the session, with what is booked, had begun a minute ago."""
    with live.connect() as connection, connection.transaction():
        connection.execute(
            "UPDATE bookings_slot SET starts_at = now() - interval '1 minute', ends_at = now() + interval '1 hour',"
            " bookings_close_at = now() - interval '1 minute' WHERE id = %s",
            [slot_id],
        )
        connection.execute(
            "UPDATE bookings_booking SET scheduled_start_time = slot.starts_at, scheduled_end_time = slot.ends_at,"
            " created_at = slot.starts_at - interval '1 hour'"
            " FROM bookings_slot slot WHERE slot_id = %s AND slot.id = slot_id",
            [slot_id],
        )


def book_in(grace: Machine, slot_id: str, *words: str) -> str:
    done = grace.run("hosting", "book", slot_id, *words)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    return done.out.strip()


def roster(grace: Machine, slot_id: str) -> list[dict[str, Any]]:
    return list(grace.run("hosting", "roster", slot_id, "--json").json)


def test_who_comes_is_a_table_json_and_csv(grace: Machine, ada: Machine) -> None:
    slot_id, login = open_slot(grace), login_of(ada)
    nobody = grace.run("hosting", "roster", slot_id)
    assert (nobody.code, nobody.out) == (0, "")
    assert "Nobody has booked." in nobody.err
    assert ada.run("api", "patch", "/me", "--field", "email_for_hosts:=true").code == 0
    email = ada.run("whoami", "--json").json["email"]
    booking_id = ada.run("book", slot_id).out.strip()
    head, row = grace.run("hosting", "roster", slot_id[:18]).out.splitlines()
    assert head.split() == ["BOOKING", "LOGIN", "STATUS", "EMAIL", "NAME"]
    assert row.split()[:3] == [booking_id, login, "active"]
    assert email is None or email in row
    (item,) = roster(grace, slot_id)
    assert (item["id"], item["client"]["login"], item["client"]["email"]) == (booking_id, login, email)
    done = grace.run("hosting", "roster", slot_id, "--csv")
    assert done.code == 0, done.err
    (cells,) = csv.DictReader(done.out.splitlines())
    assert (cells["login"], cells["email"], cells["status"]) == (login, email or "", "active")
    assert grace.run("hosting", "roster", slot_id, "--csv", "--json").code == 2


def test_somebody_is_booked_in_and_taken_out(grace: Machine, ada: Machine) -> None:
    slot_id, login = open_slot(grace), login_of(ada)
    booking_id = book_in(grace, slot_id[:18], login)
    assert [(one["id"], one["credits_charged"]) for one in ada.run("bookings", "list", "--json").json] == [
        (booking_id, 0)
    ]
    again = grace.run("hosting", "book", slot_id, login)
    assert again.code == 1
    done = grace.run("hosting", "remove", booking_id, "--message", "The room is too small.")
    assert done.code == 0, done.err
    assert f"Taken out: {login} got 0 credits back." in done.err
    assert [one["status"] for one in roster(grace, slot_id)] == ["cancelled"]
    assert grace.run("hosting", "remove", booking_id).code == 1
    person_id = ada.run("whoami", "--json").json["id"]
    assert book_in(grace, slot_id, person_id, "--yes") != booking_id


def test_who_has_booked_before_is_charged_and_gets_some_back(grace: Machine, ada: Machine) -> None:
    first, second, login = open_slot(grace), open_slot(grace, days=4), login_of(ada)
    assert grace.run("hosting", "book", second, login, "--charge").code == 1
    assert ada.run("book", first).code == 0
    booking_id = book_in(grace, second, login, "--charge")
    before = ada.run("credits", "--json").json["credits"]
    too_much = grace.run("hosting", "give-back", booking_id, "2", "--note", "Sorry")
    assert too_much.code == 1
    done = grace.run("hosting", "give-back", booking_id, "1", "--note", "The heating was off.", "--json")
    assert (done.code, done.json["credits_given_back"]) == (0, 1), done.err
    assert ada.run("credits", "--json").json["credits"] == before + 1
    assert grace.run("hosting", "give-back", booking_id, "1", "--note", "Again").code == 1


def test_somebody_who_did_not_come_and_then_did(grace: Machine, ada: Machine, live: Live) -> None:
    slot_id = open_slot(grace)
    booking_id = ada.run("book", slot_id).out.strip()
    early = grace.run("hosting", "no-show", booking_id)
    assert early.code == 1
    start(live, slot_id)
    assert grace.run("hosting", "no-show", booking_id).code == 0
    assert [one["status"] for one in roster(grace, slot_id)] == ["no_show"]
    assert " no show " in grace.run("hosting", "roster", slot_id[:18]).out
    undone = grace.run("hosting", "no-show", booking_id, "--undo", "--json")
    assert undone.code == 0, undone.err
    assert [one["status"] for one in roster(grace, slot_id)] == ["active"]


def test_a_terminal_asks_first(grace: Machine, ada: Machine) -> None:
    slot_id, login = open_slot(grace), login_of(ada)
    with grace.terminal("hosting", "book", slot_id, login) as terminal:
        terminal.see(r"It costs them nothing\.")
        terminal.see(rf"Book {login} in\? \[y/N\]")
        terminal.type("\n")
        assert terminal.end() == 2
    assert roster(grace, slot_id) == []
    booking_id = book_in(grace, slot_id, login)
    for words in (["remove", booking_id], ["give-back", booking_id, "1", "--note", "x"]):
        with grace.terminal("hosting", *words) as terminal:
            terminal.see(r"\? \[y/N\]")
            terminal.type("n\n")
            assert terminal.end() == 2
    with grace.terminal("hosting", "roster", slot_id, "--csv") as terminal:
        assert terminal.end() == 0
        assert f'"{login}"' in terminal.plain
    with grace.terminal("hosting", "remove", booking_id) as terminal:
        terminal.see(r"\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert [one["status"] for one in roster(grace, slot_id)] == ["cancelled"]


def refused(done: Done) -> bool:
    """Exit code 1 or 2 with a sentence, nothing on standard output and no failure of the backend's own."""
    return done.code in {1, 2} and not done.out and bool(done.err) and "status 5" not in done.err


def test_what_makes_no_sense_is_refused_with_a_sentence(grace: Machine, ada: Machine) -> None:
    slot_id = open_slot(grace)
    booking_id = book_in(grace, slot_id, login_of(ada))
    for person in ("", "nobody-of-that-name", "x" * 5000, "\u202e🦉", NOBODYS, login_of(grace)):
        assert refused(grace.run("hosting", "book", slot_id, person)), person[:40]
    for number in ("0", "-1", "x", "1.5", "9" * 30, "9" * 5000):
        assert refused(grace.run("hosting", "give-back", booking_id, "--note=x", "--", number)), number[:40]
    for note in ("", "x" * 5000, "a\x01b"):
        assert refused(grace.run("hosting", "give-back", booking_id, "1", "--note", note)), note[:40]
    assert grace.run("hosting", "give-back", booking_id, "1").code == 2
    for verb in ("remove", "no-show"):
        assert grace.run("hosting", verb, booking_id[:13]).code == 2
        assert grace.run("hosting", verb, "../me").code == 2
        assert grace.run("hosting", verb, NOBODYS).code == 1
    assert refused(grace.run("hosting", "remove", booking_id, "--message", "x" * 50_000))
    assert [one["status"] for one in roster(grace, slot_id)] == ["active"]


def test_another_hosts_desk_is_not_there(grace: Machine, ada: Machine, sign: SignIn, live: Live) -> None:
    slot_id = open_slot(grace)
    booking_id = ada.run("book", slot_id).out.strip()
    mallory = sign("mallory")
    live.manage("make_host", login_of(mallory))
    desk = ["roster", slot_id], ["roster", slot_id, "--csv"], ["roster", slot_id, "--json"]
    counter = ["book", slot_id, login_of(mallory)], ["remove", booking_id], ["no-show", booking_id]
    for words in (*desk, *counter, ["no-show", booking_id, "--undo"], ["give-back", booking_id, "1", "--note", "x"]):
        for stranger in (mallory, ada):
            assert refused(stranger.run("hosting", *words)), words
    assert [one["status"] for one in roster(grace, slot_id)] == ["active"]


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["book", NOBODYS, "ada"], f"/slots/{NOBODYS}/bookings"),
        (["give-back", NOBODYS, "1", "--note", "x"], f"/bookings/{NOBODYS}/give-back"),
    ],
)
def test_a_lost_answer_is_asked_for_again_under_one_key(machine: Pointed, words: list[str], path: str) -> None:
    machine.sign_in()
    booking = {"id": NOBODYS, "title": "Yoga", "client": {"login": "ada"}, "credits_charged": 0}
    times = {"scheduled_start_time": "2098-12-01T10:00:00Z", "scheduled_end_time": "2098-12-01T11:00:00Z"}
    machine.backend.answer(path, booking | times, method="POST")
    machine.backend.faults[f"/api/v1{path}"] = ["cut", ""]
    done = machine.run("hosting", *words)
    assert done.code == 0, done.err
    keys = machine.backend.keys(f"/api/v1{path}")
    assert (len(keys), len(set(keys))) == (2, 1)


def test_a_page_in_the_place_of_the_csv_is_not_printed(machine: Pointed) -> None:
    machine.sign_in()
    machine.backend.faults[f"/api/v1/slots/{NOBODYS}/bookings.csv"] = ["always html"]
    done = machine.run("hosting", "roster", NOBODYS, "--csv")
    assert (done.code, done.out) == (1, "")


def test_sessions_are_completed(grace: Machine) -> None:
    slot_id = open_slot(grace)
    for verb in ("roster", "book"):
        done = grace.run("__complete", "--", "hosting", verb, "")
        assert re.match(r"[0-9a-f-]+\t.*Yoga", done.out)
        assert slot_id.startswith(done.out.split("\t")[0])


def test_every_week_is_booked_at_once_as_it_was_shown(grace: Machine, ada: Machine) -> None:
    day = datetime.now(UTC).date() + timedelta(days=8)
    hours = {"kind": "weekly", "weekday:": day.isoweekday(), "start_time": "09:00", "end_time": "10:00"}
    terms = {"title": "Yoga", "capacity:": 3, "price_credits:": 2, "horizon_days:": 29}
    words = [word for name, value in (hours | terms).items() for word in ("--field", f"{name}={value}")]
    assert grace.run("api", "post", "/availability-rules", *words).code == 0
    slots = [
        one for one in ada.run("slots", "list", "--host", login_of(grace), "--json").json if one["title"] == "Yoga"
    ]
    first, until = slots[1]["id"], f"{day + timedelta(weeks=2)}"
    assert ada.run("book", first, "--until", until, "--yes", "--expect", "6").code == 1
    done = ada.run("book", first, "--until", until, "--yes", "--json", "--expect", "4")
    assert done.code == 0, done.err
    assert (len(done.json["bookings"]), done.json["credits_charged"]) == (2, 4)
    assert "Not booked: too few credits." in done.err
    assert done.err.count("Full refund until") == 2
    with ada.terminal("book", first, "--until", until) as terminal:
        terminal.see("Not booked: you are booked")
        terminal.see("None of these sessions can be booked.")
        assert terminal.end() == 1
    wrong = ada.run("book", first, "--until", "Christmas")
    assert (wrong.code, wrong.out) == (1, "")
    assert "until: " in wrong.err
