from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from accounts.policies import clean_text
from accounts.services.events import record_event
from bookings import errors
from bookings.policies.credits import choose_for_refund, credits_kept
from bookings.repositories import bookings, jobs, locking, subscriptions, waitlist
from bookings.repositories.cancellations import Cancellation
from bookings.repositories.rows import BookingRow
from bookings.services.operations import operation
from bookings.services.renewing import renew_due

if TYPE_CHECKING:
    from bookings.models import Booking, Subscription

GIVE_BACK_PLAN = "Given back"
NOTE_LENGTH = 200


def favourable(
    booked: "Collection[Booking]", *, owned: "dict[UUID, Subscription]", now: datetime
) -> list[Cancellation]:
    """Cancellations that give back, usable, all that locked bookings have cost; `owned` are their clients', locked."""
    owed = [booking for booking in booked if credits_kept(booking)]
    targets = find_targets(owed, owned=owned, now=now)
    return [
        Cancellation(booking, credits_kept(booking), targets.get(booking.id, booking.subscription_id))
        for booking in booked
    ]


def find_targets(
    booked: "Collection[Booking]", *, owned: "dict[UUID, Subscription]", now: datetime
) -> dict[UUID, UUID]:
    """For each booking the subscription in which what goes back can be spent.

    The one charged, or where that has ended the client's active one that ends last, or else a new one of
    `GIVE_BACK_DAYS`, which joins `owned`.
    """
    renew_due(owned.values(), now=now)
    by_client: dict[UUID, list[Subscription]] = {booking.client_id: [] for booking in booked}
    for subscription in owned.values():
        by_client.setdefault(subscription.user_id, []).append(subscription)
    chosen = {
        booking.id: choose_for_refund(by_client[booking.client_id], charged=owned[booking.subscription_id], now=now)
        for booking in booked
        if booking.subscription_id
    }
    new = _open({booking.client_id for booking in booked if chosen[booking.id] is None}, now=now)
    owned.update({subscription.id: subscription for subscription in new.values()})
    return {booking.id: (chosen[booking.id] or new[booking.client_id]).id for booking in booked}


def _open(client_ids: set[UUID], *, now: datetime) -> "dict[UUID, Subscription]":
    if not client_ids:
        return {}
    days = settings.GIVE_BACK_DAYS
    plan = subscriptions.ensure_plan(name=GIVE_BACK_PLAN, credits=0, period_days=days)
    opened = subscriptions.insert_empty(client_ids, plan=plan, starts_at=now, ends_at=now + timedelta(days=days))
    return {subscription.user_id: subscription for subscription in opened}


def read_note(text: str) -> str:
    """Why credits move, as one clean line. Raises NotValid where nothing of it can be seen or it is too long."""
    note = clean_text(text, limit=len(text))
    if not 1 <= len(note) <= NOTE_LENGTH:
        raise errors.NotValid(f"Write a note of 1 to {NOTE_LENGTH} characters: the person reads it.")
    return note


def give_credits_back(
    now: datetime,
    /,
    *,
    booking_id: UUID,
    credits: int,
    note: str,
    actor_id: UUID | None,
    host_id: UUID | None = None,
    idempotency_key: str | None = None,
) -> BookingRow:
    """Give back some of what a booking has cost, before or after its start; the booking's row.

    Where `host_id` is given the booking is one of that host's. The same key and body again give back nothing more.
    Raises NotFound, NotValid for more than is left or no note, IdempotencyConflict, Busy.
    """
    note = read_note(note)
    read = bookings.get_booking(booking_id, **({"host_id": host_id} if host_id else {}))
    owned = locking.lock_subscriptions(user_ids=[read.client_id], subscription_ids=[read.subscription_id])
    (booking,) = locking.lock_bookings([booking_id])
    if idempotency_key and (earlier := subscriptions.find_goodwill(booking_id, key=idempotency_key)):
        if (earlier.amount, earlier.note) != (credits, note):
            raise errors.IdempotencyConflict("This Idempotency-Key was already used to give back something else.")
        return bookings.get_row(booking_id)
    if not 1 <= credits <= credits_kept(booking):
        raise errors.NotValid(f"Of what this booking has cost, {credits_kept(booking)} can still be given back.")
    target = owned[find_targets([booking], owned=owned, now=now)[booking_id]]
    entry = subscriptions.add_credits(
        target,
        amount=credits,
        reason="goodwill",
        now=now,
        note=note,
        booking_id=booking_id,
        idempotency_key=idempotency_key,
    )
    bookings.add_given_back(booking, credits)
    detail = {"booking_id": str(booking_id), "credits": credits, "entry_id": str(entry.id), "note": note}
    record_event(kind="booking.credits_given_back", user_id=booking.client_id, actor_id=actor_id, detail=detail)
    jobs.defer_notices("credits_given_back", [(booking.client_id, entry.id, 0)])
    waitlist.retry_for([booking.client_id], now=now)
    return bookings.get_row(booking_id)


give_back = operation(give_credits_back)
