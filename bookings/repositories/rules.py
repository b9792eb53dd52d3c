from typing import Any
from uuid import UUID

from bookings.models import AvailabilityRule


def list_rules(host_id: UUID) -> list[AvailabilityRule]:
    """The host's rules: weekly ones by weekday and time, then those of single dates."""
    rules = AvailabilityRule.objects.filter(host_id=host_id)
    return list(rules.order_by("weekday", "date", "start_time", "id"))


def insert_rule(*, host_id: UUID, values: dict[str, Any]) -> AvailabilityRule:
    """Add a rule to a calendar that the caller has locked; `values` are the model's fields."""
    return AvailabilityRule.objects.create(host_id=host_id, **values)


def delete_rule(rule_id: UUID, *, host_id: UUID) -> bool:
    """Remove the host's own rule; False where there is none. Its slots stay and forget it."""
    return bool(AvailabilityRule.objects.filter(id=rule_id, host_id=host_id).delete()[0])
