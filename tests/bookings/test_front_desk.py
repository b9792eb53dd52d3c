"""The staff book, move and cancel for a person, and cancel a host's session: in commands, by the rules of everybody."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command

from accounts.models import Event, User
from bookings import errors
from bookings.models import Booking, Slot
from bookings.services.booking import book_slot
from bookings.services.front_desk import (
    book_as_staff,
    cancel_booking_as_staff,
    cancel_slot_as_staff,
    move_booking_as_staff,
)
from bookings.services.waiting import join_waitlist
from tests.bookings.jobs import forget_jobs, run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state


def run(*words: object) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def report(*words: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json"))
    return found


def refused(*words: object) -> str:
    before = state()
    with pytest.raises(CommandError) as refusal:
        run(*words)
    assert state() == before
    return str(refusal.value)


@pytest.fixture
def booking(ada: User, slot: Slot) -> Booking:
    booked = book_slot(client_id=ada.id, slot_id=slot.id)
    forget_jobs()
    return Booking.objects.get(id=booked["id"])


def price(slot: Slot, credits: int) -> Slot:
    Slot.objects.filter(id=slot.id).update(price_credits=credits)
    return slot


def test_staff_book_for_a_person_who_pays_is_told_and_may_leave(
    ada: User, grace: User, slot: Slot, mailoutbox: list[EmailMessage]
) -> None:
    price(slot, 3)
    # A minimum notice is for clients.
    Slot.objects.filter(id=slot.id).update(bookings_close_at=slot.starts_at - timedelta(days=9))
    made = report("book_for", "ada", slot.id, "--expect", 3)
    assert (made["client"]["login"], made["credits_charged"], credits_of(ada)) == ("ada", 3, 2)
    assert made["free_to_leave_until"] == made["scheduled_start_time"]
    event = Event.objects.get(kind="booking.made", user_id=ada.id)
    assert (event.actor_id, event.detail) == (
        None,
        {"booking_id": made["id"], "slot_id": str(slot.id), "by": "staff"},
    )
    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == [ada.email]
    assert mail.subject.startswith("The staff have booked you in: Session, ")
    assert "It cost 3 credits. You can cancel until the start" in mail.body


def test_staff_book_without_a_charge_and_are_the_actor(ada: User, grace: User, slot: Slot) -> None:
    row = book_as_staff(person=str(ada.id), slot_id=slot.id, charge=False, actor_id=grace.id)
    assert (row["credits_charged"], credits_of(ada)) == (0, 5)
    assert Event.objects.get(kind="booking.made", user_id=ada.id).actor_id == grace.id


def test_every_refusal_of_a_booking_says_what_is_wrong_with_it(ada: User, grace: User, slot: Slot) -> None:
    full = make_slot(grace, hours=90, capacity=1)
    book_slot(client_id=make_person("first").id, slot_id=full.id)
    past, gone, dear = (make_slot(grace, hours=hours) for hours in (100, 110, 120))
    shift_start(past, hours=-1)
    cancel_slot_as_staff(slot_id=gone.id)
    price(dear, 9)
    overlapping = make_slot(make_person("linus", is_host=True))
    book_slot(client_id=ada.id, slot_id=slot.id)
    said = {
        ("nobody", slot): "Nobody called 'nobody'",
        ("ada", slot): "has a seat in this session already",
        ("ada", full): "Every seat of this session is taken",
        ("ada", past): "has started",
        ("ada", gone): "has cancelled this session",
        ("ada", dear): "No plan of this person's holds enough",
        ("ada", overlapping): "has a booking at that time",
        ("grace", slot): "own session",
    }
    for (person, target), sentence in said.items():
        assert sentence in refused("book_for", person, target.id)
    assert "no session by that id" in refused("book_for", "ada", ada.id)
    User.objects.filter(id=ada.id).update(standing="suspended")
    assert "may not use the account" in refused("book_for", "ada", dear.id, "--free")
    User.objects.filter(id=ada.id).update(standing="approved")
    assert "price is not what you were shown" in refused("book_for", "ada", dear.id, "--expect", 3)


def test_staff_move_a_booking_at_the_new_price(
    ada: User, grace: User, booking: Booking, mailoutbox: list[EmailMessage]
) -> None:
    target = price(make_slot(grace, hours=90), 3)
    moved = report("move_booking", booking.id, target.id)
    assert (moved["slot_id"], moved["credits_charged"], credits_of(ada)) == (str(target.id), 3, 2)
    event = Event.objects.get(kind="booking.rescheduled")
    assert (event.user_id, event.actor_id, event.detail["by"]) == (ada.id, None, "staff")
    run_jobs()
    assert [mail.subject[:7] for mail in mailoutbox] == ["Moved: "]
    move_booking_as_staff(booking_id=booking.id, slot_id=booking.slot_id, actor_id=grace.id)
    assert Event.objects.filter(kind="booking.rescheduled", actor_id=grace.id).count() == 1
    assert credits_of(ada) == 4


def test_what_cannot_be_moved_says_what_to_do(ada: User, grace: User, slot: Slot, booking: Booking) -> None:
    other = make_slot(grace, hours=90)
    assert "no booking by that id" in refused("move_booking", ada.id, other.id)
    assert "no session by that id" in refused("move_booking", booking.id, ada.id)
    assert "has a seat in this session already" in refused("move_booking", booking.id, slot.id)
    shift_start(slot, hours=1)
    assert "Cancel it with the full refund" in refused("move_booking", booking.id, other.id)


@pytest.mark.parametrize(
    ("hours", "refund", "back", "by"),
    [(72, "rule", 1, "client"), (1, "rule", 0, "client"), (72, "full", 1, "staff"), (1, "full", 1, "staff")],
)
def test_the_refund_of_a_cancellation_is_chosen_and_known_before(
    ada: User, slot: Slot, booking: Booking, mailoutbox: list[EmailMessage], hours: int, refund: str, back: int, by: str
) -> None:
    shift_start(slot, hours=hours)
    command = ("cancel_booking", booking.id, "--refund", refund)
    assert 'With --yes: ada\'s booking of "Session" with grace, ' in refused(*command)
    before = state()
    preview = report(*command, "--dry-run")
    assert state() == before
    refused(*command, "--yes", "--expect", 1 - back)
    done = report(*command, "--yes", "--expect", back, "--message", "As you asked on the phone")
    assert preview | {"dry_run": False} == done | {name: preview[name] for name in ("cancelled_at", "usable_until")}
    assert (done["credits_refunded"], done["cancelled_by"], credits_of(ada)) == (back, by, 4 + back)
    event = Event.objects.get(kind="booking.cancelled")
    assert event.detail == {"booking_id": str(booking.id), "by": by, "credits_refunded": back}
    run_jobs()
    (mail,) = mailoutbox
    assert "the staff have cancelled" in mail.body
    assert "The staff write:\nAs you asked on the phone" in mail.body


def test_what_has_started_or_is_cancelled_is_not_cancelled(ada: User, slot: Slot, booking: Booking) -> None:
    cancel = ("cancel_booking", booking.id, "--refund", "full", "--yes")
    shift_start(slot, hours=-0.1)
    assert "has started" in refused(*cancel)
    assert "has started" in refused("cancel_slot", slot.id, "--yes")
    shift_start(slot, hours=9)
    run(*cancel)
    assert "not active any more" in refused(*cancel)


def test_staff_cancel_a_session_and_everybody_hears_it_from_the_staff(
    ada: User, grace: User, mallory: User, slot: Slot, booking: Booking, mailoutbox: list[EmailMessage]
) -> None:
    Slot.objects.filter(id=slot.id).update(capacity=1)
    join_waitlist(client_id=mallory.id, slot_id=slot.id)
    shift_start(slot, hours=2)
    before = state()
    assert "with 1 booking; 1 credit back" in refused("cancel_slot", slot.id)
    assert report("cancel_slot", slot.id, "--dry-run")["bookings_cancelled"] == 1
    assert state() == before
    cancel_slot_as_staff(slot_id=slot.id, message="The room is flooded", actor_id=mallory.id)
    assert (Slot.objects.get(id=slot.id).status, credits_of(ada)) == ("cancelled", 5)
    event = Event.objects.get(kind="slot.cancelled")
    assert (event.user_id, event.actor_id, event.detail["by"]) == (grace.id, mallory.id, "staff")
    run_jobs()
    said = {mail.to[0]: mail.body for mail in mailoutbox}
    assert said.keys() == {person.email for person in (ada, grace, mallory)}
    assert all("The staff write:\nThe room is flooded" in body for body in said.values())
    assert "cancelled already" in refused("cancel_slot", slot.id, "--yes")


def test_credits_are_given_back_by_command(ada: User, slot: Slot, booking: Booking) -> None:
    shift_start(slot, hours=-1)
    assert "1 to 200 characters" in refused("give_back", booking.id, 1, "--note", " ")
    assert report("give_back", booking.id, 1, "--note", "Flooded")["credits_given_back"] == 1
    assert credits_of(ada) == 5


def test_a_preview_of_each_operation_changes_nothing(ada: User, grace: User, slot: Slot, booking: Booking) -> None:
    other = make_slot(grace, hours=90)
    before = state()
    for preview in (
        lambda: book_as_staff(person="ada", slot_id=other.id, is_preview=True),
        lambda: move_booking_as_staff(booking_id=booking.id, slot_id=other.id, is_preview=True),
        lambda: cancel_booking_as_staff(booking_id=booking.id, is_preview=True),
        lambda: cancel_slot_as_staff(slot_id=slot.id, is_preview=True),
    ):
        assert preview()
        assert state() == before
    with pytest.raises(errors.RefundChanged):
        cancel_booking_as_staff(booking_id=booking.id, expected_credits_refunded=0, is_preview=True)
