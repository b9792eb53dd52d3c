"""How many statements an operation is, BEGIN and COMMIT aside, and how many files of the product it passes."""

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, Slot, Subscription
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_day, cancel_slot
from bookings.services.waiting import join_waitlist, offer_free_seats
from bookings.views.bookings import BookingCancelView, BookingsView
from tests.bookings.api import Caller
from tests.bookings.committed import make_clients
from tests.bookings.people import make_person, make_slot, make_weekly, series_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def count_statements(operation: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured, suppress(errors.BookingsError):
        operation()
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def book(person: User, slot: Slot, key: str | None = None) -> Callable[[], Any]:
    return lambda: book_slot(client_id=person.id, slot_id=slot.id, idempotency_key=key)


def test_a_booking_is_two_statements(ada: User, slot: Slot) -> None:
    assert count_statements(book(ada, slot, "key")) == 2


def test_a_repeated_key_is_two_statements(ada: User, slot: Slot) -> None:
    book(ada, slot, "key")()
    assert count_statements(book(ada, slot, "key")) == 2


def test_what_an_unlocked_look_refuses_is_one_statement(ada: User, grace: User) -> None:
    full, gone = make_slot(grace, capacity=1), make_slot(grace, hours=90)
    book(make_person("first"), full)()
    cancel_slot(host_id=grace.id, slot_id=gone.id)
    for person, slot in ((ada, full), (ada, gone), (grace, full)):
        assert count_statements(book(person, slot)) == 1


def test_what_a_locked_look_refuses_is_looked_at_twice(ada: User, grace: User, slot: Slot) -> None:
    at_the_same_time = make_slot(make_person("linus", is_host=True))
    book(ada, slot)()
    for refused in (slot, at_the_same_time):
        assert count_statements(book(ada, refused)) == 2


@pytest.mark.parametrize("weeks", [2, 26])
def test_a_series_takes_the_same_statements(grace: User, weeks: int) -> None:
    ada, slots = make_person("ada", credits=30), make_weekly(grace, weeks=weeks, price_credits=1)
    until = slots[-1].rule_date
    assert until
    assert count_statements(lambda: series_of(ada, slots[0], until=until)) == 8
    assert count_statements(series_of(ada, slots[0], until=until, key="key")) == 9
    assert Booking.objects.filter(client=ada).count() == weeks


def fill(slot: Slot, clients: list[User]) -> None:
    for client in clients:
        book(client, slot)()


@pytest.mark.parametrize("number", [2, 200])
def test_a_hosts_cancellation_of_bookings_takes_the_same_statements(grace: User, number: int) -> None:
    """Refunds of ended subscriptions open new ones, and those who wait are told: each in one statement for all."""
    slot, waiting = make_slot(grace, capacity=number), make_person("waiting")
    fill(slot, make_clients(number))
    end_subscriptions()
    join_waitlist(client_id=waiting.id, slot_id=slot.id)
    assert count_statements(lambda: cancel_slot(host_id=grace.id, slot_id=slot.id)) == 15


@pytest.mark.parametrize("act", ["day", "leave"])
def test_a_hosts_day_and_leave_take_the_same_statements(grace: User, act: str) -> None:
    clients, day = make_clients(2, credits=100), (clock.read_now() + timedelta(days=3)).date()
    counts = []
    # The first of the days off is written down, too.
    for number in (1, 2, 40):
        for place in range(number):
            fill(make_slot(grace, hours=hours_until(day) + place * 0.2, minutes=10), clients)
        cancel = partial(cancel_day, host_id=grace.id, day=day) if act == "day" else partial(deactivate, grace)
        counts.append(count_statements(cancel))
        assert not Booking.objects.filter(status="active").exists()
        User.objects.update(is_active=True)
    assert counts[1] == counts[2]


def hours_until(day: date) -> float:
    """Hours from now until ten in the morning of that day, in the zone of Grace."""
    return (datetime.combine(day, time(8), tzinfo=UTC) - clock.read_now()).total_seconds() / 3600


def deactivate(person: User) -> None:
    people.deactivate_person(user_id=person.id, now=clock.read_now())


@pytest.mark.parametrize("number", [2, 60])
def test_seats_for_many_who_wait_take_the_same_statements(grace: User, number: int) -> None:
    """Many are promoted, and many are passed over and told, when many seats become free."""
    slot, clients = make_slot(grace, capacity=1), make_clients(number + 1)
    fill(slot, clients[:1])
    for client in clients[1:]:
        join_waitlist(client_id=client.id, slot_id=slot.id)
        poor = make_person(f"poor-{client.login}")
        join_waitlist(client_id=poor.id, slot_id=slot.id)
        end_subscriptions(user=poor)
    Slot.objects.filter(id=slot.id).update(capacity=number + 1)
    assert count_statements(lambda: offer_free_seats(slot_id=slot.id)) == 9
    assert Booking.objects.filter(slot=slot, status="active").count() == number + 1


def test_a_clients_leave_takes_the_same_statements(grace: User) -> None:
    """However many bookings are cancelled and however many others get the seats."""
    ada, waiting = make_person("ada", credits=60), make_person("waiting", credits=60)
    counts = []
    for number in (2, 40):
        for place in range(number):
            slot = make_slot(grace, hours=number * 50 + place, minutes=30, capacity=1)
            fill(slot, [ada])
            join_waitlist(client_id=waiting.id, slot_id=slot.id)
        counts.append(count_statements(lambda: deactivate(ada)))
        User.objects.update(is_active=True)
    assert counts[0] == counts[1]
    assert Booking.objects.filter(client=waiting, status="active").count() == 42


def end_subscriptions(**whose: Any) -> None:
    now = clock.read_now()
    past = {"starts_at": now - timedelta(days=9), "ends_at": now - timedelta(days=1)}
    Subscription.objects.filter(**whose).update(**past)


def test_a_cancellation_takes_a_known_number_of_statements(ada: User, slot: Slot) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)
    assert count_statements(lambda: cancel_booking(client_id=ada.id, booking_id=booking["id"])) == 9


class Trace:
    """The files of the product in which a function runs while `view` handles a request."""

    def __init__(self, view: Callable[..., Any]) -> None:
        self.code = view.__code__
        self.files: set[str] = set()
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if frame.f_code is self.code:
            self.depth += {"call": 1, "return": -1}.get(event, 0)
        path = Path(frame.f_code.co_filename)
        if self.depth and event == "call" and path.is_relative_to(ROOT):
            file = path.relative_to(ROOT)
            # The database's driver is nobody's to read on the way.
            is_driver = file.is_relative_to("config/database")
            if file.parts[0] in {"accounts", "bookings", "config", "tokens"} and not is_driver:
                self.files.add(str(file))


def trace(view: Callable[..., Any], call: Callable[[], Any]) -> set[str]:
    found = Trace(view)
    sys.setprofile(found)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found.files


def test_a_booking_and_a_cancellation_pass_few_files(ada: User, grace: User) -> None:
    caller, (warm_up, slot) = Caller(ada), (make_slot(grace, hours=hours) for hours in (60, 72))
    body = {"slot_id": str(slot.id)}
    caller.post("/bookings", {"slot_id": str(warm_up.id)}, status=201)
    booked = trace(BookingsView.post, lambda: caller.post("/bookings", body, status=201))
    assert len(booked) <= 12, "\n".join(sorted(booked))
    (booking,) = caller.get("/bookings", when="upcoming")["results"][1:]
    cancelled = trace(BookingCancelView.post, lambda: caller.post(f"/bookings/{booking['id']}/cancel"))
    assert len(cancelled) <= 15, "\n".join(sorted(cancelled))
