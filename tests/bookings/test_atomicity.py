"""Every operation, failed at its first, second, … last statement and at its commit: wholly before or wholly after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from accounts.services import people
from bookings.models import Plan, Subscription
from bookings.repositories import clock
from bookings.services import availability, bookings, cancellations, rescheduling, slots, subscriptions, waitlist
from bookings.services.audit import find_breaches
from tests.bookings.committed import another_connection
from tests.bookings.people import make_person, make_slot, shift_start, state

Operation = Callable[[], object]
pytestmark = pytest.mark.usefixtures("transactional_db")


def full_slot(host: User) -> tuple[UUID, UUID, User]:
    """A slot with one seat, the booking that takes it, and somebody who waits."""
    slot = make_slot(host, hours=60, capacity=1)
    holder, waiting = make_person("holder"), make_person("waiting")
    booking = bookings.book_slot(client_id=holder.id, slot_id=slot.id)
    waitlist.join_waitlist(client_id=waiting.id, slot_id=slot.id)
    return slot.id, booking["id"], holder


def book(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    return lambda: bookings.book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="key")


def cancel_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    return lambda: cancellations.cancel_booking(client_id=holder.id, booking_id=booking_id)


def cancel_as_staff(ada: User, grace: User) -> Operation:
    booking = bookings.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)
    return lambda: cancellations.cancel_booking_as_staff(booking_id=booking["id"], actor_id=grace.id)


def cancel_slot(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: cancellations.cancel_slot(host_id=grace.id, slot_id=slot_id)


def cancel_day(ada: User, grace: User) -> Operation:
    made = [make_slot(grace, hours=hours, minutes=30) for hours in (72, 72.6, 73.2)]
    for slot in made:
        bookings.book_slot(client_id=ada.id, slot_id=slot.id)
    day = made[1].starts_at.date()
    return lambda: cancellations.cancel_day(host_id=grace.id, day=day)


def reschedule_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    target = make_slot(grace, hours=90)
    return lambda: rescheduling.reschedule_booking(client_id=holder.id, booking_id=booking_id, slot_id=target.id)


def join(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: waitlist.join_waitlist(client_id=ada.id, slot_id=slot_id)


def leave(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    waitlist.join_waitlist(client_id=ada.id, slot_id=slot_id)
    return lambda: waitlist.leave_waitlist(client_id=ada.id, slot_id=slot_id)


def grant(ada: User, grace: User) -> Operation:
    return lambda: subscriptions.grant_credits(user_id=ada.id, credits=3)


def grant_plan(ada: User, grace: User) -> Operation:
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    return lambda: subscriptions.grant_plan(user_id=ada.id, plan_name="Monthly")


def _ended(ada: User) -> UUID:
    now = clock.read_now()
    Subscription.objects.filter(user=ada).update(starts_at=now - timedelta(9), ends_at=now - timedelta(1))
    return Subscription.objects.get(user=ada).id


def renew(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: subscriptions.renew_subscription(subscription_id=subscription_id)


def expire(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: subscriptions.expire_subscription(subscription_id=subscription_id)


def no_show(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    booking = bookings.book_slot(client_id=ada.id, slot_id=slot.id)
    shift_start(slot, hours=-0.1)
    return lambda: bookings.mark_no_show(host_id=grace.id, booking_id=booking["id"])


def create_slot(ada: User, grace: User) -> Operation:
    start = clock.read_now() + timedelta(days=3)
    end = start + timedelta(hours=1)
    return lambda: slots.create_slot(host_id=grace.id, title="New", starts_at=start, ends_at=end, capacity=2)


def add_rule(ada: User, grace: User) -> Operation:
    date = (clock.read_now() + timedelta(days=5)).date()
    values = {"kind": "extra", "date": date, "start_time": time(9), "end_time": time(12), "title": "Extra"}
    return lambda: availability.add_rule(host_id=grace.id, values=values)


def sign_up(ada: User, grace: User) -> Operation:
    return lambda: make_person("newcomer")


def client_leaves(ada: User, grace: User) -> Operation:
    _, _, holder = full_slot(grace)
    bookings.book_slot(client_id=holder.id, slot_id=make_slot(grace, hours=5).id)
    return lambda: people.deactivate_person(user_id=holder.id, now=clock.read_now())


def host_leaves(ada: User, grace: User) -> Operation:
    full_slot(grace)
    bookings.book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=80).id)
    return lambda: people.deactivate_person(user_id=grace.id, now=clock.read_now())


OPERATIONS = [
    book, cancel_and_promote, cancel_as_staff, cancel_slot, cancel_day, reschedule_and_promote, join, leave, grant,
    grant_plan, renew, expire, no_show, create_slot, add_rule, sign_up, client_leaves, host_leaves,
]  # fmt: skip


class Planted(OperationalError):
    """A failure that no retry rule knows."""


def fail() -> None:
    raise Planted


def kill() -> None:
    """End this connection's backend from outside; the statement that follows finds nobody there."""
    pid = connection.connection.info.backend_pid
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


class Tripwire:
    """Counts the statements of an operation and does `harm` before number `at`."""

    def __init__(self, at: int = 0, harm: Callable[[], None] = fail) -> None:
        self.at, self.harm, self.seen = at, harm, 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += 1
        if self.seen == self.at:
            self.harm()
        return execute(sql, params, many, context)


@contextmanager
def harmed_commit(harm: Callable[[], None], *, after: bool) -> Iterator[None]:
    """Do `harm` just before the commit is sent, or just after it has been done and before anybody hears of it."""
    commit = connection.commit

    def harmed() -> None:
        if after:
            commit()
        harm()
        if not after:
            commit()

    connection.commit = harmed  # type: ignore[method-assign]  # the one way to stand between the last statement and the commit
    try:
        yield
    finally:
        connection.commit = commit  # type: ignore[method-assign]  # put back what was there


def attempt(operation: Operation) -> bool:
    """Whether it ran through; a harmed connection is replaced."""
    try:
        operation()
    except OperationalError:
        connection.close()
        return False
    return True


@pytest.fixture
def ada() -> User:
    return make_person("ada")


@pytest.fixture
def grace() -> User:
    return make_person("grace", is_host=True)


@pytest.mark.parametrize("prepare", OPERATIONS, ids=lambda prepare: prepare.__name__)
def test_an_operation_is_done_wholly_or_not_at_all(prepare: Any, ada: User, grace: User) -> None:
    operation = prepare(ada, grace)
    before = state()
    counter = Tripwire()
    with connection.execute_wrapper(counter), harmed_commit(kill, after=False):
        assert not attempt(operation)
    assert state() == before, "killed at the commit"
    assert counter.seen >= 4
    for number in range(1, counter.seen + 1):
        for harm in (fail, kill):
            with connection.execute_wrapper(Tripwire(number, harm)):
                assert not attempt(operation)
            assert state() == before, f"{harm.__name__} at statement {number} of {counter.seen}"
    with harmed_commit(fail, after=True):
        assert not attempt(operation)
    assert state() != before, "committed, and the answer was lost"
    assert find_breaches() == {}
