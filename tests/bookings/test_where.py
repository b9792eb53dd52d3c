"""Where a session is: whoever is booked reads it in mails and calendars, and nobody else is given the link."""

from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from icalendar import Calendar

from accounts.models import User
from bookings.models import CreditEntry, Slot
from bookings.services.booking import book_slot
from bookings.services.booking_in import book_person_in
from bookings.services.calendar_feed import get_feed_secret
from bookings.services.cancelling import cancel_booking
from bookings.services.front_desk import book_as_staff
from bookings.services.moving import reschedule_booking
from bookings.services.waiting import join_waitlist
from tests.bookings.jobs import run_jobs
from tests.bookings.people import make_person, make_slot

PLACE, LINK, TEXT = "Studio 2; Hauptstr. 5,\tBerlin", "https://meet.example/yoga?a=1", "Slow.\n\n靴なし。"


@pytest.fixture
def outbox(mailoutbox: list[EmailMessage]) -> list[EmailMessage]:
    return mailoutbox


@pytest.fixture
def somewhere(grace: User) -> Slot:
    return somewhere_of(grace)


def somewhere_of(host: User, *, hours: float = 72, **values: Any) -> Slot:
    slot = make_slot(host, hours=hours, **values)
    Slot.objects.filter(id=slot.id).update(place=PLACE, link=LINK, description=TEXT)
    return Slot.objects.get(id=slot.id)


def event_of(person: User) -> Any:
    content = Client().get(f"/api/v1/calendar/{get_feed_secret(user_id=person.id)}.ics").content
    return Calendar.from_ical(content).walk("VEVENT")[0]


def test_a_booked_person_reads_it_in_every_mail(ada: User, grace: User, somewhere: Slot, outbox: Any) -> None:
    booking = book_slot(client_id=ada.id, slot_id=somewhere.id)
    run_jobs()
    assert PLACE in outbox[-1].body
    assert LINK in outbox[-1].body
    for_them = somewhere_of(grace, hours=120)
    book_person_in(host_id=grace.id, slot_id=for_them.id, person="ada")
    book_as_staff(slot_id=somewhere_of(grace, hours=150).id, person="ada")
    run_jobs()
    for told in outbox[-2:]:
        assert "booked you in" in told.subject
        assert (PLACE in told.body, LINK in told.body) == (True, True)
    later = somewhere_of(grace, hours=90)
    Slot.objects.filter(id=later.id).update(place="The park", price_credits=3)
    reschedule_booking(client_id=ada.id, booking_id=booking["id"], slot_id=later.id)
    run_jobs()
    moved = outbox[-1].body
    assert "The park" in moved
    assert "It costs 3 credits, 2 more than before." in moved
    Slot.objects.filter(id=somewhere.id).update(price_credits=0)
    reschedule_booking(client_id=ada.id, booking_id=booking["id"], slot_id=somewhere.id)
    run_jobs()
    assert "It costs 0 credits, and 3 credits went back to you." in outbox[-1].body
    cancel_booking(client_id=ada.id, booking_id=booking["id"])
    run_jobs()
    assert LINK not in outbox[-1].body


def test_who_waits_reads_the_place_and_not_the_link(ada: User, grace: User, outbox: Any) -> None:
    slot = somewhere_of(grace, capacity=1)
    holder = make_person("holder")
    booking = book_slot(client_id=holder.id, slot_id=slot.id)
    join_waitlist(client_id=ada.id, slot_id=slot.id)
    Slot.objects.filter(id=slot.id).update(price_credits=4)
    cancel_booking(client_id=holder.id, booking_id=booking["id"])
    run_jobs()
    (told,) = [one for one in outbox if one.to == ["ada@example.org"]]
    assert "It costs 4 credits" in " ".join(told.body.split())
    assert f"/slots/{slot.id}/book" in told.body
    assert PLACE in told.body
    assert LINK not in told.body
    assert not CreditEntry.objects.filter(booking__client=ada).exists()


def test_calendars_say_it(ada: User, grace: User, somewhere: Slot) -> None:
    booking = book_slot(client_id=ada.id, slot_id=somewhere.id)
    event = event_of(ada)
    assert (str(event["location"]), str(event["url"])) == (PLACE, LINK)
    assert str(event["description"]).startswith(f"{TEXT}\n\n{LINK}\n\n")
    hosted = event_of(grace)
    assert (str(hosted["location"]), str(hosted["description"])) == (PLACE, f"{TEXT}\n\n{LINK}")
    cancel_booking(client_id=ada.id, booking_id=booking["id"])
    gone = event_of(ada)
    assert LINK not in str(gone["description"])
    assert str(gone["url"]).endswith(f"/bookings/{booking['id']}")


def test_an_invitation_says_it(ada: User, somewhere: Slot, outbox: Any) -> None:
    book_slot(client_id=ada.id, slot_id=somewhere.id)
    run_jobs()
    calendar = next(part for part in outbox[-1].message().walk() if part.get_content_type() == "text/calendar")
    event = Calendar.from_ical(calendar.get_payload(decode=True)).walk("VEVENT")[0]
    assert (str(event["location"]), str(event["url"])) == (PLACE, LINK)


def test_what_is_nowhere_has_no_place(ada: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    event = event_of(ada)
    assert "location" not in event
    assert "/bookings/" in str(event["url"])
