from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.db.models import F, Q
from uuid6 import uuid7

from bookings.models import Booking, BookingMove, Slot, Subscription
from bookings.repositories.rows import Row, Rows

BOOKING_FIELDS = (
    "id", "slot_id", "client_id", "host_id", "host__login", "host__display_name", "host__time_zone", "slot__title",
    "status", "scheduled_start_time", "scheduled_end_time", "refund_window", "credits_charged", "credits_refunded",
    "created_at", "cancelled_at", "cancelled_by", "subscription_id", "subscription__starts_at",
    "subscription__ends_at", "revision", "changed_at",
)  # fmt: skip

# One statement: the ledger's line takes its balance from the subscription as it is charged.
CHARGE_AND_BOOK = """
WITH charged AS (
    UPDATE bookings_subscription SET credits_remaining = credits_remaining - %(credits_charged)s
    WHERE id = %(subscription_id)s RETURNING credits_remaining
), promoted AS (
    UPDATE bookings_waitlistentry SET status = 'promoted'
    WHERE slot_id = %(slot_id)s AND client_id = %(client_id)s AND status = 'waiting'
), booked AS (
    INSERT INTO bookings_booking (
        id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time, scheduled_end_time,
        refund_window, credits_charged, credits_refunded, revision, idempotency_key, requested_slot_id, created_at,
        changed_at, cancelled_at, cancelled_by, remind_at)
    VALUES (
        %(id)s, %(slot_id)s, %(client_id)s, %(host_id)s, %(subscription_id)s, %(status)s, %(scheduled_start_time)s,
        %(scheduled_end_time)s, %(refund_window)s, %(credits_charged)s, %(credits_refunded)s, %(revision)s,
        %(idempotency_key)s, %(requested_slot_id)s, %(created_at)s, %(changed_at)s, %(cancelled_at)s, %(cancelled_by)s,
        %(remind_at)s)
)
INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
SELECT %(entry_id)s, %(subscription_id)s, %(id)s, -%(credits_charged)s, 'booking', credits_remaining, %(created_at)s
FROM charged RETURNING balance_after
"""
# Two searches, each by an index that holds just what it looks for, however much a client has booked before.
COLLIDING = """
SELECT id, client_id, slot_id FROM bookings_booking
WHERE client_id = ANY(%(clients)s) AND status = 'active'
AND tstzrange(scheduled_start_time, scheduled_end_time, '[)') && tstzrange(%(starts_at)s, %(ends_at)s, '[)')
UNION
SELECT id, client_id, slot_id FROM bookings_booking
WHERE client_id = ANY(%(clients)s) AND slot_id = %(slot_id)s AND status <> 'cancelled'
"""


class Held(NamedTuple):
    """A booking that stands in the way of another."""

    id: UUID
    client_id: UUID
    slot_id: UUID


