"""What changes while a booking waits for a lock or before it writes: each case of what a stale look would get wrong."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import connection, connections

from accounts.models import User
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock, seats
from bookings.services import operations
from bookings.services.booking import book_slot
from bookings.services.hosting import cancel_slot
from tests.bookings.committed import another_connection, make_clients, together, with_credits
from tests.bookings.people import credits_of, make_person, make_slot
from tests.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
Change = Callable[[psycopg.Connection[Any]], object]
LOCK_SLOT = "SELECT FROM bookings_slot WHERE id = %s FOR UPDATE"
LOCK_SUBSCRIPTION = "SELECT FROM bookings_subscription WHERE user_id = %s FOR UPDATE"


@pytest.fixture
def grace() -> User:
    return make_person("grace", is_host=True)


@pytest.fixture
def ada() -> User:
    return make_person("ada")


@pytest.fixture
def slot(grace: User) -> Slot:
    return make_slot(grace, capacity=1)


def booking(person: User, slot: Slot) -> Any:
    """The row, or the refusal; on a connection of the thread's own."""
    try:
        return book_slot(client_id=person.id, slot_id=slot.id)
    except errors.BookingsError as refusal:
        return refusal
    finally:
        connections.close_all()


def book_meanwhile(person: User, slot: Slot, change: Change, *, lock: str = LOCK_SLOT) -> Any:
    """Book while another transaction holds `lock`, makes `change` and commits; the row, or the refusal."""
    target = slot.id if lock is LOCK_SLOT else person.id
    with another_connection() as other, another_connection() as watcher, ThreadPoolExecutor(1) as threads:
        with other.transaction():
            other.execute(lock, [target])
            result = threads.submit(booking, person, slot)
            wait_until(lambda: is_anybody_waiting(watcher))
            change(other)
        return result.result()


def is_anybody_waiting(watcher: psycopg.Connection[Any]) -> bool:
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(watcher.execute(waiting).rowcount)


def grant_one(other: psycopg.Connection[Any], subscription: Subscription) -> None:
    other.execute("UPDATE bookings_subscription SET credits_remaining = 1 WHERE id = %s", [subscription.id])
    other.execute(
        "INSERT INTO bookings_creditentry (id, subscription_id, amount, reason, balance_after, created_at)"
        " VALUES (uuidv7(), %s, 1, 'grant', 1, now())",
        [subscription.id],
    )


def test_credits_that_arrive_during_the_wait_pay(slot: Slot) -> None:
    (poor,) = make_clients(1, credits=0)
    subscription = Subscription.objects.get(user=poor)
    row = book_meanwhile(poor, slot, lambda other: grant_one(other, subscription), lock=LOCK_SUBSCRIPTION)
    assert (row["subscription_id"], credits_of(poor)) == (subscription.id, 0)


def test_when_the_last_credit_goes_during_the_wait_the_next_subscription_pays(grace: User, ada: User) -> None:
    first, second = make_slot(grace, hours=50), make_slot(grace, hours=60)
    welcome = Subscription.objects.get(user=ada)
    with_credits([ada], plan=welcome.plan, credits=1, now=clock.read_now() - timedelta(days=3))
    sooner = Subscription.objects.exclude(id=welcome.id).get(user=ada)
    row = book_meanwhile(ada, second, lambda _: booking_in_thread(ada, first))
    assert (row["subscription_id"], credits_of(ada)) == (welcome.id, 4)
    assert CreditEntry.objects.filter(subscription=sooner, reason="booking").count() == 1


def booking_in_thread(person: User, slot: Slot) -> Any:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(booking, person, slot).result()


@pytest.mark.parametrize("lock", [LOCK_SLOT, LOCK_SUBSCRIPTION], ids=["slot", "subscription"])
@pytest.mark.parametrize("change", ["is_active = false", "standing = 'suspended'"])
@pytest.mark.parametrize("who", ["ada", "grace"])
def test_who_leaves_during_the_wait_is_in_no_booking(
    ada: User, grace: User, slot: Slot, who: str, change: str, lock: str
) -> None:
    leave = f"UPDATE accounts_user SET {change} WHERE login = %s"
    assert isinstance(book_meanwhile(ada, slot, lambda other: other.execute(leave, [who]), lock=lock), errors.NotFound)
    assert (credits_of(ada), Booking.objects.count()) == (5, 0)
    User.objects.update(is_active=True)  # who leaves through the product takes the slots along


