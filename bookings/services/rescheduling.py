from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import bookings, slots, waitlist
from bookings.services import transactions
from bookings.services.bookings import check_no_collision, check_people, find_refusal, get_booking
from bookings.services.rules import reminder_time
from bookings.services.seats import announce, lock_for_release, offer_seats

if TYPE_CHECKING:
    from bookings.models import Booking, Slot


def reschedule_booking(*, client_id: UUID, booking_id: UUID, slot_id: UUID) -> dict[str, Any]:
    """Move a booking, with its credit, to another slot; the booking keeps its id and its refund window.

    Raises NotFound, BookingNotActive, SessionStarted, LateReschedule, SlotCancelled, SlotStarted, SlotFull, OwnSlot,
    AlreadyBooked, OverlappingBooking, Busy.
    """
    transactions.run(lambda now: _reschedule(client_id, booking_id, slot_id, now))
    return get_booking(booking_id=booking_id, client_id=client_id)


def _reschedule(client_id: UUID, booking_id: UUID, slot_id: UUID, now: datetime) -> None:
    read = bookings.find_booking(booking_id, client_id=client_id)
    if read is None:
        raise errors.NotFound
    _check_movable(read, now=now)
    if read.slot_id == slot_id:
        raise errors.AlreadyBooked
    held = lock_for_release(now=now, booked=[read], other_slot_ids=[slot_id], client_ids=[client_id])
    target = held.slots.get(slot_id)
    if target is None:
        raise errors.NotFound
    _take_seat(target, booking=read, now=now)
    slots.release_seat(read.slot_id)
    booking = held.bookings[0]
    remind_at = reminder_time(starts_at=target.starts_at, now=now)
    bookings.move_booking(booking, to=target, remind_at=remind_at, now=now)
    waitlist.set_status("promoted", slot_id=slot_id, client_id=client_id)
    _record(booking, from_slot_id=read.slot_id)
    offer_seats(held.slots[read.slot_id], held=held, now=now)


def _check_movable(booking: "Booking", *, now: datetime) -> None:
    if booking.status != "active":
        raise errors.BookingNotActive
    if policies.has_started(now=now, scheduled_start_time=booking.scheduled_start_time):
        raise errors.SessionStarted
    if not policies.may_reschedule(
        now=now, scheduled_start_time=booking.scheduled_start_time, refund_window=booking.refund_window
    ):
        raise errors.LateReschedule


def _take_seat(target: "Slot", *, booking: "Booking", now: datetime) -> None:
    refusal = find_refusal(target, client_id=booking.client_id, now=now)
    if refusal:
        raise refusal
    check_people(target, client_id=booking.client_id)
    check_no_collision(target, client_id=booking.client_id, besides=booking.id)
    if slots.take_seat(target.id, client_id=booking.client_id, now=now) is None:
        raise errors.SlotFull


def _record(booking: "Booking", *, from_slot_id: UUID) -> None:
    detail: dict[str, object] = {
        "booking_id": str(booking.id),
        "from_slot_id": str(from_slot_id),
        "to_slot_id": str(booking.slot_id),
    }
    record_event(kind="booking.rescheduled", user_id=booking.client_id, actor_id=booking.client_id, detail=detail)
    announce(booking, notice="rescheduled")
