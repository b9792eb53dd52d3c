from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import bookings, people, slots, subscriptions
from bookings.repositories.pages import PAGE_SIZE, Page, read_page
from bookings.repositories.rows import Row, Rows
from bookings.services import transactions
from bookings.services.seats import seat_client

if TYPE_CHECKING:
    from bookings.models import Booking, Slot


def book_slot(*, client_id: UUID, slot_id: UUID, idempotency_key: str | None = None) -> Row:
    """Take a seat and a credit; the booking's row. The same key and slot again give the same booking.

    Raises NotFound, SlotCancelled, SlotStarted, SlotFull, OwnSlot, AlreadyBooked, OverlappingBooking,
    InsufficientCredits, IdempotencyConflict, Busy.
    """
    try:
        return transactions.run(lambda now: _book(client_id, slot_id, idempotency_key, now))
    except errors.BookingsError:
        # Looked for only where booking was refused, which a repeated request always is: that spares everybody else.
        earlier = bookings.find_by_key(client_id=client_id, key=idempotency_key) if idempotency_key else None
        if earlier is None:
            raise
        _check_same_request(earlier, slot_id)
    return get_booking(booking_id=earlier.id, client_id=client_id)


def _book(client_id: UUID, slot_id: UUID, key: str | None, now: datetime) -> Row:
    slot = slots.take_seat(slot_id, client_id=client_id, now=now)
    if slot is None:
        raise _why_no_seat(slot_id, client_id, now)
    return _book_taken_seat(slot, client_id, key, now)


def _check_same_request(booking: "Booking", slot_id: UUID) -> None:
    if booking.requested_slot_id != slot_id:
        raise errors.IdempotencyConflict


def _book_taken_seat(slot: "Slot", client_id: UUID, key: str | None, now: datetime) -> Row:
    purses = subscriptions.lock_for(user_ids=[client_id])
    # After the lock: whoever deactivates or suspends the client, or books for them, has finished.
    host = check_people(slot, client_id=client_id)
    check_no_collision(slot, client_id=client_id)
    purse = policies.choose_subscription(purses, now=now)
    if purse is None:
        raise errors.InsufficientCredits
    booking = seat_client(slot=slot, subscription=purse, client_id=client_id, now=now, key=key)
    return bookings.made_row(booking, host=host, now=now)


def check_people(slot: "Slot", *, client_id: UUID) -> Row:
    """The slot's host. Raises NotFound where the client or the host does not use their account."""
    usable = people.find_usable([client_id, slot.host_id])
    if not {client_id, slot.host_id} <= usable.keys():
        raise errors.NotFound
    return usable[slot.host_id]


def check_no_collision(slot: "Slot", *, client_id: UUID, besides: UUID | None = None) -> None:
    """Raises AlreadyBooked or OverlappingBooking where the client holds this slot or another at that time."""
    held = [other for other in bookings.list_colliding(slot, client_ids=[client_id]) if other.id != besides]
    if any(booking.slot_id == slot.id for booking in held):
        raise errors.AlreadyBooked
    if held:
        raise errors.OverlappingBooking


def _why_no_seat(slot_id: UUID, client_id: UUID, now: datetime) -> errors.BookingsError:
    found = slots.find_slot_and_holding(slot_id, client_id=client_id)
    if found is None:
        return errors.NotFound()
    slot, is_held = found
    refusal = find_refusal(slot, client_id=client_id, now=now)
    return refusal or (errors.AlreadyBooked() if is_held else errors.SlotFull())


def find_refusal(slot: "Slot", *, client_id: UUID, now: datetime) -> errors.BookingsError | None:
    """Why this client cannot have a seat in this slot, however many are free."""
    if slot.status == "cancelled":
        return errors.SlotCancelled()
    if now >= slot.bookings_close_at:
        return errors.SlotStarted()
    if slot.host_id == client_id:
        return errors.OwnSlot()
    return None


def mark_no_show(*, host_id: UUID, booking_id: UUID) -> Row:
    """Note that the client did not come, from the session's start on; the seat stays theirs and nothing is refunded.

    Raises NotFound, BookingNotActive, NotValid before the start.
    """
    transactions.run(lambda now: _mark_no_show(host_id, booking_id, now))
    return get_hosted_booking(booking_id=booking_id, host_id=host_id)


def _mark_no_show(host_id: UUID, booking_id: UUID, now: datetime) -> None:
    if bookings.find_booking(booking_id, host_id=host_id) is None:
        raise errors.NotFound
    booking = bookings.lock_booking(booking_id)
    if booking.status != "active":
        raise errors.BookingNotActive
    if not policies.has_started(now=now, scheduled_start_time=booking.scheduled_start_time):
        raise errors.NotValid("The session has not started. Note a no-show from its start on.")
    bookings.set_no_show(booking, now=now)
    record_event(
        kind="booking.no_show", user_id=booking.client_id, actor_id=host_id, detail={"booking_id": str(booking_id)}
    )


def list_bookings(
    *, client_id: UUID, when: str = "", status: str = "", cursor: str = "", size: int = PAGE_SIZE
) -> Page:
    """The client's bookings, latest session first; `when` is `upcoming` (next first) or `past`. Raises NotValid."""
    rows = bookings.in_time(bookings.booking_rows(client_id=client_id), when=when, status=status)
    return read_page(rows, cursor=cursor, size=size)


def get_booking(*, booking_id: UUID, client_id: UUID) -> Row:
    """The client's own booking. Raises NotFound."""
    return _one(bookings.booking_rows(id=booking_id, client_id=client_id))


def get_hosted_booking(*, booking_id: UUID, host_id: UUID) -> Row:
    """A booking of one of the host's slots. Raises NotFound."""
    return _one(bookings.booking_rows(id=booking_id, host_id=host_id))


def list_roster(*, host_id: UUID, slot_id: UUID, cursor: str = "") -> Page:
    """The bookings of the host's own slot with their clients, as they were made. Raises NotFound, NotValid."""
    slot = slots.find_slot(slot_id)
    if slot is None or slot.host_id != host_id:
        raise errors.NotFound
    return read_page(bookings.roster_rows(slot_id), cursor=cursor)


def _one(rows: Rows) -> Row:
    row: Row | None = rows.first()
    if row is None:
        raise errors.NotFound
    return row
