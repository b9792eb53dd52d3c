from typing import Any
from uuid import UUID

from accounts import signals
from bookings.services import export, leaving, subscriptions


def connect() -> None:
    """Subscribe to what happens to people; each receiver works inside the sender's transaction."""
    signals.person_created.connect(on_person_created, dispatch_uid="bookings.person_created")
    signals.person_deactivated.connect(on_person_deactivated, dispatch_uid="bookings.person_deactivated")
    signals.person_erased.connect(on_person_erased, dispatch_uid="bookings.person_erased")
    signals.person_exported.connect(on_person_exported, dispatch_uid="bookings.person_exported")


def on_person_created(*, user_id: UUID, **_: object) -> None:
    subscriptions.welcome_person(user_id=user_id)


def on_person_deactivated(*, user_id: UUID, **_: object) -> None:
    leaving.leave(user_id=user_id)


def on_person_erased(*, user_id: UUID, **_: object) -> None:
    leaving.erase(user_id=user_id)


def on_person_exported(*, user_id: UUID, **_: object) -> dict[str, Any]:
    return export.export_bookings(user_id=user_id)
