"""A booking is two statements: LOOK locks and reads all that decides, WRITE writes all that follows.

Between them `policies.seats` decides. Other operations that give somebody a seat lock by `locking` and use WRITE alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from accounts.policies import may_use_account
from bookings.policies.credits import refund_deadline, usable_until
from bookings.policies.seats import SeatFacts
from bookings.repositories import jobs
from bookings.repositories.rows import BookingRow, HostRow

_SLOT = (
    "id", "host_id", "title", "description", "place", "link", "starts_at", "ends_at", "bookings_close_at", "capacity",
    "seats_taken", "status", "price_credits", "refund_window_hours",
)  # fmt: skip
_OF_SLOT = ", ".join(f"s.{column}" for column in _SLOT)

# The slot is locked only where the snapshot shows a seat for this client, so latecomers to a full slot wait for
# nothing. That test stands in `seen`, not on the locked row: a slot that fills up during the wait must stay visible.
# `is_booked` and `is_overlapping` are as old as the snapshot, which may be older than the locks.
_LOOK = f"""
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, transaction_timestamp()) AS now,
           set_config('lock_timeout', %(lock_timeout)s, true) AS lock_timeout
), seen AS MATERIALIZED (
    SELECT {_OF_SLOT},
           s.status = 'open' AND s.seats_taken < s.capacity AND s.bookings_close_at > clock.now
           AND s.host_id <> %(client_id)s AS is_plausible
    FROM clock, bookings_slot s WHERE s.id = %(slot_id)s
), locked AS MATERIALIZED (
    SELECT {_OF_SLOT}
    FROM seen JOIN bookings_slot s ON s.id = seen.id WHERE seen.is_plausible
    FOR NO KEY UPDATE OF s
), slot AS MATERIALIZED (
    SELECT *, true AS is_locked FROM locked
    UNION ALL
    SELECT {", ".join(_SLOT)}, false
    FROM seen WHERE NOT EXISTS (SELECT FROM locked)
), subscription AS MATERIALIZED (
    SELECT id, credits_remaining, starts_at, ends_at, renews, expired_at FROM bookings_subscription
    WHERE user_id = %(client_id)s AND EXISTS (SELECT FROM locked)
    ORDER BY id FOR NO KEY UPDATE
)
SELECT clock.now, slot.is_locked, earlier.id, earlier.requested_slot_id,
       {", ".join(f"slot.{column}" for column in _SLOT)}, host.login, host.display_name, host.time_zone,
       slot.is_locked AND {may_use_account("host")} AND EXISTS (
           SELECT FROM accounts_user WHERE id = %(client_id)s AND {may_use_account("accounts_user")}),
       EXISTS (
           SELECT FROM bookings_booking b
           WHERE b.client_id = %(client_id)s AND b.slot_id = %(slot_id)s AND b.status <> 'cancelled'),
       slot.is_locked AND EXISTS (
           SELECT FROM bookings_booking b WHERE b.client_id = %(client_id)s AND b.status = 'active'
           AND tstzrange(b.scheduled_start_time, b.scheduled_end_time, '[)')
               && tstzrange(slot.starts_at, slot.ends_at, '[)')),
       subscription.id, subscription.credits_remaining, subscription.starts_at, subscription.ends_at,
       subscription.renews, subscription.expired_at
FROM clock LEFT JOIN slot ON true
LEFT JOIN accounts_user host ON host.id = slot.host_id
LEFT JOIN bookings_booking earlier
    ON earlier.client_id = %(client_id)s AND earlier.idempotency_key = %(key)s::varchar
