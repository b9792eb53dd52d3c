import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bookings.models import Slot
from bookings.repositories import clock
from bookings.services.booking import book_slot, get_booking
from bookings.services.cancelling import cancel_booking
from bookings.services.credits import grant_credits
from bookings.services.hosting import cancel_slot
from bookings.services.waiting import join_waitlist, leave_waitlist
from tests.bookings.api import Caller
from tests.bookings.people import make_person, make_slot, shift_start

pytestmark = pytest.mark.slow

LISTS = ["/hosts", "/slots", "/bookings", "/subscriptions", "/credit-entries"]
PAGES = ["/pages/home", "/pages/slots", "/pages/bookings", "/pages/credits", "/pages/deactivation"]


def queries(caller: Caller, paths: list[str]) -> dict[str, int]:
    """How many queries each path takes, the second time."""
    counts = {}
    for path in paths:
        caller.get(path)
        with CaptureQueriesContext(connection) as captured:
            caller.get(path)
        counts[path] = len(captured)
    return counts


@pytest.fixture
def two_slots(ada: User, grace: User) -> list[Slot]:
    """Two slots to begin with; `grow` adds many of everything."""
    return [make_slot(grace, hours=50 + 2 * n) for n in range(2)]


def grow(ada: User, host: User) -> None:
    grant_credits(user_id=ada.id, credits=50)
    for number in range(12):
        slot = make_slot(host, hours=100 + 2 * number)
        booking = book_slot(client_id=ada.id, slot_id=slot.id)
        if number % 3 == 0:
            cancel_booking(client_id=ada.id, booking_id=booking["id"])
        make_person(f"host{number}", is_host=True)


def test_lists_and_pages_take_the_same_queries_whatever_they_hold(
    ada: User, grace: User, two_slots: list[Slot]
) -> None:
    book_slot(client_id=ada.id, slot_id=two_slots[0].id)
    caller = Caller(ada)
    before = queries(caller, LISTS + PAGES)
    grow(ada, grace)
    assert queries(caller, LISTS + PAGES) == before
    assert {before[path] for path in LISTS} == {2}, "the credential with its person, and the list"


def test_a_hosts_lists_take_the_same_queries_whatever_they_hold(ada: User, grace: User) -> None:
    slot = make_slot(grace, capacity=20)
    book_slot(client_id=ada.id, slot_id=slot.id)
    paths = [f"/slots/{slot.id}/bookings", "/hosting/slots", "/pages/hosting", f"/pages/hosting/slots/{slot.id}"]
    caller = Caller(grace)
    before = queries(caller, paths)
    for number in range(10):
        book_slot(client_id=make_person(f"client{number}").id, slot_id=slot.id)
        make_slot(grace, hours=200 + 2 * number)
    assert queries(caller, paths) == before


def test_the_answer_of_a_booking_is_what_asking_for_it_gives(ada: User, slot: Slot) -> None:
    made = book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="of-one-booking")
    read = get_booking(booking_id=made["id"], client_id=ada.id)
    assert made | {"now": None} == read | {"now": None}


def walk(caller: Caller, path: str, direction: str = "next") -> list[str]:
    found: list[str] = []
    page: dict[str, Any] = caller.get(path)
    while True:
        ids = [row["id"] for row in page["results"]]
        found = found + ids if direction == "next" else ids + found
        if page[direction] is None:
            return found
        page = caller.get(page[direction])


def last_page(caller: Caller, path: str) -> str:
    address, page = path, caller.get(path)
    while page["next"]:
        address = page["next"]
        page = caller.get(address)
    return address


