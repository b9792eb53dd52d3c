import email
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import Message
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from icalendar import Calendar

from accounts.models import User
from bookings.models import Slot, Subscription
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.hosting import cancel_slot, create_slot
from bookings.services.moving import reschedule_booking
from bookings.services.notices import order_reminders
from bookings.services.renewing import expire_subscription, renew_subscription
from bookings.services.waiting import join_waitlist
from tests.bookings import rfc5545
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
    User.objects.update(is_active=True)  # who leaves through the product takes the bookings along


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
    assert [s.partition(":")[0] for s in subjects(outbox, ada)] == ["Booked", "Soon"], "the other session is over"


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


# What a mail says is so when it is sent, and says until when


def body_of(outbox: list[EmailMessage], start: str) -> str:
    """The last mail whose subject begins so, as one line."""
    found = [mail.body for mail in outbox if str(mail.subject).startswith(start)]
    return " ".join(str(found[-1]).split())


@pytest.mark.parametrize(
    ("hours", "said", "unsaid"),
    [
        (72, "and the credit goes back to you. From then until the start you can still cancel", "No credit goes back"),
        (
            5,
            "You can cancel until the start, which frees your seat for somebody else. No credit goes back",
            "Cancel before",
        ),
    ],
    ids=["in time", "late"],
)
def test_a_confirmation_promises_only_what_still_holds(
    ada: User, grace: User, outbox: list[EmailMessage], hours: int, said: str, unsaid: str
) -> None:
    book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=hours).id)
    run_jobs()
    assert said in body_of(outbox, "Booked")
    assert unsaid not in body_of(outbox, "Booked")


