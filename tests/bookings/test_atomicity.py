"""Every operation, failed at its first, second, … last statement and at its commit: wholly before or wholly after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from accounts.models import User
from accounts.services import erasure, people
from bookings import services
from bookings.models import AvailabilityRule, Booking, Host, Plan, Slot, Subscription, UnfinishedUpgrade
from bookings.policies.weekly_hours import Hours
from bookings.repositories import clock
from bookings.services import (
    adjusting,
    availability,
    booking,
    booking_in,
    calendar_feed,
    cancelling,
    credits,
    demo,
    editing,
    expansion,
    front_desk,
    giving_back,
    host_news,
    hosting,
    leaving,
    moving,
    notices,
    offerings,
    operations,
    purging,
    renewing,
    series,
    staff,
    upgrading,
    waiting,
    weekly_hours,
)
from bookings.services.audit import find_breaches
from tests.bookings.committed import another_connection
from tests.bookings.people import HOUR, make_person, make_slot, make_weekly, pass_time, series_of, shift_start, state
from tests.tokens.in_process import sign_in
from tokens.models import Session
from tokens.policies.clients import CLI
from tokens.services.callers import Credential

Operation = Callable[[], object]
Preparation = Callable[[User, User], Operation]
OPERATIONS: list[Preparation] = []
COVERED: set[Any] = set()
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]


def of(*covered: Any) -> Callable[[Preparation], Preparation]:
    """What a function prepares: the operations of the product that are failed with it."""

    def note(prepare: Preparation) -> Preparation:
        OPERATIONS.append(prepare)
        COVERED.update(covered)
        return prepare

    return note


def full_slot(host: User) -> tuple[UUID, UUID, User]:
    """A slot with one seat, the booking that takes it, and somebody who waits."""
    slot = make_slot(host, hours=60, capacity=1)
    holder, next_one = make_person("holder"), make_person("waiting")
    booked = booking.book_slot(client_id=holder.id, slot_id=slot.id)
    waiting.join_waitlist(client_id=next_one.id, slot_id=slot.id)
    return slot.id, booked["id"], holder


@of(booking.book_slot)
def book(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="key")


@of(series.book_series)
def book_every_week(ada: User, grace: User) -> Operation:
    slots = make_weekly(grace, weeks=3, price_credits=1)
    return series_of(ada, slots[0], until=slots[-1].rule_date or date.max, key="key")


@of(cancelling.cancel_booking)
def cancel_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    return lambda: cancelling.cancel_booking(client_id=holder.id, booking_id=booking_id)


@of(front_desk.cancel_booking_as_staff)
def cancel_as_staff(ada: User, grace: User) -> Operation:
    booked = booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)
    return lambda: front_desk.cancel_booking_as_staff(booking_id=booked["id"], actor_id=grace.id)


@of(front_desk.cancel_booking_as_staff)
def cancel_by_the_rule_as_staff(ada: User, grace: User) -> Operation:
    """The seat goes to whoever waits."""
    _, booking_id, _ = full_slot(grace)
    return lambda: front_desk.cancel_booking_as_staff(booking_id=booking_id, refund="rule", message="Sorry")


@of(front_desk.book_as_staff)
def book_as_staff(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    return lambda: front_desk.book_as_staff(person="ada", slot_id=slot.id, actor_id=grace.id)


@of(front_desk.move_booking_as_staff)
def move_as_staff(ada: User, grace: User) -> Operation:
    _, booking_id, _ = full_slot(grace)
    target = priced(make_slot(grace, hours=90), 3)
    return lambda: front_desk.move_booking_as_staff(booking_id=booking_id, slot_id=target.id)


@of(front_desk.cancel_slot_as_staff)
def cancel_slot_as_staff(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: front_desk.cancel_slot_as_staff(slot_id=slot_id, message="Sorry")


@of(hosting.cancel_slot)
def cancel_slot(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: hosting.cancel_slot(host_id=grace.id, slot_id=slot_id)


@of(hosting.cancel_day)
def cancel_day(ada: User, grace: User) -> Operation:
    made = [make_slot(grace, hours=hours, minutes=30) for hours in (72, 72.6, 73.2)]
    for slot in made:
        booking.book_slot(client_id=ada.id, slot_id=slot.id)
    day = made[1].starts_at.date()
    return lambda: hosting.cancel_day(host_id=grace.id, day=day)


@of(moving.reschedule_booking)
def reschedule_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, holder = full_slot(grace)
    target = make_slot(grace, hours=90)
    return lambda: moving.reschedule_booking(client_id=holder.id, booking_id=booking_id, slot_id=target.id)


@of(waiting.join_waitlist)
def join(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    return lambda: waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)


@of(waiting.leave_waitlist)
def leave(ada: User, grace: User) -> Operation:
    slot_id, _, _ = full_slot(grace)
    waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)
    return lambda: waiting.leave_waitlist(client_id=ada.id, slot_id=slot_id)


@of(credits.grant_credits)
def grant(ada: User, grace: User) -> Operation:
    return lambda: credits.grant_credits(user_id=ada.id, credits=3)


@of(credits.grant_plan)
def grant_plan(ada: User, grace: User) -> Operation:
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    return lambda: credits.grant_plan(user_id=ada.id, plan_name="Monthly")


def _ended(ada: User) -> UUID:
    now = clock.read_now()
    Subscription.objects.filter(user=ada).update(starts_at=now - timedelta(9), ends_at=now - timedelta(1))
    return Subscription.objects.get(user=ada).id


@of(renewing.renew_subscription)
def renew(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: renewing.renew_subscription(subscription_id=subscription_id)


@of(renewing.expire_subscription)
def expire(ada: User, grace: User) -> Operation:
    subscription_id = _ended(ada)
    return lambda: renewing.expire_subscription(subscription_id=subscription_id)


def missed(ada: User, grace: User) -> UUID:
    """Ada's booking of a session that has begun."""
    slot = make_slot(grace)
    booked = booking.book_slot(client_id=ada.id, slot_id=slot.id)
    shift_start(slot, hours=-0.1)
    return booked["id"]