def many_slots(host: User, number: int) -> None:
    """Slots of four hosts, four at each instant: ties, which cursors must survive."""
    start = clock.read_now() + timedelta(days=2)
    others = [make_person(f"tied{n}", is_host=True) for n in range(3)]
    Slot.objects.bulk_create(
        Slot(
            host=other,
            title="tie",
            starts_at=start + timedelta(hours=2 * n),
            ends_at=start + timedelta(hours=2 * n + 1),
            bookings_close_at=start + timedelta(hours=2 * n),
            capacity=3,
        )
        for n in range(number // 4)
        for other in [host, *others]
    )


def test_cursors_walk_every_row_once_both_ways_over_ties(ada: User, grace: User) -> None:
    many_slots(grace, 180)
    caller = Caller(ada)
    everything = [str(i) for i in Slot.objects.order_by("starts_at", "id").values_list("id", flat=True)]
    assert walk(caller, "/slots") == everything
    end = last_page(caller, "/slots")
    assert walk(caller, end, "previous") == everything


def test_cursors_survive_new_rows_in_front(ada: User, grace: User) -> None:
    many_slots(grace, 120)
    caller = Caller(ada)
    first = caller.get("/slots")
    make_slot(make_person("newcomer", is_host=True), hours=1)
    second = caller.get(first["next"])
    assert not {s["id"] for s in first["results"]} & {s["id"] for s in second["results"]}
    assert len(caller.get(second["previous"])["results"]) == 50


def test_filters(ada: User, grace: User, mallory: User) -> None:
    linus = make_person("linus", is_host=True)
    soon, later, other = make_slot(grace, hours=10), make_slot(grace, hours=30), make_slot(linus, hours=20)
    caller = Caller(ada)

    def found(**query: str) -> list[str]:
        return [row["id"] for row in caller.get("/slots", **query)["results"]]

    assert found() == [str(soon.id), str(other.id), str(later.id)]
    assert found(host=str(grace.id)) == [str(soon.id), str(later.id)]
    assert found(**{"from": other.starts_at.isoformat()}) == [str(other.id), str(later.id)]
    assert found(to=other.starts_at.isoformat()) == [str(soon.id)]
    Slot.objects.filter(id=later.id).update(status="cancelled", cancelled_at=clock.read_now())
    assert found(open="true") == [str(soon.id), str(other.id)]
    assert found(open="false") == [str(later.id)]
    Slot.objects.filter(id=soon.id).update(bookings_close_at=clock.read_now())
    for bounds in ({}, {"to": later.starts_at.isoformat()}):
        assert found(open="true", **bounds) == [str(other.id)]
        assert found(open="true", host=str(grace.id), **bounds) == []
        assert str(soon.id) in found(open="false", **bounds)
    Slot.objects.filter(id=soon.id).update(bookings_close_at=soon.starts_at)
    User.objects.filter(id=linus.id).update(standing="suspended")
    assert found(open="true") == [str(soon.id)]


def test_a_list_of_bookings_by_time_and_status(ada: User, grace: User) -> None:
    first, second, third = (make_slot(grace, hours=hours) for hours in (30, 40, 50))
    booked = [book_slot(client_id=ada.id, slot_id=slot.id)["id"] for slot in (first, second, third)]
    cancel_booking(client_id=ada.id, booking_id=booked[1])
    shift_start(third, hours=-2)
    caller = Caller(ada)

    def found(**query: str) -> list[tuple[str, str]]:
        return [(row["id"], row["status"]) for row in caller.get("/bookings", **query)["results"]]

    active, cancelled, over = ((str(i), s) for i, s in zip(booked, ("active", "cancelled", "completed"), strict=True))
    assert found() == [cancelled, active, over]
    assert found(when="upcoming") == [active]
    assert found(when="past") == [cancelled, over]
    assert (found(status="completed"), found(status="active"), found(status="cancelled")) == (
        [over],
        [active],
        [cancelled],
    )


def test_the_queue_is_part_of_the_bookings_page(ada: User, grace: User, mallory: User) -> None:
    slot = make_slot(grace, capacity=1)
    book_slot(client_id=mallory.id, slot_id=slot.id)
    join_waitlist(client_id=ada.id, slot_id=slot.id)
    (waiting,) = Caller(ada).get("/pages/bookings")["waiting"]
    assert (waiting["slot_id"], waiting["host_login"]) == (str(slot.id), "grace")
    assert (waiting["host"]["login"], waiting["position"]) == ("grace", 1)


def test_a_slots_page_has_the_place_in_its_queue_as_it_is_now(ada: User, grace: User, mallory: User) -> None:
    slot, linus = make_slot(grace, capacity=1), make_person("linus")
    book_slot(client_id=mallory.id, slot_id=slot.id)

    def position(of: User) -> int | None:
        page = Caller(of).get(f"/pages/slots/{slot.id}")
        assert (page["person"]["id"], page["slot"]["waiting"]) == (str(of.id), page["position"] is not None)
        place: int | None = page["position"]
        return place

    for person in (linus, ada):
        join_waitlist(client_id=person.id, slot_id=slot.id)
    assert (position(linus), position(ada), position(mallory)) == (1, 2, None)
    leave_waitlist(client_id=linus.id, slot_id=slot.id)
    assert (position(linus), position(ada)) == (None, 1)


def test_a_hosts_day_counts_people_and_credits(ada: User, grace: User, mallory: User) -> None:
    morning = clock.read_now().replace(hour=9, minute=0) + timedelta(days=3)
    first, second, other = (make_slot(grace, hours=hours_until(morning) + more) for more in (0, 2, 24))
    for person, slot in ((ada, first), (ada, second), (mallory, second), (mallory, other)):
        booking = book_slot(client_id=person.id, slot_id=slot.id)
        if slot == first:
            Caller(grace).post(f"/bookings/{booking['id']}/give-back", {"credits": 1, "note": "for the cold room"})
    late = make_slot(grace, hours=hours_until(morning) + 4)
    cancel_booking(client_id=ada.id, booking_id=book_slot(client_id=ada.id, slot_id=late.id)["id"])
    page = Caller(grace).get("/pages/hosting/day", date=f"{morning:%Y-%m-%d}")
    assert [one["id"] for one in page["slots"]] == [str(slot.id) for slot in (first, second, late)]
    assert (page["people"], page["credits"]) == (2, 2)
    done = Caller(grace).post("/hosts/me/cancel-day", {"date": f"{morning:%Y-%m-%d}"})
    assert (len(done["slot_ids"]), done["credits_refunded"]) == (3, 2)
    assert Caller(grace).refused("GET", "/pages/hosting/day?date=soon") == (400, "validation_error")
    assert Caller(ada).refused("GET", "/pages/hosting/day?date=2030-01-01") == (403, "not_a_host")


def hours_until(instant: datetime) -> float:
    return (instant - clock.read_now()).total_seconds() / 3600


def test_other_times_of_a_session_are_found_beyond_the_first_page(ada: User, grace: User) -> None:
    first = make_slot(grace, title="Clinic", hours=30)
    many_slots(grace, 60)
    last, later = (make_slot(grace, title="Clinic", hours=hours) for hours in (20_000, 20_010))
    booking = book_slot(client_id=ada.id, slot_id=first.id)["id"]
    page = Caller(ada).get(f"/pages/bookings/{booking}/reschedule")
    assert [one["id"] for one in page["same"]] == [str(slot.id) for slot in (first, last, later)]
    assert str(last.id) not in {one["id"] for one in page["slots"]["results"]}
    cursor = parse_qs(urlsplit(page["slots"]["next"]).query)["cursor"][0]
    assert Caller(ada).get(f"/pages/bookings/{booking}/reschedule", cursor=cursor)["same"] == []


@pytest.mark.alone
@pytest.mark.urls("tests.bookings.empty_view")
def test_a_page_of_fifty_slots_takes_at_most_three_times_an_empty_view(ada: User, grace: User) -> None:
    """From the first middleware to the last byte. The quickest of many is compared: it was not disturbed."""
    many_slots(grace, 120)
    client = Caller(ada).client

    def seconds(path: str) -> float:
        started = time.perf_counter()
        assert client.get(f"/api/v1/{path}").status_code == 200
        return time.perf_counter() - started

    measured = [(seconds("empty"), seconds("slots")) for _ in range(100)]
    empty, slots = (min(column) for column in zip(*measured, strict=True))
    assert slots < 3 * empty, f"{slots * 1000:.2f} ms against {empty * 1000:.2f} ms"


def test_a_hosts_calendar_is_whole(ada: User, grace: User, mallory: User) -> None:
    """Upcoming by start, past and cancelled ones the latest first, each with its seats, and nobody else's."""
    ahead, later, over, longer_ago, gone = (make_slot(grace, hours=50 + 2 * n) for n in range(5))
    make_slot(make_person("linus", is_host=True))
    for slot in (later, over):
        book_slot(client_id=ada.id, slot_id=slot.id)
    shift_start(over, hours=-2)
    shift_start(longer_ago, hours=-30)
    cancel_slot(host_id=grace.id, slot_id=gone.id)
    caller = Caller(grace)

    def listed(**query: str) -> list[tuple[str, int]]:
        return [(row["id"], row["seats_taken"]) for row in caller.get("/hosting/slots", **query)["results"]]

    assert listed() == listed(when="upcoming") == [(str(ahead.id), 0), (str(later.id), 1)]
    assert listed(when="past") == [(str(over.id), 1), (str(longer_ago.id), 0)]
    assert listed(when="cancelled") == [(str(gone.id), 0)]
    assert (
        caller.get("/pages/hosting", when="past")["slots"]["results"]
        == (caller.get("/hosting/slots", when="past")["results"])
    )
    assert caller.refused("GET", "/hosting/slots?when=never") == (400, "validation_error")
    assert Caller(mallory).refused("GET", "/hosting/slots") == (403, "not_a_host")


def test_what_has_begun_is_upcoming_until_it_is_over(grace: User) -> None:
    slot, caller = make_slot(grace), Caller(grace)
    shift_start(slot, hours=-0.5)
    assert [row["id"] for row in caller.get("/hosting/slots")["results"]] == [str(slot.id)]
    assert caller.get("/hosting/slots", when="past")["results"] == []


@pytest.mark.parametrize("when", ["upcoming", "past", "cancelled"])
def test_a_hosts_calendar_is_walked_both_ways(grace: User, when: str) -> None:
    make_calendar(grace, when, 130)
    caller, path = Caller(grace), f"/hosting/slots?when={when}"
    forwards = walk(caller, path)
    assert len(set(forwards)) == 130
    assert walk(caller, last_page(caller, path), "previous") == forwards


def make_calendar(host: User, when: str, number: int) -> None:
    start = clock.read_now() + timedelta(days=-9 if when == "past" else 2)
    is_cancelled = {"status": "cancelled", "cancelled_at": start} if when == "cancelled" else {}
    hour = timedelta(hours=1)
    Slot.objects.bulk_create(
        Slot(host=host, title="x", starts_at=at, ends_at=at + hour, bookings_close_at=at, capacity=3, **is_cancelled)
        for at in (start + n * hour for n in range(number))
    )
