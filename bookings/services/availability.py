from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.availability import LOOKS, MOST_OPENINGS, can_open, count_openings, find_problems
from bookings.policies.previews import digest_of
from bookings.repositories import availability_rules, clock, people
from bookings.services.expansion import CalendarChange, Concern, Wish, fit_calendar, rules_in_force
from bookings.services.hosting import check_number, lock_calendar
from bookings.services.made_from import complete, ensure_offering
from bookings.services.operations import check_seen, operation, operation_within
from bookings.services.slot_changes import Values
from bookings.services.upgrading import check_terms, check_upgraded

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule


@dataclass(frozen=True)
class RuleChange:
    """A rule as it is now, and what it did to the calendar; `seen` names all of it."""

    rule: "AvailabilityRule"
    calendar: CalendarChange

    @property
    def seen(self) -> str:
        return digest_of((availability_rules.values_of(self.rule), self.calendar.shown))


def list_rules(*, host_id: UUID) -> "list[AvailabilityRule]":
    """The host's rules, without dates that are over. Raises NotAHost."""
    people.check_host(host_id)
    return rules_in_force(host_id, now=clock.read_now())


@operation
def add_rule(
    now: datetime, /, *, host_id: UUID, values: dict[str, Any], cancel_booked: bool = False, message: str = ""
) -> RuleChange:
    """Add a rule and bring the calendar up to date.

    What its `values` leave out is what the offering of their `offering_id` says; without one, hours are made from the
    host's offering that says the same, which is made if there is none. A day off leaves what is booked on it, or
    cancels it by the host's rule with `cancel_booked`; the mails have the host's message. Raises NotAHost, NotValid,
    Busy.
    """
    lock_calendar(host_id)
    zone, before = people.zone_of(host_id), rules_in_force(host_id, now=now)
    check_number(before)
    rule = availability_rules.make_rule(host_id=host_id, values=complete_rule(values, host_id=host_id))
    check_rule(rule, others=before, zone=zone, now=now)
    check_openings([*before, rule])
    if rule.kind != "day_off" and rule.offering is None:
        rule.offering = ensure_offering(host_id=host_id, values=availability_rules.offered_by(rule))
    availability_rules.insert_rule(rule)
    wish = Wish(_concern(rule, zone=zone), cancel_booked=cancel_booked, message=message)
    change = fit_calendar(host_id, rules=[*before, rule], zone=zone, now=now, wish=wish)
    _record("availability.added", rule, change)
    return RuleChange(rule, change)


@operation
def change_rule(
    now: datetime,
    /,
    *,
    host_id: UUID,
    rule_id: UUID,
    values: dict[str, Any],
    cancel_booked: bool = False,
    message: str = "",
    seen: str | None = None,
    is_preview: bool = False,
) -> RuleChange:
    """Give the host's own rule other values, but for its kind, and bring the calendar up to date.

    With another `offering_id` it says what that says, but for the other values. Its sessions ahead say it too, booked
    ones included, unless the host has changed them by themselves: those booked and waiting are told, with the host's
    message. What is booked at hours that it asks for no more stays, or is cancelled by the host's rule with
    `cancel_booked`. With `is_preview` all of it is undone at the end. Raises NotFound, NotValid, CapacityBelowSeats,
    PreviewChanged where it is not what was `seen`, Busy.
    """
    zone, rule, others = _lock_rule(host_id, rule_id, now=now)
    was = looks_of(rule)
    availability_rules.set_values(rule, values=complete_rule(values, host_id=host_id))
    check_rule(rule, others=others, zone=zone, now=now)
    check_openings([*others, rule])
    looks = find_differences(was=was, is_now=looks_of(rule))
    check_upgraded({"place": "place" in looks})
    availability_rules.save_rule(rule)
    wish = Wish(
        _concern(rule, zone=zone),
        cancel_booked=cancel_booked,
        looks=lambda entry: looks if entry.rule_id == rule_id else {},
        message=message,
        source={"rule_id": str(rule_id)},
    )
    change = RuleChange(rule, fit_calendar(host_id, rules=[*others, rule], zone=zone, now=now, wish=wish))
    _record("availability.changed", rule, change.calendar)
    check_seen(change.seen, seen=seen, is_preview=is_preview)
    return change


def looks_of(rule: "AvailabilityRule") -> Values:
    """What every session of a rule has from it besides its time, under the names of a slot."""
    return {name: getattr(rule, name) for name in (*LOOKS, "offering_id")}


def find_differences(*, was: Values, is_now: Values) -> Values:
    """What is said now and was not before."""
    return {name: value for name, value in is_now.items() if value != was[name]}


@operation
def remove_rule(now: datetime, /, *, host_id: UUID, rule_id: UUID, cancel_booked: bool = False) -> CalendarChange:
    """Remove the host's own rule and the slots ahead that it made.

    What is booked of them stays, or is cancelled by the host's rule with `cancel_booked`. Raises NotFound, Busy.
    """
    zone, rule, others = _lock_rule(host_id, rule_id, now=now)
    concerns: Concern = (lambda entry: False) if rule.kind == "day_off" else _concern(rule, zone=zone)
    wish = Wish(concerns, cancel_booked=cancel_booked)
    change = fit_calendar(host_id, rules=others, zone=zone, now=now, wish=wish)
    _record("availability.removed", rule, change)
    availability_rules.delete_rules([rule])
    return change