@of(hosting.mark_no_show)
def no_show(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    return lambda: hosting.mark_no_show(host_id=grace.id, booking_id=booking_id)


@of(hosting.undo_no_show)
def no_show_undone(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    hosting.mark_no_show(host_id=grace.id, booking_id=booking_id)
    return lambda: hosting.undo_no_show(host_id=grace.id, booking_id=booking_id)


@of(giving_back.give_back)
def give_back_to_a_new_subscription(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    Subscription.objects.filter(id=_ended(ada)).update(expired_at=clock.read_now())
    return lambda: giving_back.give_back(
        booking_id=booking_id, host_id=grace.id, actor_id=grace.id, credits=1, note="Sorry", idempotency_key="key"
    )


@of(front_desk.give_back_as_staff)
def give_back_as_staff(ada: User, grace: User) -> Operation:
    booking_id = missed(ada, grace)
    return lambda: front_desk.give_back_as_staff(booking_id=booking_id, credits=1, note="Sorry")


@of(booking.book_slot)
def book_and_renew(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    _ended(ada)
    Subscription.objects.filter(user=ada).update(renews=True)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id)


@of(adjusting.adjust_credits)
def adjust(ada: User, grace: User) -> Operation:
    return lambda: adjusting.adjust_credits(subscription_id=welcome_of(ada), amount=-2, note="A mistake")


@of(adjusting.set_renewing)
def stop(ada: User, grace: User) -> Operation:
    Subscription.objects.filter(user=ada).update(renews=True)
    return lambda: adjusting.set_renewing(subscription_id=welcome_of(ada), renews=False)


@of(adjusting.end_subscription)
def end(ada: User, grace: User) -> Operation:
    return lambda: adjusting.end_subscription(subscription_id=welcome_of(ada))


@of(adjusting.extend_subscription)
def extend(ada: User, grace: User) -> Operation:
    return lambda: adjusting.extend_subscription(subscription_id=welcome_of(ada), days=3)


@of(waiting.offer_free_seats)
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


@of(editing.edit_slot)
def edit(ada: User, grace: User) -> Operation:
    """More seats: one who waits is booked, and everybody is told."""
    slot_id, _, _ = full_slot(grace)
    waiting.join_waitlist(client_id=ada.id, slot_id=slot_id)
    values = {"title": "New", "place": "Room 2", "capacity": 2}
    return lambda: editing.edit_slot(host_id=grace.id, slot_id=slot_id, values=values, message="Sorry")


@of(editing.edit_slot)
def edit_the_time(ada: User, grace: User) -> Operation:
    """One is cancelled, one is taken along, one who waits is told."""
    slot, elsewhere = make_slot(grace, capacity=2), make_slot(make_person("linus", is_host=True), hours=75)
    for person in (ada, make_person("holder")):
        booking.book_slot(client_id=person.id, slot_id=slot.id)
    booking.book_slot(client_id=ada.id, slot_id=elsewhere.id)
    waiting.join_waitlist(client_id=make_person("waiting").id, slot_id=slot.id)
    values = {"starts_at": elsewhere.starts_at, "ends_at": elsewhere.ends_at}
    return lambda: editing.edit_slot(host_id=grace.id, slot_id=slot.id, values=values)


@of(booking_in.book_person_in)
def book_in(ada: User, grace: User) -> Operation:
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=90).id)
    slot = make_slot(grace)
    return lambda: booking_in.book_person_in(host_id=grace.id, slot_id=slot.id, person="ada", charge=True)


@of(cancelling.remove_client)
def remove_and_promote(ada: User, grace: User) -> Operation:
    _, booking_id, _ = full_slot(grace)
    return lambda: cancelling.remove_client(host_id=grace.id, booking_id=booking_id, message="Sorry")


@of(editing.reopen_slot)
def reopen(ada: User, grace: User) -> Operation:
    slot = make_slot(grace)
    hosting.cancel_slot(host_id=grace.id, slot_id=slot.id)
    return lambda: editing.reopen_slot(host_id=grace.id, slot_id=slot.id)


@of(offerings.add_offering)
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


@of(offerings.change_offering)
def change_offering(ada: User, grace: User) -> Operation:
    """Slots and hours follow, people are told, new seats are offered, and another length makes other slots."""
    offering_id = offered_slots(grace)
    values = {"title": "Yin", "place": "Room 2", "capacity": 2, "price_credits": 2, "minutes": 30}
    return lambda: offerings.change_offering(host_id=grace.id, offering_id=offering_id, values=values)


@of(offerings.archive_offering)
def archive_offering(ada: User, grace: User) -> Operation:
    row = offerings.add_offering(host_id=grace.id, values={"title": "Yoga", "minutes": 60, "capacity": 1})
    return lambda: offerings.archive_offering(host_id=grace.id, offering_id=row["id"])


@of(upgrading.finish_upgrade)
def finish_upgrade(ada: User, grace: User) -> Operation:
    offered_slots(grace)
    AvailabilityRule.objects.update(offering=None)
    UnfinishedUpgrade.objects.create(name="offerings")
    return upgrading.finish_upgrade


def priced(slot: Slot, price: int) -> Slot:
    Slot.objects.filter(id=slot.id).update(price_credits=price)
    return slot


@of(booking.book_slot)
def book_for_nothing(ada: User, grace: User) -> Operation:
    slot = priced(make_slot(grace), 0)
    return lambda: booking.book_slot(client_id=ada.id, slot_id=slot.id)


@of(moving.reschedule_booking)
def move_to_another_price(ada: User, grace: User) -> Operation:
    booked = booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)["id"]
    dear = priced(make_slot(grace, hours=80), 4)
    return lambda: moving.reschedule_booking(client_id=ada.id, booking_id=booked, slot_id=dear.id)


