from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Count, F

from bookings.models import Booking, Slot, WaitlistEntry
from bookings.repositories.people import may_use


def find_people(github_ids: Iterable[int]) -> dict[int, UUID]:
    """Those who are here and may use their account, by their GitHub id."""
    people = get_user_model().objects.filter(may_use(), github_id__in=list(github_ids))
    return {number: user_id for number, user_id in people.values_list("github_id", "id") if number is not None}


def count_bookable(*, starts_from: datetime, starts_before: datetime, capacity: int | None = None) -> int:
    """Open slots in that time with a free seat; with `capacity`, those of that size with every seat free."""
    slots = Slot.objects.filter(may_use("host__"), status="open", seats_taken__lt=F("capacity"))
    slots = slots.filter(bookings_close_at__gt=starts_from, starts_at__lt=starts_before)
    if capacity is not None:
        slots = slots.filter(capacity=capacity, seats_taken=0)
    return slots.count()


def list_free_ids(*, host_ids: Iterable[UUID], starts_from: datetime, limit: int) -> list[UUID]:
    """Open slots of these hosts with a free seat, by start."""
    slots = Slot.objects.filter(host_id__in=list(host_ids), status="open", seats_taken__lt=F("capacity"))
    return list(slots.filter(starts_at__gt=starts_from).order_by("starts_at").values_list("id", flat=True)[:limit])


def count_upcoming(client_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, int]:
    """How many active bookings ahead each client has; clients without one are left out."""
    ahead = Booking.objects.filter(client_id__in=list(client_ids), status="active", scheduled_start_time__gt=now)
    return dict(ahead.values_list("client_id").annotate(number=Count("id")))


def has_past(client_ids: Iterable[UUID], *, now: datetime) -> bool:
    """Whether any of them has been to a session."""
    return Booking.objects.filter(client_id__in=list(client_ids), scheduled_end_time__lt=now).exists()


def has_queue(*, now: datetime) -> bool:
    """Whether anybody waits for a session ahead."""
    return WaitlistEntry.objects.filter(status="waiting", slot__starts_at__gt=now).exists()
