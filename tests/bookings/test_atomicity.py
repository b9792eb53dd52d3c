"""Every operation, failed at its first, second, … last statement and at its commit: wholly before or wholly after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from accounts.services import people
from bookings.models import AvailabilityRule, Plan, Slot, Subscription, UnfinishedUpgrade
from bookings.repositories import clock
from bookings.services import (
    adjusting,
    availability,
    booking,
    booking_in,
    cancelling,
    credits,
    editing,
    front_desk,
    giving_back,
    hosting,
    moving,
    offerings,
    renewing,
    upgrading,
    waiting,
)
from bookings.services.audit import find_breaches
from tests.bookings.committed import another_connection
from tests.bookings.people import make_person, make_slot, make_weekly, series_of, shift_start, state

Operation = Callable[[], object]
pytestmark = pytest.mark.usefixtures("transactional_db")


def full_slot(host: User) -> tuple[UUID, UUID, User]:
    """A slot with one seat, the booking that takes it, and somebody who waits."""
    slot = make_slot(host, hours=60, capacity=1)
    holder, next_one = make_person("holder"), make_person("waiting")
    booked = booking.book_slot(client_id=holder.id, slot_id=slot.id)
    waiting.join_waitlist(client_id=next_one.id, slot_id=slot.id)
    return slot.id, booked["id"], holder


def book(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="key")


def book_every_week(ada: User, grace: User) -> Operation:
    slots = make_weekly(grace, weeks=3, price_credits=1)
    return series_of(ada, slots[0], until=slots[-1].rule_date or date.max, key="key")


def cancel_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    return lambda: cancelling.cancel_booking(client_id=holder.id, booking_id=booking_id)


def cancel_as_staff(ada: User, grace: User) -> Operation:
    booked = booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)
    return lambda: front_desk.cancel_booking_as_staff(booking_id=booked["id"], actor_id=grace.id)


def cancel_by_the_rule_as_staff(ada: User, grace: User) -> Operation:
    """The seat goes to whoever waits."""
    _, booking_id, _ = full_slot(grace)
    return lambda: front_desk.cancel_booking_as_staff(booking_id=booking_id, refund="rule", message="Sorry")


def book_as_staff(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    return lambda: front_desk.book_as_staff(person="ada", slot_id=slot.id, actor_id=grace.id)


def move_as_staff(ada: User, grace: User) -> Operation:
    _, booking_id, _ = full_slot(grace)
    target = priced(make_slot(grace, hours=90), 3)
    return lambda: front_desk.move_booking_as_staff(booking_id=booking_id, slot_id=target.id)


def cancel_slot_as_staff(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: front_desk.cancel_slot_as_staff(slot_id=slot_id, message="Sorry")


def cancel_slot(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: hosting.cancel_slot(host_id=grace.id, slot_id=slot_id)


def cancel_day(ada: User, grace: User) -> Operation:
    made = [make_slot(grace, hours=hours, minutes=30) for hours in (72, 72.6, 73.2)]
    for slot in made:
        booking.book_slot(client_id=ada.id, slot_id=slot.id)
    day = made[1].starts_at.date()
    return lambda: hosting.cancel_day(host_id=grace.id, day=day)


def reschedule_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    target = make_slot(grace, hours=90)
    return lambda: moving.reschedule_booking(client_id=holder.id, booking_id=booking_id, slot_id=target.id)


def join(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)


def leave(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)
    return lambda: waiting.leave_waitlist(client_id=ada.id, slot_id=slot_id)


def grant(ada: User, grace: User) -> Operation:
    return lambda: credits.grant_credits(user_id=ada.id, credits=3)


def grant_plan(ada: User, grace: User) -> Operation:
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    return lambda: credits.grant_plan(user_id=ada.id, plan_name="Monthly")


def _ended(ada: User) -> UUID:
    now = clock.read_now()
    Subscription.objects.filter(user=ada).update(starts_at=now - timedelta(9), ends_at=now - timedelta(1))
    return Subscription.objects.get(user=ada).id


def renew(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: renewing.renew_subscription(subscription_id=subscription_id)


def expire(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: renewing.expire_subscription(subscription_id=subscription_id)


def missed(ada: User, grace: User) -> UUID:
    """Ada's booking of a session that has begun."""
    slot = make_slot(grace)
    booked = booking.book_slot(client_id=ada.id, slot_id=slot.id)
    shift_start(slot, hours=-0.1)
    return booked["id"]


