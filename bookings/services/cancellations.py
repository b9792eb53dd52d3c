from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import bookings, people, slots, waitlist
from bookings.services import transactions
from bookings.services.bookings import get_booking
from bookings.services.seats import Held, cancel_held, lock_for_release, offer_seats

if TYPE_CHECKING:
    from bookings.models import Booking


@dataclass(frozen=True)
class CancelledSlots:
    """What a host's cancellation did."""

    slot_ids: list[UUID]
    bookings_cancelled: int
    credits_refunded: int


@dataclass(frozen=True)
class RefundPreview:
    """What cancelling at `now` gives back. `usable_until` is None where the credit waits for a renewal."""

    refund_deadline: datetime
    refundable: bool
    credits: int
    subscription_id: UUID
    usable_until: datetime | None
    now: datetime


def preview_refund(*, client_id: UUID, booking_id: UUID) -> RefundPreview:
    """What the client would get back now. Raises NotFound, BookingNotActive, SessionStarted."""
    row = get_booking(booking_id=booking_id, client_id=client_id)
    _check_cancellable(status=row["status"], scheduled_start_time=row["scheduled_start_time"], now=row["now"])
    return describe_refund(row)


def describe_refund(row: dict[str, Any]) -> RefundPreview:
    """The preview for the row of an active booking, as of the row's `now`."""
    terms = {"scheduled_start_time": row["scheduled_start_time"], "refund_window": row["refund_window"]}
    credits = policies.refund_for_cancellation(now=row["now"], credits_charged=row["credits_charged"], **terms)
    ends_at: datetime = row["subscription__ends_at"]
    return RefundPreview(
        refund_deadline=policies.refund_deadline(**terms),
        refundable=credits > 0,
        credits=credits,
        subscription_id=row["subscription_id"],
        usable_until=ends_at if row["now"] < ends_at else None,
        now=row["now"],
    )


def cancel_booking(
    *, client_id: UUID, booking_id: UUID, expected_credits_refunded: int | None = None
) -> dict[str, Any]:
    """Cancel as the client: refunded before the deadline, free of refund until the start; the booking's row.

    Raises NotFound, BookingNotActive, SessionStarted, Busy, and RefundChanged where the refund is not the expected.
    """
    transactions.run(lambda now: _cancel_as_client(client_id, booking_id, expected_credits_refunded, now))
    return get_booking(booking_id=booking_id, client_id=client_id)


def _cancel_as_client(client_id: UUID, booking_id: UUID, expected: int | None, now: datetime) -> None:
    read = bookings.find_booking(booking_id, client_id=client_id)
    if read is None:
        raise errors.NotFound
    _check_cancellable(status=read.status, scheduled_start_time=read.scheduled_start_time, now=now)
    refund = _refund_of(read, now=now)
    if expected is not None and expected != refund:
        raise errors.RefundChanged(extra={"credits_refunded": refund})
    held = lock_for_release(now=now, booked=[read])
    release_booking(held.bookings[0], held=held, now=now, refund=refund, actor_id=client_id)


def cancel_booking_as_staff(*, booking_id: UUID, actor_id: UUID | None, by: str = "staff") -> int:
    """Cancel in favour of the client, or `by` the `host`, refunded in full; the credits given back.

    Raises NotFound, BookingNotActive, SessionStarted, Busy.
    """
    return transactions.run(lambda now: _cancel_as_staff(booking_id, actor_id, by, now))


def _cancel_as_staff(booking_id: UUID, actor_id: UUID | None, by: str, now: datetime) -> int:
    read = bookings.find_booking(booking_id)
    if read is None:
        raise errors.NotFound
    _check_cancellable(status=read.status, scheduled_start_time=read.scheduled_start_time, now=now)
    held = lock_for_release(now=now, booked=[read])
    booking = held.bookings[0]
    release_booking(booking, held=held, now=now, refund=booking.credits_charged, actor_id=actor_id, by=by)
    return booking.credits_charged


def _check_cancellable(*, status: str, scheduled_start_time: datetime, now: datetime) -> None:
    if status != "active":
        raise errors.BookingNotActive
    if policies.has_started(now=now, scheduled_start_time=scheduled_start_time):
        raise errors.SessionStarted


def _refund_of(booking: "Booking", *, now: datetime) -> int:
    return policies.refund_for_cancellation(
        now=now,
        scheduled_start_time=booking.scheduled_start_time,
        refund_window=booking.refund_window,
        credits_charged=booking.credits_charged,
    )


