import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from accounts.policies import may_use_account
from bookings.models import Slot, WaitlistEntry
from bookings.repositories import jobs
from bookings.repositories.keyset import Page, read_page
from bookings.repositories.rows import WaitingRow, WaitRow

_COLUMNS = (
    "slot_id", "joined_at", "position", "passed_over", "slot__title", "slot__starts_at", "slot__ends_at",
    "slot__host__id", "slot__host__login", "slot__host__display_name", "slot__host__time_zone",
)  # fmt: skip

# Of a client `w` who waits for `slot`: whether they have agreed to its time and price, whether a subscription holds the
# price, a due renewal's credits included, and whether another booking is in the way.
_AGREES = """(w.agreed_price >= slot.price_credits AND (w.agreed_starts_at IS NULL
    OR (w.agreed_starts_at, w.agreed_ends_at) = (slot.starts_at, slot.ends_at)))"""
_CAN_PAY = """(slot.price_credits = 0 OR EXISTS (
    SELECT FROM bookings_subscription s JOIN bookings_plan p ON p.id = s.plan_id WHERE s.user_id = w.client_id AND (
        (s.starts_at <= %(now)s AND s.ends_at > %(now)s AND s.credits_remaining >= slot.price_credits)
        OR (s.renews AND s.expired_at IS NULL AND s.ends_at <= %(now)s
            AND s.credits_remaining + p.credits >= slot.price_credits))))"""
_OVERLAPS = """EXISTS (
    SELECT FROM bookings_booking b WHERE b.client_id = w.client_id AND b.status = 'active'
    AND tstzrange(b.scheduled_start_time, b.scheduled_end_time, '[)')
        && tstzrange(slot.starts_at, slot.ends_at, '[)'))"""
_WAITS = f"w.slot_id = slot.id AND w.status = 'waiting' AND w.passed_over <> 'changed' AND {may_use_account('client')}"
_BOOKABLE = f"{_WAITS} AND {_AGREES} AND {_CAN_PAY} AND NOT {_OVERLAPS}"

_CANDIDATES = f"""
SELECT slot.id, first.client_id, first.joined_at, first.id
FROM jsonb_to_recordset(%(slots)s::jsonb) AS wanted (id uuid, most int)
JOIN bookings_slot slot ON slot.id = wanted.id JOIN accounts_user host ON host.id = slot.host_id
LEFT JOIN LATERAL (
    SELECT w.client_id, w.joined_at, w.id
    FROM bookings_waitlistentry w JOIN accounts_user client ON client.id = w.client_id
    WHERE {_BOOKABLE} ORDER BY w.joined_at, w.id LIMIT wanted.most
) AS first ON true
WHERE {may_use_account("host")}
AND EXISTS (SELECT FROM bookings_waitlistentry w WHERE w.slot_id = slot.id AND w.status = 'waiting')
ORDER BY slot.id, first.joined_at, first.id
"""  # noqa: S608  # a constant

# Whoever leaves gives up places in the queues of slots that they do not lock: what changes several entries locks them
# in one order, and looks at the wait of each again when it is written.
_PASS_OVER = f"""
WITH passed AS MATERIALIZED (
    SELECT w.id, w.passed_over AS told,
        CASE WHEN NOT {_AGREES} THEN 'changed' WHEN {_OVERLAPS} THEN 'overlap' ELSE 'no_credit' END AS reason
    FROM jsonb_to_recordset(%(slots)s::jsonb) AS wanted (id uuid, joined_at timestamptz, entry_id uuid)
    JOIN bookings_slot slot ON slot.id = wanted.id
    JOIN bookings_waitlistentry w ON w.slot_id = slot.id
    JOIN accounts_user client ON client.id = w.client_id
    WHERE {_WAITS} AND (NOT {_AGREES} OR NOT {_CAN_PAY} OR {_OVERLAPS})
    AND (wanted.entry_id IS NULL OR (w.joined_at, w.id) < (wanted.joined_at, wanted.entry_id))
    ORDER BY w.id FOR NO KEY UPDATE OF w
)
UPDATE bookings_waitlistentry w SET passed_over = passed.reason FROM passed
WHERE w.id = passed.id AND w.status = 'waiting' AND w.passed_over <> passed.reason
RETURNING w.client_id, w.id, passed.told
"""  # noqa: S608  # a constant

_END = """
WITH ended AS MATERIALIZED (
    SELECT id FROM bookings_waitlistentry WHERE {column} = ANY(%(ids)s::uuid[]) AND status = 'waiting'
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE bookings_waitlistentry w SET status = %(status)s FROM ended
WHERE w.id = ended.id AND w.status = 'waiting' RETURNING w.slot_id, w.client_id
"""