LEFT JOIN subscription ON true
"""  # noqa: S608  # a constant

# Every part reads `usable`: one row, seen after the locks, if both people may still use their accounts, else none.
# Values are absolute: an expression over a locked row is first computed from the snapshot's version of it, and its
# CHECK may fail before PostgreSQL looks at the newer one.
_WRITE = f"""
WITH usable AS MATERIALIZED (
    SELECT count(*) FROM accounts_user
    WHERE id IN (%(client_id)s, %(host_id)s) AND {may_use_account("accounts_user")} HAVING count(*) = 2
), seated AS (
    UPDATE bookings_slot SET seats_taken = %(seats_taken)s FROM usable WHERE id = %(slot_id)s
), charged AS (
    UPDATE bookings_subscription SET credits_remaining = %(balance)s::int FROM usable
    WHERE id = %(subscription_id)s::uuid
), promoted AS (
    UPDATE bookings_waitlistentry SET status = 'promoted' FROM usable
    WHERE slot_id = %(slot_id)s AND client_id = %(client_id)s AND status = 'waiting'
), booked AS (
    INSERT INTO bookings_booking (
        id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time, scheduled_end_time,
        refund_window, credits_charged, credits_refunded, revision, idempotency_key, requested_slot_id, created_at,
        changed_at, cancelled_by, remind_at, free_to_leave_until)
    SELECT %(id)s, %(slot_id)s, %(client_id)s, %(host_id)s, %(subscription_id)s::uuid, 'active', %(starts_at)s,
           %(ends_at)s, %(refund_window)s, %(credits)s, 0, 0, %(key)s, %(slot_id)s, %(now)s, %(now)s, '',
           %(remind_at)s::timestamptz, %(free_to_leave_until)s::timestamptz
    FROM usable
), entered AS (
    INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
    SELECT %(entry_id)s, %(subscription_id)s::uuid, %(id)s, -%(credits)s, 'booking', %(balance)s::int, %(now)s
    FROM usable WHERE %(credits)s > 0
), recorded AS (
    INSERT INTO accounts_event (id, kind, user_id, actor_id, client_id, detail)
    SELECT %(event_id)s, 'booking.made', %(client_id)s, %(actor_id)s::uuid, '', %(event_detail)s::jsonb FROM usable
), deferred AS MATERIALIZED (
    {jobs.DEFER} CROSS JOIN usable HAVING count(*) > 0
)
SELECT count(*) FROM deferred
"""  # noqa: S608  # a constant


class SlotToSeat(Protocol):
    """As much of a locked slot as a booking copies."""

    @property
    def id(self) -> UUID: ...
    @property
    def host_id(self) -> UUID: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def price_credits(self) -> int: ...
    @property
    def refund_window_hours(self) -> int | None: ...
    @property
    def seats_taken(self) -> int: ...


class SubscriptionToCharge(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def credits_remaining(self) -> int: ...


@dataclass(frozen=True)
class SeenSlot:
    """A slot with its host. `facts` are about one client; what they say of bookings is older than a lock."""

    id: UUID
    host: HostRow
    title: str
    description: str
    place: str
    link: str
    starts_at: datetime
    ends_at: datetime
    seats_taken: int
    price_credits: int
    refund_window_hours: int | None
    facts: SeatFacts

    @property
    def host_id(self) -> UUID:
        return self.host["id"]


@dataclass(frozen=True)
class SeenSubscription:
    id: UUID
    credits_remaining: int
    starts_at: datetime
    ends_at: datetime
    renews: bool
    expired_at: datetime | None


@dataclass(frozen=True)
class Look:
    """What one statement has seen. Where `is_locked`, slot and subscriptions are locked and up to date.

    `earlier` is the booking that the key has made, and the slot that it was asked for.
    """

    now: datetime
    slot: SeenSlot | None
    is_locked: bool
    earlier: tuple[UUID, UUID] | None
    subscriptions: list[SeenSubscription]


@dataclass(frozen=True)
class NewBooking:
    """A seat to be written: slot and subscription are locked, and their values are from before.

    Without `credits` to pay there is no subscription. A client whom `host` or `staff` have booked in may leave without
    loss until the start.
    """

    id: UUID
    client_id: UUID
    slot: SlotToSeat
    subscription: SubscriptionToCharge | None
    refund_window: timedelta
    credits: int
    key: str | None
    remind_at: datetime | None
    now: datetime
    made_by: str = "client"
    actor_id: UUID | None = None


def look_at_slot(
    *, client_id: UUID, slot_id: UUID, key: str | None, now: datetime | None, lock_timeout_ms: int
) -> Look:
    """LOOK. Begins the transaction's lock time-out; without `now` the database's is read."""
    given: dict[str, Any] = {"client_id": client_id, "slot_id": slot_id, "key": key, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {**given, "lock_timeout": f"{lock_timeout_ms}ms"})
        rows = cursor.fetchall()
    read_at, is_locked, earlier_id, earlier_slot_id, *slot = rows[0][:-6]
    return Look(
        now=read_at,
        slot=_seen_slot(*slot, client_id=client_id) if slot[0] else None,
        is_locked=bool(is_locked),
        earlier=(earlier_id, earlier_slot_id) if earlier_id else None,
        subscriptions=[SeenSubscription(*row[-6:]) for row in rows if row[-6]],
    )


class _Seen(NamedTuple):
    """What LOOK says of a slot and one client: the columns of _SLOT, then the rest."""

    id: UUID
    host_id: UUID
    title: str
    description: str
    place: str
    link: str
    starts_at: datetime
    ends_at: datetime
    bookings_close_at: datetime
    capacity: int
    seats_taken: int
    status: str
    price_credits: int
    refund_window_hours: int | None
    login: str
    display_name: str
    time_zone: str
    are_people_usable: bool
    is_booked: bool
    is_overlapping: bool


def _seen_slot(*columns: Any, client_id: UUID) -> SeenSlot:
    seen = _Seen(*columns)
    facts = SeatFacts(
        status=seen.status,
        bookings_close_at=seen.bookings_close_at,
        is_own=seen.host_id == client_id,
        is_booked=seen.is_booked,
        is_full=seen.seats_taken >= seen.capacity,
        are_people_usable=seen.are_people_usable,
        is_overlapping=seen.is_overlapping,
        price_credits=seen.price_credits,
    )
    return SeenSlot(
        id=seen.id,
        host={
            "id": seen.host_id,
            "login": seen.login,
            "display_name": seen.display_name,
            "time_zone": seen.time_zone,
        },
        title=seen.title,
        description=seen.description,
        place=seen.place,
        link=seen.link,
        starts_at=seen.starts_at,
        ends_at=seen.ends_at,
        seats_taken=seen.seats_taken,
        price_credits=seen.price_credits,
        refund_window_hours=seen.refund_window_hours,
        facts=facts,
    )


def write_booking(booking: NewBooking, *, detail: Mapping[str, object]) -> bool:
    """WRITE: seat, charge, place in the queue, booking, ledger entry, event and job of the mail.

    `detail` is what the event says. False, and nothing is written, where the client or the host may not use the
    account any more.
    """
    slot, subscription = booking.slot, booking.subscription
    given: dict[str, Any] = {
        "id": booking.id,
        "client_id": booking.client_id,
        "slot_id": slot.id,
        "host_id": slot.host_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "seats_taken": slot.seats_taken + 1,
        "subscription_id": subscription and subscription.id,
        "balance": subscription and subscription.credits_remaining - booking.credits,
        "refund_window": booking.refund_window,
        "credits": booking.credits,
        "key": booking.key,
        "remind_at": booking.remind_at,
        "free_to_leave_until": None if booking.made_by == "client" else slot.starts_at,
        "actor_id": booking.actor_id,
        "now": booking.now,
        "entry_id": uuid7(),
        "event_id": uuid7(),
        "event_detail": json.dumps(detail),
    }
    kind = "booking_made" if booking.made_by == "client" else f"booking_made_by_{booking.made_by}"
    job = jobs.notice_values(kind, [(booking.client_id, booking.id, 0)])
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {**given, **job})
        (written,) = cursor.fetchone()
    return bool(written)


def new_row(booking: NewBooking, *, slot: SeenSlot, subscription: SeenSubscription | None) -> BookingRow:
    """The row of a booking that this transaction has written, without asking for it."""
    return {
        "id": booking.id,
        "slot_id": slot.id,
        "host": slot.host,
        "title": slot.title,
        "description": slot.description,
        "place": slot.place,
        "link": slot.link,
        "status": "active",
        "scheduled_start_time": slot.starts_at,
        "scheduled_end_time": slot.ends_at,
        "refund_deadline": refund_deadline(scheduled_start_time=slot.starts_at, refund_window=booking.refund_window),
        "credits_charged": booking.credits,
        "credits_refunded": 0,
        "credits_given_back": 0,
        "free_to_leave_until": None,
        "created_at": booking.now,
        "cancelled_at": None,
        "cancelled_by": None,
        "subscription_id": subscription.id if subscription else None,
        "usable_until": usable_until(ends_at=subscription.ends_at, now=booking.now) if subscription else None,
        "client_id": booking.client_id,
        "refund_window": booking.refund_window,
        "revision": 0,
        "changed_at": booking.now,
        "now": booking.now,
    }
