from typing import Any
from uuid import UUID

from bookings.repositories import export


def export_bookings(*, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """A person's bookings, credits and calendar, by name of the part."""
    return export.read_parts(user_id)
