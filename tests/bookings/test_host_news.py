from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import F
from django.test import Client

from accounts.models import User
from bookings.models import Booking, BookingMove, Host, Slot
from bookings.repositories import clock
from bookings.services import host_news
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.host_news import order_host_news
from bookings.services.hosting import cancel_slot
from bookings.services.moving import reschedule_booking
from bookings.services.waiting import join_waitlist
from tests.bookings.jobs import run_jobs
from tests.bookings.people import make_slot
from tests.tokens.in_process import call, sign_in


@pytest.fixture
def outbox(mailoutbox: list[EmailMessage]) -> list[EmailMessage]:
    return mailoutbox


def wait_minutes(minutes: int = 5) -> None:
    """Let what has happened, and what was told, be that long ago."""
    passed = timedelta(minutes=minutes)
    booked = {name: F(name) - passed for name in ("created_at", "changed_at", "cancelled_at")}
    Booking.objects.update(**booked)
    BookingMove.objects.update(moved_at=F("moved_at") - passed)
    # A test is one transaction: a host's row is newer than what it does later.
    Host.objects.update(told_until=F("told_until") - passed - timedelta(minutes=1), tell_from=F("tell_from") - passed)


def told(outbox: list[EmailMessage], host: User, *, minutes: int = 5) -> list[EmailMessage]:
    """The mails that this host gets of what has happened until now."""
    outbox.clear()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")  # which run_jobs would repeat
    wait_minutes(minutes)
    order_host_news()
    run_jobs()
    return [mail for mail in outbox if mail.to == [host.email] and "host_" in mail.extra_headers["Message-ID"]]


def bodies(mails: list[EmailMessage]) -> str:
    return " ".join(" ".join(str(mail.body) for mail in mails).split())


def test_one_mail_a_day_tells_everything_that_others_did(
    ada: User, grace: User, mallory: User, outbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_half_a_day = clock.read_now().astimezone(ZoneInfo(grace.time_zone)) + timedelta(hours=12)
    monkeypatch.setattr(host_news, "MORNING", in_half_a_day.time())
    far, other = make_slot(grace, hours=100, capacity=1, title="Far"), make_slot(grace, hours=120, title="Other")
    booking = book_slot(client_id=ada.id, slot_id=far.id)["id"]
    join_waitlist(client_id=mallory.id, slot_id=far.id)
    reschedule_booking(client_id=ada.id, booking_id=booking, slot_id=other.id)
    cancel_booking(client_id=ada.id, booking_id=booking)
    (mail,) = told(outbox, grace)
    assert mail.subject == "4 changes in the sessions that you host"
    body = bodies([mail])
    for said in (
        'Ada has booked "Other"',
        'Mallory was booked from the waitlist of "Far"',
        'Ada has moved to another time from "Far"',
        'Ada is cancelled for "Other"',
    ):
        assert said in body
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    book_slot(client_id=mallory.id, slot_id=other.id)
    assert told(outbox, grace) == [], "there was one today"
    (next_day,) = told(outbox, grace, minutes=25 * 60)
    assert "1 change in" in next_day.subject


def test_each_change_is_told_at_once_where_the_host_wants_that(
    ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    answer = call(Client(), "/me", sign_in(grace).access_token, "PATCH", {"hosting_notifications": "each"})
    assert answer.json()["hosting_notifications"] == "each"
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    (made,) = told(outbox, grace)
    assert str(made.subject).startswith('Ada has booked "Session", ')
    cancel_booking(client_id=ada.id, booking_id=booking)
    (gone,) = told(outbox, grace)
    assert str(gone.subject).startswith('Ada is cancelled for "Session", ')
    assert told(outbox, grace) == []


def test_a_repeated_job_is_the_same_mail(ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    (first,) = told(outbox, grace)
    outbox.clear()
    run_jobs()
    (again,) = [mail for mail in outbox if mail.to == [grace.email]]
    assert again.extra_headers["Message-ID"] == first.extra_headers["Message-ID"]


def test_what_the_host_did_is_not_told_to_the_host(
    ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    User.objects.update(hosting_notifications="each")
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert len(told(outbox, grace)) == 1
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    assert told(outbox, grace) == []


@pytest.mark.parametrize(
    "wish", [{"hosting_notifications": "none"}, {"email_notifications": False}, {"email": ""}], ids=str
)
def test_who_wants_no_mails_gets_none(
    ada: User, grace: User, slot: Slot, outbox: list[EmailMessage], wish: dict[str, Any]
) -> None:
    User.objects.filter(id=grace.id).update(**wish)
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert told(outbox, grace) == []


def test_one_click_stops_mails_about_hosting_and_no_others(
    ada: User, grace: User, slot: Slot, outbox: list[EmailMessage]
) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    (mail,) = told(outbox, grace)
    address = mail.extra_headers["List-Unsubscribe"].strip("<>")
    assert b"the sessions that you host" in Client().get(address).content
    assert Client().post(address).status_code == 200
    person = User.objects.get(id=grace.id)
    assert (person.hosting_notifications, person.email_notifications) == ("none", True)


def test_two_workers_order_each_mail_once(ada: User, grace: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    wait_minutes()
    assert (order_host_news(), order_host_news()) == (1, 0)


def test_what_another_transaction_may_still_write_is_left_for_the_next_time(ada: User, grace: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    before = Host.objects.get(pk=grace.pk).told_until
    assert order_host_news() == 0
    assert Host.objects.get(pk=grace.pk).told_until == before


def test_an_unknown_wish_is_refused(grace: User) -> None:
    answer = call(Client(), "/me", sign_in(grace).access_token, "PATCH", {"hosting_notifications": "hourly"})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"hosting_notifications"})
