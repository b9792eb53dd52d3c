from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts import signals
from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.calendar_feed import get_feed_secret
from bookings.services.cancelling import cancel_booking, preview_refund
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.hosting import cancel_day, cancel_slot, create_slot
from bookings.services.waiting import join_waitlist
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state


def book(person: User, slot: Slot) -> Booking:
    return Booking.objects.get(id=book_slot(client_id=person.id, slot_id=slot.id)["id"])


def cancel(booking: Booking, expected: int | None = None) -> int:
    row = cancel_booking(client_id=booking.client_id, booking_id=booking.id, expected_credits_refunded=expected)
    refunded: int = row["credits_refunded"]
    return refunded


def test_cancelling_before_the_deadline_gives_seat_and_credit_back(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=12.001)
    assert cancel(booking) == 1
    slot.refresh_from_db()
    booking.refresh_from_db()
    assert (slot.seats_taken, credits_of(ada), booking.cancelled_by) == (0, 5, "client")
    refund = CreditEntry.objects.get(booking=booking, reason="refund")
    assert (refund.amount, refund.subscription_id, refund.balance_after) == (1, booking.subscription_id, 5)


@pytest.mark.parametrize("hours", [12, 1, 0.01])
def test_a_late_cancellation_frees_the_seat_and_refunds_nothing(ada: User, slot: Slot, hours: float) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=hours)
    assert cancel(booking) == 0
    slot.refresh_from_db()
    assert (slot.seats_taken, credits_of(ada)) == (0, 4)


