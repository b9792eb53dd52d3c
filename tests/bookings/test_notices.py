from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage

from accounts.models import User
from bookings.models import Slot, Subscription
from bookings.repositories import clock
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_booking, cancel_booking_as_staff, cancel_slot
from bookings.services.notices import order_reminders
from bookings.services.rescheduling import reschedule_booking
from bookings.services.subscriptions import expire_subscription, renew_subscription
from bookings.services.waitlist import join_waitlist
from tests.bookings.jobs import run_jobs
from tests.bookings.people import make_person, make_slot, pass_time, shift_start


@pytest.fixture
def outbox(mailoutbox: list[EmailMessage]) -> list[EmailMessage]:
    return mailoutbox


def subjects(outbox: list[EmailMessage], person: User) -> list[str]:
    return [str(mail.subject) for mail in outbox if mail.to == [person.email]]


def test_a_booking_is_confirmed_with_a_calendar_entry(ada: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    User.objects.filter(id=ada.id).update(time_zone="Africa/Lagos")
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert outbox == []
    run_jobs()
    (mail,) = outbox
    assert mail.subject.startswith("Booked: Session, ")
    assert "(Africa/Lagos)" in mail.subject
    assert "Hello Ada," in mail.body
    assert "It cost 1 credit." in mail.body
    ((name, content, kind),) = mail.attachments
    assert (name, kind) == ("session.ics", "text/calendar")
    assert "BEGIN:VEVENT" in str(content)


def test_a_repeated_job_repeats_the_message_id(ada: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    run_jobs()
    run_jobs()
    first, second = (mail.extra_headers["Message-ID"] for mail in outbox)
    assert first == second
    assert first.startswith("<booking_made.")


@pytest.mark.parametrize(
    "changes", [{"email": ""}, {"email_notifications": False}, {"is_active": False}], ids=["no address", "off", "gone"]
)
def test_nothing_is_sent_and_nothing_fails_where_no_mail_is_wanted(
    ada: User, slot: Slot, outbox: list[EmailMessage], changes: dict[str, Any]
) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    User.objects.filter(id=ada.id).update(**changes)
    run_jobs()
    assert outbox == []


def test_only_the_last_state_of_a_booking_is_told(
    ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    reschedule_booking(client_id=ada.id, booking_id=booking, slot_id=make_slot(grace, hours=100).id)
    pass_time(hours=76.1)
    order_reminders()
    run_jobs()
    assert [s.partition(":")[0] for s in subjects(outbox, ada)] == ["Moved", "Soon"]
    cancel_booking(client_id=ada.id, booking_id=booking)
    outbox.clear()
    order_reminders()
    run_jobs()
    assert [s.partition(":")[0] for s in subjects(outbox, ada)] == ["Cancelled"]


def test_a_reminder_comes_once_a_day_before(ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=20).id)
    assert order_reminders() == 0
    pass_time(hours=47.9)
    assert order_reminders() == 0
    pass_time(hours=0.2)
    assert (order_reminders(), order_reminders()) == (1, 0)
    run_jobs()
    assert [s.partition(":")[0] for s in subjects(outbox, ada)] == ["Booked", "Booked", "Soon"]


def test_any_number_of_reminders_is_ordered(ada: User, grace: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.services.notices.REMINDERS_AT_ONCE", 2)
    for hours in (80, 82, 84, 86):
        book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=hours).id)
    pass_time(hours=63)
    assert order_reminders() == 4


def test_nobody_is_reminded_of_what_was_cancelled(ada: User, slot: Slot) -> None:
    cancel_booking(client_id=ada.id, booking_id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])
    pass_time(hours=48.1)
    assert order_reminders() == 0


def test_no_reminder_of_a_session_that_has_started(ada: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    pass_time(hours=49)
    order_reminders()
    shift_start(slot, hours=-0.1)
    run_jobs()
    assert not any(s.startswith("Soon") for s in subjects(outbox, ada))


def test_host_staff_and_late_cancellations_say_what_goes_back(
    ada: User, grace: User, mallory: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    late = make_slot(grace, hours=3)
    one = make_person("one")
    booked = book_slot(client_id=one.id, slot_id=late.id)["id"]
    cancel_booking(client_id=one.id, booking_id=booked)
    cancel_booking_as_staff(booking_id=book_slot(client_id=mallory.id, slot_id=slot.id)["id"], actor_id=None)
    book_slot(client_id=ada.id, slot_id=slot.id)
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    Subscription.objects.filter(user=ada).update(
        starts_at=clock.read_now() - timedelta(9), ends_at=clock.read_now() - timedelta(1)
    )
    run_jobs()
    bodies = {mail.to[0]: mail.body for mail in outbox}
    assert "so no credit went back" in bodies[one.email]
    assert "1 credit went back to you, usable until" in bodies[mallory.email]
    assert "once the subscription is renewed" in bodies[ada.email]
    assert subjects(outbox, ada)[0].startswith("Grace has cancelled Session, ")


def test_the_waiting_are_promoted_or_told(ada: User, grace: User, outbox: list[EmailMessage]) -> None:
    far, near = make_slot(grace, hours=100, capacity=1), make_slot(grace, hours=5, capacity=1)
    one = make_person("one")
    for slot in (far, near):
        booking = book_slot(client_id=one.id, slot_id=slot.id)["id"]
        join_waitlist(client_id=ada.id, slot_id=slot.id)
        cancel_booking(client_id=one.id, booking_id=booking)
    run_jobs()
    promoted, told = subjects(outbox, ada)
    assert promoted.startswith("A seat became free: you are booked")
    assert told.startswith("A seat is free: ")


def test_who_took_the_free_seat_is_not_told_that_it_is_free(
    ada: User, grace: User, mallory: User, outbox: list[EmailMessage]
) -> None:
    near = make_slot(grace, hours=5, capacity=1)
    booking = book_slot(client_id=mallory.id, slot_id=near.id)["id"]
    join_waitlist(client_id=ada.id, slot_id=near.id)
    cancel_booking(client_id=mallory.id, booking_id=booking)
    book_slot(client_id=ada.id, slot_id=near.id)
    run_jobs()
    assert [s.partition(":")[0] for s in subjects(outbox, ada)] == ["Booked"]


def test_the_end_of_a_period_is_told(ada: User, mallory: User, outbox: list[EmailMessage]) -> None:
    now = clock.read_now()
    Subscription.objects.update(starts_at=now - timedelta(9), ends_at=now - timedelta(1))
    assert renew_subscription(subscription_id=Subscription.objects.get(user=ada).id)
    assert expire_subscription(subscription_id=Subscription.objects.get(user=mallory).id)
    run_jobs()
    assert subjects(outbox, ada) == ["Your plan Welcome was renewed"]
    assert subjects(outbox, mallory) == ["Your plan Welcome has ended"]
