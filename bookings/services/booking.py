from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from uuid6 import uuid7

from accounts.services.events import announce_event
from bookings import errors
from bookings.policies.credits import is_due, refund_window_of
from bookings.policies.seats import Refusal, SeatFacts, decide_booking
from bookings.repositories import bookings, locking, people, seats
from bookings.repositories.keyset import PAGE_SIZE, Page
from bookings.repositories.rows import BookingRow
from bookings.services import operations
from bookings.services.renewing import renew_due

if TYPE_CHECKING:
    from bookings.models import Slot

REMIND_BEFORE = timedelta(hours=24)
SEAT_REFUSALS: dict[Refusal, type[errors.BookingsError]] = {
    Refusal.NOT_FOUND: errors.NotFound,
    Refusal.SLOT_CANCELLED: errors.SlotCancelled,
    Refusal.SLOT_STARTED: errors.SlotStarted,
    Refusal.OWN_SLOT: errors.OwnSlot,
    Refusal.ALREADY_BOOKED: errors.AlreadyBooked,
    Refusal.SLOT_FULL: errors.SlotFull,
    Refusal.OVERLAPPING_BOOKING: errors.OverlappingBooking,
    Refusal.INSUFFICIENT_CREDITS: errors.InsufficientCredits,
}


@operations.self_timed_operation
def book_slot(
    attempts: operations.Attempts,
    /,
    *,
    client_id: UUID,
    slot_id: UUID,
    expected_credits_charged: int | None = None,
    idempotency_key: str | None = None,
) -> BookingRow:
    """Take a seat and pay its price; the booking's row. The same key and slot again give the same booking.

    Raises NotFound, SlotCancelled, SlotStarted, SlotFull, OwnSlot, AlreadyBooked, OverlappingBooking, PriceChanged
    where the price is not the expected one, InsufficientCredits, IdempotencyConflict, Busy.
    """
    look = _look(attempts, client_id, slot_id, idempotency_key)
    if look.is_locked and not look.earlier and _has_to_renew(look):
        renew_due(locking.lock_subscriptions(user_ids=[client_id]).values(), now=look.now)
        look = _look(attempts, client_id, slot_id, idempotency_key)
    decision = _decide(look, expected_credits_charged)
    if look.is_locked and not look.earlier and isinstance(decision, Refusal):
        # What a look does not lock is older than what it had to wait for: under the locks it is looked at again.
        look = _look(attempts, client_id, slot_id, idempotency_key)
        decision = _decide(look, expected_credits_charged)
    if look.earlier:
        return _repeat(look.earlier, client_id=client_id, slot_id=slot_id)
    if look.slot is None:
        raise errors.NotFound
    if isinstance(decision, Refusal):
        raise refused(decision, price_credits=look.slot.price_credits)
    booking = new_booking(slot=look.slot, subscription=decision, client_id=client_id, now=look.now, key=idempotency_key)
    write_booking(booking)
    return seats.new_row(booking, slot=look.slot, subscription=decision)


def _look(attempts: operations.Attempts, client_id: UUID, slot_id: UUID, idempotency_key: str | None) -> seats.Look:
    look = seats.look_at_slot(
        client_id=client_id,
        slot_id=slot_id,
        key=idempotency_key,
        now=attempts.now,
        lock_timeout_ms=operations.LOCK_TIMEOUT_MS,
    )
    attempts.now = look.now
    return look


def _has_to_renew(look: seats.Look) -> bool:
    """Whether there is something to pay, and a subscription to be renewed that might."""
    return bool(look.slot and look.slot.price_credits) and any(
        is_due(renews=s.renews, expired_at=s.expired_at, ends_at=s.ends_at, now=look.now) for s in look.subscriptions
    )


def _decide(look: seats.Look, expected_price: int | None) -> seats.SeenSubscription | Refusal | None:
    if look.slot is None:
        return Refusal.NOT_FOUND
    return decide_booking(
        look.slot.facts, subscriptions=look.subscriptions, now=look.now, expected_price=expected_price
    )


