import pytest

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, BookingMove, Slot, WaitlistEntry
from bookings.repositories import clock
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_booking
from bookings.services.rescheduling import reschedule_booking
from bookings.services.waitlist import join_waitlist, leave_waitlist
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state


@pytest.fixture
def target(grace: User) -> Slot:
    """Another session of Grace's, four days ahead, with one seat."""
    return make_slot(grace, hours=96, capacity=1)


@pytest.fixture
def booking(ada: User, slot: Slot) -> Booking:
    return Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])


def fill(slot: Slot, *names: str) -> list[User]:
    clients = [make_person(name) for name in names]
    for client in clients:
        book_slot(client_id=client.id, slot_id=slot.id)
    return clients


def test_a_move_keeps_id_and_credit_and_remembers_the_old_time(
    ada: User, slot: Slot, target: Slot, booking: Booking
) -> None:
    row = reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=target.id)
    slot.refresh_from_db()
    target.refresh_from_db()
    assert (row["id"], row["slot_id"], row["scheduled_start_time"]) == (booking.id, target.id, target.starts_at)
    assert (slot.seats_taken, target.seats_taken, credits_of(ada)) == (0, 1, 4)
    move = BookingMove.objects.get(booking=booking)
    assert (move.previous_slot_id, move.previous_start_time) == (slot.id, slot.starts_at)


def test_refused_moves_change_nothing(
    ada: User, grace: User, mallory: User, slot: Slot, target: Slot, booking: Booking
) -> None:
    fill(target, "one")
    elsewhere = make_slot(make_person("linus", is_host=True), hours=200)
    at_the_same_time = make_slot(make_person("margaret", is_host=True), hours=200)
    book_slot(client_id=ada.id, slot_id=elsewhere.id)
    before = state()
    for slot_id, refusal in [
        (target.id, errors.SlotFull),
        (slot.id, errors.AlreadyBooked),
        (at_the_same_time.id, errors.OverlappingBooking),
        (ada.id, errors.NotFound),
    ]:
        with pytest.raises(refusal):
            reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=slot_id)
    with pytest.raises(errors.NotFound):
        reschedule_booking(client_id=mallory.id, booking_id=booking.id, slot_id=at_the_same_time.id)
    assert state() == before


def test_a_late_move_is_refused_and_deadlines_cannot_be_laundered(
    ada: User, slot: Slot, target: Slot, booking: Booking
) -> None:
    shift_start(slot, hours=12)
    with pytest.raises(errors.LateReschedule):
        reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=target.id)
    shift_start(slot, hours=13)
    reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=target.id)
    shift_start(target, hours=11)
    row = cancel_booking(client_id=ada.id, booking_id=booking.id)
    assert row["credits_refunded"] == 0


def test_a_move_within_the_same_hours_is_not_an_overlap_with_itself(ada: User, slot: Slot, booking: Booking) -> None:
    overlapping = make_slot(make_person("linus", is_host=True), hours=72.5)
    row = reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=overlapping.id)
    assert row["slot_id"] == overlapping.id


def test_a_key_still_answers_after_the_booking_was_moved(ada: User, slot: Slot, target: Slot) -> None:
    first = book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k")
    reschedule_booking(client_id=ada.id, booking_id=first["id"], slot_id=target.id)
    assert book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="k")["slot_id"] == target.id


def test_a_freed_seat_goes_to_the_first_who_waits_and_has_a_credit(ada: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    poor, first, second = make_person("poor"), make_person("first"), make_person("second")
    for person in (poor, first, second):
        join_waitlist(client_id=person.id, slot_id=target.id)
    for hours in range(5):
        book_slot(
            client_id=poor.id, slot_id=make_slot(make_person(f"h{hours}", is_host=True), hours=200 + 2 * hours).id
        )
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    assert Booking.objects.get(slot=target, status="active").client == first
    assert credits_of(first) == 4
    states = dict(WaitlistEntry.objects.values_list("client__login", "status"))
    assert states == {"poor": "waiting", "first": "promoted", "second": "waiting"}


def test_a_move_frees_the_old_seat_for_those_who_wait(ada: User, slot: Slot, target: Slot) -> None:
    fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    held = Booking.objects.get(slot=target)
    reschedule_booking(client_id=held.client_id, booking_id=held.id, slot_id=slot.id)
    assert Booking.objects.get(slot=target, status="active").client == ada


def test_after_the_deadline_the_seat_is_open_to_everybody(ada: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    shift_start(target, hours=12)
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    assert not Booking.objects.filter(client=ada).exists()
    assert WaitlistEntry.objects.get(client=ada).status == "waiting"
    other = make_person("other")
    assert book_slot(client_id=other.id, slot_id=target.id)["status"] == "active"


def test_who_is_busy_suspended_or_gone_is_passed_over(ada: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    busy, suspended = make_person("busy"), make_person("suspended")
    for person in (busy, suspended, ada):
        join_waitlist(client_id=person.id, slot_id=target.id)
    book_slot(client_id=busy.id, slot_id=make_slot(make_person("linus", is_host=True), hours=96).id)
    people.suspend_person(user_id=suspended.id, reason="", actor_id=None, now=clock.read_now())
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    assert Booking.objects.get(slot=target, status="active").client == ada


def test_one_credit_is_promoted_into_one_slot(grace: User) -> None:
    """A leaving client frees two seats for which the same person waits with a single credit."""
    first, second = make_slot(grace, hours=100, capacity=1), make_slot(grace, hours=110, capacity=1)
    leaving, waiting = make_person("leaving"), make_person("waiting")
    for hours in range(4):
        host = make_person(f"h{hours}", is_host=True)
        book_slot(client_id=waiting.id, slot_id=make_slot(host, hours=200 + 2 * hours).id)
    for slot in (first, second):
        book_slot(client_id=leaving.id, slot_id=slot.id)
        join_waitlist(client_id=waiting.id, slot_id=slot.id)
    people.deactivate_person(user_id=leaving.id, now=clock.read_now())
    promoted = Booking.objects.filter(client=waiting, slot__in=[first, second], status="active")
    assert (promoted.count(), credits_of(waiting)) == (1, 0)


def test_joining_is_for_full_sessions_and_once(ada: User, grace: User, target: Slot, slot: Slot) -> None:
    with pytest.raises(errors.NotValid):
        join_waitlist(client_id=ada.id, slot_id=target.id)
    (held,) = fill(target, "one")
    first, other = make_person("first"), make_person("other")
    assert [join_waitlist(client_id=p.id, slot_id=target.id).position for p in (first, other, ada, ada)] == [1, 2, 3, 3]
    with pytest.raises(errors.OwnSlot):
        join_waitlist(client_id=grace.id, slot_id=target.id)
    with pytest.raises(errors.AlreadyBooked):
        join_waitlist(client_id=held.id, slot_id=target.id)
    with pytest.raises(errors.NotFound):
        join_waitlist(client_id=ada.id, slot_id=ada.id)
    leave_waitlist(client_id=first.id, slot_id=target.id)
    leave_waitlist(client_id=first.id, slot_id=target.id)
    assert join_waitlist(client_id=ada.id, slot_id=target.id).position == 2
