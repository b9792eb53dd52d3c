import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.db.models import DateTimeField, Q, QuerySet
from django.db.models.expressions import RawSQL

from bookings.errors import NotFound
from bookings.models import Booking, BookingMove, Slot
from bookings.policies.credits import is_due, next_period, refund_deadline, usable_until
from bookings.repositories.keyset import PAGE_SIZE, Page, read_page
from bookings.repositories.rows import BookingRow, MoveRow, RosterClientRow, RosterRow

_OWN = (
    "id", "slot_id", "client_id", "host_id", "subscription_id", "status", "scheduled_start_time",
    "scheduled_end_time", "refund_window", "credits_charged", "credits_refunded", "credits_given_back", "created_at",
    "cancelled_at", "cancelled_by", "revision", "changed_at", "free_to_leave_until",
)  # fmt: skip
_JOINED = (
    "host__login", "host__display_name", "host__time_zone", "slot__title", "slot__description", "slot__place",
    "slot__link", "subscription__ends_at", "subscription__renews", "subscription__expired_at",
    "subscription__plan__period_days",
)  # fmt: skip
_CLIENT = ("client__login", "client__display_name", "client__email", "client__email_for_hosts")
# Until when what came back can be spent: the subscription that it went to need not be the one charged. Something came
# back by a refund, by a gift, or by a move to a lower price; the ledger of all other bookings is not read.
_BACK_UNTIL = """
SELECT max(s.ends_at) FROM bookings_creditentry e JOIN bookings_subscription s ON s.id = e.subscription_id
WHERE e.booking_id = bookings_booking.id AND e.amount > 0 AND (bookings_booking.revision > 0
OR bookings_booking.credits_refunded > 0 OR bookings_booking.credits_given_back > 0)
"""

# Two searches, each by an index that holds just what it looks for, however much a client has booked before.
_COLLIDING = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%s::jsonb)
    AS w (slot_id uuid, client_id uuid, starts_at timestamptz, ends_at timestamptz)
)
SELECT w.slot_id, b.client_id, b.id, b.slot_id FROM wanted w
JOIN bookings_booking b ON b.client_id = w.client_id AND b.status = 'active'
AND tstzrange(b.scheduled_start_time, b.scheduled_end_time, '[)') && tstzrange(w.starts_at, w.ends_at, '[)')
UNION
SELECT w.slot_id, b.client_id, b.id, b.slot_id FROM wanted w
JOIN bookings_booking b ON b.client_id = w.client_id AND b.slot_id = w.slot_id AND b.status <> 'cancelled'
"""


# Begin the keys of bookings that a host or the staff have made for somebody. Clients' own keys have no spaces.
HOSTS_KEY, STAFF_KEY = "host ", "staff "


class CollidingBooking(NamedTuple):
    """A booking that is in the slot `wanted_slot_id`, or overlaps it in time."""

    wanted_slot_id: UUID
    client_id: UUID
    id: UUID
    slot_id: UUID


def _booking_row(found: dict[str, Any]) -> BookingRow:
    """A booking's columns, its host's, and those of _JOINED, under the API's names."""
    is_over = found["status"] == "active" and found["scheduled_end_time"] <= found["now"]
    return {
        "id": found["id"],
        "slot_id": found["slot_id"],
        "host": {
            "id": found["host_id"],
            "login": found["host__login"],
            "display_name": found["host__display_name"],
            "time_zone": found["host__time_zone"],
        },
        "title": found["slot__title"],
        "description": found["slot__description"],
        "place": found["slot__place"],
        "link": None if found["status"] == "cancelled" else found["slot__link"],
        "status": "completed" if is_over else found["status"],
        "scheduled_start_time": found["scheduled_start_time"],
        "scheduled_end_time": found["scheduled_end_time"],
        "refund_deadline": refund_deadline(
            scheduled_start_time=found["scheduled_start_time"], refund_window=found["refund_window"]
        ),
        "credits_charged": found["credits_charged"],
        "credits_refunded": found["credits_refunded"],
        "credits_given_back": found["credits_given_back"],
        "free_to_leave_until": found["free_to_leave_until"],
        "created_at": found["created_at"],
        "cancelled_at": found["cancelled_at"],
        "cancelled_by": found["cancelled_by"] or None,
        "subscription_id": found["subscription_id"],
        "usable_until": _usable_until(found),
        "client_id": found["client_id"],
        "refund_window": found["refund_window"],
        "revision": found["revision"],
        "changed_at": found["changed_at"],
        "now": found["now"],
    }


