"""What waits for a host or a client to decide, for the first page that they see."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from bookings.policies.times import day_of
from bookings.repositories import clock, people, roll_calls, waitlist
from bookings.repositories.rows import SlotRow, WaitingRow
from bookings.services.expansion import rules_in_force

ROLL_CALL = timedelta(hours=24)


@dataclass(frozen=True)
class Need:
    """Something for a host to see to.

    `over`: a session is over, and nobody is noted as missing; `people` had booked it. `waiting`: `people` queue for a
    full one. `day_off`: so many sessions (`people`) are booked on a `day` off; the slot is the first of them.
    """

    kind: str
    slot_id: UUID
    title: str
    starts_at: datetime
    people: int
    day: date | None = None


def list_needs_of_host(*, host_id: UUID, upcoming: Sequence[SlotRow]) -> list[Need]:
    """What of the last day's sessions, and of these coming ones, the host should look at."""
    now = clock.read_now()
    over = [Need("over", *found) for found in roll_calls.list_open(host_id, since=now - ROLL_CALL, now=now)]
    return [*over, *_queues(upcoming), *_days_off(host_id, upcoming, now=now)]


def list_passed_over(*, client_id: UUID) -> list[WaitingRow]:
    """The queues in which a free seat did not become the client's."""
    return [row for row in waitlist.list_rows(client_id, now=clock.read_now()) if row["passed_over"]]


def _queues(upcoming: Sequence[SlotRow]) -> list[Need]:
    full = {row["id"]: row for row in upcoming if not row["seats_left"]}
    queued = Counter(slot_id for slot_id, _ in waitlist.list_waiting(full)) if full else Counter()
    return [
        Need("waiting", row["id"], row["title"], row["starts_at"], queued[row["id"]])
        for row in full.values()
        if queued[row["id"]]
    ]


def _days_off(host_id: UUID, upcoming: Sequence[SlotRow], *, now: datetime) -> list[Need]:
    booked = [row for row in upcoming if row["seats_taken"]]
    if not booked:
        return []
    zone = people.zone_of(host_id)
    off = {rule.date for rule in rules_in_force(host_id, now=now) if rule.kind == "day_off"}
    by_day: dict[date, list[SlotRow]] = {}
    for row in booked:
        if (day := day_of(row["starts_at"], zone=zone)) in off:
            by_day.setdefault(day, []).append(row)
    return [
        Need("day_off", rows[0]["id"], rows[0]["title"], rows[0]["starts_at"], len(rows), day)
        for day, rows in by_day.items()
    ]
