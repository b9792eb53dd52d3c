from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import announce_event
from bookings import errors
from bookings.policies.credits import credits_kept, has_started, refund_for_cancellation
from bookings.repositories import bookings, locking, waitlist
from bookings.repositories.cancellations import Cancellation, EventDetail, write_cancellations
from bookings.repositories.jobs import Told, message_of
from bookings.repositories.rows import BookingRow, RosterRow
from bookings.services.booking import get_booking
from bookings.services.giving_back import favourable
from bookings.services.operations import operation
from bookings.services.renewing import renew_due
from bookings.services.waiting import offer_seats

if TYPE_CHECKING:
    from bookings.models import Booking


@dataclass(frozen=True)
class RefundPreview:
    """What cancelling at `now` gives back, and to which subscription; None where nothing was paid.

    `usable_until` is None where the credits wait for a renewal.
    """

    refund_deadline: datetime
    free_to_leave_until: datetime | None
    refundable: bool
    credits: int
    subscription_id: UUID | None
    usable_until: datetime | None
    now: datetime


def preview_refund(*, client_id: UUID, booking_id: UUID) -> RefundPreview:
    """What the client would get back now. Raises NotFound, BookingNotActive, SessionStarted."""
    row = get_booking(booking_id=booking_id, client_id=client_id)
    if row["status"] in {"cancelled", "no_show"}:
        raise errors.BookingNotActive
    if has_started(now=row["now"], scheduled_start_time=row["scheduled_start_time"]):
        raise errors.SessionStarted
    return describe_refund(row)


def describe_refund(row: BookingRow) -> RefundPreview:
    """The preview for an active booking, as of the row's `now`."""
    credits = refund_for_cancellation(
        now=row["now"],
        scheduled_start_time=row["scheduled_start_time"],
        refund_window=row["refund_window"],
        credits_charged=row["credits_charged"] - row["credits_given_back"],
        free_to_leave_until=row["free_to_leave_until"],
    )
    return RefundPreview(
        refund_deadline=row["refund_deadline"],
        free_to_leave_until=row["free_to_leave_until"],
        refundable=credits > 0,
        credits=credits,
        subscription_id=row["subscription_id"],
        usable_until=row["usable_until"],
        now=row["now"],
    )


@operation
def cancel_booking(
    now: datetime, /, *, client_id: UUID, booking_id: UUID, expected_credits_refunded: int | None = None
) -> BookingRow:
    """Cancel as the client: refunded before the deadline, free of refund until the start; the booking's row.

    Raises NotFound, BookingNotActive, SessionStarted, Busy, and RefundChanged where the refund is not the expected.
    """
    rows = lock_cancellable(booking_id, client_id=client_id, now=now)
    (cancellation,) = by_client(rows.bookings, rows=rows, now=now)
    refund = cancellation.refund
    if expected_credits_refunded not in {None, refund}:
        raise errors.RefundChanged(extra={"credits_refunded": refund})
    release([cancellation], rows=rows, now=now, actor_id=client_id)
    return bookings.get_row(booking_id, client_id=client_id)


@operation
def remove_client(now: datetime, /, *, host_id: UUID, booking_id: UUID, message: str = "") -> RosterRow:
    """Take somebody out of the host's own session: refunded in full and told, with the host's message.

    The seat goes to whoever waits. Raises NotFound, BookingNotActive, SessionStarted, Busy.
    """
    rows = lock_cancellable(booking_id, host_id=host_id, now=now)
    (cancellation,) = favourable(rows.bookings, owned=rows.subscriptions, now=now)
    release([cancellation], rows=rows, now=now, actor_id=host_id, by="host", told=message_of(message))
    return bookings.get_roster_row(booking_id)


def lock_cancellable(booking_id: UUID, *, now: datetime, **owner: UUID) -> locking.LockedRows:
    """The booking and what goes with it, locked. Raises NotFound, BookingNotActive, SessionStarted before any lock."""
    booking = bookings.get_booking(booking_id, **owner)
    check_changeable(booking, now=now)
    return locking.lock_for_release(now=now, booked=[booking])


def check_changeable(booking: "Booking", *, now: datetime) -> None:
    """Raises BookingNotActive, SessionStarted."""
    if booking.status != "active":
        raise errors.BookingNotActive
    if has_started(now=now, scheduled_start_time=booking.scheduled_start_time):
        raise errors.SessionStarted


def by_client(booked: "Sequence[Booking]", *, rows: locking.LockedRows, now: datetime) -> list[Cancellation]:
    """The client's cancellations at `now` of bookings that `rows` hold: what is refunded goes to what was charged."""
    refunds = [
        refund_for_cancellation(
            now=now,
            scheduled_start_time=booking.scheduled_start_time,
            refund_window=booking.refund_window,
            credits_charged=credits_kept(booking),
            free_to_leave_until=booking.free_to_leave_until,
        )
        for booking in booked
    ]
    found = [Cancellation(b, refund, b.subscription_id) for b, refund in zip(booked, refunds, strict=True)]
    renew_due([rows.subscriptions[one.refunded_to] for one in found if one.refund and one.refunded_to], now=now)
    return found


def release(
    cancellations: Sequence[Cancellation],
    *,
    rows: locking.LockedRows,
    now: datetime,
    actor_id: UUID | None,
    by: str = "client",
    told: Told | None = None,
) -> None:
    """Cancel bookings that `rows` hold and give their seats to whoever waits."""
    cancel_locked(cancellations, rows=rows, now=now, actor_id=actor_id, by=by, told=told)
    left = sorted({one.booking.slot_id for one in cancellations})
    offer_seats([rows.slots[slot_id] for slot_id in left], rows=rows, now=now)


def cancel_locked(
    cancellations: Sequence[Cancellation],
    *,
    rows: locking.LockedRows,
    now: datetime,
    actor_id: UUID | None,
    by: str,
    told: Told | None = None,
) -> None:
    """Cancel bookings that `rows` hold, with their events and mails; seats and credits go back."""
    if not cancellations:
        return
    details: list[EventDetail] = [
        {"booking_id": str(one.booking.id), "by": by, "credits_refunded": one.refund} for one in cancellations
    ]
    write_cancellations(cancellations, rows=rows, now=now, by=by, actor_id=actor_id, details=details, told=told)
    for detail in details:
        announce_event(kind="booking.cancelled", detail=detail)
    waitlist.retry_for([one.booking.client_id for one in cancellations], now=now)