def test_a_session_in_an_hour_refunds_nothing_however_long_ago_it_was_booked(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    now = clock.read_now()
    Booking.objects.filter(id=booking.id).update(created_at=now - timedelta(hours=13))
    shift_start(slot, hours=1)
    assert cancel(booking) == 0


def test_from_the_start_on_nothing_can_be_cancelled(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=0)
    before = state()
    with pytest.raises(errors.SessionStarted):
        cancel(booking)
    with pytest.raises(errors.SessionStarted):
        cancel_slot(host_id=grace.id, slot_id=slot.id)
    with pytest.raises(errors.SessionStarted):
        cancel_booking_as_staff(booking_id=booking.id, actor_id=None)
    with pytest.raises(errors.SessionStarted):
        preview_refund(client_id=ada.id, booking_id=booking.id)
    assert state() == before


def test_a_deadline_that_passes_while_the_page_is_open_costs_nobody_a_credit(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shown = preview_refund(client_id=ada.id, booking_id=booking.id).credits
    shift_start(slot, hours=11)
    before = state()
    with pytest.raises(errors.RefundChanged) as refused:
        cancel(booking, expected=shown)
    assert refused.value.extra == {"credits_refunded": 0}
    assert state() == before
    assert cancel(booking, expected=0) == 0


def test_a_policy_change_does_not_touch_bookings_made_before(ada: User, slot: Slot, settings: object) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=20)
    settings.REFUND_WINDOW_HOURS = 48  # type: ignore[attr-defined]  # pytest-django's settings wrapper
    assert cancel(booking) == 1


def test_a_second_cancellation_is_refused_and_refunds_nothing_more(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    cancel(booking)
    with pytest.raises(errors.BookingNotActive):
        cancel(booking)
    assert credits_of(ada) == 5


def test_mallory_can_neither_see_nor_cancel(ada: User, mallory: User, slot: Slot) -> None:
    booking = book(ada, slot)
    with pytest.raises(errors.NotFound):
        cancel_booking(client_id=mallory.id, booking_id=booking.id)
    with pytest.raises(errors.NotFound):
        preview_refund(client_id=mallory.id, booking_id=booking.id)
    with pytest.raises(errors.NotFound):
        cancel_slot(host_id=mallory.id, slot_id=slot.id)


def test_a_refund_to_an_ended_subscription_waits_for_a_renewal(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    now = clock.read_now()
    preview = preview_refund(client_id=ada.id, booking_id=booking.id)
    assert preview.usable_until == Subscription.objects.get(user=ada).ends_at
    Subscription.objects.filter(user=ada).update(starts_at=now - timedelta(9), ends_at=now - timedelta(1))
    preview = preview_refund(client_id=ada.id, booking_id=booking.id)
    assert (preview.credits, preview.usable_until) == (1, None)
    assert cancel(booking) == 1
    assert credits_of(ada) == 5


def test_a_host_refunds_everybody_in_full_at_any_time_before_the_start(ada: User, grace: User, slot: Slot) -> None:
    others = [make_person("one"), make_person("two")]
    for person in (ada, *others):
        book(person, slot)
    waiting = make_person("waiting")
    join_waitlist(client_id=waiting.id, slot_id=slot.id)
    shift_start(slot, hours=0.5)
    done = cancel_slot(host_id=grace.id, slot_id=slot.id)
    slot.refresh_from_db()
    assert (done.bookings_cancelled, done.credits_refunded) == (3, 3)
    assert (slot.status, slot.seats_taken) == ("cancelled", 0)
    assert {credits_of(person) for person in (ada, *others, waiting)} == {5}
    assert set(Booking.objects.values_list("cancelled_by", flat=True)) == {"host"}
    assert WaitlistEntry.objects.get().status == "closed"
    with pytest.raises(errors.SlotCancelled):
        cancel_slot(host_id=grace.id, slot_id=slot.id)


def test_what_a_client_cancelled_late_stays_as_it_was(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=2)
    cancel(booking)
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    booking.refresh_from_db()
    assert (booking.cancelled_by, booking.credits_refunded, credits_of(ada)) == ("client", 0, 4)


def test_staff_cancel_with_a_full_refund(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=1)
    cancel_booking_as_staff(booking_id=booking.id, actor_id=None)
    booking.refresh_from_db()
    assert (booking.cancelled_by, booking.credits_refunded, credits_of(ada)) == ("staff", 1, 5)


def test_a_day_is_cancelled_in_the_hosts_zone(ada: User) -> None:
    """Auckland's Wednesday begins on Tuesday in UTC."""
    zone = ZoneInfo("Pacific/Auckland")
    host = make_person("kiri", is_host=True, time_zone=zone.key)
    day = (clock.read_now().astimezone(zone) + timedelta(days=7)).date()
    midnight = datetime.combine(day, datetime.min.time(), tzinfo=zone)
    made = {}
    for name, hours in {"before": -1, "first": 0, "last": 23, "after": 24.5}.items():
        starts_at = midnight + timedelta(hours=hours)
        row = create_slot(
            host_id=host.id, title=name, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30), capacity=2
        )
        made[name] = row["id"]
    book_slot(client_id=ada.id, slot_id=made["last"])
    done = cancel_day(host_id=host.id, day=day)
    assert set(done.slot_ids) == {made["first"], made["last"]}
    assert (done.bookings_cancelled, credits_of(ada)) == (1, 5)
    with pytest.raises(errors.NotAHost):
        cancel_day(host_id=ada.id, day=day)


def test_deactivating_follows_the_clients_rule_and_the_hosts_rule(ada: User, grace: User, slot: Slot) -> None:
    linus = make_person("linus", is_host=True)
    near, far = make_slot(linus, hours=5), make_slot(linus, hours=50)
    for theirs in (near, far):
        book(grace, theirs)
    book(ada, slot)
    people.deactivate_person(user_id=grace.id, now=clock.read_now())
    refunds = dict(Booking.objects.filter(client=grace).values_list("slot_id", "credits_refunded"))
    assert refunds == {near.id: 0, far.id: 1}
    slot.refresh_from_db()
    assert slot.status == "cancelled"
    assert credits_of(ada) == 5


def test_erasure_cancels_ends_the_calendar_feed_and_keeps_the_ledger(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    secret = get_feed_secret(user_id=ada.id)
    signals.person_erased.send(None, user_id=ada.id, now=clock.read_now())
    booking.refresh_from_db()
    assert (booking.status, booking.credits_refunded) == ("cancelled", 1)
    assert get_feed_secret(user_id=ada.id) != secret
    entries = CreditEntry.objects.filter(subscription__user=ada).order_by("number")
    assert list(entries.values_list("amount", flat=True)) == [5, -1, 1]


def test_suspension_leaves_bookings_as_they_are(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    people.suspend_person(user_id=ada.id, reason="", actor_id=None, now=clock.read_now())
    booking.refresh_from_db()
    assert booking.status == "active"
