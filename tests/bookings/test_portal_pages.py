"""What the portal's pages show beside the lists of their own: as the resource's own call gives it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bookings.services.booking import book_slot
from bookings.services.offerings import archive_offering
from tests.bookings.api import Caller
from tests.bookings.people import make_offering, make_person, make_slot
from tests.tokens.in_process import call, sign_in


def test_the_page_of_bookings_has_the_calendars_address(ada: User) -> None:
    token = sign_in(ada).access_token
    page, address = (call(Client(), path, token).json() for path in ("/pages/bookings", "/calendar-feed"))
    assert page["calendar_feed"] == address["url"]


def test_the_page_of_hours_has_the_hosts_rules(grace: User) -> None:
    caller = Caller(grace)
    caller.post("/availability-rules", {"kind": "day_off", "date": "2098-01-01"}, status=201)
    assert caller.get("/pages/hosting/hours")["rules"] == caller.get("/availability-rules")["results"] != []


@pytest.mark.slow
def test_the_page_of_hours_has_what_they_can_be_made_from_in_as_many_statements(grace: User, ada: User) -> None:
    caller, other = Caller(grace), Caller(make_person("linus", is_host=True))

    def offer(host: Caller, title: str) -> str:
        return str(host.post("/offerings", {"title": title, "minutes": 30}, status=201)["id"])

    def read() -> tuple[list[str], int]:
        with CaptureQueriesContext(connection) as captured:
            page = caller.get("/pages/hosting/hours")
        return [one["id"] for one in page["offerings"]], len(captured)

    offer(other, "Not hers")
    yoga, archived = offer(caller, "Yoga"), offer(caller, "Archived")
    caller.post(f"/offerings/{archived}/archive")
    found, statements = read()
    assert found == [yoga]
    more = [offer(caller, f"Class {number:02}") for number in range(60)]
    assert read() == ([*more, yoga], statements)


def test_a_hosts_page_has_free_seats_and_all_that_is_offered(ada: User, grace: User) -> None:
    full, free = (make_slot(grace, hours=30 + n, capacity=1) for n in range(2))
    book_slot(client_id=ada.id, slot_id=full.id)
    rare, archived = (make_offering(grace, title=title) for title in ("Once a month", "Not any more"))
    archive_offering(host_id=grace.id, offering_id=archived.id)
    for caller in (Caller(ada), Caller(grace)):
        page = caller.get("/pages/hosts/grace")
        assert [one["id"] for one in page["slots"]["results"]] == [str(free.id)]
        assert [(one["id"], one["title"]) for one in page["offerings"]] == [(str(rare.id), "Once a month")]
    assert [one["id"] for one in Caller(ada).get("/slots", free="true")["results"]] == [str(free.id)]


def test_a_move_shows_the_booking_and_the_slot_and_what_it_may_overlap(ada: User, grace: User) -> None:
    caller, (first, second, other) = Caller(ada), [make_slot(grace, hours=30 + 2 * n) for n in range(3)]
    booking, elsewhere = (str(book_slot(client_id=ada.id, slot_id=slot.id)["id"]) for slot in (first, other))
    page = caller.get(f"/pages/bookings/{booking}/reschedule")
    assert [one["id"] for one in page["upcoming"]] == [booking, elsewhere]
    move = caller.get(f"/pages/bookings/{booking}/reschedule/{second.id}")
    assert (move["booking"], move["slot"]) == (caller.get(f"/bookings/{booking}"), caller.get(f"/slots/{second.id}"))
    unknown = "01a209d7-49e7-70e4-88f6-3a2d2b204cea"
    assert caller.refused("GET", f"/pages/bookings/{booking}/reschedule/{unknown}") == (404, "not_found")