@operation_within
def follow_zone(now: datetime, /, *, user_id: UUID) -> CalendarChange | None:
    """Bring the calendar up to date with the host's new time zone; None for who hosts nothing. Raises Busy."""
    if not people.is_usable_host(user_id):
        return None
    lock_calendar(user_id)
    rules = rules_in_force(user_id, now=now)
    return fit_calendar(user_id, rules=rules, now=now, wish=Wish(lambda entry: True))


def change_rules(
    *, host_id: UUID, offering_id: UUID, was: Mapping[str, Any], values: Mapping[str, Any], now: datetime
) -> CalendarChange:
    """Let rules that say what their offering `was` follow its new values, inside the transaction that changes it.

    The calendar, locked by the caller, follows another length; other values are the caller's to write into slots.
    Raises NotValid where sessions of that length do not fit.
    """
    zone, rules = people.zone_of(host_id), rules_in_force(host_id, now=now)
    changed = [rule for rule in rules if rule.offering_id == offering_id and _follow(rule, was=was, values=values)]
    for rule in changed:
        problems = find_problems(availability_rules.values_of(rule))
        if "slot_minutes" in problems:
            raise errors.NotValid(extra={"errors": {"minutes": [problems["slot_minutes"]]}})
        check_rule(rule, others=[one for one in rules if one.id != rule.id], zone=zone, now=now)
        availability_rules.save_rule(rule)
    if not changed:
        return CalendarChange()
    check_openings(rules)
    if "minutes" not in values:
        return CalendarChange()
    ids = {rule.id for rule in changed}
    return fit_calendar(host_id, rules=rules, zone=zone, now=now, wish=Wish(lambda entry: entry.rule_id in ids))


def _follow(rule: "AvailabilityRule", *, was: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Give a rule, not stored yet, the values of its offering where it says what that `was`; whether it did."""
    names = {name: "slot_minutes" if name == "minutes" else name for name in values if name != "public"}
    following = {names[name]: values[name] for name in names if getattr(rule, names[name]) == was[name]}
    availability_rules.set_values(rule, values=following)
    return bool(following)


def complete_rule(values: Mapping[str, Any], *, host_id: UUID) -> dict[str, Any]:
    """The values of a rule, with what its offering says where they name one. Raises NotValid."""
    said = complete(values, host_id=host_id)
    check_terms(said)
    return {"slot_minutes": said.pop("minutes"), **said} if "minutes" in said else said


def _lock_rule(
    host_id: UUID, rule_id: UUID, *, now: datetime
) -> "tuple[ZoneInfo, AvailabilityRule, list[AvailabilityRule]]":
    """The host's zone, the rule and the host's others, with the calendar locked. Raises NotFound."""
    try:
        lock_calendar(host_id)
    except errors.NotAHost as error:
        # Whoever hosts nothing has no rules: somebody else's is not found, like every other thing of theirs.
        raise errors.NotFound from error
    rules = rules_in_force(host_id, now=now)
    rule = next((rule for rule in rules if rule.id == rule_id), None)
    if rule is None:
        raise errors.NotFound
    return people.zone_of(host_id), rule, [one for one in rules if one.id != rule_id]


def check_rule(
    rule: "AvailabilityRule", *, others: "Sequence[AvailabilityRule]", zone: ZoneInfo, now: datetime
) -> None:
    """Raises NotValid where the rule is wrong, there already, or can never give a slot."""
    values = availability_rules.values_of(rule)
    problems = find_problems(values)
    if not problems and not can_open(rule, zone=zone, now=now):
        problems = {"date": "It is too late for this day, or its clocks skip these hours. Choose another day."}
    if problems:
        raise errors.NotValid(extra={"errors": {name: [problem] for name, problem in problems.items()}})
    if any(availability_rules.values_of(other) == values for other in others):
        raise errors.NotValid("You have exactly this already, so nothing was added.", extra={"is_there": True})


def check_openings(rules: "Sequence[AvailabilityRule]") -> None:
    """Raises NotValid where a host's rules together ask for too much."""
    if count_openings(rules) > MOST_OPENINGS:
        raise errors.NotValid(
            f"Your rules would ask for more than {MOST_OPENINGS} sessions at a time. "
            "Choose longer sessions, fewer hours or a nearer horizon."
        )


def _concern(rule: "AvailabilityRule", *, zone: ZoneInfo) -> Concern:
    """Whose slots a change of this rule is about: the rule's own, or those of the day off."""
    if rule.kind == "day_off":
        return lambda entry: entry.starts_at.astimezone(zone).date() == rule.date
    return lambda entry: entry.rule_id == rule.id


def _record(kind: str, rule: "AvailabilityRule", change: CalendarChange) -> None:
    detail = {"rule_id": str(rule.id), "rule_kind": rule.kind}
    counts = {"opened": change.opened, "closed": change.closed, "left": change.left_count}
    counts |= {"changed": change.reach.coming_slots, "booked": change.reach.booked_slots}
    record_event(kind=kind, user_id=rule.host_id, actor_id=rule.host_id, detail={**detail, **counts})
