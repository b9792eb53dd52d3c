from datetime import timedelta

import pytest

from accounts.models import Event, User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock
from bookings.services.booking import book_slot, get_booking
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_slot, mark_no_show
from bookings.services.waiting import join_waitlist
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state


def test_booking_takes_a_seat_and_a_credit(ada: User, slot: Slot) -> None:
    row = book_slot(client_id=ada.id, slot_id=slot.id)
    slot.refresh_from_db()
    entry = CreditEntry.objects.get(booking_id=row["id"])
    assert (row["status"], row["credits_charged"], row["scheduled_start_time"]) == ("active", 1, slot.starts_at)
    assert (slot.seats_taken, credits_of(ada)) == (1, 4)
    assert (entry.amount, entry.balance_after, entry.reason) == (-1, 4, "booking")
    assert Event.objects.filter(kind="booking.made", user_id=ada.id).count() == 1


def test_the_subscription_that_ends_first_is_charged(ada: User, slot: Slot) -> None:
    welcome = Subscription.objects.get(user=ada)
    now = clock.read_now()
    sooner = Subscription.objects.create(
        user=ada, plan=welcome.plan, starts_at=now - timedelta(1), ends_at=now + timedelta(1)
    )
    CreditEntry.objects.create(subscription=sooner, amount=1, reason="grant", balance_after=1, created_at=now)
    Subscription.objects.filter(id=sooner.id).update(credits_remaining=1)
    assert book_slot(client_id=ada.id, slot_id=slot.id)["subscription_id"] == sooner.id


def test_the_window_is_copied_so_a_later_policy_leaves_the_booking_alone(
    ada: User, slot: Slot, settings: pytest.FixtureRequest
) -> None:
    booked = book_slot(client_id=ada.id, slot_id=slot.id)
    settings.REFUND_WINDOW_HOURS = 48  # type: ignore[attr-defined]  # pytest-django's settings wrapper
    assert get_booking(booking_id=booked["id"], client_id=ada.id)["refund_window"] == timedelta(hours=12)


def _full(slot: Slot) -> None:
    for name in ("one", "two", "three"):
        book_slot(client_id=make_person(name).id, slot_id=slot.id)


def _without_credits(ada: User) -> None:
    for number in range(5):
        book_slot(
            client_id=ada.id, slot_id=make_slot(make_person(f"host{number}", is_host=True), hours=100 + number).id
        )


def test_refusals_change_nothing(ada: User, grace: User, slot: Slot) -> None:
    other_host = make_person("linus", is_host=True)
    at_the_same_time = make_slot(other_host)
    full, gone, started = (make_slot(grace, hours=hours) for hours in (80, 90, 1))
    _full(full)
    cancel_slot(host_id=grace.id, slot_id=gone.id)
    shift_start(started, hours=-0.5)
    book_slot(client_id=ada.id, slot_id=slot.id)
    before = state()
    for target, refusal in [
        (slot, errors.AlreadyBooked),
        (at_the_same_time, errors.OverlappingBooking),
        (full, errors.SlotFull),
        (gone, errors.SlotCancelled),
        (started, errors.SlotStarted),
    ]:
        with pytest.raises(refusal):
            book_slot(client_id=ada.id, slot_id=target.id)
    with pytest.raises(errors.OwnSlot):
        book_slot(client_id=grace.id, slot_id=slot.id)
    with pytest.raises(errors.NotFound):
        book_slot(client_id=ada.id, slot_id=ada.id)
    assert state() == before


def test_without_a_credit_no_seat_is_kept(ada: User, slot: Slot) -> None:
    _without_credits(ada)
    with pytest.raises(errors.InsufficientCredits):
        book_slot(client_id=ada.id, slot_id=slot.id)
    slot.refresh_from_db()
    assert slot.seats_taken == 0


def test_who_already_has_a_seat_in_a_full_session_is_told_so(ada: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    for name in ("one", "two"):
        book_slot(client_id=make_person(name).id, slot_id=slot.id)
    with pytest.raises(errors.AlreadyBooked):
        book_slot(client_id=ada.id, slot_id=slot.id)


@pytest.mark.parametrize("who", ["client", "host"])
def test_nobody_books_when_client_or_host_may_not_use_the_account(ada: User, grace: User, slot: Slot, who: str) -> None:
    suspended = ada if who == "client" else grace
    people.suspend_person(user_id=suspended.id, reason="", actor_id=None, now=clock.read_now())
    with pytest.raises(errors.NotFound):
        book_slot(client_id=ada.id, slot_id=slot.id)


def test_the_same_key_answers_the_same_booking(ada: User, slot: Slot) -> None:
    first = book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k1")
    again = book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k1")
    assert again["id"] == first["id"]
    assert credits_of(ada) == 4


def test_the_same_key_for_another_slot_is_refused(ada: User, grace: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k1")
    with pytest.raises(errors.IdempotencyConflict):
        book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=90).id, idempotency_key="k1")


def test_a_key_belongs_to_one_person(ada: User, mallory: User, slot: Slot) -> None:
    first = book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k1")
    assert book_slot(client_id=mallory.id, slot_id=slot.id, idempotency_key="k1")["id"] != first["id"]


def test_booking_a_freed_seat_gives_up_the_place_in_the_queue(ada: User, grace: User) -> None:
    near = make_slot(grace, hours=2, capacity=1)
    one = make_person("one")
    held = book_slot(client_id=one.id, slot_id=near.id)
    join_waitlist(client_id=ada.id, slot_id=near.id)
    cancel_booking(client_id=one.id, booking_id=held["id"])
    book_slot(client_id=ada.id, slot_id=near.id)
    assert WaitlistEntry.objects.get(client=ada).status == "promoted"


def test_a_no_show_is_noted_from_the_start_on_by_the_host_alone(
    ada: User, grace: User, mallory: User, slot: Slot
) -> None:
    booking_id = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    with pytest.raises(errors.NotValid):
        mark_no_show(host_id=grace.id, booking_id=booking_id)
    shift_start(slot, hours=-0.1)
    for stranger in (mallory, ada):
        with pytest.raises(errors.NotFound):
            mark_no_show(host_id=stranger.id, booking_id=booking_id)
    assert mark_no_show(host_id=grace.id, booking_id=booking_id)["status"] == "no_show"
    assert credits_of(ada) == 4
    with pytest.raises(errors.BookingNotActive):
        mark_no_show(host_id=grace.id, booking_id=booking_id)
    assert Booking.objects.get().status == "no_show"
