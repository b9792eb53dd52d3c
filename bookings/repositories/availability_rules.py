from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q

from bookings.models import AvailabilityRule
from bookings.repositories.offerings import OFFERED

_VALUES = (
    "kind", "weekday", "date", "start_time", "end_time", "title", "capacity", "slot_minutes", "buffer_minutes",
    "minimum_notice_minutes", "horizon_days", *OFFERED,
)  # fmt: skip


def list_rules(host_id: UUID, *, since: date) -> list[AvailabilityRule]:
    """The host's rules that may still ask for something on `since` or later.

    Weekly ones by weekday and time, then those of single dates.
    """
    rules = AvailabilityRule.objects.filter(Q(date=None) | Q(date__gte=since), host_id=host_id)
    return list(rules.order_by("weekday", "date", "start_time", "id"))


def make_rule(*, host_id: UUID, values: dict[str, Any]) -> AvailabilityRule:
    """A rule with these values of the model's fields, not stored yet."""
    return AvailabilityRule(host_id=host_id, **values)


def set_values(rule: AvailabilityRule, *, values: dict[str, Any]) -> None:
    """Give a rule other values, not stored yet."""
    for name, value in values.items():
        setattr(rule, name, value)


def values_of(rule: AvailabilityRule) -> dict[str, Any]:
    """What the host has said of a rule, by field."""
    return {name: getattr(rule, name) for name in _VALUES}


def offered_by(rule: AvailabilityRule) -> dict[str, Any]:
    """What a rule says of its sessions, as an offering says it."""
    return {"title": rule.title, "minutes": rule.slot_minutes, "capacity": rule.capacity} | {
        name: getattr(rule, name) for name in OFFERED
    }


def insert_rule(rule: AvailabilityRule) -> None:
    """Store a rule of a calendar that the caller has locked."""
    rule.save(force_insert=True)


def insert_rules(rules: list[AvailabilityRule]) -> None:
    """Store rules of a calendar that the caller has locked, in one statement."""
    AvailabilityRule.objects.bulk_create(rules)


def set_buffers(rules: list[AvailabilityRule], *, minutes: int) -> None:
    """Keep that many minutes free between the slots of stored rules, which follow."""
    for rule in rules:
        rule.buffer_minutes = minutes
    AvailabilityRule.objects.filter(id__in=[rule.id for rule in rules]).update(buffer_minutes=minutes)


def save_rule(rule: AvailabilityRule) -> None:
    """Store a rule's other values, and what it is made from."""
    rule.save(update_fields=[*_VALUES, "offering"])


def delete_rules(rules: list[AvailabilityRule]) -> None:
    """Remove these rules. Their slots stay and forget them."""
    AvailabilityRule.objects.filter(id__in=[rule.id for rule in rules]).delete()
