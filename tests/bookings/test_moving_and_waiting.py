from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core import mail as django_mail
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, BookingMove, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.credits import grant_credits
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.hosting import cancel_slot
from bookings.services.moving import reschedule_booking
from bookings.services.waiting import join_waitlist, leave_waitlist, offer_all_free_seats, offer_free_seats
from tests.bookings.api import Caller
from tests.bookings.committed import make_clients
from tests.bookings.jobs import run_jobs
from tests.bookings.people import credits_of, failing, make_person, make_slot, shift_start, state


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


def test_places_and_moves_name_the_host_whose_calendar_they_are_of(
    ada: User, grace: User, slot: Slot, target: Slot, booking: Booking
) -> None:
    """Also what the release before has written; a second run of the migration finds nothing to do."""
    elsewhere = make_slot(make_person("linus", is_host=True), hours=200, capacity=1)
    fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=elsewhere.id)
    place, move = WaitlistEntry.objects.get(client=ada), BookingMove.objects.get(booking=booking)
    assert place.host_id == move.host_id == grace.id
    WaitlistEntry.objects.update(host_id=None)
    BookingMove.objects.update(host_id=None)
    migration = import_module("bookings.migrations.0023_name_hosts")
    for _ in range(2):
        migration.name_in_batches(apps, SimpleNamespace(connection=connection), batch=1)
    place.refresh_from_db()
    move.refresh_from_db()
    assert place.host_id == move.host_id == grace.id


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


def passed_over(caller: Caller) -> list[str | None]:
    return [place["passed_over"] for place in caller.get("/waitlist")["results"]]


def test_who_was_passed_over_is_told_once_and_booked_when_that_changes(ada: User, grace: User, target: Slot) -> None:
    """First has an overlap, second no credit; later the overlap goes, and the credits come."""
    (held,) = fill(target, "one")
    busy, poor = make_person("busy"), make_person("poor")
    for person in (busy, poor):
        join_waitlist(client_id=person.id, slot_id=target.id)
    other = book_slot(client_id=busy.id, slot_id=make_slot(make_person("linus", is_host=True), hours=96).id)
    now = clock.read_now()
    Subscription.objects.filter(user=poor).update(
        starts_at=now - timedelta(9), ends_at=now - timedelta(1), expired_at=now
    )
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    Slot.objects.filter(id=target.id).update(capacity=2)
    assert not Booking.objects.filter(slot=target, status="active").exists()
    assert [passed_over(Caller(person)) for person in (busy, poor)] == [["overlap"], ["no_credit"]]
    for _ in range(2):
        offer_free_seats(slot_id=target.id)
    told = ProcrastinateJob.objects.filter(args__kind="passed_over").values_list("args__user_id", flat=True)
    assert sorted(told) == sorted(str(person.id) for person in (busy, poor))

    grant_credits(user_id=poor.id, credits=1)
    cancel_booking(client_id=busy.id, booking_id=other["id"])
    assert ProcrastinateJob.objects.filter(task_name="bookings.offer_seats").count() == 2
    run_jobs()
    assert set(Booking.objects.filter(slot=target, status="active").values_list("client__login", flat=True)) == {
        "busy",
        "poor",
    }
    assert [Caller(person).get("/waitlist")["results"] for person in (busy, poor)] == [[], []]


@pytest.mark.slow
def test_whoever_can_is_booked_however_many_stand_before_them(target: Slot) -> None:
    (held,) = fill(target, "one")
    for client in make_clients(40, credits=0):
        join_waitlist(client_id=client.id, slot_id=target.id)
    last = make_person("last")
    join_waitlist(client_id=last.id, slot_id=target.id)
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    assert Booking.objects.get(slot=target, status="active").client == last


def test_the_job_of_every_minute_books_who_can_be_booked(ada: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    for client in (make_person("first"), ada):
        join_waitlist(client_id=client.id, slot_id=target.id)
    Slot.objects.filter(id=target.id).update(capacity=2)
    assert (offer_all_free_seats(), offer_all_free_seats()) == (1, 0)
    assert Booking.objects.filter(slot=target, status="active").exclude(client=held).get().client.login == "first"


def test_one_slots_failure_is_its_own(ada: User, grace: User, caplog: pytest.LogCaptureFixture) -> None:
    slots = [make_slot(grace, hours=hours, capacity=1) for hours in (60, 80)]
    for slot in slots:
        book_slot(client_id=make_person(f"held{slot.id.hex}").id, slot_id=slot.id)
        join_waitlist(client_id=ada.id, slot_id=slot.id)
    Slot.objects.update(capacity=2)
    broken, other = sorted(slots, key=lambda slot: slot.starts_at)
    with failing("bookings_slot", id=broken.id):
        offer_all_free_seats()
    assert "seats_not_offered" in caplog.text
    assert str(broken.id) in caplog.text
    assert Booking.objects.get(client=ada).slot_id == other.id
    assert offer_all_free_seats() == 1


def test_a_due_plan_is_renewed_to_pay_for_a_promotion(ada: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    now = clock.read_now()
    ended = Subscription.objects.filter(user=ada)
    ended.update(starts_at=now - timedelta(9), ends_at=now - timedelta(minutes=1), renews=True)
    cancel_booking(client_id=held.id, booking_id=Booking.objects.get(client=held).id)
    assert (Booking.objects.get(slot=target, status="active").client, ended.get().credits_remaining) == (ada, 9)


def test_nobody_is_promoted_to_a_suspended_host(ada: User, grace: User, target: Slot) -> None:
    (held,) = fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    people.suspend_person(user_id=grace.id, reason="", actor_id=None, now=clock.read_now())
    cancel_booking_as_staff(booking_id=Booking.objects.get(client=held).id, actor_id=None)
    assert offer_all_free_seats() == 0
    assert not Booking.objects.filter(client=ada).exists()
    people.approve_person(user_id=grace.id, actor_id=None)
    assert offer_all_free_seats() == 1
    assert Booking.objects.get(slot=target, status="active").client == ada


def test_who_waits_hears_of_the_hosts_cancellation(ada: User, grace: User, target: Slot) -> None:
    fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    cancel_slot(host_id=grace.id, slot_id=target.id)
    run_jobs()
    mails = [mail for mail in django_mail.outbox if mail.to == [ada.email]]
    assert [mail.subject.partition(":")[0] for mail in mails] == ["Cancelled"]


def test_a_place_is_listed_with_its_slot(ada: User, target: Slot) -> None:
    fill(target, "one")
    join_waitlist(client_id=ada.id, slot_id=target.id)
    (place,) = Caller(ada).get("/waitlist")["results"]
    assert place.keys() == {"slot", "position", "joined_at", "passed_over"}
    assert (place["slot"]["id"], place["position"], place["passed_over"]) == (str(target.id), 1, None)


def test_a_move_into_a_full_slot_that_overlaps_says_full(ada: User, target: Slot, booking: Booking) -> None:
    """One precedence of refusals for booking, moving and waiting."""
    fill(target, "one")
    book_slot(client_id=ada.id, slot_id=make_slot(make_person("linus", is_host=True), hours=96).id)
    with pytest.raises(errors.SlotFull):
        reschedule_booking(client_id=ada.id, booking_id=booking.id, slot_id=target.id)
