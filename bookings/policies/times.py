from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKS = 5


def instant_of(*, day: date, wall_time: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a local time (RFC 5545 section 3.3.5).

    A time that clocks pass twice is the first; a time that clocks skip counts with the offset before the change.
    """
    return datetime.combine(day, wall_time, tzinfo=zone).astimezone(UTC)


def day_of(when: date, *, zone: ZoneInfo) -> date:
    """The local day of an instant; a day is itself."""
    return when.astimezone(zone).date() if isinstance(when, datetime) else when


def end_day_of(when: date, *, zone: ZoneInfo) -> date:
    """The first local day that begins at `when` or later; a day is itself."""
    day = day_of(when, zone=zone)
    if not isinstance(when, datetime) or instant_of(day=day, wall_time=time.min, zone=zone) >= when:
        return day
    return day + timedelta(days=1)


def monday_of(day: date) -> date:
    """The first day of the ISO 8601 week of `day`."""
    return day - timedelta(days=day.weekday())


def days_around(*, today: date, first: date | None, day: date | None) -> list[date]:
    """Whole weeks that a person chooses a day from: those from `first` on, or else those from today that hold `day`."""
    begin = monday_of(max(first or today, today))
    if first is None and day is not None and day >= begin + timedelta(days=WEEKS * 7):
        begin = monday_of(day)
    return [begin + timedelta(days=number) for number in range(WEEKS * 7)]
