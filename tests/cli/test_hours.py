"""A host's weekly hours, days off and new sessions, from a terminal."""

import re
from typing import Any

import pytest

from cli.errors import UsageError
from cli.weekly_hours import describe_week, read_week
from tests.cli.terminals import Pointed
from tests.cli.test_offerings import GRACE, YOGA

SLOT = {
    "id": "019ab3f2-5440-7a1c-8000-00000000000d",
    "host": YOGA["host"],
    "title": "Yoga",
    "starts_at": "2098-12-24T09:00:00Z",
    "ends_at": "2098-12-24T10:00:00Z",
    "capacity": 8,
    "seats_taken": 2,
    "status": "open",
}
FREE = SLOT | {"id": "019ab3f2-5440-7a1c-8000-00000000000e", "starts_at": "2098-12-24T10:00:00Z", "seats_taken": 0}
RULE = {
    "id": "019ab3f2-5440-7a1c-8000-00000000000b",
    "kind": "weekly",
    "weekday": 1,
    "date": None,
    "start_time": "09:00:00",
    "end_time": "00:00:00",
    "title": "Yoga",
    "offering_id": YOGA["id"],
}
OFF = RULE | {
    "id": "019ab3f2-5440-7a1c-8000-00000000000c",
    "kind": "day_off",
    "weekday": None,
    "date": "2098-12-24",
    "start_time": None,
    "end_time": None,
    "title": "",
    "offering_id": None,
}
CHANGE = {"opened": 12, "closed": 1, "left": [SLOT], "left_count": 1, "bookings_cancelled": 0, "credits_refunded": 0}
WEEK = {"rules": [RULE], "changed": True, "seen": "abc", **CHANGE}
WEEKLY = f"/offerings/{YOGA['id']}/weekly-hours"


@pytest.fixture
def grace(machine: Pointed) -> Pointed:
    machine.sign_in()
    machine.backend.answer("/me", {"id": GRACE, "login": "grace", "time_zone": "UTC"})
    machine.backend.answer("/offerings", {"results": [YOGA], "next": None})
    machine.backend.answer("/availability-rules", {"results": [RULE, OFF], "next": None})
    machine.backend.answer("/availability-rules", OFF | CHANGE, method="POST", status=201)
    machine.backend.answer(f"/availability-rules/{OFF['id']}", CHANGE, method="DELETE")
    machine.backend.answer(WEEKLY, WEEK, method="PUT")
    machine.backend.answer("/hosting/slots", {"results": [SLOT, FREE], "next": None})
    machine.backend.answer("/hosts/me/cancel-day", {"bookings_cancelled": 2, "credits_refunded": 4}, method="POST")
    machine.backend.answer("/slots", SLOT, method="POST", status=201)
    return machine


def sent(grace: Pointed) -> Any:
    return grace.backend.requests[-1][3]


# A week in a few words


def hours(weekday: int, start: str, end: str) -> dict[str, object]:
    return {"weekday": weekday, "start_time": start, "end_time": end}


@pytest.mark.parametrize(
    ("words", "week"),
    [
        (["none"], []),
        (["tue", "9-12"], [hours(2, "09:00", "12:00")]),
        (["Thursday 14:30-24:00"], [hours(4, "14:30", "24:00")]),
        (
            ["mon,wed", "9-12,14-17:15"],
            [hours(day, *span) for day in (1, 3) for span in (("09:00", "12:00"), ("14:00", "17:15"))],
        ),
        (
            ["sat-sun", "10-11", "mon", "8-9", "9-10"],
            [
                hours(1, "08:00", "09:00"),
                hours(1, "09:00", "10:00"),
                hours(6, "10:00", "11:00"),
                hours(7, "10:00", "11:00"),
            ],
        ),
    ],
)
def test_a_week_is_read(words: list[str], week: list[object]) -> None:
    assert read_week(words) == week