def insert_charged(
    *,
    slot: Slot,
    subscription: Subscription,
    client_id: UUID,
    refund_window: timedelta,
    credits: int,
    key: str | None,
    remind_at: datetime | None,
    now: datetime,
) -> Booking:
    """Charge the locked subscription, add the booking and the ledger's line; the seat has been taken.

    Times and window are copied onto the booking; the object `subscription` follows. A client who waited for the slot
    has been promoted.
    """
    booking = Booking(
        slot=slot,
        client_id=client_id,
        host_id=slot.host_id,
        subscription=subscription,
        scheduled_start_time=slot.starts_at,
        scheduled_end_time=slot.ends_at,
        refund_window=refund_window,
        credits_charged=credits,
        idempotency_key=key,
        requested_slot_id=slot.id,
        created_at=now,
        changed_at=now,
        remind_at=remind_at,
    )
    values: dict[str, Any] = {field.attname: getattr(booking, field.attname) for field in Booking._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.execute(CHARGE_AND_BOOK, values | {"entry_id": uuid7()})
        (subscription.credits_remaining,) = cursor.fetchone()
    booking._state.adding = False
    return booking


def find_by_key(*, client_id: UUID, key: str) -> Booking | None:
    """What this client booked with this Idempotency-Key."""
    return Booking.objects.filter(client_id=client_id, idempotency_key=key).first()


def find_booking(booking_id: UUID, *, client_id: UUID | None = None, host_id: UUID | None = None) -> Booking | None:
    """The booking, not locked, if it is of this client and this host."""
    owner = {name: value for name, value in (("client_id", client_id), ("host_id", host_id)) if value is not None}
    return Booking.objects.filter(id=booking_id, **owner).first()


def lock_bookings(booking_ids: Iterable[UUID]) -> list[Booking]:
    """These bookings, locked by ascending id."""
    return list(Booking.objects.filter(id__in=list(booking_ids)).order_by("id").select_for_update(no_key=True))


def lock_booking(booking_id: UUID) -> Booking:
    """One booking that exists, locked."""
    return lock_bookings([booking_id])[0]


def list_active_in(slot_ids: Iterable[UUID]) -> list[Booking]:
    """The active bookings of slots that the caller has locked, by id."""
    return list(Booking.objects.filter(slot_id__in=list(slot_ids), status="active").order_by("id"))


def list_upcoming_of(client_id: UUID, *, now: datetime) -> list[Booking]:
    """The client's active bookings whose session has not started, by id."""
    mine = Booking.objects.filter(client_id=client_id, status="active", scheduled_start_time__gt=now)
    return list(mine.order_by("id"))


def list_colliding(slot: Slot, *, client_ids: Iterable[UUID]) -> list[Held]:
    """What these clients hold that is in this slot or overlaps it in time."""
    given: dict[str, Any] = {
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "slot_id": slot.id,
        "clients": list(client_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(COLLIDING, given)
        return [Held(*row) for row in cursor.fetchall()]


def set_cancelled(booking: Booking, *, now: datetime, by: str, refund: int) -> None:
    """Cancel a booking that the caller has locked; the object follows."""
    booking.status, booking.cancelled_at, booking.cancelled_by = "cancelled", now, by
    booking.credits_refunded, booking.changed_at, booking.revision = refund, now, booking.revision + 1
    booking.remind_at = None
    fields = ["status", "cancelled_at", "cancelled_by", "credits_refunded", "changed_at", "revision", "remind_at"]
    booking.save(update_fields=fields)


def set_no_show(booking: Booking, *, now: datetime) -> None:
    """Note that the client did not come; the caller has locked the booking."""
    booking.status, booking.changed_at = "no_show", now
    booking.save(update_fields=["status", "changed_at"])


def move_booking(booking: Booking, *, to: Slot, remind_at: datetime | None, now: datetime) -> None:
    """Put a booking that the caller has locked into another slot and remember where it was; the object follows."""
    BookingMove.objects.create(
        booking=booking,
        previous_slot_id=booking.slot_id,
        previous_start_time=booking.scheduled_start_time,
        previous_end_time=booking.scheduled_end_time,
        moved_at=now,
    )
    booking.slot, booking.host_id, booking.changed_at = to, to.host_id, now
    booking.scheduled_start_time, booking.scheduled_end_time = to.starts_at, to.ends_at
    booking.revision, booking.remind_at = booking.revision + 1, remind_at
    fields = ["slot", "host", "scheduled_start_time", "scheduled_end_time", "changed_at", "revision", "remind_at"]
    booking.save(update_fields=fields)


def take_due_reminders(*, now: datetime, limit: int) -> list[Booking]:
    """Up to `limit` bookings whose clients are to be reminded by `now`, locked; none is due again afterwards.

    A booking that somebody is changing is left for the next time.
    """
    due = Booking.objects.filter(remind_at__lte=now).order_by("id").select_for_update(skip_locked=True, no_key=True)
    taken = list(due[:limit])
    Booking.objects.filter(id__in=[booking.id for booking in taken]).update(remind_at=None)
    return taken


def booking_rows(**owner: UUID) -> Rows:
    """Bookings as rows, latest session first, with the database's clock; `owner` names columns, such as `client_id`."""
    rows = Booking.objects.filter(**owner).annotate(now=TransactionNow())
    ordered: Rows = rows.order_by("-scheduled_start_time", "-id").values(*BOOKING_FIELDS, "now")
    return ordered


def made_row(booking: Booking, *, host: Row, now: datetime) -> Row:
    """The row of a booking that this transaction has made, without asking for it; `host` has HOST_FIELDS."""
    own = {name: getattr(booking, name) for name in BOOKING_FIELDS if "__" not in name}
    of_host = {f"host__{name}": value for name, value in host.items() if name != "id"}
    purse = booking.subscription
    return {
        **own,
        **of_host,
        "slot__title": booking.slot.title,
        "subscription__starts_at": purse.starts_at,
        "subscription__ends_at": purse.ends_at,
        "now": now,
    }


def in_time(rows: Rows, *, when: str, status: str) -> Rows:
    """Only upcoming (active, not over; the next first) or only past ones, and only of one status as it is shown."""
    over = Q(scheduled_end_time__lte=TransactionNow())
    upcoming = Q(status="active") & ~over
    wanted = {"upcoming": upcoming, "past": ~upcoming}.get(when, Q())
    if status:
        shown = {"active": upcoming, "completed": Q(status="active") & over}
        wanted &= shown.get(status, Q(status=status))
    found: Rows = rows.filter(wanted)
    if when == "upcoming":
        found = found.order_by("scheduled_start_time", "id")
    return found


def find_booking_row(booking_id: UUID) -> Row | None:
    """One booking as a row, whosesoever it is."""
    return booking_rows(id=booking_id).first()


def rows_since(client_id: UUID, *, since: datetime) -> Rows:
    """The client's bookings whose session ended after `since`, in every status, as rows."""
    rows: Rows = booking_rows(client_id=client_id).filter(scheduled_end_time__gt=since)
    return rows


def move_rows(booking_id: UUID) -> Rows:
    """Where a booking was before, oldest first, as rows."""
    moves = BookingMove.objects.filter(booking_id=booking_id).order_by("id")
    return moves.values("previous_slot_id", "previous_start_time", "previous_end_time", "moved_at")


def roster_rows(slot_id: UUID) -> Rows:
    """A slot's bookings with their clients, for its host, in the order they were made."""
    rows = booking_rows(slot_id=slot_id).order_by("created_at", "id")
    clients: Rows = rows.values(
        *BOOKING_FIELDS, "now", client_login=F("client__login"), client_name=F("client__display_name")
    )
    return clients
