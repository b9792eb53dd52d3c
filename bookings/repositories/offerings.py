from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.errors import NotFound
from bookings.models import AvailabilityRule, Offering, Slot, UnfinishedUpgrade
from bookings.repositories.keyset import Found, Page, read_page
from bookings.repositories.people import joined_host, may_use
from bookings.repositories.rows import OfferingRow

OFFERED = ("description", "place", "link", "price_credits", "refund_window_hours")
"""What an offering, the rules and the slots made from it say under the same names, besides title and capacity."""
MOST_USABLE = 200
_COLUMNS = (
    "id", "host_id", "host__login", "host__display_name", "host__time_zone", "title", "minutes", "capacity", *OFFERED,
    "public", "archived_at",
)  # fmt: skip


def find_offering(offering_id: UUID, *, host_id: UUID) -> Offering | None:
    """The host's own offering."""
    return Offering.objects.filter(id=offering_id, host_id=host_id).first()


def find_made_with(key: str, *, host_id: UUID) -> Offering | None:
    """The offering that a request with this key has added."""
    return Offering.objects.filter(host_id=host_id, idempotency_key=key).first()


def insert_offering(*, host_id: UUID, values: Mapping[str, Any], key: str | None = None) -> Offering:
    """Add an offering of a host whose calendar the caller has locked."""
    return Offering.objects.create(host_id=host_id, idempotency_key=key, **values)


def find_same(*, host_id: UUID, values: Mapping[str, Any]) -> Offering | None:
    """An offering of the host's, not archived, that has all these values."""
    return Offering.objects.filter(host_id=host_id, archived_at=None, **values).order_by("id").first()


def change_offering(offering: Offering, values: Mapping[str, Any]) -> None:
    """Give an offering of a locked calendar other values; the object follows."""
    for name, value in values.items():
        setattr(offering, name, value)
    offering.save(update_fields=list(values))


def is_used_by_rules(offering_id: UUID) -> bool:
    """Whether rules make slots from it."""
    return AvailabilityRule.objects.filter(offering_id=offering_id).exists()


def lock_following(offering_id: UUID, *, was: Mapping[str, Any], now: datetime) -> list[Slot]:
    """The open slots ahead, by ascending id and locked, that say in any of these fields what their offering `was`."""
    same = Q(*(Q(**{name: value}) for name, value in was.items()), _connector=Q.OR)
    ahead = Slot.objects.filter(same, offering_id=offering_id, status="open", starts_at__gt=now)
    return list(ahead.order_by("id").select_for_update(no_key=True))


def same_values(slot: Slot, *, was: Mapping[str, Any]) -> dict[str, Any]:
    """What a slot says as its offering `was`."""
    return {name: value for name, value in was.items() if getattr(slot, name) == value}


def adopt(rule: AvailabilityRule, offering: Offering) -> None:
    """Say of a rule, and of the slots that it has made, that they are made from this offering."""
    AvailabilityRule.objects.filter(id=rule.id).update(offering=offering)
    Slot.objects.filter(rule_id=rule.id, offering=None).update(offering=offering)


def list_unadopted() -> list[AvailabilityRule]:
    """Rules with hours that are made from no offering, or whose slots are not."""
    orphans = Q(offering=None) | Q(slots__offering=None, slots__isnull=False)
    rules = AvailabilityRule.objects.exclude(kind="day_off").filter(orphans)
    return list(rules.distinct().select_related("offering").order_by("id"))


def blank_texts(host_id: UUID, *, now: datetime) -> None:
    """Take away what an erased host has written of places and rooms; titles stay, as the clients' history."""
    blank = {"description": "", "place": "", "link": ""}
    AvailabilityRule.objects.filter(host_id=host_id).update(**blank)
    Slot.objects.filter(host_id=host_id).exclude(**blank).update(**blank)
    Offering.objects.filter(host_id=host_id).update(**blank, public=False, archived_at=now)


def is_upgrade_unfinished() -> bool:
    """Whether processes of the release before may still run."""
    return UnfinishedUpgrade.objects.exists()


def end_upgrade() -> int:
    """Every process is of this release now; how many notes of it there were."""
    return UnfinishedUpgrade.objects.all().delete()[0]


def _select(viewer_id: UUID | None) -> QuerySet[Any, Any]:
    """What people offer: archived ones are the host's own matter, and `None` sees what is public."""
    shown = Offering.objects.filter(Q(archived_at=None) | Q(host_id=viewer_id), may_use("host__"), host__is_host=True)
    if viewer_id is None:
        shown = shown.filter(archived_at=None, public=True)
    rows: QuerySet[Any, Any] = shown.values(*_COLUMNS)
    return rows.order_by("id")


def list_page(*, viewer_id: UUID | None, host_id: UUID | None = None, cursor: str = "") -> Page[OfferingRow]:
    """Offerings as the viewer sees them, oldest first. Raises NotValid."""
    found = _select(viewer_id)
    if host_id is not None:
        found = found.filter(host_id=host_id)
    return read_page(found, make_row=lambda one: _row(one, viewer_id=viewer_id), cursor=cursor)


def list_usable(*, host_id: UUID) -> list[OfferingRow]:
    """The first `MOST_USABLE` of the host's offerings by title, without archived ones."""
    found = _select(host_id).filter(host_id=host_id, archived_at=None).order_by("title", "id")
    return [_row(one, viewer_id=host_id) for one in found[:MOST_USABLE]]


def get_own_row(offering_id: UUID, *, host_id: UUID) -> OfferingRow:
    """One offering as its host sees it. Raises NotFound."""
    found = _select(host_id).filter(id=offering_id, host_id=host_id).first()
    if found is None:
        raise NotFound
    return _row(found, viewer_id=host_id)


def _row(found: Found, *, viewer_id: UUID | None) -> OfferingRow:
    return {
        "id": found["id"],
        "host": joined_host(found),
        "title": found["title"],
        "description": found["description"],
        "place": found["place"],
        "link": found["link"] if found["host_id"] == viewer_id else None,
        "minutes": found["minutes"],
        "capacity": found["capacity"],
        "price_credits": found["price_credits"],
        "refund_window_hours": found["refund_window_hours"],
        "public": found["public"],
        "archived_at": found["archived_at"],
    }
