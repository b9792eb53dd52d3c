from collections.abc import Iterable
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q

from bookings.repositories.rows import Row, Rows

# As `may_use`, written as text because every booking asks it.
USABLE = """
SELECT id, login, display_name, time_zone FROM accounts_user
WHERE id = ANY(%s) AND is_active AND standing = 'approved'
"""
HOST_FIELDS = ("id", "login", "display_name", "time_zone")


def may_use(prefix: str = "") -> Q:
    """The people who use their account and are approved; `prefix` is the way to the person, such as `host__`."""
    return Q(**{f"{prefix}is_active": True, f"{prefix}standing": "approved"})


def find_usable(user_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Those of `user_ids` who may book and be booked, with HOST_FIELDS, by id."""
    with connection.cursor() as cursor:
        cursor.execute(USABLE, [list(user_ids)])
        return {row[0]: dict(zip(HOST_FIELDS, row, strict=True)) for row in cursor.fetchall()}


def is_usable_host(user_id: UUID) -> bool:
    """Whether this person is a host who may add to a calendar."""
    return get_user_model().objects.filter(may_use(), id=user_id, is_host=True).exists()


def zone_of(user_id: UUID) -> ZoneInfo:
    """The person's own time zone."""
    return ZoneInfo(get_user_model().objects.values_list("time_zone", flat=True).get(id=user_id))


def host_rows() -> Rows:
    """The people who host, by login."""
    hosts = get_user_model().objects.filter(may_use(), is_host=True)
    rows: Rows = hosts.order_by("login", "id").values(*HOST_FIELDS)
    return rows


def find_mail_recipient(user_id: UUID) -> Row | None:
    """Address, name and zone; None where the person has no address, has switched mails off or is gone."""
    people = get_user_model().objects.filter(id=user_id, is_active=True, email_notifications=True, erased_at=None)
    rows: Rows = people.exclude(email="").values("email", "login", "display_name", "time_zone")
    return rows.first()


def is_marked_host(user_id: UUID) -> bool:
    """Whether staff have made this person a host, whatever the state of the account."""
    return get_user_model().objects.filter(id=user_id, is_host=True).exists()
