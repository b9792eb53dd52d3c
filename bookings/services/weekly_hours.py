"""A host's weekly hours of one offering, changed as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.availability import expand_rules
from bookings.policies.previews import digest_of
from bookings.policies.weekly_hours import Hours, WeekPlan, find_problems_of_week, find_successors, hours_of, plan_week
from bookings.repositories import availability_rules, calendars, locking, people
from bookings.services.availability import check_openings, check_rule, complete_rule, find_differences, looks_of
from bookings.services.expansion import CalendarChange, Wish, fit_calendar, rules_in_force
from bookings.services.hosting import check_number
from bookings.services.offerings import lock_own
from bookings.services.operations import check_seen, operation
from bookings.services.slot_changes import Values

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule

# What a rule says and an offering does not.
_OWN = ("buffer_minutes", "minimum_notice_minutes", "horizon_days")


@dataclass(frozen=True)
class WeekChange:
    """The weekly rules of an offering as they are now, whether they are others than before, and what that did.

    `seen` names what there was and what becomes of it, for the confirmation of a preview.
    """

    rules: "Sequence[AvailabilityRule]"
    calendar: CalendarChange
    seen: str
    changed: bool


@operation
def set_weekly_hours(
    now: datetime,
    /,
    *,
    host_id: UUID,
    offering_id: UUID,
    hours: Sequence[Hours],
    buffer_minutes: int | None = None,
    message: str = "",
    seen: str | None = None,
    is_preview: bool = False,
) -> WeekChange:
    """Let an offering of the host's have exactly these weekly hours, and bring the calendar up to date.

    Hours that it has already stay as they are, but for `buffer_minutes`; None leaves those, too. A session that old and
    new hours both ask for stays; where the new ones say something else, it does, and those booked and waiting are told,
    with the host's message. What is booked at hours that go stays. Where nothing is different nothing happens,
    whatever was `seen`. With `is_preview` all of it is undone at the end. Raises NotFound, NotValid,
    CapacityBelowSeats, PreviewChanged where it is not what was `seen`, Busy.
    """
    change = _Week.lock(host_id, offering_id, now=now).become(hours, buffer_minutes, message)
    if change.changed:
        check_seen(change.seen, seen=seen, is_preview=is_preview)
    return change


@dataclass(frozen=True)
class _Week:
    """The weekly rules of an offering, and the host's other rules, on a calendar that is locked."""

    host_id: UUID
    offering_id: UUID
    zone: ZoneInfo
    rules: "list[AvailabilityRule]"
    others: "list[AvailabilityRule]"
    now: datetime

    @classmethod
    def lock(cls, host_id: UUID, offering_id: UUID, *, now: datetime) -> Self:
        """The week of the host's own offering. Raises NotFound."""
        lock_own(host_id=host_id, offering_id=offering_id)
        ours: list[AvailabilityRule] = []
        others: list[AvailabilityRule] = []
        for rule in rules_in_force(host_id, now=now):
            (ours if rule.kind == "weekly" and rule.offering_id == offering_id else others).append(rule)
        return cls(host_id, offering_id, people.zone_of(host_id), ours, others, now)

    def become(self, hours: Sequence[Hours], buffer_minutes: int | None, message: str) -> WeekChange:
        """Change rules and calendar. Raises NotValid, CapacityBelowSeats."""
        self._check(hours)
        plan = plan_week(wanted=hours, rules=self.rules)
        was = [(rule.id, hours_of(rule), rule.buffer_minutes) for rule in self.rules]
        resized = [rule for rule in plan.kept if buffer_minutes not in {None, rule.buffer_minutes}]
        if not (plan.added or plan.removed or resized):
            return WeekChange(self.rules, CalendarChange(), changed=False, seen=digest_of(was))
        availability_rules.set_buffers(resized, minutes=buffer_minutes or 0)
        added = self._make(plan, hours, buffer_minutes)
        if added or resized:
            check_openings([*self.others, *plan.kept, *added])
        availability_rules.insert_rules(added)
        looks = self._hand_over(plan.removed, added)
        rules, touched = sorted((*plan.kept, *added), key=hours_of), {rule.id for rule in (*plan.removed, *resized)}
        wish = Wish(
            lambda entry: entry.rule_id in touched,
            looks=lambda entry: looks.get(entry.id, {}),
            message=message,
            source={"offering_id": str(self.offering_id)},
        )
        asked = [*self.others, *rules]
        change = fit_calendar(self.host_id, rules=asked, zone=self.zone, now=self.now, wish=wish)
        self._record(plan.removed, added, change)
        availability_rules.delete_rules(plan.removed)
        becomes = [(hours_of(rule), rule.buffer_minutes) for rule in rules]
        return WeekChange(rules, change, changed=True, seen=digest_of((was, becomes, change.shown)))

    def _check(self, hours: Sequence[Hours]) -> None:
        problems = find_problems_of_week(wanted=hours, rules=self.rules)
        if problems:
            raise errors.NotValid(extra={"errors": {f"hours.{place}": [said] for place, said in problems.items()}})

    def _make(
        self, plan: "WeekPlan[AvailabilityRule]", hours: Sequence[Hours], buffer_minutes: int | None
    ) -> "list[AvailabilityRule]":
        """The rules that come, not stored yet: each says what the one says that it is like, or else the offering."""
        if not plan.added:
            return []
        said = complete_rule({"kind": "weekly", "offering_id": self.offering_id}, host_id=self.host_id)
        said |= {name: getattr(rule, name) for rule in self.rules[:1] for name in _OWN}
        added: list[AvailabilityRule] = []
        for one, like in plan.added:
            values = said | (availability_rules.values_of(like) if like else {})
            values |= {"weekday": one.weekday, "start_time": one.start_time, "end_time": one.end_time}
            if buffer_minutes is not None:
                values["buffer_minutes"] = buffer_minutes
            rule = availability_rules.make_rule(host_id=self.host_id, values=values)
            others = [*self.others, *plan.kept, *added]
            check_number(others)
            with _about(hours.index(one)):
                check_rule(rule, others=others, zone=self.zone, now=self.now)
            added.append(rule)
        return added

    def _hand_over(
        self, removed: "Sequence[AvailabilityRule]", added: "Sequence[AvailabilityRule]"
    ) -> dict[UUID, Values]:
        """Let sessions of rules that go belong to rules that come and ask for them, too; by their id, what these say
        otherwise."""
        if not (removed and added):
            return {}
        replaced, new = {rule.id for rule in removed}, {rule.id for rule in added}
        asked = expand_rules(rules=[*self.others, *added], zone=self.zone, now=self.now)
        calendar = calendars.read_entries(self.host_id, now=self.now)
        successors = find_successors(
            calendar=calendar,
            openings=[opening for opening in asked if opening.rule.id in new],
            replaced=replaced,
        )
        # With those that close, so that all are locked in one order.
        locking.lock_open_slots([entry.id for entry in calendar if entry.rule_id in replaced])
        calendars.hand_over_slots(successors)
        said = {rule.id: looks_of(rule) for rule in (*removed, *added)}
        handed = {entry.id: entry.rule_id for entry in calendar if entry.id in successors and entry.rule_id}
        return {one: find_differences(was=said[rule], is_now=said[successors[one]]) for one, rule in handed.items()}

    def _record(
        self,
        removed: "Sequence[AvailabilityRule]",
        added: "Sequence[AvailabilityRule]",
        change: CalendarChange,
    ) -> None:
        ids = {name: [str(rule.id) for rule in rules] for name, rules in (("added", added), ("removed", removed))}
        counts = {"opened": change.opened, "closed": change.closed, "left": change.left_count}
        detail = {"offering_id": str(self.offering_id), "rule_kind": "weekly", **ids, **counts}
        record_event(kind="availability.changed", user_id=self.host_id, actor_id=self.host_id, detail=detail)


@contextmanager
def _about(place: int) -> Iterator[None]:
    """Name the range at this place of the list in a refusal of the rule that is made for it."""
    try:
        yield
    except errors.NotValid as refusal:
        said = refusal.extra.get("errors")
        if not isinstance(said, dict):
            raise
        messages = [message for found in said.values() for message in found]
        raise errors.NotValid(extra={"errors": {f"hours.{place}": messages}}) from refusal
