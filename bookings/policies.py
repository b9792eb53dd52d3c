from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo


class Credits(Protocol):
    """As much of a subscription as the rules look at."""

    credits_remaining: int
    starts_at: datetime
    ends_at: datetime


Purse = TypeVar("Purse", bound=Credits)


def refund_deadline(*, scheduled_start_time: datetime, refund_window: timedelta) -> datetime:
    """The first instant, in UTC, at which a client's cancellation refunds nothing.

    The window is elapsed time: over a change of clocks, 12 hours are not 12 hours on the wall.
    """
    return scheduled_start_time.astimezone(UTC) - refund_window


def refund_for_cancellation(
    *, now: datetime, scheduled_start_time: datetime, refund_window: timedelta, credits_charged: int
) -> int:
    """Credits that go back when the client cancels at `now`: all of them before the deadline, none from it on."""
    deadline = refund_deadline(scheduled_start_time=scheduled_start_time, refund_window=refund_window)
    return credits_charged if now.astimezone(UTC) < deadline else 0


def may_reschedule(*, now: datetime, scheduled_start_time: datetime, refund_window: timedelta) -> bool:
    """Whether a booking may be moved at `now`: as long as cancelling it would refund it."""
    deadline = refund_deadline(scheduled_start_time=scheduled_start_time, refund_window=refund_window)
    return now.astimezone(UTC) < deadline


def has_started(*, now: datetime, scheduled_start_time: datetime) -> bool:
    """From its start on, a session's bookings cannot be cancelled or moved."""
    return now.astimezone(UTC) >= scheduled_start_time.astimezone(UTC)


def is_usable(subscription: Credits, *, now: datetime) -> bool:
    """Whether credits of this subscription can be spent at `now`."""
    return subscription.starts_at <= now < subscription.ends_at


def choose_subscription(subscriptions: Iterable[Purse], *, now: datetime) -> Purse | None:
    """The subscription that pays: of the usable ones with a credit, the one that ends first."""
    usable = [s for s in subscriptions if s.credits_remaining > 0 and is_usable(s, now=now)]
    return min(usable, key=lambda s: s.ends_at, default=None)


def next_period(*, ends_at: datetime, period_days: int, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of the period after `ends_at`; a renewal that comes later than a whole period starts at `now`."""
    period = timedelta(days=period_days)
    start = ends_at if ends_at + period > now else now
    return start, start + period


def describe_instant(instant: datetime, *, zone: ZoneInfo) -> str:
    """A time for people to read: `Tue 24 Nov 2026, 14:00 (Africa/Lagos)`."""
    return f"{instant.astimezone(zone):%a %d %b %Y, %H:%M} ({zone.key})"


def describe_period(start: datetime, end: datetime, *, zone: ZoneInfo) -> str:
    """A session's time for people to read; the end has a date of its own only where it is another day."""
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    end_form = "%H:%M" if local_start.date() == local_end.date() else "%a %d %b %Y, %H:%M"
    return f"{local_start:%a %d %b %Y, %H:%M}-{local_end.strftime(end_form)} ({zone.key})"


class Rule(Protocol):
    """As much of an availability rule as its expansion looks at."""

    id: UUID
    kind: str
    weekday: int | None
    date: date | None
    start_time: time | None
    end_time: time | None
    slot_minutes: int
    buffer_minutes: int
    minimum_notice_minutes: int
    horizon_days: int


@dataclass(frozen=True)
class Opening:
    """One slot that a rule asks for: `place` counts within the rule's hours of that local `day`."""

    rule_id: UUID
    day: date
    place: int
    starts_at: datetime
    ends_at: datetime
    buffer: timedelta
    bookings_close_at: datetime


@dataclass(frozen=True)
class Taken:
    """A time that is taken on the host's calendar."""

    starts_at: datetime
    ends_at: datetime


def instant_of(*, day: date, wall_time: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a local time (RFC 5545 section 3.3.5).

    A time that clocks pass twice is the first; a time that clocks skip counts with the offset before the change.
    """
    return datetime.combine(day, wall_time, tzinfo=zone).astimezone(UTC)


def expand_rules(*, rules: Sequence[Rule], zone: ZoneInfo, now: datetime) -> list[Opening]:
    """Every opening that the rules ask for between their minimum notice and their horizon, by start."""
    days_off = {rule.date for rule in rules if rule.kind == "day_off"}
    openings = [
        opening
        for rule in rules
        if rule.kind != "day_off"
        for day in _days_of(rule, zone=zone, now=now, days_off=days_off)
        for opening in _openings(rule, day=day, zone=zone)
        if _is_in_reach(opening, rule=rule, now=now)
    ]
    return sorted(openings, key=lambda opening: opening.starts_at)


def choose_openings(*, openings: Iterable[Opening], busy: Iterable[Taken]) -> list[Opening]:
    """The openings, in the order given, that keep their buffer from what is taken and from each other."""
    taken = list(busy)
    chosen = []
    for opening in openings:
        if not any(_collides(opening, other) for other in taken):
            chosen.append(opening)
            taken.append(Taken(opening.starts_at, opening.ends_at))
    return chosen


def _days_of(rule: Rule, *, zone: ZoneInfo, now: datetime, days_off: set[date | None]) -> Iterator[date]:
    if rule.kind == "extra":
        if rule.date is not None:
            yield rule.date
        return
    today = now.astimezone(zone).date()
    for day in (today + timedelta(days=n) for n in range(rule.horizon_days + 1)):
        if day.isoweekday() == rule.weekday and day not in days_off:
            yield day


def _openings(rule: Rule, *, day: date, zone: ZoneInfo) -> Iterator[Opening]:
    """Whole slots of elapsed minutes between the rule's two instants, so that none overlap when clocks change."""
    if rule.start_time is None or rule.end_time is None:
        return
    start = instant_of(day=day, wall_time=rule.start_time, zone=zone)
    end = instant_of(day=day, wall_time=rule.end_time, zone=zone)
    length, buffer = timedelta(minutes=rule.slot_minutes), timedelta(minutes=rule.buffer_minutes)
    place = 0
    while start + length <= end:
        closes = start - timedelta(minutes=rule.minimum_notice_minutes)
        yield Opening(rule.id, day, place, start, start + length, buffer, closes)
        start, place = start + length + buffer, place + 1


def _is_in_reach(opening: Opening, *, rule: Rule, now: datetime) -> bool:
    return now < opening.bookings_close_at and opening.starts_at < now + timedelta(days=rule.horizon_days)


def _collides(opening: Opening, other: Taken) -> bool:
    return opening.starts_at - opening.buffer < other.ends_at and other.starts_at < opening.ends_at + opening.buffer
