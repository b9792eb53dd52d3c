from uuid import UUID

from bookings.models import Host


def lock_host(user_id: UUID) -> None:
    """Take the host's calendar for this transaction: what is added to it is added one at a time."""
    Host.objects.bulk_create([Host(user_id=user_id)], ignore_conflicts=True)
    Host.objects.select_for_update(no_key=True).get(user_id=user_id)


def list_expandable_hosts() -> list[UUID]:
    """Hosts who use their account and have availability rules."""
    hosts = Host.objects.filter(
        user__is_active=True, user__standing="approved", user__is_host=True, user__availability_rules__isnull=False
    )
    return list(hosts.distinct().order_by("user_id").values_list("user_id", flat=True))