def _usable_until(found: dict[str, Any]) -> datetime | None:
    """Until when what comes back, or came back, can be spent; None where it waits for a renewal or nothing was paid."""
    ends_at = _back_until(found)
    return ends_at and usable_until(ends_at=ends_at, now=found["now"])


def _back_until(found: dict[str, Any]) -> datetime | None:
    """The end of the subscription that what comes back goes, or went, to; a cancellation renews what is due."""
    back_until: datetime | None = found["back_until"]
    ends_at: datetime | None = found["subscription__ends_at"]
    if ends_at is None:
        return back_until
    now, renews, expired_at = found["now"], found["subscription__renews"], found["subscription__expired_at"]
    if back_until is None and is_due(renews=renews, expired_at=expired_at, ends_at=ends_at, now=now):
        return next_period(ends_at=ends_at, period_days=found["subscription__plan__period_days"], now=now)[1]
    return back_until or ends_at


def _roster_row(found: dict[str, Any]) -> RosterRow:
    is_shown = found["client__email_for_hosts"] and found["status"] != "cancelled"
    client: RosterClientRow = {
        "id": found["client_id"],
        "login": found["client__login"],
        "display_name": found["client__display_name"],
        "email": (found["client__email"] or None) if is_shown else None,
    }
    return {**_booking_row(found), "client": client}


def _select(*columns: str, **owner: UUID) -> QuerySet[Any, Any]:
    """Bookings with what `_booking_row` needs, latest session first; `owner` names columns, such as `client_id`."""
    back_until = RawSQL(_BACK_UNTIL, [], output_field=DateTimeField())  # noqa: S611  # a constant
    found = Booking.objects.filter(**owner).annotate(now=TransactionNow(), back_until=back_until)
    rows: QuerySet[Any, Any] = found.values(*_OWN, *_JOINED, "now", "back_until", *columns)
    return rows.order_by("-scheduled_start_time", "-id")


def find_row(booking_id: UUID, **owner: UUID) -> BookingRow | None:
    """One booking, if it is of this `client_id` or `host_id`."""
    found = _select(id=booking_id, **owner).first()
    return _booking_row(found) if found else None


def get_row(booking_id: UUID, **owner: UUID) -> BookingRow:
    """As `find_row`. Raises NotFound."""
    row = find_row(booking_id, **owner)
    if row is None:
        raise NotFound
    return row


def list_rows(booking_ids: Iterable[UUID], *, client_id: UUID) -> list[BookingRow]:
    """These bookings of the client, in every status, by start."""
    found = _select(client_id=client_id).filter(id__in=list(booking_ids)).order_by("scheduled_start_time", "id")
    return [_booking_row(one) for one in found]


def list_page(
    *, client_id: UUID, when: str = "", status: str = "", cursor: str = "", size: int = PAGE_SIZE
) -> Page[BookingRow]:
    """The client's bookings, latest session first. `when` is `upcoming` (active, not over, next first) or `past`.

    `status` is the status as it is shown. Raises NotValid.
    """
    over = Q(scheduled_end_time__lte=TransactionNow())
    upcoming = Q(status="active") & ~over
    wanted = {"upcoming": upcoming, "past": ~upcoming}.get(when, Q())
    if status:
        shown = {"active": upcoming, "completed": Q(status="active") & over}
        wanted &= shown.get(status, Q(status=status))
    found = _select(client_id=client_id).filter(wanted)
    if when == "upcoming":
        found = found.order_by("scheduled_start_time", "id")
    return read_page(found, make_row=_booking_row, cursor=cursor, size=size)


