from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.policies import MAY_USE_ACCOUNT
from bookings.errors import NotAHost
from bookings.models import Offering, Slot
from bookings.repositories.keyset import Page, read_page
from bookings.repositories.rows import ClientRow, HostRow, ReachRow, RecipientRow


def may_use(prefix: str = "") -> Q:
    """The people who use their account and are approved; `prefix` is the way to the person, such as `host__`."""
    return Q(**{f"{prefix}{column}": value for column, value in MAY_USE_ACCOUNT.items()})


def find_usable_ids(user_ids: Iterable[UUID]) -> set[UUID]:
    """Those of `user_ids` who may book and be booked."""
    return set(get_user_model().objects.filter(may_use(), id__in=set(user_ids)).values_list("id", flat=True))


def find_clients(user_ids: Iterable[UUID]) -> dict[UUID, ClientRow]:
    """These people as the hosts of what they have booked see them, by id."""
    found = get_user_model().objects.filter(id__in=set(user_ids)).values("id", "login", "display_name")
    return {one["id"]: one for one in found}


def is_usable_host(user_id: UUID) -> bool:
    """Whether this person is a host who may add to a calendar."""
    return get_user_model().objects.filter(may_use(), id=user_id, is_host=True).exists()


def zone_of(user_id: UUID) -> ZoneInfo:
    """The person's own time zone."""
    return ZoneInfo(get_user_model().objects.values_list("time_zone", flat=True).get(id=user_id))


def check_host(user_id: UUID) -> None:
    """Raises NotAHost for everybody but a host who may add to a calendar."""
    if not is_usable_host(user_id):
        raise NotAHost


def list_hosts_page(*, public: bool, cursor: str = "") -> Page[HostRow]:
    """The people who host, by login; with `public` those who show everybody something. Raises NotValid."""
    return read_page(_hosts(public=public), make_row=_row, cursor=cursor)


def find_host(login: str, *, public: bool = False) -> HostRow | None:
    """The host of that login, whatever its case. Names are recycled: of several the one who signed in last has it."""
    named = _hosts(public=public).filter(login__iexact=login)
    found = named.order_by(F("last_login").desc(nulls_last=True), "-id").first()
    return _row(found) if found else None


def list_hosts(*, public: bool) -> list[HostRow]:
    """As `list_hosts_page`, all of them."""
    return [_row(found) for found in _hosts(public=public)]


def _hosts(*, public: bool) -> QuerySet[Any, Any]:
    hosts = get_user_model().objects.filter(may_use(), is_host=True)
    if public:
        offered = Offering.objects.filter(host=OuterRef("id"), public=True)
        ahead = Slot.objects.filter(offering=OuterRef("id"), starts_at__gte=TransactionNow())
        hosts = hosts.filter(Exists(offered.filter(Q(archived_at=None) | Exists(ahead))))
    return hosts.order_by("login", "id").values("id", "login", "display_name", "time_zone")


def _row(found: dict[str, Any]) -> HostRow:
    return cast(HostRow, found)


def joined_host(found: dict[str, Any]) -> HostRow:
    """The host of a row that was read with the columns `host_id` and `host__…`."""
    return {
        "id": found["host_id"],
        "login": found["host__login"],
        "display_name": found["host__display_name"],
        "time_zone": found["host__time_zone"],
    }


_GETS_MAILS = Q(is_active=True, email_notifications=True, erased_at=None) & ~Q(email="")


def find_recipient(user_id: UUID) -> RecipientRow | None:
    """Address, name and zone; None where the person has no address, has switched mails off or is gone."""
    person = get_user_model().objects.filter(_GETS_MAILS, id=user_id).first()
    if person is None:
        return None
    return {
        "email": person.email,
        "login": person.login,
        "display_name": person.display_name,
        "time_zone": person.time_zone,
        "hosting_notifications": person.hosting_notifications,
    }


def list_reach(user_ids: Iterable[UUID]) -> list[ReachRow]:
    """These people by login, and whether mails reach them."""
    people = get_user_model().objects.filter(id__in=set(user_ids)).annotate(gets_mails=_GETS_MAILS)
    return [ReachRow(*row) for row in people.order_by("login", "id").values_list("id", "login", "gets_mails")]


def is_marked_host(user_id: UUID) -> bool:
    """Whether staff have made this person a host, whatever the state of the account."""
    return get_user_model().objects.filter(id=user_id, is_host=True).exists()
