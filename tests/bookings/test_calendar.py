from typing import Any

from django.test import Client
from icalendar import Calendar

from accounts.models import User
from accounts.services import people
from bookings.models import Slot
from bookings.repositories import clock
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_booking
from bookings.services.rescheduling import reschedule_booking
from tests.bookings.api import Caller
from tests.bookings.people import make_slot


def address_of(person: User) -> str:
    address: str = Caller(person).get("/calendar-feed")["url"]
    return address


def events(address: str) -> dict[str, Any]:
    response = Client().get(address)
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert response["Cache-Control"] == "private, no-store"
    calendar = Calendar.from_ical(response.content)
    return {str(event["uid"]): event for event in calendar.walk("VEVENT")}


def test_the_uid_stays_over_a_move_and_a_cancellation_stays_as_cancelled(ada: User, grace: User, slot: Slot) -> None:
    address = address_of(ada)
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    ((uid, event),) = events(address).items()
    assert (event["status"], event["sequence"], event.decoded("dtstart")) == (
        "CONFIRMED",
        0,
        slot.starts_at.replace(microsecond=0),
    )
    later = make_slot(grace, hours=100)
    reschedule_booking(client_id=ada.id, booking_id=booking, slot_id=later.id)
    ((moved_uid, moved),) = events(address).items()
    assert (moved_uid, moved["sequence"], moved.decoded("dtstart")) == (uid, 1, later.starts_at.replace(microsecond=0))
    cancel_booking(client_id=ada.id, booking_id=booking)
    ((gone_uid, gone),) = events(address).items()
    assert (gone_uid, gone["sequence"], gone["status"]) == (uid, 2, "CANCELLED")


def test_a_host_sees_the_own_slots_and_mallory_sees_nothing(ada: User, grace: User, mallory: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    ((uid, event),) = events(address_of(grace)).items()
    assert uid == f"slot-{slot.id}@insighta"
    assert "1 of 3 seats taken" in event["summary"]
    assert events(address_of(mallory)) == {}


def test_the_address_can_be_shown_again_and_rotated(ada: User) -> None:
    first = address_of(ada)
    assert address_of(ada) == first
    second = Caller(ada).post("/calendar-feed/rotate")["url"]
    assert second != first
    assert Client().get(first).status_code == 404
    assert events(second) == {}
    assert address_of(ada) == second


def test_an_address_of_an_older_key_still_works(ada: User, settings: Any) -> None:
    address = address_of(ada)
    old = settings.TOKEN_KEYS
    settings.TOKEN_KEYS = ["a newer key of at least thirty-two characters", *old]
    assert events(address) == {}
    assert address_of(ada) != address
    settings.TOKEN_KEYS = settings.TOKEN_KEYS[:1]
    assert Client().get(address).status_code == 404


def forged(address: str) -> list[str]:
    head, _, secret = address.rpartition("/")
    body = secret.removesuffix(".ics")
    swapped = body[:-1] + ("A" if body[-1] != "A" else "B")
    return [f"{head}/{name}.ics" for name in (swapped, body[:-1], "insf_", "insf_!!", body.removeprefix("insf_"), "ä")]


def test_forged_addresses_are_unknown(ada: User, mallory: User) -> None:
    for address in forged(address_of(ada)):
        response = Client().get(address)
        assert (response.status_code, response["Content-Type"]) == (404, "text/plain")


def test_the_feed_of_who_may_not_use_the_account_is_unknown(ada: User) -> None:
    address = address_of(ada)
    people.suspend_person(user_id=ada.id, reason="", actor_id=None, now=clock.read_now())
    assert Client().get(address).status_code == 404
