from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from bookings.models import Booking
from bookings.models.fields import period
from bookings.repositories.people import joined_host
from bookings.repositories.rows import EntrySession, HeldRow


def find_sessions(booking_ids: Collection[UUID], *, client_id: UUID) -> dict[UUID, EntrySession]:
    """What these bookings of a client are of, as it is now."""
    found = Booking.objects.filter(id__in=booking_ids, client_id=client_id).values(
        "id", "host_id", "host__login", "host__display_name", "host__time_zone",
        "slot__title", "scheduled_start_time", "cancelled_by",
    )  # fmt: skip
    return {
        one["id"]: {
            "title": one["slot__title"],
            "host": joined_host(dict(one)),
            "scheduled_start_time": one["scheduled_start_time"],
            "cancelled_by": one["cancelled_by"] or None,
        }
        for one in found
    }


def list_held(client_id: UUID, *, begins: datetime, ends: datetime) -> list[HeldRow]:
    """When the client is booked between these instants."""
    # By the exclusion constraint's index, however much the client has booked before.
    held = Booking.objects.alias(at=period("scheduled_start_time", "scheduled_end_time")).filter(
        client_id=client_id, status="active", at__overlap=(begins, ends)
    )
    columns = held.order_by("scheduled_start_time").values("slot_id", "scheduled_start_time", "scheduled_end_time")
    return list(columns)
