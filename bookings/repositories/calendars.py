"""A host's calendar as its expansion reads and changes it: a known number of statements, whatever it holds."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from bookings.models import Slot
from bookings.policies.availability import LONGEST_SESSION, Entry, Opening
from bookings.repositories import waitlist
from bookings.repositories.jobs import Told

# So many slots are written by one statement.
BATCH = 2000
_COLUMNS = (
    "id", "rule_id", "rule_date", "rule_place", "starts_at", "ends_at", "seats_taken", "is_detached",
    "status", "rule__buffer_minutes",
)  # fmt: skip
# A slot that a booking or a place in a queue has ever named stays as their history.
_CLOSE = """
WITH asked AS (
    SELECT s.id, s.rule_date IS NULL
        OR EXISTS (SELECT FROM bookings_booking b WHERE b.slot_id = s.id)
        OR EXISTS (SELECT FROM bookings_bookingmove m WHERE m.previous_slot_id = s.id)
        OR EXISTS (SELECT FROM bookings_waitlistentry w WHERE w.slot_id = s.id) AS has_history
    FROM bookings_slot s WHERE s.id = ANY(%(ids)s::uuid[])
), removed AS (
    DELETE FROM bookings_slot s USING asked WHERE s.id = asked.id AND NOT asked.has_history
)
UPDATE bookings_slot s
SET status = 'cancelled', cancelled_at = coalesce(s.cancelled_at, %(now)s), rule_id = NULL, frees_time = true
FROM asked WHERE s.id = asked.id AND asked.has_history
"""
_INSERT = """
INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status,
    rule_id, rule_date, rule_place, offering_id, description, place, link, price_credits, refund_window_hours)
SELECT n.id, r.host_id, r.title, n.starts_at, n.ends_at, n.bookings_close_at, r.capacity, 0, 'open',
    r.id, n.rule_date, n.rule_place, r.offering_id, r.description, r.place, r.link, r.price_credits,
    r.refund_window_hours
FROM unnest(%(id)s::uuid[], %(rule_id)s::uuid[], %(rule_date)s::date[], %(rule_place)s::int[],
    %(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[], %(bookings_close_at)s::timestamptz[])
    AS n (id, rule_id, rule_date, rule_place, starts_at, ends_at, bookings_close_at)
JOIN bookings_availabilityrule r ON r.id = n.rule_id
ON CONFLICT DO NOTHING
"""
_HAND_OVER = """
UPDATE bookings_slot s SET rule_id = n.rule_id
FROM unnest(%(slots)s::uuid[], %(rules)s::uuid[]) AS n (slot_id, rule_id) WHERE s.id = n.slot_id
"""


def read_entries(host_id: UUID, *, now: datetime) -> list[Entry]:
    """What is on the host's calendar and not over, by start, but for cancelled slots whose time is free again."""
    slots = Slot.objects.filter(host_id=host_id, starts_at__gt=now - LONGEST_SESSION, ends_at__gt=now)
    found = slots.exclude(status="cancelled", frees_time=True).order_by("starts_at").values_list(*_COLUMNS)
    return [
        Entry(*columns, status == "open", timedelta(minutes=buffer or 0))  # type: ignore[call-arg]  # the rest of _COLUMNS
        for *columns, status, buffer in found
    ]


def close_slots(slot_ids: Collection[UUID], *, now: datetime, told: Told | None = None) -> None:
    """Take empty slots, locked by the caller, off the calendar; their time is free for rules, who waits is `told`.

    What a rule made and nobody has ever booked or waited for is removed, the rest cancelled.
    """
    if slot_ids:
        waitlist.close_queues(slot_ids, now=now, told=told)
        with connection.cursor() as cursor:
            cursor.execute(_CLOSE, {"ids": list(slot_ids), "now": now})


def hand_over_slots(successors: Mapping[UUID, UUID]) -> None:
    """Let slots, locked by the caller, belong to other rules, which ask for the same places; rules by slot."""
    if successors:
        with connection.cursor() as cursor:
            cursor.execute(_HAND_OVER, {"slots": [*successors], "rules": [*successors.values()]})


def insert_openings(openings: Sequence[Opening]) -> int:
    """Add what rules ask for to a calendar that the caller has locked; how many slots that were.

    What the calendar has had already, or has no room for, is left out.
    """
    return sum(_insert(openings[first : first + BATCH]) for first in range(0, len(openings), BATCH))


def _insert(openings: Sequence[Opening]) -> int:
    columns: dict[str, Any] = {
        "id": [uuid7() for _ in openings],
        "rule_id": [opening.rule.id for opening in openings],
        "rule_date": [opening.day for opening in openings],
        "rule_place": [opening.place for opening in openings],
        "starts_at": [opening.starts_at for opening in openings],
        "ends_at": [opening.ends_at for opening in openings],
        "bookings_close_at": [opening.bookings_close_at for opening in openings],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        inserted: int = cursor.rowcount
    return inserted
