"""A host, three clients and the staff, in terminals: hours, a series, a queue, a move, another room, a day off ill."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import sign_in
from tests.cli.terminals import Done, Machine
from tests.processes import Live

DAY = datetime.now(UTC).date() + timedelta(days=8)
A_WEEK_LATER = DAY + timedelta(weeks=1)
IN_BETWEEN = DAY + timedelta(days=1)


@pytest.fixture
def people(installation: Path, live: Live, tmp_path: Path) -> dict[str, Machine]:
    """A machine for each, under logins of this test's own; the first may host."""
    suffix = uuid.uuid4().hex[:8]
    names = ("grace", "ada", "alan", "hedy")
    found = {name: sign_in(installation, tmp_path / name, live.backend_url, f"{name}-{suffix}") for name in names}
    live.manage("make_host", f"grace-{suffix}")
    return found


def did(machine: Machine, *words: str) -> Done:
    done = machine.run(*words)
    assert done.code == 0, f"{words}: {done.err}{done.out}"
    return done


def open_hours(grace: Machine) -> list[dict[str, Any]]:
    """Two seats in Room 1 for two credits, at nine on one day of every week; the sessions from that day on."""
    terms = ("--minutes", "60", "--seats", "2", "--price", "2", "--place", "Room 1")
    offering = did(grace, "offerings", "create", "Yoga", *terms).out.strip()
    week = did(grace, "hours", "set", offering, f"{DAY:%a}", "9-10", "--yes")
    assert "Opened" in week.err
    assert f"{DAY:%a}  09:00-10:00" in week.err
    sessions: list[dict[str, Any]] = did(grace, "hosting", "list", "--json").json
    return [one for one in sessions if one["starts_at"][:10] >= f"{DAY}"]


def credits(machine: Machine) -> int:
    return int(did(machine, "credits", "--json").json["credits"])


def test_a_week_in_a_studio(people: dict[str, Machine], live: Live) -> None:
    grace, ada, alan, hedy = people.values()
    first, second, third = (one["id"] for one in open_hours(grace)[:3])

    series = did(ada, "book", first, "--until", f"{A_WEEK_LATER}", "--yes")
    assert "Booked: 2 sessions for 4 credits." in series.err
    alans = did(alan, "book", first, "--yes").out.strip()
    did(hedy, "waitlist", "join", first)
    did(alan, "reschedule", alans, second, "--yes")
    (hedys,) = did(hedy, "bookings", "list", "--json").json

    changed = did(grace, "hosting", "change", first, "--place", "Room 2", "--yes")
    assert "2 booked and 0 waiting are told." in changed.err
    shown = did(hedy, "bookings", "show", hedys["id"], "--json").json
    assert (shown["place"], shown["free_to_leave_until"]) == ("Room 2", shown["scheduled_start_time"])
    ill = did(grace, "hours", "day-off", f"{A_WEEK_LATER}", "--cancel-booked", "--message", "Ill", "--yes", "--json")
    assert (ill.json["bookings_cancelled"], ill.json["credits_refunded"]) == (2, 4)
    assert f"{A_WEEK_LATER:%a} {A_WEEK_LATER.day} " in did(grace, "hours", "list").out

    # One hour more in the evening instead; Hedy takes it, and the host makes it free of charge for her.
    evening = ("--title", "Yoga by candlelight", "--minutes", "30", "--seats", "1", "--price", "1")
    extra = did(grace, "hosting", "new", f"{IN_BETWEEN}T18:00Z", *evening, "--yes").out.strip()
    late = did(hedy, "book", extra, "--yes").out.strip()
    did(grace, "hosting", "give-back", late, "1", "--note", "For the day that was off")

    # Alan should have been told of the third session, and Hedy pays for the wrong room with half the price.
    live.manage("book_for", did(alan, "whoami").out.strip(), third)
    live.manage("give_back", hedys["id"], "1", "--note", "The room was cold")

    assert [credits(machine) for machine in (ada, alan, hedy)] == [3, 3, 4]
    assert "The room was cold" in json.dumps(did(hedy, "credits", "--json").json)
    held = {one["slot_id"]: one["status"] for one in did(ada, "bookings", "list", "--all", "--json").json}
    assert held == {first: "active", second: "cancelled"}
    assert "Yoga" in did(ada, "calendar", "--week", f"{DAY}").out
    assert "Yoga" not in did(ada, "calendar", "--week", f"{A_WEEK_LATER}").out
    live.manage("audit")
