from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.repositories import hosts, people, slots
from bookings.repositories.pages import Page, read_page
from bookings.repositories.rows import Row
from bookings.repositories.slots import SlotFilter
from bookings.services import transactions
from bookings.services.rules import current_refund_window

if TYPE_CHECKING:
    pass


def create_slot(*, host_id: UUID, title: str, starts_at: datetime, ends_at: datetime, capacity: int) -> Row:
    """Add a slot to the host's own calendar; its row. Raises NotAHost, SlotStarted, SlotOverlaps, Busy."""
    slot_id = transactions.run(lambda now: _create(host_id, title, starts_at, ends_at, capacity, now))
    return get_slot(slot_id=slot_id, viewer_id=host_id)


def _create(host_id: UUID, title: str, starts_at: datetime, ends_at: datetime, capacity: int, now: datetime) -> UUID:
    lock_calendar(host_id)
    if starts_at <= now:
        raise errors.SlotStarted("A session has to start in the future. Choose a later time.")
    slot = slots.insert_slot(host_id=host_id, title=title, starts_at=starts_at, ends_at=ends_at, capacity=capacity)
    record_event(kind="slot.created", user_id=host_id, detail={"slot_id": str(slot.id)})
    return slot.id


def lock_calendar(host_id: UUID) -> None:
    """Take the host's calendar for this transaction. Raises NotAHost for everybody else.

    The person is looked at after the lock: a deactivation that came first has finished.
    """
    if people.is_usable_host(host_id):
        hosts.lock_host(host_id)
    if not people.is_usable_host(host_id):
        raise errors.NotAHost


def list_slots(
    *,
    viewer_id: UUID,
    starts_from: datetime | None = None,
    starts_before: datetime | None = None,
    host_id: UUID | None = None,
    is_open: bool | None = None,
    title: str | None = None,
    cursor: str = "",
) -> Page:
    """Slots by start, as the viewer sees them, from now on unless `starts_from` says otherwise. Raises NotValid."""
    by = SlotFilter(starts_from, starts_before, host_id, is_open, title)
    rows = slots.slot_rows(viewer_id=viewer_id)
    page = read_page(slots.filtered(rows, by=by), cursor=cursor)
    add_refund_window(page.rows)
    return page


def add_refund_window(rows: Iterable[Row]) -> None:
    """Say in each row of a slot which window a booking made now would have."""
    window = current_refund_window()
    for row in rows:
        row["refund_window"] = window


def get_slot(*, slot_id: UUID, viewer_id: UUID) -> Row:
    """One slot as the viewer sees it. Raises NotFound."""
    row = slots.find_slot_row(slot_id, viewer_id=viewer_id)
    if row is None:
        raise errors.NotFound
    add_refund_window([row])
    return row


def list_hosts(*, cursor: str = "") -> Page:
    """The people who host, by login. Raises NotValid."""
    return read_page(people.host_rows(), cursor=cursor)