def get_roster_row(booking_id: UUID) -> RosterRow:
    """One booking as its host sees it. Raises NotFound."""
    found = _select(*_CLIENT, id=booking_id).first()
    if found is None:
        raise NotFound
    return _roster_row(found)


def find_booked_in(*, client_id: UUID, slot_id: UUID, key: str) -> Booking | None:
    """The booking of this client, or a seat in this slot, that a request with this key has made."""
    return Booking.objects.filter(
        Q(client_id=client_id) | Q(~Q(status="cancelled"), slot_id=slot_id), idempotency_key=key
    ).first()


def has_booked(*, client_id: UUID, host_id: UUID) -> bool:
    """Whether the client has ever booked a session of this host, and nobody for them."""
    own = Booking.objects.filter(client_id=client_id, host_id=host_id)
    made_for_them = Q(idempotency_key__startswith=HOSTS_KEY) | Q(idempotency_key__startswith=STAFF_KEY)
    return own.exclude(made_for_them).exists()


def list_roster_page(slot_id: UUID, *, cursor: str = "") -> Page[RosterRow]:
    """A slot's bookings with their clients, in the order they were made. Raises NotValid."""
    found = _select(*_CLIENT, slot_id=slot_id).order_by("created_at", "id")
    return read_page(found, make_row=_roster_row, cursor=cursor)


def list_attending(slot_id: UUID) -> list[RosterRow]:
    """Those who hold a seat in a slot, in the order they booked: at most as many as it has seats."""
    found = _select(*_CLIENT, slot_id=slot_id).exclude(status="cancelled").order_by("created_at", "id")
    return [_roster_row(one) for one in found]


def list_rows_since(client_id: UUID, *, since: datetime) -> list[BookingRow]:
    """The client's bookings whose session ended after `since`, in every status."""
    return [_booking_row(found) for found in _select(client_id=client_id).filter(scheduled_end_time__gt=since)]


def list_moves(booking_id: UUID) -> list[MoveRow]:
    """Where a booking was before, oldest first."""
    moves = BookingMove.objects.filter(booking_id=booking_id).order_by("id")
    return [
        {
            "slot_id": move.previous_slot_id,
            "scheduled_start_time": move.previous_start_time,
            "scheduled_end_time": move.previous_end_time,
            "moved_at": move.moved_at,
        }
        for move in moves
    ]


def find_booking(booking_id: UUID, **owner: UUID) -> Booking | None:
    """The booking, not locked; of this `client_id` or `host_id` where one is given."""
    return Booking.objects.filter(id=booking_id, **owner).first()


def get_booking(booking_id: UUID, **owner: UUID) -> Booking:
    """As `find_booking`. Raises NotFound."""
    found = find_booking(booking_id, **owner)
    if found is None:
        raise NotFound
    return found


def list_active_in(slot_ids: Iterable[UUID]) -> list[Booking]:
    """The active bookings of slots that the caller has locked, by id."""
    return list(Booking.objects.filter(slot_id__in=list(slot_ids), status="active").order_by("id"))


def list_upcoming_of(client_id: UUID, *, now: datetime) -> list[Booking]:
    """The client's active bookings whose session has not started, by id."""
    mine = Booking.objects.filter(client_id=client_id, status="active", scheduled_start_time__gt=now)
    return list(mine.order_by("id"))


def list_colliding(pairs: Iterable[tuple[Slot, UUID]]) -> list[CollidingBooking]:
    """What each client has that is in the slot beside it or overlaps it in time."""
    wanted = [
        {"slot_id": slot.id, "client_id": client_id, "starts_at": slot.starts_at, "ends_at": slot.ends_at}
        for slot, client_id in pairs
    ]
    with connection.cursor() as cursor:
        cursor.execute(_COLLIDING, [json.dumps(wanted, default=str)])
        return [CollidingBooking(*row) for row in cursor.fetchall()]


