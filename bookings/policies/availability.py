"""What a host's rules ask for, and what has to change on the calendar for it. Times are instants in UTC."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.policies.times import instant_of

LONGEST_SESSION = timedelta(hours=24)
MOST_RULES = 500
# How many openings the rules of one host may ask for between now and their horizon.
MOST_OPENINGS = 15_000
DAY_MINUTES = 24 * 60
_HOURS = ("start_time", "end_time", "title")
_NEEDED = {"weekly": {"weekday", *_HOURS}, "extra": {"date", *_HOURS}, "day_off": {"date"}}
# What every slot of a rule has from it, besides its time.
LOOKS = (
    "title", "capacity", "minimum_notice_minutes", "description", "place", "link", "price_credits",
    "refund_window_hours",
)  # fmt: skip
_BY_KIND = {"weekday", "date", "start_time", "end_time"}


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
    """One slot that a rule asks for; `place` is where its hours of the local `day` have it, in minutes of that day."""

    rule: Rule
    day: date
    place: int
    starts_at: datetime
    ends_at: datetime

    @property
    def bookings_close_at(self) -> datetime:
        return self.starts_at - timedelta(minutes=self.rule.minimum_notice_minutes)

    @property
    def buffer(self) -> timedelta:
        return timedelta(minutes=self.rule.buffer_minutes)


@dataclass(frozen=True, slots=True)
class Entry:
    """A slot on the host's calendar, as much as an expansion looks at; `rule_date` is None where no rule made it."""

    id: UUID
    rule_id: UUID | None
    rule_date: date | None
    rule_place: int | None
    starts_at: datetime
    ends_at: datetime
    seats_taken: int
    is_detached: bool
    is_open: bool
    buffer: timedelta


@dataclass(frozen=True, slots=True)
class _Span:
    starts_at: datetime
    ends_at: datetime
    buffer: timedelta = timedelta(0)


def find_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the values of a rule, by field; a value that it does not have is missing or None."""
    needed = _NEEDED[values["kind"]]
    given = {name for name, value in values.items() if value not in (None, "")}
    problems = dict.fromkeys(sorted(needed - given), "This kind of rule needs it.")
    problems |= dict.fromkeys(sorted((_BY_KIND - needed) & given), "This kind of rule does not have it.")
    return problems or (_find_problems_of_hours(values) if "start_time" in needed else {})


def _find_problems_of_hours(values: Mapping[str, Any]) -> dict[str, str]:
    start, end = values["start_time"], values["end_time"]
    if start == end != time.min:
        return {"end_time": "End at another time than the start: later, at 24:00, or on the next day."}
    length = length_of(start, end)
    if timedelta(minutes=values["slot_minutes"]) > length:
        minutes = length // timedelta(minutes=1)
        return {"slot_minutes": f"These hours are {minutes} minutes long, so a session of this length never fits."}
    if values["minimum_notice_minutes"] >= values["horizon_days"] * DAY_MINUTES:
        return {
            "minimum_notice_minutes": "Sessions appear only horizon_days ahead, so with this notice none can be booked."
        }
    return {}


def can_open(rule: Rule, *, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the rule may still have an effect: a single date has to be ahead, with bookable hours."""
    if rule.kind == "weekly" or rule.date is None:
        return True
    if rule.kind == "day_off":
        return rule.date >= now.astimezone(zone).date()
    return any(now < opening.bookings_close_at for opening in _openings(rule, day=rule.date, zone=zone))


