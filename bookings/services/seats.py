from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import bookings, jobs, ledger, people, slots, subscriptions, waitlist
from bookings.services.rules import CREDITS_PER_SEAT, current_refund_window, may_promote, reminder_time

if TYPE_CHECKING:
    from bookings.models import Booking, Slot, Subscription


@dataclass(frozen=True)
class Held:
    """What an operation has locked, in the order slots, subscriptions, bookings, each by ascending id.

    `candidates` are, for each slot that may lose a booking, the clients who wait for it and had a credit.
    """

    slots: "dict[UUID, Slot]"
    subscriptions: "dict[UUID, Subscription]"
    bookings: "list[Booking]"
    candidates: dict[UUID, list[UUID]]


def lock_for_release(
    *,
    now: datetime,
    booked: "Collection[Booking]" = (),
    hosted_slot_ids: Collection[UUID] = (),
    other_slot_ids: Collection[UUID] = (),
    client_ids: Collection[UUID] = (),
) -> Held:
    """Lock all that cancelling `booked`, and every active booking of `hosted_slot_ids`, may change.

    `booked` was read without a lock: TryAgain if any of it has changed since. `client_ids` are people whose other
    operations have to wait.
    """
    left_slot_ids = {booking.slot_id for booking in booked}
    held_slots = slots.lock_slots(left_slot_ids | {*hosted_slot_ids} | {*other_slot_ids})
    hosted = bookings.list_active_in(hosted_slot_ids)
    candidates = waitlist.list_candidates(left_slot_ids - {*hosted_slot_ids}, now=now)
    purses = subscriptions.lock_for(
        user_ids={*client_ids}.union(*candidates.values()),
        subscription_ids={booking.subscription_id for booking in (*booked, *hosted)},
    )
    locked = bookings.lock_bookings({booking.id for booking in (*booked, *hosted)})
    _check_unchanged((*booked, *hosted), locked)
    return Held(held_slots, {purse.id: purse for purse in purses}, locked, candidates)


def _check_unchanged(read: "Iterable[Booking]", locked: "Iterable[Booking]") -> None:
    if {(b.id, b.slot_id, b.status) for b in read} != {(b.id, b.slot_id, b.status) for b in locked}:
        raise errors.TryAgain


def seat_client(
    *,
    slot: "Slot",
    subscription: "Subscription",
    client_id: UUID,
    now: datetime,
    key: str | None = None,
    notice: str = "made",
) -> "Booking":
    """Charge and book a client whose seat has been taken; subscription and slot are locked."""
    booking = bookings.insert_charged(
        slot=slot,
        subscription=subscription,
        client_id=client_id,
        refund_window=current_refund_window(),
        credits=CREDITS_PER_SEAT,
        key=key,
        remind_at=reminder_time(starts_at=slot.starts_at, now=now),
        now=now,
    )
    record_event(
        kind=f"booking.{notice}", user_id=client_id, detail={"booking_id": str(booking.id), "slot_id": str(slot.id)}
    )
    announce(booking, notice=notice)
    return booking


def announce(booking: "Booking", *, notice: str) -> None:
    """Have the client written to about the booking."""
    jobs.defer_notices(f"booking_{notice}", [(booking.client_id, booking.id, booking.revision)])


def cancel_held(booking: "Booking", *, held: Held, now: datetime, by: str, refund: int, actor_id: UUID | None) -> None:
    """Cancel one locked booking and put `refund` credits back where they came from. Its seat is the caller's."""
    bookings.set_cancelled(booking, now=now, by=by, refund=refund)
    if refund:
        purse = held.subscriptions[booking.subscription_id]
        subscriptions.add(purse, credits=refund)
        ledger.insert_entry(subscription=purse, booking=booking, amount=refund, reason="refund", now=now)
    detail: dict[str, object] = {"booking_id": str(booking.id), "by": by, "credits_refunded": refund}
    record_event(kind="booking.cancelled", user_id=booking.client_id, actor_id=actor_id, detail=detail)
    announce(booking, notice=f"cancelled_by_{by}")


def offer_seats(slot: "Slot", *, held: Held, now: datetime) -> None:
    """Give the free seats of a locked slot to those who wait; near the start, tell them instead."""
    if slot.status != "open" or now >= slot.bookings_close_at:
        return
    if may_promote(starts_at=slot.starts_at, now=now):
        _promote(slot, held=held, now=now)
    else:
        waiting = [
            (client_id, slot_id, int(now.timestamp())) for slot_id, client_id in waitlist.list_waiting([slot.id])
        ]
        jobs.defer_notices("seat_free", waiting)


def _promote(slot: "Slot", *, held: Held, now: datetime) -> None:
    candidates = held.candidates.get(slot.id, [])
    if not candidates:
        return
    purses = subscriptions.by_user(held.subscriptions.values())
    allowed = people.find_usable(candidates)
    occupied = {other.client_id for other in bookings.list_colliding(slot, client_ids=candidates)}
    for client_id in candidates:
        purse = policies.choose_subscription(purses[client_id], now=now)
        if purse is None or client_id in occupied or client_id not in allowed:
            continue
        if slots.take_seat(slot.id, client_id=client_id, now=now) is None:
            return
        seat_client(slot=slot, subscription=purse, client_id=client_id, now=now, notice="promoted")