# Slots with a free seat for somebody who waits, or with somebody who has not been told why the seat is not theirs.
_OFFERABLE = f"""
SELECT slot.id FROM bookings_slot slot JOIN accounts_user host ON host.id = slot.host_id
WHERE slot.id IN (SELECT slot_id FROM bookings_waitlistentry WHERE status = 'waiting')
AND slot.status = 'open' AND slot.seats_taken < slot.capacity AND slot.bookings_close_at > %(now)s
AND slot.starts_at > %(now)s + coalesce(make_interval(hours => slot.refund_window_hours), %(refund_window)s)
AND {may_use_account("host")}
AND EXISTS (
    SELECT FROM bookings_waitlistentry w JOIN accounts_user client ON client.id = w.client_id
    WHERE {_WAITS} AND (w.passed_over = '' OR ({_AGREES} AND {_CAN_PAY} AND NOT {_OVERLAPS})))
ORDER BY slot.id
"""  # noqa: S608  # a constant


class Candidate(NamedTuple):
    """Somebody who waits and could be booked, as it looks without a lock."""

    client_id: UUID
    joined_at: datetime
    entry_id: UUID


class Offered(NamedTuple):
    """A slot whose queue was gone through: up to `last`, who was booked, or where a seat is left, whole."""

    slot_id: UUID
    last: Candidate | None


def list_candidates(most: dict[UUID, int], *, now: datetime) -> dict[UUID, list[Candidate]]:
    """For each slot the first who wait and could be booked, as many as given for it, first come first.

    A slot for which nobody waits, or whose host may not use the account, is left out.
    """
    wanted = [{"id": str(slot_id), "most": number} for slot_id, number in most.items()]
    found: dict[UUID, list[Candidate]] = {}
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(_CANDIDATES, {"slots": json.dumps(wanted), "now": now})
            for slot_id, *candidate in cursor.fetchall():
                queue = found.setdefault(slot_id, [])
                if candidate[0]:
                    queue.append(Candidate(*candidate))
    return found


def pass_over(offered: Iterable[Offered], *, now: datetime) -> list[tuple[UUID, UUID]]:
    """Note why those who wait were not booked; client and entry of those for whom that is the first time."""
    slots = [
        {"id": one.slot_id, "joined_at": one.last and one.last.joined_at, "entry_id": one.last and one.last.entry_id}
        for one in offered
    ]
    with connection.cursor() as cursor:
        cursor.execute(_PASS_OVER, {"slots": json.dumps(slots, default=str), "now": now})
        return [(client_id, entry_id) for client_id, entry_id, told in cursor.fetchall() if not told]


def list_offerable(*, now: datetime, refund_window: timedelta) -> list[UUID]:
    """Slots whose free seats are to be offered, by id."""
    given: dict[str, Any] = {"now": now, "refund_window": refund_window}
    with connection.cursor() as cursor:
        cursor.execute(_OFFERABLE, given)
        return [slot_id for (slot_id,) in cursor.fetchall()]


def retry_for(client_ids: Iterable[UUID], *, now: datetime) -> None:
    """Have free seats offered again for which any of these clients waits: their credits or their calendar changed."""
    waiting = WaitlistEntry.objects.filter(client_id__in=set(client_ids), status="waiting")
    free = waiting.filter(
        slot__status="open", slot__seats_taken__lt=F("slot__capacity"), slot__bookings_close_at__gt=now
    )
    jobs.defer_offers(free.order_by("slot_id").values_list("slot_id", flat=True).distinct())


def insert_entry(*, slot: Slot, client_id: UUID, now: datetime) -> WaitlistEntry:
    """Put the client at the end of the queue of a locked slot, who agrees to its time and price."""
    return WaitlistEntry.objects.create(
        slot=slot, host_id=slot.host_id, client_id=client_id, joined_at=now, **_agreed(slot)
    )


def agree_again(entry: WaitlistEntry, *, slot: Slot) -> None:
    """Who waits already agrees to the time and price that the locked slot has now, and may be booked again."""
    agreed: dict[str, Any] = _agreed(slot)
    if entry.passed_over == "changed":
        agreed["passed_over"] = ""
    if any(getattr(entry, name) != value for name, value in agreed.items()):
        WaitlistEntry.objects.filter(id=entry.id).update(**agreed)


def _agreed(slot: Slot) -> dict[str, Any]:
    return {
        "agreed_price": slot.price_credits,
        "agreed_starts_at": slot.starts_at,
        "agreed_ends_at": slot.ends_at,
    }


