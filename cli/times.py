"""Instants as people read them, in this machine's time zone, which is always named."""

import os
from datetime import datetime, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Two zones that agree today may part when summer time begins or ends.
HALF_A_YEAR = timedelta(days=182)
ZONE_LINK = "/etc/localtime"


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant in this machine's zone."""
    return datetime.fromisoformat(text).astimezone()


def format_day(instant: datetime) -> str:
    """`Tue 24 Nov`."""
    return f"{DAYS[instant.weekday()]} {instant.day:>2} {MONTHS[instant.month - 1]}"


def format_time(instant: datetime) -> str:
    """`14:00`."""
    return f"{instant:%H:%M}"


def format_moment(instant: datetime) -> str:
    """`Tue 24 Nov, 14:00 (Africa/Lagos)`; the year where it is not this one is for the caller."""
    return f"{format_day(instant).replace('  ', ' ')}, {format_time(instant)} ({read_zone_name(instant)})"


def format_span(start: datetime, end: datetime) -> str:
    """`14:00-15:00`."""
    return f"{format_time(start)}-{format_time(end)}"


def format_distance(left: timedelta) -> str:
    """`in 2 days`, `in 3 hours`, `in 20 minutes`, `any moment now`, or the same with `ago`."""
    seconds = abs(left.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {words}" if left > timedelta() else f"{words} ago"
    return "any moment now" if left > timedelta() else "just now"


def describe_zone_difference(account_zone: str | None, now: datetime) -> str:
    """Why the same instant reads otherwise in the portal; empty where it does not, or where the zone is not known."""
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(account_zone or "")
    except (KeyError, ValueError, OSError):
        return ""
    if all(day.astimezone(zone).utcoffset() == day.astimezone().utcoffset() for day in (now, now + HALF_A_YEAR)):
        return ""
    here = read_zone_name(now)
    return f"Times are in {here} as on this machine; your account uses {zone}. Set TZ={zone} to see them so."


def read_zone_name(instant: datetime) -> str:
    """The zone's IANA name where the machine tells it, else its abbreviation at that instant."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and os.path.islink(ZONE_LINK):
        name = os.path.realpath(ZONE_LINK).partition("zoneinfo/")[2]
    if "/" in name and not name.startswith(("/", "Etc/")):
        return name
    return instant.astimezone().tzname() or "local time"
