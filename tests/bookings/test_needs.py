"""What waits for a host and for a client, on the first page that they see."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from bookings.models import Booking
from bookings.services.booking import book_slot
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.people import make_person, make_slot, shift_start


@pytest.fixture
def host(grace: User) -> Caller:
    return Caller(grace)


def needs(host: Caller) -> list[tuple[str, str, int, str | None]]:
    found = host.get("/pages/hosting")["needs"]
    return [(one["kind"], one["title"], one["people"], one["day"]) for one in found]


def test_a_host_is_asked_who_did_not_come_for_a_day(host: Caller, grace: User, ada: User) -> None:
    over, earlier, empty = (make_slot(grace, hours=hours, title=f"{hours}") for hours in (30, 40, 50))
    for slot in (over, earlier):
        book_slot(client_id=ada.id, slot_id=slot.id)
    assert needs(host) == []
    for slot, hours in ((over, -2), (earlier, -26), (empty, -4)):
        shift_start(slot, hours=hours)
    assert needs(host) == [("over", "30", 1, None)]
    host.post(f"/bookings/{Booking.objects.get(slot=over).id}/no-show", {}, status=200)
    assert needs(host) == []


def test_a_host_sees_who_waits_and_what_is_booked_on_a_day_off(host: Caller, grace: User, ada: User) -> None:
    slot = make_slot(grace, capacity=1, title="Full")
    book_slot(client_id=ada.id, slot_id=slot.id)
    join_waitlist(client_id=make_person("alan").id, slot_id=slot.id)
    assert needs(host) == [("waiting", "Full", 1, None)]
    day = slot.starts_at.astimezone(ZoneInfo(grace.time_zone)).date()
    for date in (day, day + timedelta(days=1)):
        host.post("/availability-rules", {"kind": "day_off", "date": date.isoformat()}, status=201)
    assert needs(host) == [("waiting", "Full", 1, None), ("day_off", "Full", 1, day.isoformat())]
    for other in ("past", "cancelled"):
        assert host.get("/pages/hosting", when=other)["needs"] == []


def test_a_client_sees_where_a_free_seat_did_not_become_theirs(grace: User, ada: User) -> None:
    slot = make_slot(grace, capacity=1, title="Full")
    book_slot(client_id=make_person("alan").id, slot_id=slot.id)
    join_waitlist(client_id=ada.id, slot_id=slot.id)
    caller = Caller(ada)
    assert caller.get("/pages/home")["passed_over"] == []
    later = slot.starts_at + timedelta(hours=3)
    times = {"starts_at": later.isoformat(), "ends_at": (later + timedelta(hours=1)).isoformat()}
    Caller(grace).patch(f"/slots/{slot.id}", times | {"capacity": 2})
    (one,) = caller.get("/pages/home")["passed_over"]
    assert (one["title"], one["passed_over"]) == ("Full", "changed")
