"""What the portal's tables of days are made of: which weeks, which day, what is on it, and what comes after."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from bookings.models import Booking, Slot
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.offerings import add_offering, archive_offering
from tests.bookings.api import Caller
from tests.bookings.people import SLOT_TIMES, make_offering, make_person, make_slot


def today() -> date:
    return datetime.now(UTC).date()


def at_noon(host: User, *days: date, **more: Any) -> list[Slot]:
    """An hour at noon in UTC on each of these days."""
    now = clock.read_now()
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    return [make_slot(host, hours=(noon - now) / timedelta(hours=1), **more) for noon in noons]


def ahead(*days: int) -> list[date]:
    return [today() + timedelta(days=number) for number in days]


def monday(days: int = 0) -> date:
    """So many days from the Monday of this week."""
    return today() + timedelta(days=days - today().weekday())


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_five_weeks_from_this_monday_and_the_first_day_with_a_free_seat(ada: User, grace: User) -> None:
    full, free, later = at_noon(grace, *ahead(2, 3, 5), capacity=1)
    book_slot(client_id=make_person("other").id, slot_id=full.id)
    page = Caller(ada).get("/pages/days")
    assert (page["days"][0]["date"], len(page["days"])) == (f"{monday()}", 35)
    counts = {
        row["date"]: (row["open_slots"], row["full_slots"]) for row in page["days"] if any(list(row.values())[1:])
    }
    assert counts == dict(zip(map(str, ahead(2, 3, 5)), [(0, 1), (1, 0), (1, 0)], strict=True))
    assert (page["day"], ids(page["slots"]["results"]), page["next_free"]) == (f"{ahead(3)[0]}", [str(free.id)], [])
    page = Caller(ada).get("/pages/days", day=f"{ahead(2)[0]}")
    assert (ids(page["slots"]["results"]), ids(page["next_free"])) == ([str(full.id)], [str(free.id), str(later.id)])


def test_without_anything_free_it_is_today(ada: User, grace: User) -> None:
    page = Caller(ada).get("/pages/days")
    assert (page["day"], page["slots"]["results"], page["next_free"]) == (f"{today()}", [], [])
    (far,) = at_noon(grace, *ahead(60))
    page = Caller(ada).get("/pages/days")
    assert (page["day"], ids(page["next_free"])) == (f"{today()}", [str(far.id)])


def test_the_next_free_is_found_behind_pages_of_full_sessions(ada: User, grace: User) -> None:
    """A page of the list holds fifty."""
    *full, free = at_noon(grace, *ahead(*range(2, 53)), capacity=1)
    other = make_person("other", credits=len(full))
    for slot in full:
        book_slot(client_id=other.id, slot_id=slot.id)
    page = Caller(ada).get("/pages/days", day=f"{ahead(1)[0]}")
    assert ids(page["next_free"]) == [str(free.id)]


@pytest.mark.parametrize(
    "case",
    [
        lambda: ({"from": ahead(70)[0]}, monday(70), ahead(70)[0]),
        lambda: ({"from": ahead(-70)[0]}, monday(), today()),
        lambda: ({"day": ahead(-3)[0]}, monday(), today()),
        lambda: ({"day": ahead(1)[0]}, monday(), ahead(1)[0]),
        lambda: ({"day": monday(35)}, monday(35), monday(35)),
        lambda: ({"day": monday(36), "from": today()}, monday(), monday(36)),
    ],
)
def test_weeks_and_day_may_be_asked_for(ada: User, case: Callable[[], tuple[dict[str, date], date, date]]) -> None:
    asked, begins, chosen = case()
    page = Caller(ada).get("/pages/days", **asked)
    assert (page["days"][0]["date"], page["day"]) == (f"{begins}", f"{chosen}")


def test_a_host_and_an_offering_narrow_it_down(ada: User, grace: User) -> None:
    linus = make_person("linus", is_host=True)
    at_noon(linus, ahead(2)[0])
    (hers,) = at_noon(grace, ahead(4)[0])
    page = Caller(ada).get("/pages/days", host=grace.id)
    assert (page["day"], ids(page["slots"]["results"])) == (f"{ahead(4)[0]}", [str(hers.id)])
    assert {one["login"] for one in page["hosts"]} == {"grace", "linus"}
    terms = {"minutes": 60, "capacity": 1, "public": True}
    shown, gone = (add_offering(host_id=grace.id, values={"title": title, **terms}) for title in ("Shown", "Gone"))
    archive_offering(host_id=grace.id, offering_id=gone["id"])
    Slot.objects.filter(id=hers.id).update(offering_id=shown["id"])
    for asked, found in (({}, [shown]), ({"host": grace.id}, [shown]), ({"host": linus.id}, [])):
        named = Caller(ada).get("/pages/days", **asked)["offerings"]
        assert named == [{"id": str(one["id"]), "title": "Shown"} for one in found]
    page = Caller(ada).get("/pages/days", offering=shown["id"])
    assert (page["day"], ids(page["slots"]["results"])) == (f"{ahead(4)[0]}", [str(hers.id)])


def test_it_says_when_the_person_is_booked_in_that_time(ada: User, grace: User, mallory: User) -> None:
    (mine,), (same,) = at_noon(grace, *ahead(2)), at_noon(make_person("linus", is_host=True), *ahead(2))
    (elsewhere,) = at_noon(grace, *ahead(4))
    for slot in (mine, elsewhere):
        book_slot(client_id=ada.id, slot_id=slot.id)
    shown = Caller(ada).get("/pages/days", day=f"{ahead(2)[0]}")
    assert {str(mine.id), str(same.id)} == set(ids(shown["slots"]["results"]))
    assert [one["slot_id"] for one in shown["held"]] == [str(mine.id)]
    assert Caller(mallory).get("/pages/days", day=f"{ahead(2)[0]}")["held"] == []


def test_the_days_are_those_of_the_person(grace: User, mallory: User) -> None:
    User.objects.filter(id=mallory.id).update(time_zone="Pacific/Kiritimati")
    at_noon(grace, ahead(3)[0])
    assert Caller(mallory).get("/pages/days")["day"] == f"{ahead(4)[0]}"
    assert Caller(grace).get("/pages/days")["day"] == f"{ahead(3)[0]}"


def test_everybody_gets_what_is_public_in_the_zone_that_they_name(grace: User, settings: Settings) -> None:
    settings.PUBLIC_CALENDAR = True
    (slot,) = at_noon(grace, ahead(3)[0], offering=make_offering(grace))
    page = Client().get("/api/v1/pages/days", {"zone": "Pacific/Kiritimati"}).json()
    assert (page["person"], page["day"], ids(page["slots"]["results"])) == (None, f"{ahead(4)[0]}", [str(slot.id)])
    assert "booking_id" not in page["slots"]["results"][0]
    assert Client().get("/api/v1/pages/days").json()["day"] == f"{ahead(3)[0]}"
    settings.PUBLIC_CALENDAR = False
    assert Client().get("/api/v1/pages/days").status_code == 401


def test_a_move_is_to_other_times_of_the_session_unless_others_are_asked_for(ada: User, grace: User) -> None:
    booked, same = at_noon(grace, *ahead(2, 5), title="Clinic")
    (other,) = at_noon(grace, ahead(3)[0], title="Talk")
    booking = book_slot(client_id=ada.id, slot_id=booked.id)["id"]
    page = Caller(ada).get(f"/pages/bookings/{booking}/days")
    assert (page["is_filtered"], page["day"]) == (True, f"{ahead(5)[0]}"), "its own time is no choice"
    assert ids(page["slots"]["results"]) == [str(same.id)]
    page = Caller(ada).get(f"/pages/bookings/{booking}/days", others="true")
    assert (page["is_filtered"], ids(page["slots"]["results"])) == (False, [str(other.id)])
    assert sum(row["open_slots"] for row in page["days"]) == 2


def test_a_move_counts_only_what_the_booking_can_move_to(ada: User, grace: User, mallory: User) -> None:
    """Not what is full, overlaps another booking, or is the client's own session; its own time holds nothing back."""
    host_too = make_person("linus", is_host=True)
    booked, beside, full, free = at_noon(grace, *ahead(2, 3, 4, 6), capacity=1)
    (elsewhere,) = at_noon(host_too, *ahead(3))
    User.objects.filter(id=ada.id).update(is_host=True)
    (own,) = at_noon(ada, *ahead(5))
    (during_its_own,) = at_noon(host_too, *ahead(2))
    booking = book_slot(client_id=ada.id, slot_id=booked.id)["id"]
    for client, slot in ((ada, elsewhere), (mallory, full)):
        book_slot(client_id=client.id, slot_id=slot.id)
    asked = f"/pages/bookings/{booking}/days"
    page = Caller(ada).get(asked)
    assert (page["day"], ids(page["slots"]["results"])) == (f"{ahead(6)[0]}", [str(free.id)])
    page = Caller(ada).get(asked, others="true")
    assert {row["date"] for row in page["days"] if row["open_slots"]} == {f"{day}" for day in ahead(2, 6)}
    assert not any(row["full_slots"] for row in page["days"])
    assert ids(page["slots"]["results"]) == [str(during_its_own.id)]
    for day in (beside, own, full):
        on_it = Caller(ada).get(asked, others="true", day=day.starts_at.date().isoformat())
        assert (ids(on_it["slots"]["results"]), ids(on_it["next_free"])) == ([], [str(free.id)])