def set_status(booking: Booking, status: str, *, now: datetime) -> None:
    """Note whether the client came, `active` or `no_show`; the caller has locked the booking."""
    booking.status, booking.changed_at = status, now
    booking.save(update_fields=["status", "changed_at"])


def overlaps_another(booking: Booking) -> bool:
    """Whether the client has another active booking at that time."""
    others = Booking.objects.filter(
        client_id=booking.client_id,
        status="active",
        scheduled_start_time__lt=booking.scheduled_end_time,
        scheduled_end_time__gt=booking.scheduled_start_time,
    )
    return others.exclude(id=booking.id).exists()


def add_given_back(booking: Booking, credits: int) -> None:
    """Note credits that were given back apart from a cancellation's refund; the caller has locked the booking."""
    booking.credits_given_back += credits
    booking.save(update_fields=["credits_given_back"])


def move_booking(booking: Booking, *, to: Slot, remind_at: datetime | None, now: datetime) -> None:
    """Put a booking that the caller has locked into another slot and remember where it was; the object follows.

    What it costs now, and who pays, the caller has set on the object.
    """
    BookingMove.objects.create(
        booking=booking,
        previous_slot_id=booking.slot_id,
        host_id=booking.host_id,
        previous_start_time=booking.scheduled_start_time,
        previous_end_time=booking.scheduled_end_time,
        moved_at=now,
    )
    booking.slot, booking.host_id, booking.changed_at = to, to.host_id, now
    booking.scheduled_start_time, booking.scheduled_end_time = to.starts_at, to.ends_at
    booking.revision, booking.remind_at, booking.free_to_leave_until = booking.revision + 1, remind_at, None
    times = ["scheduled_start_time", "scheduled_end_time", "changed_at", "remind_at", "free_to_leave_until"]
    booking.save(update_fields=["slot", "host", "revision", "credits_charged", "subscription", *times])


_FOLLOW = """
WITH followed AS (
    UPDATE bookings_booking b SET revision = b.revision + 1, changed_at = %(now)s, free_to_leave_until =
        CASE WHEN b.slot_id = ANY(%(free)s::uuid[]) THEN b.scheduled_start_time ELSE b.free_to_leave_until END
    WHERE b.slot_id = ANY(%(slots)s::uuid[]) AND b.status = 'active'
    RETURNING b.slot_id, b.client_id, b.id, b.revision
)
SELECT slot_id, client_id, id, revision FROM followed ORDER BY id
"""


def take_times(slot: Slot, *, remind_at: datetime | None) -> None:
    """Let the active bookings of a slot that the caller has locked have its times, and that reminder."""
    times = {"scheduled_start_time": slot.starts_at, "scheduled_end_time": slot.ends_at, "remind_at": remind_at}
    Booking.objects.filter(slot_id=slot.id, status="active").update(**times)


def follow_slots(
    slot_ids: Collection[UUID], *, free_to_leave: Collection[UUID], now: datetime
) -> list[tuple[UUID, tuple[UUID, UUID, int]]]:
    """Note that slots, locked by the caller, have changed for their active bookings; who has booked those in
    `free_to_leave` may leave without loss until the start.

    For each booking its slot, and its client, id and revision.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"slots": [*slot_ids], "free": [*free_to_leave], "now": now})
        return [(slot_id, (client_id, booking_id, number)) for slot_id, client_id, booking_id, number in cursor]


def take_due_reminders(*, now: datetime, limit: int) -> list[Booking]:
    """Up to `limit` bookings whose clients are to be reminded by `now`, locked; none is due again afterwards.

    A booking that somebody is changing is left for the next time.
    """
    due = Booking.objects.filter(remind_at__lte=now).order_by("id").select_for_update(skip_locked=True, no_key=True)
    taken = list(due[:limit])
    Booking.objects.filter(id__in=[booking.id for booking in taken]).update(remind_at=None)
    return taken
