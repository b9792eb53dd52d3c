from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from bookings.models import Booking, CreditEntry, Slot


class NamedSlot(NamedTuple):
    """As much of a slot as a sentence says of it."""

    id: UUID
    title: str
    starts_at: datetime


def find_slots(slot_ids: Collection[UUID]) -> dict[UUID, NamedSlot]:
    found = Slot.objects.filter(id__in=slot_ids).values_list("id", "title", "starts_at")
    return {slot_id: NamedSlot(slot_id, title, starts_at) for slot_id, title, starts_at in found}


def find_slot_ids(booking_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The slot that each of these bookings is in now."""
    return dict(Booking.objects.filter(id__in=booking_ids).values_list("id", "slot_id"))


def find_prices(booking_ids: Collection[UUID]) -> dict[UUID, int]:
    """What each of these bookings has cost when it was made, where it has cost anything."""
    entries = CreditEntry.objects.filter(booking_id__in=booking_ids, reason="booking")
    return {booking_id: -amount for booking_id, amount in entries.values_list("booking_id", "amount") if booking_id}


def list_welcomes(user_id: UUID) -> list[tuple[datetime, int]]:
    """When a person was given how many credits as a welcome, which no event says."""
    entries = CreditEntry.objects.filter(subscription__user_id=user_id, reason="welcome")
    return list(entries.values_list("created_at", "amount"))