def find_waiting(*, slot_id: UUID, client_id: UUID) -> WaitlistEntry | None:
    """The client's place in this queue."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, client_id=client_id, status="waiting").first()


def count_before(entry: WaitlistEntry) -> int:
    """How many wait in front of this entry."""
    earlier = Q(joined_at__lt=entry.joined_at) | Q(joined_at=entry.joined_at, id__lt=entry.id)
    return WaitlistEntry.objects.filter(earlier, slot_id=entry.slot_id, status="waiting").count()


def list_waiting(slot_ids: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    """Slot and client of everybody who waits, first come first."""
    entries = WaitlistEntry.objects.filter(slot_id__in=list(slot_ids), status="waiting")
    return list(entries.order_by("joined_at", "id").values_list("slot_id", "client_id"))


def count_waiting(slot_id: UUID) -> int:
    """How many wait for this slot."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, status="waiting").count()


def set_status(status: str, *, slot_id: UUID, client_id: UUID) -> int:
    """Take a client out of a queue; how many places were given up."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, client_id=client_id, status="waiting").update(status=status)


def pass_over_all(slot_id: UUID) -> None:
    """Nobody who waits for the slot is booked until they join again: it is not what they have agreed to any more."""
    WaitlistEntry.objects.filter(slot_id=slot_id, status="waiting").update(passed_over="changed")


def close_queues(slot_ids: Iterable[UUID], *, now: datetime, told: jobs.Told | None = None) -> None:
    """Nobody waits for these slots any more; everybody who did is told."""
    with connection.cursor() as cursor:
        cursor.execute(_END.format(column="slot_id"), {"status": "closed", "ids": list(slot_ids)})
        closed = cursor.fetchall()
    revision = int(now.timestamp())
    notices = [(client_id, slot_id, revision) for slot_id, client_id in closed]
    jobs.defer_notices("waitlist_closed", notices, told=told)


def leave_all(client_id: UUID) -> None:
    """The client waits for nothing any more."""
    with connection.cursor() as cursor:
        cursor.execute(_END.format(column="client_id"), {"status": "left", "ids": [client_id]})


def find_entry(entry_id: UUID) -> WaitlistEntry | None:
    """A place in a queue, with its slot and the host."""
    return WaitlistEntry.objects.select_related("slot__host").filter(id=entry_id).first()


def _select(client_id: UUID, *, now: datetime) -> QuerySet[Any, Any]:
    """A client's places, each with its position."""
    entries = WaitlistEntry.objects.filter(client_id=client_id, status="waiting", slot__starts_at__gt=now)
    earlier = Q(joined_at__lt=OuterRef("joined_at")) | Q(joined_at=OuterRef("joined_at"), id__lte=OuterRef("id"))
    queue = WaitlistEntry.objects.filter(earlier, slot_id=OuterRef("slot_id"), status="waiting")
    counted = queue.order_by().values("slot_id").annotate(people=Count("id")).values("people")
    return entries.annotate(position=Subquery(counted))


def list_rows(client_id: UUID, *, now: datetime) -> list[WaitingRow]:
    """What a client waits for, by start."""
    found = _select(client_id, now=now).order_by("slot__starts_at", "id").values(*_COLUMNS)
    return [_waiting_row(one) for one in found]


def list_page(client_id: UUID, *, now: datetime, cursor: str = "") -> Page[WaitRow]:
    """The client's places as they joined. Raises NotValid."""
    found = _select(client_id, now=now).order_by("joined_at", "id")
    rows = found.values("id", "slot_id", "position", "joined_at", "passed_over")
    return read_page(rows, make_row=_wait_row, cursor=cursor)


def _wait_row(found: dict[str, Any]) -> WaitRow:
    return {
        "slot_id": found["slot_id"],
        "position": found["position"],
        "joined_at": found["joined_at"],
        "passed_over": found["passed_over"] or None,
    }


def _waiting_row(found: dict[str, Any]) -> WaitingRow:
    return {
        "slot_id": found["slot_id"],
        "title": found["slot__title"],
        "host_login": found["slot__host__login"],
        "host": {
            "id": found["slot__host__id"],
            "login": found["slot__host__login"],
            "display_name": found["slot__host__display_name"],
            "time_zone": found["slot__host__time_zone"],
        },
        "position": found["position"],
        "starts_at": found["slot__starts_at"],
        "ends_at": found["slot__ends_at"],
        "joined_at": found["joined_at"],
        "passed_over": found["passed_over"] or None,
    }