def test_a_move_is_not_to_the_end_of_a_session_that_began_the_day_before(ada: User, grace: User) -> None:
    booked, free = at_noon(grace, *ahead(2, 4))
    (taken,) = at_noon(make_person("other", is_host=True), *ahead(4))
    (long,) = at_noon(make_person("linus", is_host=True), *ahead(3), minutes=24 * 60)
    Slot.objects.filter(id=taken.id).update(
        **{name: getattr(taken, name) - timedelta(minutes=10) for name in SLOT_TIMES}
    )
    booking = book_slot(client_id=ada.id, slot_id=booked.id)["id"]
    book_slot(client_id=ada.id, slot_id=long.id)
    page = Caller(ada).get(f"/pages/bookings/{booking}/days", others="true", day=f"{ahead(4)[0]}")
    assert ids(page["slots"]["results"]) == [str(free.id)]


def test_nobody_sees_the_days_of_anothers_booking(ada: User, mallory: User, slot: Slot) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    assert Caller(mallory).refused("GET", f"/pages/bookings/{booking}/days") == (404, "not_found")
    assert Booking.objects.get(id=booking).status == "active"


@pytest.mark.parametrize("asked", ["day=soon", "from=0001-01-01", "day=9999-12-31", "host=x", "zone=x", "offering=1"])
def test_what_makes_no_sense_is_refused(ada: User, asked: str) -> None:
    assert Caller(ada).refused("GET", f"/pages/days?{asked}") == (400, "validation_error")


@pytest.mark.parametrize("number", [1, 40])
def test_it_takes_the_same_statements_whatever_it_holds(ada: User, grace: User, number: int) -> None:
    """Credential, counts, the day, hosts, offerings, what is held then; the next free ones where nothing is free."""
    at_noon(grace, *ahead(*range(1, 1 + number)), minutes=10)
    caller = Caller(ada)
    for asked, count in (({}, 6), ({"day": ahead(50)[0]}, 6)):
        caller.get("/pages/days", **asked)
        with CaptureQueriesContext(connection) as captured:
            caller.get("/pages/days", **asked)
        assert len(captured) == count
