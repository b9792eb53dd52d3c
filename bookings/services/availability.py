from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import hosts, people, rules, slots
from bookings.services import transactions
from bookings.services.slots import lock_calendar

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule, Slot

Report = Callable[[int, int], None]


def list_rules(*, host_id: UUID) -> "list[AvailabilityRule]":
    """The host's rules. Raises NotAHost."""
    if not people.is_usable_host(host_id):
        raise errors.NotAHost
    return rules.list_rules(host_id)


def add_rule(*, host_id: UUID, values: dict[str, Any]) -> "AvailabilityRule":
    """Add a rule, checked by the caller, and bring the calendar up to date. Raises NotAHost, Busy."""
    return transactions.run(lambda now: _add_rule(host_id, values, now))


def _add_rule(host_id: UUID, values: dict[str, Any], now: datetime) -> "AvailabilityRule":
    lock_calendar(host_id)
    rule = rules.insert_rule(host_id=host_id, values=values)
    record_event(kind="availability.added", user_id=host_id, detail={"rule_id": str(rule.id), "rule_kind": rule.kind})
    _expand(host_id, now)
    return rule


def remove_rule(*, host_id: UUID, rule_id: UUID) -> None:
    """Remove the host's own rule and the future slots it made that nobody has booked.

    Raises NotFound, Busy.
    """
    transactions.run(lambda now: _remove_rule(host_id, rule_id, now))


def _remove_rule(host_id: UUID, rule_id: UUID, now: datetime) -> None:
    try:
        lock_calendar(host_id)
    except errors.NotAHost as error:
        # Whoever hosts nothing has no rules: somebody else's is not found, like every other thing of theirs.
        raise errors.NotFound from error
    made = [slot.id for slot in slots.list_future_slots(host_id=host_id, now=now) if slot.rule_id == rule_id]
    slots.lock_slots(made)
    slots.withdraw_slots(made)
    if not rules.delete_rule(rule_id, host_id=host_id):
        raise errors.NotFound
    record_event(kind="availability.removed", user_id=host_id, detail={"rule_id": str(rule_id)})
    _expand(host_id, now)


def expand_host(*, host_id: UUID) -> int:
    """Bring the host's calendar up to date with the rules; how many slots were added. Raises NotAHost, Busy.

    Slots that the rules do not ask for any more, because of a day off, a new time zone or new rules of the zone, are
    withdrawn if nobody has ever booked them; booked ones keep their instant until the host cancels them.
    """
    return transactions.run(lambda now: _lock_and_expand(host_id, now))


def _lock_and_expand(host_id: UUID, now: datetime) -> int:
    lock_calendar(host_id)
    return _expand(host_id, now)


def count_missing(*, host_id: UUID) -> int:
    """How many slots `expand_host` would add; nothing is changed. Raises NotAHost, Busy."""
    return transactions.run(lambda now: _expand_and_forget(host_id, now))


def _expand_and_forget(host_id: UUID, now: datetime) -> int:
    added = _lock_and_expand(host_id, now)
    transaction.set_rollback(True)
    return added


def expand_all(*, dry_run: bool = False, report: Report | None = None) -> int:
    """`expand_host` for every host with rules, each in a transaction of its own; how many slots were added.

    With `dry_run` they are counted only. `report` is told how many hosts are done, and of how many. Raises Busy.
    """
    wanted = hosts.list_expandable_hosts()
    added = 0
    for done, host_id in enumerate(wanted, start=1):
        added += count_missing(host_id=host_id) if dry_run else expand_host(host_id=host_id)
        if report is not None:
            report(done, len(wanted))
    return added


def _expand(host_id: UUID, now: datetime) -> int:
    host_rules = {rule.id: rule for rule in rules.list_rules(host_id)}
    openings = policies.expand_rules(rules=list(host_rules.values()), zone=people.zone_of(host_id), now=now)
    existing = slots.list_future_slots(host_id=host_id, now=now)
    kept = _withdraw_unwanted(existing, wanted={_identity(opening) for opening in openings}, now=now)
    made = {(slot.rule_id, slot.rule_date, slot.rule_place) for slot in kept}
    missing = [o for o in openings if (o.rule_id, o.day, o.place) not in made]
    taken = [policies.Taken(slot.starts_at, slot.ends_at) for slot in kept if slot.status == "open"]
    return slots.insert_openings(policies.choose_openings(openings=missing, busy=taken), rules=host_rules)


def _withdraw_unwanted(existing: "list[Slot]", *, wanted: set[tuple[object, ...]], now: datetime) -> "list[Slot]":
    """The slots that stay. A slot within its minimum notice is not asked for any more, and stays."""
    unwanted = [
        slot.id
        for slot in existing
        if slot.rule_id is not None
        and slot.bookings_close_at > now
        and (slot.rule_id, slot.rule_date, slot.rule_place, slot.starts_at, slot.ends_at) not in wanted
    ]
    slots.lock_slots(unwanted)
    gone = slots.withdraw_slots(unwanted)
    return [slot for slot in existing if slot.id not in gone]


def _identity(opening: policies.Opening) -> tuple[object, ...]:
    return (opening.rule_id, opening.day, opening.place, opening.starts_at, opening.ends_at)
