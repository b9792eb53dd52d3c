"""Instants as people read them, in this machine's time zone, which is always named."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from . import TYPE_CHECKING
from .terminal import say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Two zones that agree today may part when summer time begins or ends.
HALF_A_YEAR = timedelta(days=182)
ZONE_LINK = "/etc/localtime"
_said: set[str] = set()


def read_now() -> datetime:
    """This machine's time, aware and in UTC; it may be wrong, so it is not compared with the backend's."""
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant in this machine's zone."""
    return datetime.fromisoformat(text).astimezone()


def parse_instant_in(text: str, zone: str) -> datetime:
    """An RFC 3339 instant in that zone; in this machine's where it does not know the zone."""
    return datetime.fromisoformat(text).astimezone(_find_zone(zone))


def parse_wall_time(text: str) -> datetime:
    """An instant as somebody types it: RFC 3339, or date and time on this machine's clocks.

    Raises ValueError, with a sentence where the clocks skip that time or show it twice.
    """
    typed = datetime.fromisoformat(text)
    if typed.tzinfo is not None:
        return typed.astimezone()
    if len(text) <= len("2026-12-01"):
        raise ValueError("Give a time as well, such as 2026-12-01T10:00.")
    instant = typed.astimezone()
    if instant.replace(tzinfo=None) != typed:
        raise ValueError(f"The clocks of {read_zone_name(instant)} skip {typed:%H:%M} on that day.")
    if typed.replace(fold=1).astimezone().utcoffset() != instant.utcoffset():
        raise ValueError(
            f"The clocks of {read_zone_name(instant)} show {typed:%H:%M} twice on that day. "
            f"Give it with its offset, such as {instant.isoformat(timespec='minutes')}."
        )
    return instant


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at_midnight(day: datetime, *, days: int = 0) -> datetime:
    """Midnight in this machine's zone, some days on: a day is not always 24 hours, nor its offset today's."""
    moved = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=days)
    return moved.astimezone()


def format_day(instant: datetime, *, width: int = 1) -> str:
    """`Tue 24 Nov`; the number takes at least `width` columns."""
    return f"{DAYS[instant.weekday()]} {instant.day:>{width}} {MONTHS[instant.month - 1]}"


def format_time(instant: datetime) -> str:
    """`14:00`; where this machine's clocks show that time twice, with what tells the two apart: `01:30 EDT`."""
    wall = instant.astimezone().replace(tzinfo=None)
    if wall.replace(fold=0).astimezone().utcoffset() == wall.replace(fold=1).astimezone().utcoffset():
        return f"{instant:%H:%M}"
    name = instant.tzname() or ""
    return f"{instant:%H:%M} {name if name.isalpha() else f'UTC{instant:%z}'}"


def format_day_time(instant: datetime) -> str:
    """`Tue 24 Nov, 14:00`, for places where the zone stands beside."""
    return f"{format_day(instant)}, {format_time(instant)}"


def format_date_time(instant: datetime) -> str:
    """`24 Nov 14:00`, the shortest form, for columns."""
    return f"{instant.day:>2} {MONTHS[instant.month - 1]} {format_time(instant)}"


def format_moment(instant: datetime) -> str:
    """`Tue 24 Nov, 14:00 (Africa/Lagos)`; the year where it is not this one is for the caller."""
    return f"{format_day_time(instant)} ({read_zone_name(instant)})"


def format_span(start: datetime, end: datetime) -> str:
    """`14:00-15:00`."""
    return f"{format_time(start)}-{format_time(end)}"


def format_period(starts_at: str, ends_at: str) -> str:
    """`Tue 24 Nov 14:00-15:00` of two RFC 3339 instants, for columns."""
    start = parse_instant(starts_at)
    return f"{format_day(start, width=2)} {format_span(start, parse_instant(ends_at))}"


def format_distance(left: timedelta) -> str:
    """`in 2 days`, `in 3 hours`, `in 20 minutes`, `any moment now`, or the same with `ago`."""
    seconds = abs(left.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {words}" if left > timedelta() else f"{words} ago"
    return "any moment now" if left > timedelta() else "just now"


def format_distance_to(text: str | None) -> str:
    """How far off an RFC 3339 instant is; `never` without one."""
    return format_distance(parse_instant(text) - read_now()) if text else "never"


def describe_zone_difference(account_zone: str | None) -> str:
    """Why the same instant reads otherwise in the portal; empty where it does not, or where the zone is not known."""
    now, zone = read_now(), _find_zone(account_zone or "")
    if zone is None or all(_agrees(zone, instant) for instant in (now, now + HALF_A_YEAR)):
        return ""
    here = read_zone_name(now)
    return f"Times are in {here} as on this machine; your account uses {zone}. Set TZ={zone} to see them so."


def read_zone_name(instant: datetime) -> str:
    """The zone's IANA name where this machine tells it and keeps to it, else its abbreviation at that instant.

    Says on standard error, once, where TZ names no zone.
    """
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and os.path.islink(ZONE_LINK):
        name = os.path.realpath(ZONE_LINK).partition("zoneinfo/")[2]
    zone = _find_zone(name)
    if "/" in name and not name.startswith("Etc/") and zone and _agrees(zone, instant):
        return name
    if _is_zone_unknown():
        _say_unknown(name)
        return "UTC"
    return instant.astimezone().tzname() or "local time"


def _say_unknown(name: str) -> None:
    if name not in _said:
        _said.add(name)
        say(f"Note: TZ={name} is no zone that this machine knows, so times are in UTC.")


def _is_zone_unknown() -> bool:
    """Whether TZ names a zone that this machine does not have: the system takes UTC for it and keeps the name."""
    import re

    name = os.environ.get("TZ", "").lstrip(":")
    is_rule = re.match(r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d", name)  # POSIX, such as EST5EDT
    is_file = os.path.isabs(name) and os.path.exists(name)
    return bool(name) and not is_rule and not is_file and _find_zone(name) is None


def _find_zone(name: str) -> ZoneInfo | None:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None


def _agrees(zone: ZoneInfo, instant: datetime) -> bool:
    return instant.astimezone(zone).utcoffset() == instant.astimezone().utcoffset()
