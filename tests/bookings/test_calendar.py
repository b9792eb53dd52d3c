import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from icalendar import Calendar

from accounts.models import User
from accounts.services import people
from bookings.models import Booking, Slot
from bookings.repositories import clock
from bookings.services import calendar_feed
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_slot
from bookings.services.moving import reschedule_booking
from tests.bookings import rfc5545
from tests.bookings.api import Caller
from tests.bookings.people import make_slot
from tests.tokens.in_process import EVERY_SCOPE, call, sign_in
from tokens.services.ending_access import sign_out_everywhere


def address_of(person: User, path: str = "", method: str = "GET", scope: str = EVERY_SCOPE) -> str:
    """The address as a sign-in of this person is shown it."""
    answer = call(Client(), f"/calendar-feed{path}", sign_in(person, scope=scope).access_token, method)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["url"])


def events(address: str) -> dict[str, Any]:
    response = Client().get(address)
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert response["Cache-Control"] == "private, no-cache"
    found = {str(event["uid"]): event for event in Calendar.from_ical(response.content).walk("VEVENT")}
    for event in rfc5545.read(response.content).parts:
        other = found[event["UID"]]
        assert (int(event["SEQUENCE"]), event["STATUS"]) == (other["sequence"], other["status"])
        assert event["DTSTART"].encode() == other["dtstart"].to_ical()
        assert event["SUMMARY"].encode() == other["summary"].to_ical()
    return found


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


def revision_of(address: str) -> tuple[int, Any, Any]:
    """Sequence, DTSTAMP and LAST-MODIFIED of the only event."""
    ((_, event),) = events(address).items()
    return event["sequence"], event.decoded("dtstamp"), event.decoded("last-modified")


def test_every_change_of_a_hosts_event_is_a_newer_revision(ada: User, grace: User, slot: Slot) -> None:
    """Seats are in the SUMMARY, so a program that skips what it has seen must be told of each."""
    address = address_of(grace)
    Slot.objects.filter(id=slot.id).update(changed_at=clock.read_now() - timedelta(days=1))
    seen = [revision_of(address)]
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    seen.append(revision_of(address))
    cancel_booking(client_id=ada.id, booking_id=booking)
    seen.append(revision_of(address))
    Slot.objects.filter(id=slot.id).update(title="Another title")
    seen.append(revision_of(address))
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    seen.append(revision_of(address))
    sequences = [sequence for sequence, _, _ in seen]
    assert sequences == sorted(set(sequences))
    # What one test does is one transaction, whose time is the last change of all.
    now = clock.read_now().replace(microsecond=0)
    assert all(stamp == modified == now for _, stamp, modified in seen[1:])
    Slot.objects.filter(id=slot.id).update(title="Another title")
    assert revision_of(address) == seen[-1]


def test_a_feed_that_has_not_changed_is_not_sent_again(ada: User, slot: Slot) -> None:
    address = address_of(ada)
    book_slot(client_id=ada.id, slot_id=slot.id)
    first = Client().get(address)
    again = Client(headers={"If-None-Match": first["ETag"]}).get(address)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    cancel_booking(client_id=ada.id, booking_id=Booking.objects.get().id)
    changed = Client(headers={"If-None-Match": first["ETag"]}).get(address)
    assert (changed.status_code, b"STATUS:CANCELLED" in changed.content) == (200, True)


def test_a_feed_says_how_often_to_come_back_and_is_a_publication_without_method(ada: User) -> None:
    calendar = rfc5545.read(Client().get(address_of(ada)).content)
    assert (calendar["REFRESH-INTERVAL"], calendar["X-PUBLISHED-TTL"]) == ("PT60M", "PT60M")
    assert calendar.parameters("REFRESH-INTERVAL") == {"VALUE": "DURATION"}
    assert not [name for name, _, _ in calendar.properties if name == "METHOD"]


@pytest.mark.parametrize("title", ["ä" * 120, "a, b; c\\d", "日本語" * 40, "\N{GRINNING FACE}" * 60], ids=ascii)
def test_any_title_is_read_as_it_was_written(grace: User, title: str) -> None:
    make_slot(grace, title=title[:200])
    ((_, event),) = events(address_of(grace)).items()
    assert str(event["summary"]) == f"{title[:200]} (0 of 3 seats taken)"


# The quarters of an hour after a session, with everything else as it is there.
A_YEAR = """
    INSERT INTO bookings_slot SELECT (jsonb_populate_record(slot, jsonb_build_object(
        'id', gen_random_uuid(), 'starts_at', slot.ends_at + number * interval '15 minutes',
        'bookings_close_at', slot.ends_at + number * interval '15 minutes',
        'ends_at', slot.ends_at + (number + 1) * interval '15 minutes'
    ))).* FROM bookings_slot slot, generate_series(1, 96 * 365) number WHERE slot.id = %s
"""


@pytest.mark.alone
def test_a_year_of_quarter_hours_is_written_at_once(grace: User) -> None:
    first = make_slot(grace)
    with connection.cursor() as cursor:
        # Nobody has booked: the triggers, which look at the bookings of each, would take most of the test.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(A_YEAR, [first.id])
        cursor.execute("SET LOCAL session_replication_role = origin")
    secret = calendar_feed.get_feed_secret(user_id=grace.id)
    began = time.process_time()
    content, _ = calendar_feed.render_feed(secret=secret)
    took = time.process_time() - began
    assert content.count(b"BEGIN:VEVENT") == 96 * 365 + 1
    assert took < 6, "half a second on a machine of its own; a library takes half a minute"


def test_the_address_can_be_shown_again_and_rotated(ada: User) -> None:
    first = address_of(ada)
    assert address_of(ada) == first
    second = address_of(ada, "/rotate", "POST", scope="bookings:write")
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


def test_a_new_address_needs_the_scope_to_change_something(ada: User) -> None:
    address = address_of(ada)
    reader = sign_in(ada, scope="bookings:read").access_token
    assert call(Client(), "/calendar-feed/rotate", reader, "POST").status_code == 403
    assert events(address) == {}


def test_no_token_is_shown_the_address_nor_makes_a_new_one(ada: User) -> None:
    address, token = address_of(ada), Caller(ada)
    assert token.refused("GET", "/calendar-feed") == (403, "permission_denied")
    assert token.refused("POST", "/calendar-feed/rotate") == (403, "permission_denied")
    assert token.get("/pages/bookings")["calendar_feed"] is None
    assert events(address) == {}


def suspend(person: User) -> None:
    people.suspend_person(user_id=person.id, reason="", actor_id=None, now=clock.read_now())


def deactivate(person: User) -> None:
    people.deactivate_person(user_id=person.id, now=clock.read_now())


def end_everything(person: User) -> None:
    sign_out_everywhere(user_id=person.id, actor_id=None, with_personal_tokens=True, now=clock.read_now())


@pytest.mark.parametrize("end", [suspend, deactivate, end_everything])
def test_an_address_ends_with_all_access_and_does_not_come_back(ada: User, end: Callable[[User], None]) -> None:
    address = address_of(ada)
    end(ada)
    assert Client().get(address).status_code == 404
    User.objects.filter(id=ada.id).update(is_active=True, standing="approved")
    assert Client().get(address).status_code == 404
    assert events(address_of(ada)) == {}


def test_signing_out_everywhere_alone_keeps_calendars_going(ada: User) -> None:
    address = address_of(ada)
    sign_out_everywhere(user_id=ada.id, actor_id=ada.id, now=clock.read_now())
    assert events(address) == {}
