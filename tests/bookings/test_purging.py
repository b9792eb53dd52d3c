"""Sessions that are long over and that nobody ever wanted go; everything that somebody might ask about stays."""

import pytest
from procrastinate.contrib.django import app

from bookings import tasks
from bookings.models import Slot
from bookings.services import purging
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_slot
from bookings.services.moving import reschedule_booking
from bookings.services.waiting import join_waitlist, leave_waitlist
from tests.bookings.people import make_person, make_slot, pass_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_what_nobody_ever_wanted_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    grace = make_person("grace", is_host=True)
    ada, hedy = make_person("ada"), make_person("hedy")
    for hour in range(5):
        make_slot(grace, hours=24 + hour)
    closed, cancelled, left, came, waited = (make_slot(grace, hours=48 + hour, capacity=1) for hour in range(5))
    cancel_slot(host_id=grace.id, slot_id=closed.id)
    booking = book_slot(client_id=ada.id, slot_id=cancelled.id)
    cancel_booking(client_id=ada.id, booking_id=booking["id"])
    moved = book_slot(client_id=ada.id, slot_id=left.id)
    reschedule_booking(client_id=ada.id, booking_id=moved["id"], slot_id=came.id)
    join_waitlist(client_id=hedy.id, slot_id=came.id)
    leave_waitlist(client_id=hedy.id, slot_id=came.id)
    there = book_slot(client_id=ada.id, slot_id=waited.id)
    join_waitlist(client_id=hedy.id, slot_id=waited.id)
    cancel_booking(client_id=ada.id, booking_id=there["id"])
    pass_time(hours=300 * 24)
    new = make_slot(grace, hours=1)
    pass_time(hours=89 * 24)

    tasks.purge_unbooked_slots(timestamp=0)

    kept = set(Slot.objects.values_list("id", flat=True))
    assert kept == {cancelled.id, left.id, came.id, waited.id, new.id}
    assert purging.purge_unbooked_slots() == 0


def test_it_is_done_every_night() -> None:
    schedule = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    assert schedule["bookings.purge_unbooked_slots"] == "50 4 * * *"
