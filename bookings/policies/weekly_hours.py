"""How the weekly hours of an offering become what their host wants: which of its rules go, and which come."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from operator import itemgetter
from typing import Generic, TypeVar
from uuid import UUID

from bookings.policies.availability import Entry, Opening, Rule, length_of

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# In the week of one offering.
MOST_RANGES = 100
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """A range of hours of a weekday, Monday is 1; 00:00 as the end is the end of the day."""

    weekday: int
    start_time: time
    end_time: time

    def __str__(self) -> str:
        return f"{self.start_time:%H:%M} to {self.end_time:%H:%M}"

    @property
    def span(self) -> tuple[int, int]:
        """From and to in minutes of the week."""
        start = (self.weekday - 1) * 24 * 60 + self.start_time.hour * 60 + self.start_time.minute
        return start, start + length_of(self.start_time, self.end_time) // _MINUTE


AnyPlanned = TypeVar("AnyPlanned")
AnyRule = TypeVar("AnyRule", bound=Rule)


@dataclass(frozen=True)
class WeekPlan(Generic[AnyPlanned]):
    """Rules that stay and rules that go, and hours that come, each with the rule that goes and that it is like."""

    kept: list[AnyPlanned]
    removed: list[AnyPlanned]
    added: list[tuple[Hours, AnyPlanned | None]]


def hours_of(rule: Rule) -> Hours:
    """The hours of a weekly rule."""
    if rule.weekday is None or rule.start_time is None or rule.end_time is None:
        raise ValueError("A weekly rule has a weekday and hours.")
    return Hours(rule.weekday, rule.start_time, rule.end_time)


def find_problems_of_week(*, wanted: Sequence[Hours], rules: Iterable[Rule]) -> dict[int, str]:
    """What is wrong with the ranges that are wanted, by their place in the list. What `rules` have already may stay."""
    had = {hours_of(rule) for rule in rules}
    problems = {
        place: f"{_DAYS[hours.weekday - 1]}: {hours} does not end after its start. Hours past midnight are two ranges: "
        "to 00:00, and from 00:00 on the next day."
        for place, hours in enumerate(wanted)
        if hours not in had and time.min != hours.end_time <= hours.start_time
    }
    return problems or _find_overlaps(wanted, had)


def _find_overlaps(wanted: Sequence[Hours], had: Container[Hours]) -> dict[int, str]:
    problems: dict[int, str] = {}
    longest: Hours | None = None
    for place, hours in sorted(enumerate(wanted), key=lambda one: one[1].span):
        if longest and hours.span[0] < longest.span[1] and not (hours != longest and hours in had and longest in had):
            problems[place] = f"{_DAYS[hours.weekday - 1]}: {longest} and {hours} overlap. Change one of them."
        if longest is None or hours.span[1] > longest.span[1]:
            longest = hours
    return problems


def plan_week(*, wanted: Iterable[Hours], rules: Sequence[AnyRule]) -> WeekPlan[AnyRule]:
    """What has to come and go so that an offering with these weekly `rules` has the hours that are `wanted`."""
    asked = sorted(set(wanted))
    had = {hours_of(rule) for rule in rules}
    removed = [rule for rule in rules if hours_of(rule) not in asked]
    return WeekPlan(
        kept=[rule for rule in rules if rule not in removed],
        removed=removed,
        added=[(hours, _most_like(hours, removed)) for hours in asked if hours not in had],
    )


def _most_like(hours: Hours, rules: Iterable[AnyRule]) -> AnyRule | None:
    """The rule that has most of these hours; None where none has any."""
    shared = [(_shared_minutes(hours, hours_of(rule)), rule) for rule in rules]
    most, rule = max(shared, key=itemgetter(0), default=(0, None))
    return rule if most > 0 else None


def _shared_minutes(one: Hours, other: Hours) -> int:
    return min(one.span[1], other.span[1]) - max(one.span[0], other.span[0])


def find_successors(
    *, calendar: Iterable[Entry], openings: Iterable[Opening], replaced: Container[UUID]
) -> dict[UUID, UUID]:
    """The rule that each slot of rules that are `replaced` belongs to from now on: one that asks for it, too.

    What its host has changed follows the rule that asks for its place, so that the place is not filled again.
    """
    asking = {(opening.day, opening.place): opening for opening in openings}
    found: dict[UUID, UUID] = {}
    for entry in calendar:
        if entry.rule_id not in replaced or entry.rule_date is None or entry.rule_place is None:
            continue
        key = entry.rule_date, entry.rule_place
        opening = asking.get(key)
        is_same = opening and (opening.starts_at, opening.ends_at) == (entry.starts_at, entry.ends_at)
        if opening and (entry.is_detached or is_same):
            found[entry.id] = asking.pop(key).rule.id
    return found
