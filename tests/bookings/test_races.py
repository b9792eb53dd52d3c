"""What happens at the same instant, on real connections. After each race every rule of the audit holds."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription
from bookings.repositories import clock
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_booking, cancel_day, cancel_slot
from bookings.services.rescheduling import reschedule_booking
from bookings.services.slots import create_slot
from bookings.services.waitlist import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.committed import count_deadlocks, make_crowd, together
from tests.bookings.people import credits_of, make_person, make_slot

pytestmark = pytest.mark.usefixtures("transactional_db")
ROUNDS = 6


def outcomes(results: list[Any]) -> Counter[str]:
    """`done`, or the code of the refusal; anything that is not a refusal fails the test."""
    return Counter(_code(result) for result in results)


def _code(result: Any) -> str:
    if isinstance(result, errors.BookingsError):
        return result.code
    if isinstance(result, Exception):
        raise result
    return "done"


@pytest.fixture
def grace() -> User:
    return make_person("grace", is_host=True)


@pytest.fixture
def ada() -> User:
    return make_person("ada")


def booking_of(person: User, slot: Slot) -> Callable[[], Any]:
    return partial(book_slot, client_id=person.id, slot_id=slot.id)


def cancelling(booking: Booking | dict[str, Any], client: User) -> Callable[[], Any]:
    booking_id = booking["id"] if isinstance(booking, dict) else booking.id
    return partial(cancel_booking, client_id=client.id, booking_id=booking_id)


def test_two_hundred_clients_want_fifty_seats(grace: User) -> None:
    """Through the API's door: exactly fifty bookings, 150 refusals, no server error, and a ledger that adds up."""
    crowd = make_crowd(200)
    slot = make_slot(grace, capacity=50)
    with transaction.atomic():
        callers = [Caller(person) for person in crowd]
    body = {"slot_id": str(slot.id)}
    wants = [partial(caller.client.post, "/api/v1/bookings", body, "application/json") for caller in callers]
    answers = together(wants, threads=32)
    assert Counter(answer.status_code for answer in answers) == {201: 50, 409: 150}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_full"}
    slot.refresh_from_db()
    assert (slot.seats_taken, Booking.objects.filter(slot=slot, status="active").count()) == (50, 50)
    assert CreditEntry.objects.filter(reason="booking").aggregate(sum=Sum("amount"))["sum"] == -50
    left = Subscription.objects.filter(user__in=crowd).aggregate(sum=Sum("credits_remaining"))["sum"]
    assert left == 200 * 5 - 50


def test_cancelling_twice_at_once_refunds_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        booking = book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=50 + 2 * number).id)
        results = outcomes(together([cancelling(booking, ada)] * 4))
        assert results == {"done": 1, "booking_not_active": 3}
        assert credits_of(ada) == 5


def test_cancelling_against_moving(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        target = make_slot(grace, hours=200 + 2 * number)
        booking = book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=50 + 2 * number).id)

        move = partial(reschedule_booking, client_id=ada.id, booking_id=booking["id"], slot_id=target.id)
        results = together([cancelling(booking, ada), move])
        assert not isinstance(results[0], Exception), "whether moved or not, it is cancelled in time"
        assert outcomes(results[1:]) <= Counter({"done": 1, "booking_not_active": 1})
        assert credits_of(ada) == 5
        target.refresh_from_db()
        assert target.seats_taken == 0


def test_a_hosts_cancellation_against_bookings(grace: User) -> None:
    crowd = make_crowd(8)
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number, capacity=5)
        calls = [booking_of(person, slot) for person in crowd]
        calls.insert(4, partial(cancel_slot, host_id=grace.id, slot_id=slot.id))
        results = outcomes(together(calls))
        assert set(results) <= {"done", "slot_cancelled", "slot_full"}
        slot.refresh_from_db()
        assert (slot.status, slot.seats_taken) == ("cancelled", 0)
    assert {credits_of(person) for person in crowd} == {5}


def test_a_promotion_against_bookings_by_the_same_and_by_others(grace: User) -> None:
    """The one who waits spends the last credit elsewhere at the same time; strangers want the freed seat."""
    for number in range(ROUNDS):
        holder, waiting = make_person(f"holder{number}"), make_person(f"waiting{number}")
        with_one_credit(waiting, grace, 300 + 20 * number)
        slot = make_slot(grace, hours=50 + 4 * number, capacity=1)
        elsewhere = make_slot(grace, hours=52 + 4 * number)
        booking = book_slot(client_id=holder.id, slot_id=slot.id)
        join_waitlist(client_id=waiting.id, slot_id=slot.id)
        strangers = [booking_of(make_person(f"stranger{number}{n}"), slot) for n in range(2)]
        results = together([cancelling(booking, holder), booking_of(waiting, elsewhere), *strangers])
        assert set(outcomes(results)) <= {"done", "insufficient_credits", "slot_full"}
        assert credits_of(waiting) == 0
        assert Booking.objects.filter(client=waiting, slot__in=[slot, elsewhere], status="active").count() == 1
        slot.refresh_from_db()
        assert slot.seats_taken <= 1


