"""What a person's change means for their bookings: it happens inside the transaction that changes the person."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts import signals
from bookings.serializers.availability import CalendarChangeSerializer
from bookings.services import availability, calendar_feed, credits, expansion, export, leaving


@receiver(signals.person_created)
def welcome_person(sender: object, user_id: UUID, **_: object) -> None:
    credits.welcome_person(user_id=user_id)


@receiver([signals.person_deactivated, signals.person_erased])
def cancel_bookings_of_leaver(sender: object, user_id: UUID, **_: object) -> None:
    leaving.leave(user_id=user_id)


@receiver(signals.person_erased)
def blank_offerings_of_erased(sender: object, user_id: UUID, **_: object) -> None:
    leaving.blank_offerings(user_id=user_id)


@receiver(signals.person_returned)
def refill_calendar_of_host(sender: object, user_id: UUID, **_: object) -> None:
    expansion.refill_calendar(user_id=user_id)


@receiver(signals.time_zone_changed)
def follow_zone_of_host(sender: object, user_id: UUID, **_: object) -> dict[str, Any]:
    change = availability.follow_zone(user_id=user_id)
    return {"calendar": CalendarChangeSerializer(change).data} if change else {}


@receiver(signals.lasting_access_ended)
def end_calendar_address(sender: object, user_id: UUID, **_: object) -> None:
    calendar_feed.end_address(user_id=user_id)


@receiver(signals.person_exported)
def export_bookings(sender: object, user_id: UUID, **_: object) -> dict[str, Any]:
    return export.export_bookings(user_id=user_id)
