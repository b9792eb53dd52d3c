from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from bookings.errors import NotFound
from bookings.models import Booking, Slot

# Begins the keys of bookings that were made in a series. Clients' own keys have no spaces.
SERIES_KEY = "series "


def get_first(slot_id: UUID) -> Slot:
    """The slot from which a series goes on, with its rule, not locked. Raises NotFound."""
    slot = Slot.objects.select_related("rule").filter(id=slot_id).first()
    if slot is None:
        raise NotFound
    return slot


def list_slots(first: Slot, *, until: date, limit: int) -> list[Slot]:
    """The slots that the rule has made in the same place of each of its days, from `first` on, by start, not locked."""
    found = _select(first).filter(rule_date__lte=until).order_by("starts_at", "id")
    return list(found[:limit])


def find_last_day(first: Slot) -> date | None:
    """The last day, in the host's zone, for which the rule has made its slot."""
    days = _select(first).filter(status="open").order_by("-rule_date").values_list("rule_date", flat=True)
    return days.first()


def _select(first: Slot) -> QuerySet[Slot]:
    return Slot.objects.filter(rule_id=first.rule_id, rule_place=first.rule_place, rule_date__gte=first.rule_date)


def list_booked(*, client_id: UUID, key: str) -> list[tuple[UUID, UUID]]:
    """The bookings that a request with this key has made, by their first start, and the slots it asked for."""
    found = Booking.objects.filter(client_id=client_id, idempotency_key__startswith=key)
    return list(found.order_by("id").values_list("id", "requested_slot_id"))