def test_a_place_taken_during_the_wait_is_given_up(ada: User, slot: Slot) -> None:
    join = (
        "INSERT INTO bookings_waitlistentry (id, slot_id, client_id, status, joined_at)"
        " VALUES (uuidv7(), %s, %s, 'waiting', now())"
    )
    row = book_meanwhile(ada, slot, lambda other: other.execute(join, [slot.id, ada.id]))
    assert row["status"] == "active"
    assert WaitlistEntry.objects.get().status == "promoted"


def test_an_overlapping_booking_made_during_the_wait_refuses(ada: User, slot: Slot) -> None:
    at_the_same_time = make_slot(make_person("linus", is_host=True))
    refusal = book_meanwhile(ada, slot, lambda _: booking_in_thread(ada, at_the_same_time))
    assert isinstance(refusal, errors.OverlappingBooking)
    assert credits_of(ada) == 4


@pytest.mark.parametrize(("second", "refusal"), [("bob", errors.SlotFull), ("ada", errors.AlreadyBooked)])
def test_the_last_seat_taken_during_the_wait_is_full_and_booked_to_who_has_it(
    ada: User, slot: Slot, second: str, refusal: type[errors.BookingsError]
) -> None:
    """The first writes only when the second waits for its lock."""

    def write_late(*arguments: Any, **more: Any) -> bool:
        wait_until(lambda: is_anybody_waiting(watcher))
        return write(*arguments, **more)

    write, people = seats.write_booking, [ada, make_person(second)]
    with another_connection() as watcher, mock.patch.object(seats, "write_booking", write_late):
        results = together([partial(booking, person, slot) for person in people])
    assert [type(result) for result in results if isinstance(result, Exception)] == [refusal]


def test_a_slot_that_is_cancelled_during_the_wait_refuses(ada: User, slot: Slot) -> None:
    close = "UPDATE bookings_slot SET status = 'cancelled', cancelled_at = now() WHERE id = %s"
    refusal = book_meanwhile(ada, slot, lambda other: other.execute(close, [slot.id]))
    assert isinstance(refusal, errors.SlotCancelled)


def test_latecomers_to_a_full_slot_wait_for_no_lock(ada: User, slot: Slot) -> None:
    booking_in_thread(make_person("first"), slot)
    with another_connection() as other, other.transaction():
        other.execute(LOCK_SLOT, [slot.id])
        with mock.patch.object(operations, "LOCK_TIMEOUT_MS", 1), pytest.raises(errors.SlotFull):
            book_slot(client_id=ada.id, slot_id=slot.id)


def test_a_start_that_passes_during_the_attempts_refuses_nobody(ada: User, slot: Slot) -> None:
    """The first attempt's `now` holds for all of them."""

    def let_it_start(_: float) -> None:
        with another_connection() as other:
            other.execute(
                "UPDATE bookings_slot SET starts_at = statement_timestamp(), bookings_close_at = statement_timestamp()"
                " WHERE id = %s",
                [slot.id],
            )

    outcomes, write = [False, True], seats.write_booking
    fail_once = mock.patch.object(
        seats, "write_booking", lambda *arguments, **more: outcomes.pop(0) and write(*arguments, **more)
    )
    with fail_once, mock.patch("bookings.services.operations.time.sleep", let_it_start):
        assert book_slot(client_id=ada.id, slot_id=slot.id)["status"] == "active"


def test_two_subscriptions_of_one_credit_pay_for_two_slots_at_once(grace: User) -> None:
    for number, person in enumerate(make_clients(6, credits=1)):
        first = Subscription.objects.get(user=person)
        with_credits([person], plan=first.plan, credits=1, now=clock.read_now())
        slots = [make_slot(grace, hours=50 + 4 * number + 2 * n) for n in range(2)]
        results = together([partial(booking, person, slot) for slot in slots])
        assert not [result for result in results if isinstance(result, Exception)]
        assert credits_of(person) == 0


def test_a_refusal_is_of_one_instant(ada: User, grace: User, slot: Slot) -> None:
    """A slot that is cancelled after the look is not called full to who had its seat."""

    def look_and_cancel(**given: Any) -> seats.Look:
        seen = look(**given)
        with ThreadPoolExecutor(1) as threads:
            threads.submit(cancel).result()
        return seen

    def cancel() -> None:
        cancel_slot(host_id=grace.id, slot_id=slot.id)
        connection.close()

    look = seats.look_at_slot
    book_slot(client_id=ada.id, slot_id=slot.id)
    with mock.patch.object(seats, "look_at_slot", look_and_cancel), pytest.raises(errors.AlreadyBooked):
        book_slot(client_id=ada.id, slot_id=slot.id)
    with pytest.raises(errors.SlotCancelled):
        book_slot(client_id=ada.id, slot_id=slot.id)
