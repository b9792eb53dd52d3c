import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from bookings.models import Booking
from bookings.repositories import jobs
from bookings.repositories.locking import LockedRows

EventDetail = dict[str, object]

_CANCEL = f"""
WITH cancelled AS (
    UPDATE bookings_booking b
    SET status = 'cancelled', cancelled_at = %(now)s, cancelled_by = %(by)s, credits_refunded = c.refund,
        changed_at = %(now)s, revision = c.revision, remind_at = NULL
    FROM jsonb_to_recordset(%(bookings)s::jsonb) AS c (id uuid, refund int, revision int) WHERE b.id = c.id
), freed AS (
    UPDATE bookings_slot s SET seats_taken = f.seats_taken
    FROM jsonb_to_recordset(%(slots)s::jsonb) AS f (id uuid, seats_taken int) WHERE s.id = f.id
), credited AS (
    UPDATE bookings_subscription s SET credits_remaining = c.balance
    FROM jsonb_to_recordset(%(subscriptions)s::jsonb) AS c (id uuid, balance int) WHERE s.id = c.id
), entered AS (
    INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
    SELECT e.id, e.subscription_id, e.booking_id, e.amount, 'refund', e.balance, %(now)s
    FROM jsonb_to_recordset(%(entries)s::jsonb)
        AS e (id uuid, subscription_id uuid, booking_id uuid, amount int, balance int)
), recorded AS (
    INSERT INTO accounts_event (id, kind, user_id, actor_id, client_id, detail)
    SELECT e.id, 'booking.cancelled', e.user_id, %(actor_id)s::uuid, '', e.detail
    FROM jsonb_to_recordset(%(events)s::jsonb) AS e (id uuid, user_id uuid, detail jsonb)
), deferred AS MATERIALIZED (
    {jobs.DEFER}
)
SELECT count(*) FROM deferred
"""  # noqa: S608  # a constant


@dataclass(frozen=True)
class Cancellation:
    """A locked booking to be cancelled; `refund` goes to the subscription `refunded_to`, locked, too.

    None where nothing goes back.
    """

    booking: Booking
    refund: int
    refunded_to: UUID | None


def write_cancellations(
    cancellations: Sequence[Cancellation],
    *,
    rows: LockedRows,
    now: datetime,
    by: str,
    actor_id: UUID | None,
    details: Sequence[EventDetail],
    told: jobs.Told | None = None,
) -> None:
    """Cancel, free the seats, give credits back, record and notify: one statement for any number of bookings.

    `details` has what the event of each says, `told` what the mails say besides. Slots and subscriptions in `rows`
    follow.
    """
    entries = [entry for one in cancellations for entry in _give_back(one, rows=rows)]
    booked = [one.booking for one in cancellations]
    given: dict[str, Any] = {
        "now": now,
        "by": by,
        "actor_id": actor_id,
        "bookings": [
            {"id": one.booking.id, "refund": one.refund, "revision": one.booking.revision + 1} for one in cancellations
        ],
        "slots": [
            {"id": slot_id, "seats_taken": rows.slots[slot_id].seats_taken} for slot_id in {b.slot_id for b in booked}
        ],
        "subscriptions": [
            {"id": subscription_id, "balance": rows.subscriptions[subscription_id].credits_remaining}
            for subscription_id in {entry["subscription_id"] for entry in entries}
        ],
        "entries": entries,
        "events": [
            {"id": uuid7(), "user_id": booking.client_id, "detail": detail}
            for booking, detail in zip(booked, details, strict=True)
        ],
    }
    notices = [(booking.client_id, booking.id, booking.revision + 1) for booking in booked]
    records = {name: json.dumps(value, default=str) for name, value in given.items() if isinstance(value, list)}
    job = jobs.notice_values(f"booking_cancelled_by_{by}", notices, told=told)
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL, {**given, **records, **job})


def _give_back(one: Cancellation, *, rows: LockedRows) -> list[dict[str, Any]]:
    """Free the seat and add the refund in `rows`; the ledger entry, or none where nothing goes back."""
    rows.slots[one.booking.slot_id].seats_taken -= 1
    if not one.refund or one.refunded_to is None:
        return []
    subscription = rows.subscriptions[one.refunded_to]
    subscription.credits_remaining += one.refund
    entry = {"id": uuid7(), "subscription_id": subscription.id, "booking_id": one.booking.id, "amount": one.refund}
    return [{**entry, "balance": subscription.credits_remaining}]
