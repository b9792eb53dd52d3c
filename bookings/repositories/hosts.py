from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from bookings.models import AvailabilityRule, Host, Slot
from bookings.repositories.people import may_use


def list_expandable_hosts(*, now: datetime, only_due: bool = False) -> list[UUID]:
    """Hosts who use their account and have rules, or slots ahead that rules made; with `only_due` those who wait."""
    rules = AvailabilityRule.objects.filter(host=OuterRef("user"))
    made = Slot.objects.filter(host=OuterRef("user"), starts_at__gt=now, status="open", rule_date__isnull=False)
    hosts = Host.objects.filter(may_use("user__"), Q(Exists(rules)) | Q(Exists(made)), user__is_host=True)
    if only_due:
        hosts = hosts.filter(expansion_due_at__isnull=False)
    return list(hosts.order_by("user_id").values_list("user_id", flat=True))


def set_expansion_due(user_id: UUID, *, now: datetime) -> None:
    """The host's rules wait to be expanded, since `now` if they did not before."""
    Host.objects.bulk_create([Host(user_id=user_id)], ignore_conflicts=True)
    Host.objects.filter(user_id=user_id, expansion_due_at=None).update(expansion_due_at=now)


def clear_expansion_due(user_id: UUID) -> None:
    """The host's rules are expanded."""
    Host.objects.filter(user_id=user_id, expansion_due_at__isnull=False).update(expansion_due_at=None)