def count_openings(rules: Iterable[Rule]) -> int:
    """How many openings these rules may ask for within their horizons, whatever the day and the zone."""
    return sum(_openings_a_day(rule) * (rule.horizon_days // 7 + 1 if rule.kind == "weekly" else 1) for rule in rules)


def _openings_a_day(rule: Rule) -> int:
    if rule.start_time is None or rule.end_time is None:
        return 0
    buffer = timedelta(minutes=rule.buffer_minutes)
    return (length_of(rule.start_time, rule.end_time) + buffer) // (timedelta(minutes=rule.slot_minutes) + buffer)


def length_of(start: time, end: time) -> timedelta:
    """How long hours last by the wall clock; an end that is not after the start is on the next day."""
    length = datetime.combine(date.min, end) - datetime.combine(date.min, start)
    return length if length > timedelta(0) else length + timedelta(days=1)


def expand_rules(*, rules: Sequence[Rule], zone: ZoneInfo, now: datetime) -> list[Opening]:
    """Every opening after `now` that the rules ask for within their horizons, by start."""
    days_off = {rule.date for rule in rules if rule.kind == "day_off"}
    openings = [
        opening
        for rule in rules
        for day in _days_of(rule, zone=zone, now=now)
        for opening in _openings(rule, day=day, zone=zone)
        if now < opening.starts_at < now + timedelta(days=rule.horizon_days)
        and (rule.kind == "extra" or opening.starts_at.astimezone(zone).date() not in days_off)
    ]
    return sorted(openings, key=lambda opening: (opening.starts_at, opening.ends_at, opening.rule.id))


def find_unasked(*, calendar: Iterable[Entry], openings: Iterable[Opening], now: datetime) -> list[Entry]:
    """The slots that rules may change and ask for no more."""
    asked = {(opening.rule.id, opening.starts_at, opening.ends_at) for opening in openings}
    found = find_renewable(calendar, now=now)
    return [entry for entry in found if (entry.rule_id, entry.starts_at, entry.ends_at) not in asked]


def find_renewable(calendar: Iterable[Entry], *, now: datetime) -> list[Entry]:
    """The open slots ahead that rules made; what its host has changed is not the rules' any more."""
    return [
        entry
        for entry in calendar
        if entry.is_open and entry.rule_date is not None and not entry.is_detached and entry.starts_at > now
    ]


def choose_openings(*, openings: Sequence[Opening], calendar: Sequence[Entry], now: datetime) -> list[Opening]:
    """The openings that can be booked, that the calendar has not had, and that collide with nothing on it.

    Between open slots the larger of the two buffers stays free. `openings` are in the order of their start.
    """
    had = {(entry.rule_id, entry.rule_date, entry.rule_place) for entry in calendar}
    taken = _Timeline(_Span(entry.starts_at, entry.ends_at, entry.buffer) for entry in calendar if entry.is_open)
    closed = _Timeline(_Span(entry.starts_at, entry.ends_at) for entry in calendar if not entry.is_open)
    chosen, found = _Timeline(), []
    for opening in openings:
        if now >= opening.bookings_close_at or (opening.rule.id, opening.day, opening.place) in had:
            continue
        span = _Span(opening.starts_at, opening.ends_at, opening.buffer)
        if not (taken.collides(span) or chosen.collides(span) or closed.collides(replace(span, buffer=timedelta(0)))):
            chosen.append(span)
            found.append(opening)
    return found


class _Timeline:
    """Spans that do not overlap, by start and so by end, too: a search reads only what is near."""

    def __init__(self, spans: Iterable[_Span] = ()) -> None:
        self.spans: list[_Span] = []
        self.buffer = timedelta(0)
        for span in sorted(spans, key=attrgetter("starts_at")):
            self.append(span)

    def append(self, span: _Span) -> None:
        """Add one that starts last; what overlaps the one before is joined with it."""
        if self.spans and span.starts_at < self.spans[-1].ends_at:
            before = self.spans.pop()
            span = _Span(before.starts_at, max(before.ends_at, span.ends_at), max(before.buffer, span.buffer))
        self.spans.append(span)
        self.buffer = max(self.buffer, span.buffer)

    def collides(self, span: _Span) -> bool:
        """Whether any is nearer to `span` than the larger of the two buffers."""
        furthest = max(self.buffer, span.buffer)
        place = bisect_left(self.spans, span.ends_at + furthest, key=attrgetter("starts_at"))
        while place and self.spans[place - 1].ends_at + furthest > span.starts_at:
            place -= 1
            other = self.spans[place]
            between = max(other.buffer, span.buffer)
            if span.starts_at < other.ends_at + between and other.starts_at < span.ends_at + between:
                return True
        return False


def _days_of(rule: Rule, *, zone: ZoneInfo, now: datetime) -> Iterator[date]:
    """From yesterday, whose hours may end today, to the horizon."""
    if rule.kind == "extra" and rule.date is not None:
        yield rule.date
    if rule.kind != "weekly":
        return
    today = now.astimezone(zone).date()
    for day in (today + timedelta(days=n) for n in range(-1, rule.horizon_days + 1)):
        if day.isoweekday() == rule.weekday:
            yield day


def _openings(rule: Rule, *, day: date, zone: ZoneInfo) -> Iterator[Opening]:
    """Whole slots of elapsed minutes between the rule's two instants, so that none overlap when clocks change."""
    if rule.start_time is None or rule.end_time is None:
        return
    ends_next_day = rule.end_time <= rule.start_time
    start = instant_of(day=day, wall_time=rule.start_time, zone=zone)
    end = instant_of(day=day + timedelta(days=ends_next_day), wall_time=rule.end_time, zone=zone)
    length, buffer = timedelta(minutes=rule.slot_minutes), timedelta(minutes=rule.buffer_minutes)
    place = rule.start_time.hour * 60 + rule.start_time.minute
    while start + length <= end:
        yield Opening(rule, day, place, start, start + length)
        start, place = start + length + buffer, place + rule.slot_minutes + rule.buffer_minutes
