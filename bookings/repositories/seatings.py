import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from accounts.policies import may_use_account
from bookings.repositories import jobs
from bookings.repositories.seats import NewBooking

# As WRITE in `seats`, of many seats at once.
_WRITE = f"""
WITH usable AS MATERIALIZED (
    SELECT count(*) FROM accounts_user
    WHERE id = ANY(%(people)s) AND {may_use_account("accounts_user")} HAVING count(*) = cardinality(%(people)s)
), new AS MATERIALIZED (
    SELECT b.* FROM usable, jsonb_to_recordset(%(bookings)s::jsonb) AS b (
        place int, id uuid, slot_id uuid, client_id uuid, host_id uuid, subscription_id uuid,
        starts_at timestamptz, ends_at timestamptz, refund_window interval, credits int, balance int,
        remind_at timestamptz, key varchar, entry_id uuid, event_id uuid, detail jsonb)
), seated AS (
    UPDATE bookings_slot s SET seats_taken = f.seats_taken
    FROM usable, jsonb_to_recordset(%(slots)s::jsonb) AS f (id uuid, seats_taken int) WHERE s.id = f.id
), charged AS (
    UPDATE bookings_subscription s SET credits_remaining = c.balance
    FROM usable, jsonb_to_recordset(%(subscriptions)s::jsonb) AS c (id uuid, balance int) WHERE s.id = c.id
), promoted AS (
    UPDATE bookings_waitlistentry w SET status = 'promoted' FROM new
    WHERE w.slot_id = new.slot_id AND w.client_id = new.client_id AND w.status = 'waiting'
), booked AS (
    INSERT INTO bookings_booking (
        id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time, scheduled_end_time,
        refund_window, credits_charged, credits_refunded, revision, idempotency_key, requested_slot_id, created_at,
        changed_at, cancelled_by, remind_at)
    SELECT id, slot_id, client_id, host_id, subscription_id, 'active', starts_at, ends_at, refund_window, credits,
           0, 0, key, slot_id, %(now)s, %(now)s, '', remind_at FROM new
), entered AS (
    INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
    SELECT entry_id, subscription_id, id, -credits, 'booking', balance, %(now)s FROM new
    WHERE credits > 0 ORDER BY place
), recorded AS (
    INSERT INTO accounts_event (id, kind, user_id, client_id, detail)
    SELECT event_id, %(event)s, client_id, '', detail FROM new
), deferred AS MATERIALIZED (
    {jobs.DEFER} CROSS JOIN usable HAVING count(*) > 0
)
SELECT count(*) FROM deferred
"""  # noqa: S608  # a constant


@dataclass(frozen=True)
class Seating:
    """A booking to be written with others; its slot and subscription say already what is left.

    `balance` is right after it, None where it costs nothing.
    """

    booking: NewBooking
    balance: int | None

    @property
    def detail(self) -> dict[str, object]:
        """What its event says."""
        return {"booking_id": str(self.booking.id), "slot_id": str(self.booking.slot.id)}


def write_seatings(
    seatings: Sequence[Seating],
    *,
    now: datetime,
    event: str,
    notice: str,
    about: Sequence[tuple[UUID, UUID, int]],
    told: jobs.Told | None = None,
) -> bool:
    """As `seats.write_booking`, of many at once: all, or none where any of the people may not be booked any more.

    Each has an event of the kind `event`; the mails are those of `jobs.defer_notices`.
    """
    made = [one.booking for one in seatings]
    records: dict[str, Any] = {
        "bookings": [_record(place, one) for place, one in enumerate(seatings)],
        "slots": [
            {"id": slot.id, "seats_taken": slot.seats_taken} for slot in {b.slot.id: b.slot for b in made}.values()
        ],
        "subscriptions": [
            {"id": subscription.id, "balance": subscription.credits_remaining}
            for subscription in {b.subscription.id: b.subscription for b in made if b.subscription}.values()
        ],
    }
    given: dict[str, Any] = {name: json.dumps(value, default=str) for name, value in records.items()}
    people = list({b.client_id for b in made} | {b.slot.host_id for b in made})
    job = jobs.notice_values(notice, list(about), told=told)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {**given, **job, "people": people, "now": now, "event": event})
        (written,) = cursor.fetchone()
    return bool(written)


def _record(place: int, one: Seating) -> dict[str, Any]:
    booking = one.booking
    return {
        "place": place,
        "id": booking.id,
        "slot_id": booking.slot.id,
        "client_id": booking.client_id,
        "host_id": booking.slot.host_id,
        "subscription_id": booking.subscription and booking.subscription.id,
        "starts_at": booking.slot.starts_at,
        "ends_at": booking.slot.ends_at,
        "refund_window": f"{booking.refund_window.total_seconds()} seconds",
        "credits": booking.credits,
        "balance": one.balance,
        "remind_at": booking.remind_at,
        "key": booking.key,
        "entry_id": uuid7(),
        "event_id": uuid7(),
        "detail": one.detail,
    }