@of(hosting.create_slot)
def create_slot(ada: User, grace: User) -> Operation:
    start = clock.read_now() + timedelta(days=3)
    end = start + timedelta(hours=1)
    return lambda: hosting.create_slot(host_id=grace.id, title="New", starts_at=start, ends_at=end, capacity=2)


@of(availability.add_rule)
def add_rule(ada: User, grace: User) -> Operation:
    date = (clock.read_now() + timedelta(days=5)).date()
    values = {"kind": "extra", "date": date, "start_time": time(9), "end_time": time(12), "title": "Extra"}
    return lambda: availability.add_rule(host_id=grace.id, values=values)


@of()
def sign_up(ada: User, grace: User) -> Operation:
    return lambda: make_person("newcomer")


@of(leaving.leave)
def client_leaves(ada: User, grace: User) -> Operation:
    _, _, holder = full_slot(grace)
    booking.book_slot(client_id=holder.id, slot_id=make_slot(grace, hours=5).id)
    return lambda: people.deactivate_person(user_id=holder.id, now=clock.read_now())


@of(leaving.leave)
def host_leaves(ada: User, grace: User) -> Operation:
    full_slot(grace)
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=80).id)
    return lambda: people.deactivate_person(user_id=grace.id, now=clock.read_now())


def hours_of(ada: User, grace: User) -> Slot:
    """A session of weekly hours that is booked, and for which somebody waits; the next one has been left empty."""
    first, *_ = make_weekly(grace, place="Room 1")
    booking.book_slot(client_id=ada.id, slot_id=first.id)
    waiting.join_waitlist(client_id=make_person("waiting").id, slot_id=first.id)
    return first


