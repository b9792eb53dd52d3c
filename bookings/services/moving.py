from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.credits import choose_for_difference, credits_kept, is_before_deadline
from bookings.policies.seats import find_refusal
from bookings.repositories import bookings, jobs, locking, slots, subscriptions, waitlist
from bookings.repositories.rows import BookingRow
from bookings.services.booking import find_facts, refused, reminder_time
from bookings.services.cancelling import check_changeable
from bookings.services.operations import operation
from bookings.services.renewing import renew_due
from bookings.services.waiting import offer_seats

if TYPE_CHECKING:
    from bookings.models import Booking, Subscription


@operation
def reschedule_booking(
    now: datetime, /, *, client_id: UUID, booking_id: UUID, slot_id: UUID, expected_credits_charged: int | None = None
) -> BookingRow:
    """Move a booking to another slot, whose price it has from then on; it keeps its id and its refund window.

    Raises NotFound, BookingNotActive, SessionStarted, LateReschedule, SlotCancelled, SlotStarted, SlotFull, OwnSlot,
    AlreadyBooked, OverlappingBooking, PriceChanged, InsufficientCredits, Busy.
    """
    read = bookings.get_booking(booking_id, client_id=client_id)
    move_seat(read, slot_id=slot_id, now=now, actor_id=client_id, expected_price=expected_credits_charged)
    return bookings.get_row(booking_id, client_id=client_id)


def move_seat(
    read: "Booking",
    *,
    slot_id: UUID,
    now: datetime,
    actor_id: UUID | None,
    expected_price: int | None,
    by: str = "client",
) -> None:
    """Move a booking that was read without a lock, as `reschedule_booking`; `by` the `staff` until the new start."""
    check_changeable(read, now=now)
    if not is_before_deadline(
        now=now, scheduled_start_time=read.scheduled_start_time, refund_window=read.refund_window
    ):
        raise errors.LateReschedule
    if read.slot_id == slot_id:
        raise errors.AlreadyBooked
    booking_id, client_id = read.id, read.client_id
    rows = locking.lock_for_release(now=now, booked=[read], other_slot_ids=[slot_id], client_ids=[client_id])
    target, left, booking = rows.slots.get(slot_id), rows.slots[read.slot_id], rows.bookings[0]
    if target is None:
        raise errors.NotFound
    facts = find_facts([(target, client_id)], moved_id=booking_id)[slot_id, client_id]
    if by == "staff":
        facts = replace(facts, bookings_close_at=target.starts_at)
    if refusal := find_refusal(facts, now=now, expected_price=expected_price):
        raise refused(refusal, price_credits=target.price_credits)
    _settle_difference(booking, price=target.price_credits, owned=rows.subscriptions, now=now)

    slots.add_seats(target, 1)
    slots.add_seats(left, -1)
    remind_at = reminder_time(starts_at=target.starts_at, now=now)
    bookings.move_booking(booking, to=target, remind_at=remind_at, now=now)
    waitlist.set_status("promoted", slot_id=slot_id, client_id=client_id)
    detail = {
        "booking_id": str(booking_id),
        "from_slot_id": str(left.id),
        "to_slot_id": str(target.id),
        "credits_charged": booking.credits_charged,
        "by": by,
    }
    record_event(kind="booking.rescheduled", user_id=client_id, actor_id=actor_id, detail=detail)
    jobs.defer_notices("booking_rescheduled", [(client_id, booking_id, booking.revision)])
    offer_seats([left], rows=rows, now=now)
    waitlist.retry_for([client_id], now=now)


def _settle_difference(booking: "Booking", *, price: int, owned: "dict[UUID, Subscription]", now: datetime) -> None:
    """Charge or give back what a locked booking costs more or less from now on; its values follow, to be written.

    Never more goes back than is left of what was charged. Raises InsufficientCredits.
    """
    difference = max(price - booking.credits_charged, -credits_kept(booking))
    if not difference:
        return
    charged = owned[booking.subscription_id] if booking.subscription_id else None
    usable = [one for one in owned.values() if one.user_id == booking.client_id]
    renew_due(usable, now=now)
    used = choose_for_difference(usable, charged=charged, credits=max(difference, 0), now=now)
    used = used or (charged if difference < 0 else None)
    if used is None:
        raise errors.InsufficientCredits
    subscriptions.add_credits(used, amount=-difference, reason="difference", now=now, booking_id=booking.id)
    booking.credits_charged += difference
    booking.subscription_id = booking.subscription_id or used.id