def no_show(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    return lambda: hosting.mark_no_show(host_id=grace.id, booking_id=booking_id)


def no_show_undone(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    hosting.mark_no_show(host_id=grace.id, booking_id=booking_id)
    return lambda: hosting.undo_no_show(host_id=grace.id, booking_id=booking_id)


def give_back_to_a_new_subscription(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    Subscription.objects.filter(id=_ended(ada)).update(expired_at=clock.read_now())
    return lambda: giving_back.give_back(
        booking_id=booking_id, host_id=grace.id, actor_id=grace.id, credits=1, note="Sorry", idempotency_key="key"
    )


def give_back_as_staff(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    return lambda: front_desk.give_back_as_staff(booking_id=booking_id, credits=1, note="Sorry")


def book_and_renew(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    _ended(ada)
    Subscription.objects.filter(user=ada).update(renews=True)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id)


def adjust(ada: User, grace: User) -> Operation:
    return lambda: adjusting.adjust_credits(subscription_id=welcome_of(ada), amount=-2, note="A mistake")


def stop(ada: User, grace: User) -> Operation:
    Subscription.objects.filter(user=ada).update(renews=True)
    return lambda: adjusting.set_renewing(subscription_id=welcome_of(ada), renews=False)


def end(ada: User, grace: User) -> Operation:
    return lambda: adjusting.end_subscription(subscription_id=welcome_of(ada))


def extend(ada: User, grace: User) -> Operation:
    return lambda: adjusting.extend_subscription(subscription_id=welcome_of(ada), days=3)


def offer_seats(ada: User, grace: User) -> Operation:
    """One who waits is booked, one is passed over and told."""
    slot_id, _, _ = full_slot(grace)
    waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)
    now = clock.read_now()
    poor = Subscription.objects.filter(user=make_person("waiting"))
    poor.update(starts_at=now - timedelta(9), ends_at=now - timedelta(1), expired_at=now)
    Slot.objects.filter(id=slot_id).update(capacity=3)
    return lambda: waiting.offer_free_seats(slot_id=slot_id)


def welcome_of(person: User) -> UUID:
    return Subscription.objects.get(user=person).id


def edit(ada: User, grace: User) -> Operation:
    """More seats: one who waits is booked, and everybody is told."""
    slot_id, _, _ = full_slot(grace)
    waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)
    values = {"title": "New", "place": "Room 2", "capacity": 2}
    return lambda: editing.edit_slot(host_id=grace.id, slot_id=slot_id, values=values, message="Sorry")


def edit_the_time(ada: User, grace: User) -> Operation:
    """One is cancelled, one is taken along, one who waits is told."""
    slot, elsewhere = make_slot(grace, capacity=2), make_slot(make_person("linus", is_host=True), hours=75)
    for person in (ada, make_person("holder")):
        booking.book_slot(client_id=person.id, slot_id=slot.id)
    booking.book_slot(client_id=ada.id, slot_id=elsewhere.id)
    waiting.join_waitlist(client_id=make_person("waiting").id, slot_id=slot.id)
    values = {"starts_at": elsewhere.starts_at, "ends_at": elsewhere.ends_at}
    return lambda: editing.edit_slot(host_id=grace.id, slot_id=slot.id, values=values)


def book_in(ada: User, grace: User) -> Operation:
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=90).id)
    slot = make_slot(grace)
    return lambda: booking_in.book_person_in(host_id=grace.id, slot_id=slot.id, person="ada", charge=True)


def remove_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, _ = full_slot(grace)
    return lambda: cancelling.remove_client(host_id=grace.id, booking_id=booking_id, message="Sorry")


