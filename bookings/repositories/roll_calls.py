from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from bookings.models import Booking, Slot
from bookings.repositories.slot_filters import is_not_over


def list_open(host_id: UUID, *, since: datetime, now: datetime) -> list[tuple[UUID, str, datetime, int]]:
    """The host's booked slots that have ended since then and have nobody noted as missing: id, title, start, seats."""
    ended = Slot.objects.filter(is_not_over(since), host_id=host_id, status="open", starts_at__lt=now, ends_at__lte=now)
    marked = Booking.objects.filter(slot_id=OuterRef("id"), status="no_show")
    found = ended.filter(~Exists(marked), seats_taken__gt=0).order_by("-starts_at", "-id")
    return list(found.values_list("id", "title", "starts_at", "seats_taken"))