def test_a_mail_that_was_held_up_says_what_holds_when_it_goes_out(
    ada: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    pass_time(hours=65)
    run_jobs()
    assert "Cancel before" not in body_of(outbox, "Booked")
    outbox.clear()
    pass_time(hours=7.5)
    run_jobs()
    assert "The session has begun, so it can no longer be cancelled." in body_of(outbox, "Booked")
    outbox.clear()
    pass_time(hours=1)
    run_jobs()
    assert outbox == []


def test_a_reminder_of_a_late_booking_promises_no_refund(ada: User, grace: User, outbox: list[EmailMessage]) -> None:
    slot = make_slot(grace, hours=40)
    booking = book_slot(client_id=ada.id, slot_id=slot.id)
    pass_time(hours=30)
    order_reminders()
    run_jobs()
    assert "No credit goes back: the refund deadline was" in body_of(outbox, "Soon")
    assert str(booking["id"]) in body_of(outbox, "Soon")


def test_a_promise_to_an_ended_subscription_says_so(ada: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    ended = clock.read_now() - timedelta(days=1)
    Subscription.objects.filter(user=ada).update(starts_at=ended - timedelta(9), ends_at=ended)
    run_jobs()
    assert "back to a subscription that has ended, to be used once it is renewed" in body_of(outbox, "Booked")


@pytest.mark.parametrize(
    "undo", [{"seats_taken": 1}, {"bookings_close_at": timedelta(hours=-1)}], ids=["taken again", "closed"]
)
def test_a_free_seat_is_told_only_while_it_can_be_booked(
    ada: User, grace: User, outbox: list[EmailMessage], undo: dict[str, Any]
) -> None:
    near, one = make_slot(grace, hours=5, capacity=1), make_person("one")
    booking = book_slot(client_id=one.id, slot_id=near.id)["id"]
    join_waitlist(client_id=ada.id, slot_id=near.id)
    cancel_booking(client_id=one.id, booking_id=booking)
    if "seats_taken" in undo:
        book_slot(client_id=make_person("two").id, slot_id=near.id)
    else:
        Slot.objects.update(bookings_close_at=clock.read_now() - timedelta(hours=1))
    run_jobs()
    assert not [s for s in subjects(outbox, ada) if s.startswith("A seat is free")]


def test_the_hour_that_happens_twice_is_told_apart(ada: User, grace: User, outbox: list[EmailMessage]) -> None:
    User.objects.filter(id=ada.id).update(time_zone="America/New_York")
    start = datetime(2096, 11, 4, 5, 30, tzinfo=UTC)
    for number in range(2):
        times = {
            "starts_at": start + number * timedelta(minutes=30),
            "ends_at": start + (number + 1) * timedelta(minutes=30),
        }
        row = create_slot(host_id=grace.id, title="Night", capacity=1, **times)
        book_slot(client_id=ada.id, slot_id=row["id"])
    run_jobs()
    assert subjects(outbox, ada) == [
        "Booked: Night, Sun 4 Nov 2096, 01:30 EDT-01:00 EST (America/New_York)",
        "Booked: Night, Sun 4 Nov 2096, 01:00 EST-01:30 EST (America/New_York)",
    ]


# What a mail says to programs


def parts_of(mail: EmailMessage) -> tuple[Message, Message]:
    """The mail as it arrives, read by Python's parser, and its calendar."""
    received = email.message_from_bytes(mail.message().as_bytes(), policy=policy.default)
    (calendar,) = [part for part in received.walk() if part.get_content_type() == "text/calendar"]
    return received, calendar


def test_a_mail_is_an_invitation_and_its_cancellation(ada: User, grace: User, outbox: list[EmailMessage]) -> None:
    """RFC 5546, in the part's type too (RFC 6047 section 2.4); read by two parsers that know nothing of each other."""
    User.objects.filter(id=grace.id).update(display_name='Grace "G" Hopper; ä' * 5)
    slot = make_slot(grace)
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    run_jobs()
    cancel_booking(client_id=ada.id, booking_id=booking)
    run_jobs()
    sent = {"REQUEST": outbox[0], "CANCEL": outbox[-1]}
    for sequence, (method, mail) in enumerate(sent.items()):
        _, part = parts_of(mail)
        assert (part.get_param("method"), part.get_filename()) == (method, "session.ics")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        strict, lenient = rfc5545.read(content), Calendar.from_ical(content)
        (event,), (other,) = strict.parts, lenient.walk("VEVENT")
        assert strict["METHOD"] == lenient["method"] == method
        assert int(event["SEQUENCE"]) == other["sequence"] == sequence
        assert event["ATTENDEE"] == str(other["attendee"]) == f"mailto:{ada.email}"
        assert event["ORGANIZER"] == str(other["organizer"]) == "mailto:no-reply@localhost"
        assert event.parameters("ORGANIZER")["CN"] == other["organizer"].params["CN"]
        assert event["UID"] == f"booking-{booking}@insighta"
        assert event["STATUS"] == ("CANCELLED" if method == "CANCEL" else "CONFIRMED")


def test_a_mail_says_that_no_person_wrote_it_and_how_to_stop_it(
    ada: User, slot: Slot, outbox: list[EmailMessage], settings: Any
) -> None:
    settings.SUPPORT = settings.SUPPORT_EMAIL = "help@insighta.example"
    book_slot(client_id=ada.id, slot_id=slot.id)
    run_jobs()
    received, _ = parts_of(outbox[0])
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert received["Reply-To"] == "help@insighta.example"
    address = received["List-Unsubscribe"].strip().strip("<>")
    last = f"To get no more mails about your bookings and credits:\n{address}\nQuestions: help@insighta.example"
    assert last in str(outbox[0].body)


def test_one_click_stops_mails_without_signing_in_and_a_look_does_not(
    ada: User, mallory: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    run_jobs()
    address = outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(address)
    assert (page.status_code, b"Stop these mails?" in page.content) == (200, True)
    assert page["Referrer-Policy"] == "no-referrer"
    assert User.objects.get(id=ada.id).email_notifications
    answer = browser.post(address, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, b"No more of these mails" in answer.content) == (200, True)
    assert list(User.objects.filter(email_notifications=False)) == [ada]
    outbox.clear()
    run_jobs()
    assert outbox == []


def test_a_forged_address_stops_nothing(ada: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    run_jobs()
    address = outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    head, _, secret = address.rpartition("/")
    for forged in (f"{head}/{secret[:-2]}AA", f"{head}/insu_", f"{head}/ä", address.replace("/bookings/", "/other/")):
        assert Client().get(forged).status_code == 404
        assert Client().post(forged).status_code == 404
    assert User.objects.get(id=ada.id).email_notifications
