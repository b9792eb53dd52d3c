"""The table of weeks from which people choose a day, and the times of that day: for booking and for moving."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.links import cursor_after
from portal.times import read_instant

WEEK = timedelta(days=7)
# A narrow screen shows the first of the weeks only, and leads on by as many.
WIDE_WEEKS, NARROW_WEEKS = 5, 2
NOON, EVENING = 12, 17

Address = Callable[..., str]
"""Makes the address of the page with these parameters: `day`, `from_` and `cursor`."""


@dataclass(frozen=True)
class Cell:
    """A day in the table. `address` is empty where there is nothing to choose."""

    day: date
    open_slots: int
    full_slots: int
    address: str
    is_past: bool
    is_today: bool
    is_chosen: bool


def picker_context(page: dict[str, Any], *, zone: ZoneInfo, now: datetime, address: Address) -> dict[str, Any]:
    """What the template `portal/picker.html` shows of a page that has `days`, `day`, `slots` and `next_free`."""
    today, chosen = now.astimezone(zone).date(), date.fromisoformat(page["day"])
    days = [
        _cell(row, today=today, chosen=chosen, begin=page["days"][0]["date"], address=address) for row in page["days"]
    ]
    begin, slots = days[0].day, page["slots"]["results"]
    free = sum(1 for slot in slots if slot["seats_left"])
    return {
        "weeks": [days[place : place + 7] for place in range(0, len(days), 7)],
        "narrow_weeks": NARROW_WEEKS,
        "last_narrow": days[NARROW_WEEKS * 7 - 1].day,
        "chosen": chosen,
        "today": today,
        "parts": _parts(slots, zone),
        "free": free,
        "full": len(slots) - free,
        "more": address(day=chosen, from_=begin, cursor=cursor_after(page["slots"])) if page["slots"]["next"] else "",
        "next_free": page["next_free"],
        # What `next_free` would be asked for is the first page of a day without a free seat.
        "is_last": not (free or page["next_free"] or page["slots"]["next"] or page["slots"]["previous"]),
        "has_free": any(cell.open_slots and not cell.is_past for cell in days),
        "earlier": _turn(begin, -WIDE_WEEKS, today, address),
        "later": _turn(begin, WIDE_WEEKS, today, address),
        "earlier_narrow": _turn(begin, -NARROW_WEEKS, today, address),
        "later_narrow": _turn(begin, NARROW_WEEKS, today, address),
    }


def mark_overlaps(slots: Iterable[dict[str, Any]], held: Iterable[dict[str, Any]]) -> None:
    """Note in each slot the start of another booking that it overlaps."""
    taken = [_period(one["scheduled_start_time"], one["scheduled_end_time"]) for one in held]
    for slot in slots:
        starts, ends = _period(slot["starts_at"], slot["ends_at"])
        other = next((begin for begin, end in taken if begin < ends and starts < end), None)
        if other and not slot["booking_id"]:
            slot["overlaps"] = other.isoformat()


def _period(starts: str, ends: str) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(starts), datetime.fromisoformat(ends)


def _cell(row: dict[str, Any], *, today: date, chosen: date, begin: str, address: Address) -> Cell:
    day = date.fromisoformat(row["date"])
    has_any = bool(row["open_slots"] or row["full_slots"])
    return Cell(
        day=day,
        open_slots=row["open_slots"],
        full_slots=row["full_slots"],
        address=address(day=day, from_=date.fromisoformat(begin)) + "#day" if has_any and day >= today else "",
        is_past=day < today,
        is_today=day == today,
        is_chosen=day == chosen,
    )


def _turn(begin: date, weeks: int, today: date, address: Address) -> str:
    """Where the table leads by so many weeks; empty where that would be before this week."""
    first, this_week = begin + weeks * WEEK, today - timedelta(days=today.weekday())
    if begin <= this_week and weeks < 0:
        return ""
    return address(from_=max(first, this_week))


def _parts(slots: Iterable[dict[str, Any]], zone: ZoneInfo) -> list[tuple[str, list[dict[str, Any]]]]:
    """The times of a day by the part of it."""
    parts: dict[str, list[dict[str, Any]]] = {"Morning": [], "Afternoon": [], "Evening": []}
    for slot in slots:
        hour = read_instant(slot["starts_at"], zone).hour
        parts["Morning" if hour < NOON else "Afternoon" if hour < EVENING else "Evening"].append(slot)
    return [(name, found) for name, found in parts.items() if found]