def reopen(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    hosting.cancel_slot(host_id=grace.id, slot_id=slot.id)
    return lambda: editing.reopen_slot(host_id=grace.id, slot_id=slot.id)


def offer(ada: User, grace: User) -> Operation:
    values = {"title": "Yoga", "minutes": 60, "capacity": 2, "price_credits": 3}
    return lambda: offerings.add_offering(host_id=grace.id, values=values)


def offered_slots(host: User) -> UUID:
    """An offering with a full slot for which somebody waits, an empty one, and weekly hours."""
    row = offerings.add_offering(host_id=host.id, values={"title": "Yoga", "minutes": 60, "capacity": 1})
    slot_id, _, _ = full_slot(host)
    Slot.objects.filter(id__in=[slot_id, make_slot(host, hours=70).id]).update(offering_id=row["id"], title="Yoga")
    Slot.objects.filter(offering_id=row["id"]).update(capacity=1)
    day = (clock.read_now() + timedelta(days=5)).date()
    hours = {"kind": "extra", "date": day, "start_time": time(9), "end_time": time(12), "offering_id": row["id"]}
    availability.add_rule(host_id=host.id, values=hours)
    return row["id"]


def change_offering(ada: User, grace: User) -> Operation:
    """Slots and hours follow, people are told, new seats are offered, and another length makes other slots."""
    offering_id = offered_slots(grace)
    values = {"title": "Yin", "place": "Room 2", "capacity": 2, "price_credits": 2, "minutes": 30}
    return lambda: offerings.change_offering(host_id=grace.id, offering_id=offering_id, values=values)


def archive_offering(ada: User, grace: User) -> Operation:
    row = offerings.add_offering(host_id=grace.id, values={"title": "Yoga", "minutes": 60, "capacity": 1})
    return lambda: offerings.archive_offering(host_id=grace.id, offering_id=row["id"])


def finish_upgrade(ada: User, grace: User) -> Operation:
    offered_slots(grace)
    AvailabilityRule.objects.update(offering=None)
    UnfinishedUpgrade.objects.create(name="offerings")
    return upgrading.finish_upgrade


def priced(slot: Slot, price: int) -> Slot:
    Slot.objects.filter(id=slot.id).update(price_credits=price)
    return slot


def book_for_nothing(ada: User, grace: User) -> Operation:
    slot = priced(make_slot(grace), 0)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id)


def move_to_another_price(ada: User, grace: User) -> Operation:
    booked = booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)["id"]
    dear = priced(make_slot(grace, hours=80), 4)
    return lambda: moving.reschedule_booking(client_id=ada.id, booking_id=booked, slot_id=dear.id)


def create_slot(ada: User, grace: User) -> Operation:
    start = clock.read_now() + timedelta(days=3)
    end = start + timedelta(hours=1)
    return lambda: hosting.create_slot(host_id=grace.id, title="New", starts_at=start, ends_at=end, capacity=2)


def add_rule(ada: User, grace: User) -> Operation:
    date = (clock.read_now() + timedelta(days=5)).date()
    values = {"kind": "extra", "date": date, "start_time": time(9), "end_time": time(12), "title": "Extra"}
    return lambda: availability.add_rule(host_id=grace.id, values=values)


def sign_up(ada: User, grace: User) -> Operation:
    return lambda: make_person("newcomer")


def client_leaves(ada: User, grace: User) -> Operation:
    _, _, holder = full_slot(grace)
    booking.book_slot(client_id=holder.id, slot_id=make_slot(grace, hours=5).id)
    return lambda: people.deactivate_person(user_id=holder.id, now=clock.read_now())


def host_leaves(ada: User, grace: User) -> Operation:
    full_slot(grace)
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=80).id)
    return lambda: people.deactivate_person(user_id=grace.id, now=clock.read_now())


OPERATIONS = [
    book, book_every_week, cancel_and_promote, cancel_as_staff, cancel_slot, cancel_day, reschedule_and_promote, join,
    leave, grant,
    grant_plan, renew, expire, no_show, create_slot, add_rule, sign_up, client_leaves, host_leaves,
    no_show_undone, give_back_to_a_new_subscription, book_and_renew, adjust, stop, end, extend, offer_seats,
    edit, edit_the_time, reopen, book_in, remove_and_promote, offer, change_offering, archive_offering,
    finish_upgrade, book_for_nothing, move_to_another_price,
    cancel_by_the_rule_as_staff, book_as_staff, move_as_staff, cancel_slot_as_staff, give_back_as_staff,
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
    assert counter.seen >= 2
    for number in range(1, counter.seen + 1):
        for harm in (fail, kill):
            with connection.execute_wrapper(Tripwire(number, harm)):
                assert not attempt(operation)
            assert state() == before, f"{harm.__name__} at statement {number} of {counter.seen}"
    with harmed_commit(fail, after=True):
        assert not attempt(operation)
    assert state() != before, "committed, and the answer was lost"
    assert find_breaches() == {}