@of(availability.change_rule)
def change_rule(ada: User, grace: User) -> Operation:
    """One who waits is booked, everybody is told, and slots open and close."""
    rule_id = hours_of(ada, grace).rule_id or uuid4()
    values = {"place": "Room 2", "capacity": 2, "end_time": time(11)}
    return lambda: availability.change_rule(host_id=grace.id, rule_id=rule_id, values=values, message="Sorry")


@of(availability.change_rule)
def change_rule_and_cancel(ada: User, grace: User) -> Operation:
    rule_id = hours_of(ada, grace).rule_id or uuid4()
    values = {"place": "Room 2", "start_time": time(15), "end_time": time(16)}
    return lambda: availability.change_rule(host_id=grace.id, rule_id=rule_id, values=values, cancel_booked=True)


@of(availability.remove_rule)
def remove_rule(ada: User, grace: User) -> Operation:
    rule_id = hours_of(ada, grace).rule_id or uuid4()
    return lambda: availability.remove_rule(host_id=grace.id, rule_id=rule_id, cancel_booked=True)


@of(weekly_hours.set_weekly_hours)
def set_weekly_hours(ada: User, grace: User) -> Operation:
    """A booked session becomes one of longer hours in another room."""
    slot = hours_of(ada, grace)
    rule = AvailabilityRule.objects.get(slots=slot)
    rule.pk, rule.start_time, rule.end_time, rule.place = uuid4(), time(10), time(12), "Room 2"
    rule.save(force_insert=True)
    whole = [Hours(rule.weekday or 1, time(9), time(12))]
    offering_id = slot.offering_id or uuid4()
    return lambda: weekly_hours.set_weekly_hours(host_id=grace.id, offering_id=offering_id, hours=whole)


@of(expansion.expand_host)
def expand(ada: User, grace: User) -> Operation:
    """A slot that nobody asks for closes, those that were never made open."""
    slots = make_weekly(grace)
    Slot.objects.filter(id=slots[0].id).update(starts_at=F("starts_at") + HOUR, ends_at=F("ends_at") + HOUR)
    slots[1].delete()
    return lambda: expansion.expand_host(host_id=grace.id)


@of(staff.end_hosting)
def end_hosting(ada: User, grace: User) -> Operation:
    full_slot(grace)
    return lambda: staff.end_hosting(person="grace", cancel_booked=True)