@pytest.mark.parametrize(
    "words",
    [[], [""], ["9-12"], ["mon"], ["mon", "9-12", "tue"], ["mo", "9-12"], ["fri-mon", "9-12"], ["mon", "9"],
     ["mon", "9-12-14"], ["mon,", "9-12"], ["mon", "9-12,"], ["none", "9-12"], ["-", "9-12"], ["mon", "\u0661-\u0662"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_no_week_is_refused_in_a_sentence(words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        read_week(words)
    assert refused.value.sentence.endswith(".")
    assert "mon-fri 9-12" in refused.value.advice


def test_days_with_the_same_hours_stand_together() -> None:
    week = read_week(["mon-wed,fri", "9-12,20-24", "sat", "10-11"])
    assert describe_week(week) == [("Mon-Wed, Fri", ["09:00-12:00", "20:00-24:00"]), ("Sat", ["10:00-11:00"])]
    assert [days for days, _ in describe_week(read_week(["thu,fri 9-10 sat-sun 9-11"]))] == ["Thu, Fri", "Sat, Sun"]


# Commands


def test_hours_are_listed_with_the_dates_that_differ(grace: Pointed) -> None:
    assert grace.run("hours", "list", "--json").json == [RULE, OFF]
    head, week, off = grace.run("hours").out.splitlines()
    assert head.split() == ["OFFERING", "TITLE", "WHEN", "HOURS", "(UTC)"]
    assert week.split()[1:] == ["Yoga", "Mon", "09:00-24:00"]
    assert off.split() == ["Wed", "24", "Dec", "2098", "day", "off"]
    grace.backend.answer("/availability-rules", {"results": [], "next": None})
    assert "You have no hours yet." in grace.run("hours", "list").err


def test_hours_fit_into_eighty_columns(grace: Pointed) -> None:
    busy = [RULE | {"weekday": day, "start_time": f"{hour:02}:00:00", "end_time": f"{hour + 1:02}:00:00"}
            for day in (1, 3, 5, 7) for hour in range(8, 20, 2)]  # fmt: skip
    week = [rule | {"title": "Compilers for people who are in a hurry"} for rule in busy]
    grace.backend.answer("/availability-rules", {"results": [*week, OFF], "next": None})
    with grace.terminal("hours", "list", size=(24, 80)) as terminal:
        assert terminal.end() == 0
    shown = terminal.text.replace("\r", "")
    assert "18:00-19:00" in shown
    assert [line for line in re.sub(r"\x1b\[\d+m", "", shown).split("\n") if len(line) > 80] == []


def test_a_week_is_set_as_it_was_looked_at(grace: Pointed) -> None:
    with grace.terminal("hours", "set", "019ab3f2", "mon", "9-24", "--buffer", "15") as terminal:
        terminal.see(r"That opens 12 sessions and closes 1 session\.")
        terminal.see(r"Booked, so left as they are: 1 session\.")
        terminal.see(r"Set these hours\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    wish = {"hours": [hours(1, "09:00", "24:00")], "buffer_minutes": 15}
    looked, did = (body for method, _, _, body in grace.backend.requests if method == "PUT")
    assert (looked, did) == (wish | {"preview": True}, wish | {"seen": "abc"})


def test_without_a_yes_no_hours_are_changed(grace: Pointed) -> None:
    with grace.terminal("hours", "set", "019ab3f2", "none") as terminal:
        terminal.see(r"\[y/N\]")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert [body["preview"] for method, _, _, body in grace.backend.requests if method == "PUT"] == [True]


def test_a_script_sets_hours_at_once(grace: Pointed) -> None:
    done = grace.run("hours", "set", str(YOGA["id"]), "mon 9-24", "--yes")
    assert (done.code, sent(grace)) == (0, {"hours": [hours(1, "09:00", "24:00")]})
    assert "Opened 12 sessions, closed 1 session." in done.err
    assert [line for line in done.err.splitlines() if len(line) > 80] == []
    assert grace.run("hours", "set", "019ab3f2", "mon", "9-24", "--json").json == WEEK
    grace.backend.answer(WEEKLY, WEEK | {"changed": False}, method="PUT")
    assert "These are the hours already." in grace.run("hours", "set", "019ab3f2", "mon", "9-24").err
    assert grace.run("hours", "set", "019ab3ff", "mon", "9-24").code == 1
    assert grace.run("hours", "set", f"{YOGA['id']}"[:-1] + "f", "mon", "9-24").code == 1
    assert grace.run("hours", "set", "019ab3f2", "someday").code == 2


def test_a_day_is_taken_off_after_saying_what_that_closes(grace: Pointed) -> None:
    with grace.terminal("hours", "day-off", "2098-12-24") as terminal:
        terminal.see(r"Free sessions that close: 1\.")
        terminal.see(r"Booked, and staying:")
        terminal.see(r"Take 2098-12-24 off\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert sent(grace) == {"kind": "day_off", "date": "2098-12-24"}
    assert grace.run("hours", "day-off", "2098-12-24", "--json").json == OFF | CHANGE


def test_what_is_booked_is_cancelled_where_the_host_says_so(grace: Pointed) -> None:
    done = grace.run("hours", "day-off", "2098-12-24", "--cancel-booked", "--message", "Ill", "--yes")
    assert sent(grace) == {"date": "2098-12-24", "message": "Ill"}
    assert "Cancelled: 2 bookings, 4 credits back." in done.err
    assert grace.run("hours", "day-off", "2098-12-24", "--message", "Ill").code == 2
    assert grace.run("hours", "day-off", "tomorrow").code == 2
    assert grace.run("hours", "day-off", "2098-12-24", "--cancel-booked", "--undo").code == 2


def test_a_day_off_is_taken_back(grace: Pointed) -> None:
    done = grace.run("hours", "day-off", "2098-12-24", "--undo")
    assert grace.backend.paths("DELETE") == [f"/api/v1/availability-rules/{OFF['id']}"]
    assert "2098-12-24 is no day off any more. Opened: 12." in done.err
    assert grace.run("hours", "day-off", "2098-12-25", "--undo").code == 1


def test_a_session_is_opened_of_an_offering(grace: Pointed) -> None:
    done = grace.run("hosting", "new", "2098-12-24T09:00Z", "--offering", "019ab3f2", "--yes")
    assert (done.code, done.out) == (0, f"{SLOT['id']}\n")
    assert sent(grace) == {"offering_id": YOGA["id"], "starts_at": "2098-12-24T09:00:00Z"}
    said = ("--minutes", "90", "--place", "Room 2", "--seats", "3")
    assert grace.run("hosting", "new", "2098-12-24T09:00Z", "--offering", "019ab3f2", *said, "--json").json == SLOT
    assert sent(grace) == {
        "offering_id": YOGA["id"],
        "starts_at": "2098-12-24T09:00:00Z",
        "ends_at": "2098-12-24T10:30:00Z",
        "place": "Room 2",
        "capacity": 3,
    }


def test_a_session_is_opened_by_itself_after_a_question_in_the_zone_of_this_machine(grace: Pointed) -> None:
    grace.variables["TZ"] = "Africa/Lagos"
    with grace.terminal("hosting", "new", "2098-12-24T10:00", "--title", "Open day") as terminal:
        terminal.see(r"Open day, Wed 24 Dec 2098, 10:00-11:00 \(Africa/Lagos\)")
        terminal.see(r"1 seat, 1 credit")
        terminal.type("y\n")
        assert terminal.end() == 0
    times = {"starts_at": "2098-12-24T09:00:00Z", "ends_at": "2098-12-24T10:00:00Z"}
    assert sent(grace) == {"title": "Open day", "capacity": 1, **times}


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("noon", "'noon' is no time."),
        ("2026-12-01", "Give a time as well"),
        ("2026-03-29T02:30", "skip 02:30"),
        ("2026-10-25T02:30", "show 02:30 twice"),
    ],
)
def test_a_start_that_names_no_instant_is_refused(grace: Pointed, start: str, said: str) -> None:
    grace.variables["TZ"] = "Europe/Berlin"
    done = grace.run("hosting", "new", start, "--title", "x")
    assert (done.code, grace.backend.paths("POST")) == (2, [])
    assert said in done.err


def test_a_session_has_to_be_of_something(grace: Pointed) -> None:
    assert grace.run("hosting", "new", "2098-12-24T09:00Z").code == 2
    assert grace.backend.paths("POST") == []
