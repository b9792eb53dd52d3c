from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.errors import NotFound
from bookings.policies.times import day_of, days_around, instant_of
from bookings.repositories import people, slots, standby
from bookings.repositories.keyset import Page
from bookings.repositories.rows import DayRow, HostRow, SlotRow, SlotsCount
from bookings.repositories.slot_filters import SlotFilter
from bookings.services.booking import refund_window

NEXT_FREE = 3
NO_SLOTS: SlotsCount = {"open_slots": 0, "full_slots": 0, "seats_left": 0}
Answer = TypeVar("Answer")


def read_public(*, read: Callable[[], Answer], now: datetime) -> Answer:
    """What `read` returns to nobody in particular, from a standby where one is configured: some moments old.

    A person's own reads see what the person has just done, and never come here.
    """
    return standby.read(read, now=now)


def list_slots(
    *, viewer_id: UUID | None, is_open: bool | None = None, cursor: str = "", **filters: Any
) -> Page[SlotRow]:
    """Slots by start, as the viewer sees them, from now on unless `starts_from` says otherwise. Raises NotValid.

    For nobody in particular, `None`, what is not public or has started is left out. `filters` are `SlotFilter`'s.
    """
    by = SlotFilter(open=is_open, public=viewer_id is None, **filters)
    return slots.list_page(viewer_id=viewer_id, by=by, refund_window=refund_window(), cursor=cursor)


def get_slot(*, slot_id: UUID, viewer_id: UUID | None) -> SlotRow:
    """One slot as the viewer sees it; for nobody, `None`, what is public and lies ahead. Raises NotFound."""
    if viewer_id is not None:
        return slots.get_row(slot_id, viewer_id=viewer_id, refund_window=refund_window())
    found = slots.find_public_row(slot_id, refund_window=refund_window())
    if found is None:
        raise NotFound
    return found


def count_days(*, viewer_id: UUID | None, days: Sequence[date], zone: ZoneInfo, **filters: Any) -> list[DayRow]:
    """What can be booked on each of these days of the zone, which follow one another; for `None` what is public.

    `filters` are those of `SlotFilter` that are not about time.
    """
    if not days:
        return []
    ends = [*days, days[-1] + timedelta(days=1)]
    bounds = [instant_of(day=day, wall_time=time.min, zone=zone) for day in ends]
    by = SlotFilter(public=viewer_id is None, **filters)
    counted = slots.count_by_day(bounds, by=by)
    return [{"date": day, **counted.get(place, NO_SLOTS)} for place, day in enumerate(days)]


@dataclass(frozen=True)
class ChosenDay:
    """Weeks of days, one of them, what can be booked on it, and the next free slots where nothing is free on it."""

    days: Sequence[DayRow]
    day: date
    slots: Page[SlotRow]
    next_free: Sequence[SlotRow]


def find_day(
    *,
    viewer_id: UUID | None,
    zone: ZoneInfo,
    now: datetime,
    first: date | None = None,
    day: date | None = None,
    cursor: str = "",
    **filters: Any,
) -> ChosenDay:
    """The weeks from `first` on and `day` in them; without one the first on which something is free. Raises NotValid.

    The days are those of the zone, none before today. `filters` are those of `count_days`.
    """
    today = day_of(now, zone=zone)
    rows = count_days(viewer_id=viewer_id, days=days_around(today=today, first=first, day=day), zone=zone, **filters)
    free = [row["date"] for row in rows if row["open_slots"] and row["date"] >= max(first or today, today)]
    chosen = max(day or (free[0] if free else first or today), today)
    begins, ends = (instant_of(day=one, wall_time=time.min, zone=zone) for one in (chosen, chosen + timedelta(days=1)))
    found = list_slots(
        viewer_id=viewer_id, starts_from=begins, starts_before=ends, is_open=True, cursor=cursor, **filters
    )
    is_free = bool(cursor) or any(row["seats_left"] for row in found.rows)
    ahead = {"starts_from": ends, "is_open": True, "has_seat": True, **filters}
    later = () if is_free else list_slots(viewer_id=viewer_id, **ahead).rows
    return ChosenDay(rows, chosen, found, later[:NEXT_FREE])


def list_hosts(*, viewer_id: UUID | None, cursor: str = "") -> Page[HostRow]:
    """The people who host, by login; for nobody, `None`, those with a public offering. Raises NotValid."""
    return people.list_hosts_page(public=viewer_id is None, cursor=cursor)


def get_host(*, login: str, viewer_id: UUID | None) -> HostRow:
    """The host of that login as `list_hosts` has them. Raises NotFound."""
    # The database takes no NUL.
    found = people.find_host(login, public=viewer_id is None) if login.isprintable() else None
    if found is None:
        raise NotFound
    return found