@of(staff.write_note)
def write_note(ada: User, grace: User) -> Operation:
    return lambda: staff.write_note(user_id=ada.id, text="Call back on Friday.", actor_id=grace.id)


@of(availability.follow_zone)
def follow_zone(ada: User, grace: User) -> Operation:
    make_weekly(grace)
    return lambda: people.update_profile(user_id=grace.id, changes={"time_zone": "Asia/Kathmandu"})


@of(leaving.blank_offerings)
def erase_host(ada: User, grace: User) -> Operation:
    offered_slots(grace)
    return lambda: erasure.erase_person(login_or_id=str(grace.id), now=clock.read_now())


@of(notices._order_some)
def order_reminders(ada: User, grace: User) -> Operation:
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)
    Booking.objects.update(remind_at=clock.read_now())
    return notices._order_some


@of(host_news._order_some)
def order_host_news(ada: User, grace: User) -> Operation:
    booking.book_slot(client_id=ada.id, slot_id=make_slot(grace).id)
    earlier = clock.read_now() - timedelta(hours=1)
    Host.objects.update(told_until=earlier, tell_from=earlier)
    return host_news._order_some


@of(purging._purge_batch)
def purge_what_nobody_booked(ada: User, grace: User) -> Operation:
    make_slot(grace)
    pass_time(hours=100 * 24)
    return lambda: purging._purge_batch(since=None)


@of(calendar_feed.rotate_feed)
def rotate_feed(ada: User, grace: User) -> Operation:
    pair = sign_in(ada)
    owner = Credential(ada, CLI, frozenset(), session_id=Session.objects.get(user_id=ada.id).id)
    assert pair.access_token
    return lambda: calendar_feed.rotate_feed(owner=owner)


NOT_FAILED: dict[Any, str] = {
    expansion.count_missing: "a preview: it ends without effect",
    series.preview_series: "a preview",
    staff.make_host: "whose calendar may be left due: tested below",
    expansion._expand_within: "which leaves the calendar due: tested with that",
    demo._admit: "for the demo alone",
}


def every_operation() -> set[Any]:
    """What the services run as operations, private ones too."""
    code = operations.operation(lambda _: None).__code__
    modules = [import_module(f"{services.__name__}.{one.name}") for one in iter_modules(services.__path__)]
    return {found for module in modules for found in vars(module).values() if getattr(found, "__code__", None) is code}


def test_every_operation_is_failed() -> None:
    missing = every_operation() - COVERED - NOT_FAILED.keys()
    assert {f"{one.__module__}.{one.__name__}" for one in missing} == set(), "prepare each above"
    assert not COVERED & NOT_FAILED.keys()


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


def test_whoever_becomes_a_host_has_a_calendar_or_one_that_is_due(ada: User) -> None:
    """A calendar that cannot be filled stops nobody from hosting: it is noted, and filled later."""
    people.mark_host(user_id=ada.id, is_host=True)
    make_weekly(ada)
    made = Slot.objects.filter(host=ada, status="open").count()
    staff.end_hosting(person="ada")
    before = state()

    def outcome() -> str:
        if state() == before:
            return "nothing"
        assert User.objects.get(id=ada.id).is_host
        is_due = Host.objects.get(user=ada).expansion_due_at is not None
        number = Slot.objects.filter(host=ada, status="open").count()
        assert number == (0 if is_due else made)
        return "due" if is_due else "filled"

    counter = Tripwire()
    with connection.execute_wrapper(counter), harmed_commit(kill, after=False):
        assert not attempt(lambda: staff.make_host(person="ada"))
    assert state() == before
    outcomes = set()
    for number in range(1, counter.seen + 1):
        for harm in (fail, kill):
            with connection.execute_wrapper(Tripwire(number, harm)):
                attempt(lambda: staff.make_host(person="ada"))
            outcomes.add(outcome())
            if outcome() != "nothing":
                staff.end_hosting(person="ada")
                before = state()
    assert outcomes >= {"nothing", "due"}
    staff.make_host(person="ada")
    assert outcome() == "filled"
    assert find_breaches() == {}