def _repeat(earlier: tuple[UUID, UUID], *, client_id: UUID, slot_id: UUID) -> BookingRow:
    """The booking that the key has made already. Raises IdempotencyConflict where it was asked for another slot."""
    booking_id, requested_slot_id = earlier
    if requested_slot_id != slot_id:
        raise errors.IdempotencyConflict
    return get_booking(booking_id=booking_id, client_id=client_id)


def refused(refusal: Refusal, *, price_credits: int) -> errors.BookingsError:
    """The error that says so, with the price where that is not what was expected."""
    if refusal is Refusal.PRICE_CHANGED:
        return errors.PriceChanged(extra={"credits_charged": price_credits})
    return SEAT_REFUSALS[refusal]()


def write_booking(booking: seats.NewBooking) -> None:
    """Write a booking of a locked slot, with its event and mail.

    Raises TryAgain, with nothing done, where the client or the host may not use the account any more.
    """
    by = {} if booking.made_by == "client" else {"by": booking.made_by}
    detail = {"booking_id": str(booking.id), "slot_id": str(booking.slot.id), **by}
    if not seats.write_booking(booking, detail=detail):
        raise errors.TryAgain
    announce_event(kind="booking.made", detail=detail)


def new_booking(
    *,
    slot: seats.SlotToSeat,
    subscription: seats.SubscriptionToCharge | None,
    client_id: UUID,
    now: datetime,
    key: str | None = None,
) -> seats.NewBooking:
    """A seat to be written, under the slot's price and refund window."""
    remind_at = reminder_time(starts_at=slot.starts_at, now=now)
    window = refund_window_of(slot.refund_window_hours, default=refund_window())
    return seats.NewBooking(uuid7(), client_id, slot, subscription, window, slot.price_credits, key, remind_at, now)


def refund_window() -> timedelta:
    """The window that bookings made now take with them where their slot says nothing."""
    return timedelta(hours=settings.REFUND_WINDOW_HOURS)


def reminder_time(*, starts_at: datetime, now: datetime) -> datetime | None:
    """When to remind of a session that is booked now; None where that is past."""
    remind_at = starts_at - REMIND_BEFORE
    return remind_at if remind_at > now else None


def find_facts(
    wanted: "Sequence[tuple[Slot, UUID]]", *, moved_id: UUID | None = None
) -> dict[tuple[UUID, UUID], SeatFacts]:
    """What decides on a seat in a locked slot for a client, by both ids; the booking `moved_id` is in nobody's way."""
    usable = people.find_usable_ids(person for slot, client_id in wanted for person in (slot.host_id, client_id))
    colliding = [other for other in bookings.list_colliding(wanted) if other.id != moved_id]
    booked = {(other.slot_id, other.client_id) for other in colliding}
    occupied = {(other.wanted_slot_id, other.client_id) for other in colliding}
    return {
        (slot.id, client_id): SeatFacts(
            status=slot.status,
            bookings_close_at=slot.bookings_close_at,
            is_own=slot.host_id == client_id,
            is_booked=(slot.id, client_id) in booked,
            is_full=slot.seats_taken >= slot.capacity,
            are_people_usable={client_id, slot.host_id} <= usable,
            is_overlapping=(slot.id, client_id) in occupied,
            price_credits=slot.price_credits,
        )
        for slot, client_id in wanted
    }


def list_bookings(
    *, client_id: UUID, when: str = "", status: str = "", cursor: str = "", size: int = PAGE_SIZE
) -> Page[BookingRow]:
    """The client's bookings, latest session first; `when` is `upcoming` (next first) or `past`. Raises NotValid."""
    return bookings.list_page(client_id=client_id, when=when, status=status, cursor=cursor, size=size)


def get_booking(*, booking_id: UUID, client_id: UUID) -> BookingRow:
    """The client's own booking. Raises NotFound."""
    return bookings.get_row(booking_id, client_id=client_id)