def release_booking(
    booking: "Booking", *, held: Held, now: datetime, refund: int, actor_id: UUID | None, by: str = "client"
) -> None:
    """Cancel a locked booking, free its seat and give it to whoever waits."""
    cancel_held(booking, held=held, now=now, by=by, refund=refund, actor_id=actor_id)
    slots.release_seat(booking.slot_id)
    offer_seats(held.slots[booking.slot_id], held=held, now=now)


def cancel_slot(*, host_id: UUID, slot_id: UUID) -> CancelledSlots:
    """Cancel the host's own slot and refund everybody in full.

    Raises NotFound, SlotCancelled, SessionStarted, Busy.
    """
    return transactions.run(lambda now: _cancel_slot(host_id, slot_id, now))


def _cancel_slot(host_id: UUID, slot_id: UUID, now: datetime) -> CancelledSlots:
    slot = slots.find_slot(slot_id)
    if slot is None or slot.host_id != host_id:
        raise errors.NotFound
    if slot.status == "cancelled":
        raise errors.SlotCancelled("This session is cancelled already, and everybody was refunded.")
    if policies.has_started(now=now, scheduled_start_time=slot.starts_at):
        raise errors.SessionStarted
    held = lock_for_release(now=now, hosted_slot_ids=[slot_id])
    if held.slots[slot_id].status != "open":
        raise errors.TryAgain
    return close_slots([slot_id], held=held, now=now, actor_id=host_id)


def cancel_day(*, host_id: UUID, day: date) -> CancelledSlots:
    """Cancel every open slot of the host's that starts on `day` in the host's time zone and has not started.

    Raises NotAHost, Busy.
    """
    return transactions.run(lambda now: _cancel_day(host_id, day, now))


def _cancel_day(host_id: UUID, day: date, now: datetime) -> CancelledSlots:
    wanted = list_open_on(host_id=host_id, day=day)
    held = lock_for_release(now=now, hosted_slot_ids=wanted)
    open_ids = [slot.id for slot in held.slots.values() if slot.status == "open" and now < slot.starts_at]
    return close_slots(open_ids, held=held, now=now, actor_id=host_id)


def list_open_on(*, host_id: UUID, day: date) -> list[UUID]:
    """The host's open slots that start on `day` in the host's time zone. Raises NotAHost."""
    if not people.is_usable_host(host_id):
        raise errors.NotAHost
    zone = people.zone_of(host_id)
    midnight = policies.instant_of(day=day, wall_time=time.min, zone=zone)
    next_midnight = policies.instant_of(day=day + timedelta(days=1), wall_time=time.min, zone=zone)
    return slots.list_open_ids(host_id=host_id, starts_from=midnight, starts_before=next_midnight)


def close_slots(slot_ids: Collection[UUID], *, held: Held, now: datetime, actor_id: UUID | None) -> CancelledSlots:
    """Cancel locked slots of a host and refund their active bookings, which are locked too."""
    cancelled = [booking for booking in held.bookings if booking.slot_id in slot_ids]
    for booking in cancelled:
        cancel_held(booking, held=held, now=now, by="host", refund=booking.credits_charged, actor_id=actor_id)
    slots.cancel_slots(slot_ids, now=now)
    waitlist.close_queues(slot_ids)
    for slot_id in slot_ids:
        host_id = held.slots[slot_id].host_id
        record_event(kind="slot.cancelled", user_id=host_id, actor_id=actor_id, detail={"slot_id": str(slot_id)})
    return CancelledSlots([*slot_ids], len(cancelled), sum(booking.credits_charged for booking in cancelled))


def cancel_all_of(user_id: UUID, *, now: datetime) -> None:
    """Cancel a leaving person's upcoming bookings by the client's rule and their open slots by the host's rule.

    Runs inside the caller's transaction. Raises TryAgain.
    """
    booked = bookings.list_upcoming_of(user_id, now=now)
    hosted = slots.list_open_ids(host_id=user_id, starts_from=now)
    held = lock_for_release(now=now, booked=booked, hosted_slot_ids=hosted, client_ids=[user_id])
    if {b.id for b in bookings.list_upcoming_of(user_id, now=now)} != {b.id for b in booked}:
        raise errors.TryAgain
    waitlist.leave_all(user_id)
    for booking in held.bookings:
        if booking.client_id == user_id:
            release_booking(booking, held=held, now=now, refund=_refund_of(booking, now=now), actor_id=user_id)
    open_ids = [slot_id for slot_id in hosted if held.slots[slot_id].status == "open"]
    close_slots(open_ids, held=held, now=now, actor_id=user_id)
