import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

# The API takes days of these years only.
FIRST_YEAR, LAST_YEAR = 2000, 2198

# `9`, `9:00`, `09.00`, `0900`, `9am`, `9:30 p.m.`
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE)


def read_clock(text: str, *, is_end: bool = False) -> str | None:
    """What people type for a time of day, as `09:00`; None where it is none. Only an end may be `24:00`."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    is_time = (hour < 24 and minute < 60) or (is_end and (hour, minute) == (24, 0))
    return f"{hour:02}:{minute:02}" if is_time else None


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone, or UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def place(zone: str) -> str:
    """The part of an IANA name that people say: `America/New_York` is New York."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def place_time(zone: str) -> str:
    """What times in the zone are called: `Lagos time`, and `UTC` as it is."""
    return zone if zone == "UTC" else f"{place(zone)} time"


def read_instant(value: str, zone: ZoneInfo) -> datetime:
    """An RFC 3339 instant of the API on the wall clock of `zone`."""
    return datetime.fromisoformat(value).astimezone(zone)


def clock(value: str, zone: ZoneInfo) -> str:
    """`14:00`; where the clocks show that time twice, with what tells the two apart: `01:30 EDT`."""
    local = read_instant(value, zone)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return f"{local:%H:%M}"
    name = local.tzname() or ""
    return f"{local:%H:%M} {name if name.isalpha() else f'UTC{local:%z}'}"


def day_and_time(value: str, zone: ZoneInfo, now: datetime) -> str:
    """`Tue 24 Nov, 14:00`; with the year where it is not this one."""
    instant = read_instant(value, zone)
    year = f" {instant.year}" if instant.year != now.year else ""
    return f"{instant:%a} {instant.day} {instant:%b}{year}, {clock(value, zone)}"


def ago(value: str, zone: ZoneInfo, now: datetime) -> str:
    """When something was: `just now`, `12 minutes ago`, `today, 14:00`, `yesterday, 14:00`, `Tue 24 Nov, 14:00`."""
    passed = int((now - datetime.fromisoformat(value)).total_seconds() // 60)
    if passed < 60:
        return "just now" if passed < 1 else f"{passed} minute{'' if passed == 1 else 's'} ago"
    days = (now.astimezone(zone).date() - read_instant(value, zone).date()).days
    near = {0: "today", 1: "yesterday"}.get(days)
    return f"{near}, {clock(value, zone)}" if near else day_and_time(value, zone, now)


def days_until(value: str, zone: ZoneInfo, now: datetime) -> int:
    """How many midnights of `zone` lie before the instant; 0 for today."""
    return (read_instant(value, zone).date() - now.astimezone(zone).date()).days


def end_of_span(end: str, start: str, zone: ZoneInfo, now: datetime) -> str:
    """What follows `Tue 24 Nov, 14:00–`: the time alone where it is on the same day."""
    is_same_day = read_instant(end, zone).date() == read_instant(start, zone).date()
    return clock(end, zone) if is_same_day else day_and_time(end, zone, now)


def is_ahead(value: str, now: datetime) -> bool:
    """Whether an instant of the API still lies ahead."""
    return datetime.fromisoformat(value) > now


def hours_before(deadline: str, start: str) -> int:
    """How many whole hours before `start` the `deadline` lies: the refund window of a slot or booking."""
    return int((datetime.fromisoformat(start) - datetime.fromisoformat(deadline)).total_seconds() // 3600)


def day(value: str) -> str:
    """A date of the API as `Thu 24 Dec 2026`."""
    found = datetime.fromisoformat(value)
    return f"{found:%a} {found.day} {found:%b %Y}"


def short_day(value: str, zone: ZoneInfo) -> str:
    """`Thu 26 Nov`."""
    instant = read_instant(value, zone)
    return f"{instant:%a} {instant.day} {instant:%b}"


def day_name(value: str, zone: ZoneInfo) -> str:
    """`Thursday`."""
    return f"{read_instant(value, zone):%A}"


def months_of(rows: Iterable[dict[str, Any]], zone: ZoneInfo) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows by the month in which each was created, in their order: `November 2026`."""
    named = ((f"{read_instant(row['created_at'], zone):%B %Y}", row) for row in rows)
    return [(month, [row for _, row in found]) for month, found in groupby(named, key=itemgetter(0))]


def weekday_and_time(value: str, zone: ZoneInfo) -> str:
    """`Thu 23:00`."""
    return f"{read_instant(value, zone):%a} {clock(value, zone)}"


def tenths_until(value: str, end: str, now: datetime) -> int:
    """How many tenths of the time from `now` to `end` lie before the instant; neither none nor all."""
    whole, part = (datetime.fromisoformat(one) - now for one in (end, value))
    return max(1, min(9, round(10 * part / whole))) if whole.total_seconds() > 0 else 1


def iso_day(value: str, zone: ZoneInfo) -> str:
    """The local day of an instant as an address has it: `2026-11-26`."""
    return read_instant(value, zone).date().isoformat()


def minutes(session: Mapping[str, str]) -> int:
    """How long a slot of the API is."""
    length = datetime.fromisoformat(session["ends_at"]) - datetime.fromisoformat(session["starts_at"])
    return int(length.total_seconds() // 60)


def read_day(value: str | None) -> date | None:
    """A day of an address; None for what is none, or too near the calendar's ends to count weeks and a zone on."""
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


def iso_days(*, day: date | None = None, from_: date | None = None) -> dict[str, str]:
    """The parameters `day` and `from` of an address, of those that are given."""
    given = {"day": day, "from": from_}
    return {name: value.isoformat() for name, value in given.items() if value is not None}
