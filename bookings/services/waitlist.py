from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.repositories import slots, subscriptions, waitlist
from bookings.services import transactions
from bookings.services.bookings import check_no_collision, check_people, find_refusal

if TYPE_CHECKING:
    from bookings.models import WaitlistEntry


@dataclass(frozen=True)
class Place:
    """A client's place in a queue: `position` 1 is next. Without a usable credit others are served first."""

    slot_id: UUID
    position: int
    joined_at: datetime
    credits_available: int


def join_waitlist(*, client_id: UUID, slot_id: UUID) -> Place:
    """Queue for a full slot, which is consent to be booked when a seat is free; joining twice keeps the place.

    Raises NotFound, SlotCancelled, SlotStarted, OwnSlot, AlreadyBooked, OverlappingBooking, NotValid where a seat is
    free, Busy.
    """
    return transactions.run(lambda now: _join(client_id, slot_id, now))


def _join(client_id: UUID, slot_id: UUID, now: datetime) -> Place:
    slot = slots.lock_slot(slot_id)
    if slot is None:
        raise errors.NotFound
    check_people(slot, client_id=client_id)
    refusal = find_refusal(slot, client_id=client_id, now=now)
    if refusal:
        raise refusal
    entry = waitlist.find_waiting(slot_id=slot_id, client_id=client_id)
    if entry is None:
        check_no_collision(slot, client_id=client_id)
        if slot.seats_taken < slot.capacity:
            raise errors.NotValid("This session has a free seat. Book it instead of waiting.")
        entry = waitlist.insert_entry(slot_id=slot_id, client_id=client_id, now=now)
        record_event(kind="waitlist.joined", user_id=client_id, detail={"slot_id": str(slot_id)})
    return _place(entry, now=now)


def _place(entry: "WaitlistEntry", *, now: datetime) -> Place:
    return Place(
        slot_id=entry.slot_id,
        position=waitlist.count_before(entry) + 1,
        joined_at=entry.joined_at,
        credits_available=subscriptions.usable_credits(entry.client_id, now=now),
    )


def leave_waitlist(*, client_id: UUID, slot_id: UUID) -> None:
    """Give up the place; nothing happens where there is none. Raises NotFound for an unknown slot, Busy."""
    transactions.run(lambda now: _leave(client_id, slot_id))


def _leave(client_id: UUID, slot_id: UUID) -> None:
    if slots.lock_slot(slot_id) is None:
        raise errors.NotFound
    if waitlist.set_status("left", slot_id=slot_id, client_id=client_id):
        record_event(kind="waitlist.left", user_id=client_id, detail={"slot_id": str(slot_id)})