def with_one_credit(person: User, host: User, hours: float) -> None:
    for number in range(4):
        book_slot(client_id=person.id, slot_id=make_slot(host, hours=hours + 2 * number).id)


def test_a_hosts_day_against_everything(grace: User) -> None:
    User.objects.filter(id=grace.id).update(time_zone="UTC")
    crowd = make_crowd(6)
    midnight = (clock.read_now() + timedelta(days=4)).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(ROUNDS):
        first = midnight + timedelta(days=number)
        made = [make_at(grace, first + timedelta(hours=2 * n), capacity=2) for n in range(1, 4)]
        booked = [book_slot(client_id=person.id, slot_id=made[0].id) for person in crowd[:2]]
        join_waitlist(client_id=crowd[2].id, slot_id=made[0].id)
        calls = [cancelling(booked[0], crowd[0])]
        calls += [partial(cancel_day, host_id=grace.id, day=first.date())]
        calls += [partial(reschedule_booking, client_id=crowd[1].id, booking_id=booked[1]["id"], slot_id=made[1].id)]
        calls += [booking_of(person, slot) for person, slot in zip(crowd[3:], made, strict=True)]
        results = outcomes(together(calls))
        assert set(results) <= {"done", "slot_cancelled", "booking_not_active", "slot_full"}
        assert not Slot.objects.filter(id__in=[slot.id for slot in made], status="open").exists()
    assert {credits_of(person) for person in crowd} == {5}


def make_at(host: User, starts_at: datetime, *, capacity: int) -> Slot:
    row = create_slot(
        host_id=host.id, title="x", starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), capacity=capacity
    )
    return Slot.objects.get(id=row["id"])


def test_slots_of_one_host_made_at_once_never_overlap(grace: User) -> None:
    deadlocks = count_deadlocks()
    start = clock.read_now() + timedelta(days=3)
    for number in range(ROUNDS):
        base = start + timedelta(hours=10 * number)
        calls = [partial(make_at, grace, base + timedelta(minutes=10 * n), capacity=1) for n in range(8)]
        results = outcomes(together(calls))
        assert set(results) == {"done", "slot_overlaps"}
        assert 1 <= results["done"] <= 2
    assert count_deadlocks() == deadlocks


def test_the_last_credit_is_spent_once(grace: User) -> None:
    for number in range(ROUNDS):
        person = make_person(f"poor{number}")
        with_one_credit(person, grace, 300 + 20 * number)
        slots = [make_slot(grace, hours=50 + 6 * number + 2 * n) for n in range(3)]
        results = outcomes(together([booking_of(person, slot) for slot in slots]))
        assert results == {"done": 1, "insufficient_credits": 2}
        assert credits_of(person) == 0


def test_sessions_that_overlap_are_booked_once(ada: User, grace: User) -> None:
    linus = make_person("linus", is_host=True)
    for number in range(3):
        slots = [make_slot(host, hours=50 + 4 * number + 0.5 * n) for n, host in enumerate((grace, linus))]
        results = outcomes(together([booking_of(ada, slot) for slot in slots]))
        assert results == {"done": 1, "overlapping_booking": 1}


def test_one_key_sent_many_times_at_once_books_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number, capacity=1 + number % 2)
        call = partial(book_slot, client_id=ada.id, slot_id=slot.id, idempotency_key=f"key-{number}")
        results = together([call] * 5)
        assert outcomes(results) == {"done": 5}
        assert len({row["id"] for row in results}) == 1
        cancel_booking(client_id=ada.id, booking_id=results[0]["id"])


def test_one_key_for_two_slots_at_once_books_one(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slots = [make_slot(grace, hours=50 + 4 * number + 2 * n) for n in range(2)]
        calls = [
            partial(book_slot, client_id=ada.id, slot_id=slot.id, idempotency_key=f"key-{number}") for slot in slots
        ]
        results = together(calls)
        assert outcomes(results) == {"done": 1, "idempotency_conflict": 1}
        cancel_booking(client_id=ada.id, booking_id=next(r["id"] for r in results if isinstance(r, dict)))


def test_nobody_holds_a_seat_after_leaving(grace: User) -> None:
    for number in range(ROUNDS):
        person = make_person(f"leaver{number}")
        slots = [make_slot(grace, hours=50 + 6 * number + 2 * n) for n in range(3)]
        leave = partial(people.deactivate_person, user_id=person.id, now=clock.read_now())
        results = outcomes(together([leave, *(booking_of(person, slot) for slot in slots)]))
        assert set(results) <= {"done", "not_found"}
        assert not Booking.objects.filter(client=person, status="active").exists()
        assert credits_of(person) == 5


def test_a_host_who_leaves_has_no_open_slot_after(ada: User) -> None:
    for number in range(ROUNDS):
        host = make_person(f"host{number}", is_host=True)
        slot = make_slot(host, hours=50 + 4 * number)
        leave = partial(people.deactivate_person, user_id=host.id, now=clock.read_now())
        make = partial(make_slot, host, hours=52 + 4 * number)
        results = outcomes(together([leave, booking_of(ada, slot), make]))
        assert set(results) <= {"done", "slot_cancelled", "not_found", "not_a_host"}
        assert not Slot.objects.filter(host=host, status="open").exists()
    assert credits_of(ada) == 5
