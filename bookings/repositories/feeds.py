from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import F

from bookings.models import CalendarFeed
from bookings.repositories.people import may_use


def get_version(user_id: UUID) -> int:
    """The version of the person's feed that is valid; the first is 1 and needs no row."""
    version = CalendarFeed.objects.filter(user_id=user_id).values_list("version", flat=True).first()
    return 1 if version is None else version


def find_usable_version(user_id: UUID) -> int | None:
    """As `get_version`; None for a person who does not exist or may not use the account."""
    people = get_user_model().objects.filter(may_use(), id=user_id, erased_at=None)
    row = people.values_list("calendar_feed__version", flat=False).first()
    return None if row is None else row[0] or 1


def raise_version(user_id: UUID) -> int:
    """Make the next version valid; that version."""
    CalendarFeed.objects.bulk_create([CalendarFeed(user_id=user_id)], ignore_conflicts=True)
    CalendarFeed.objects.filter(user_id=user_id).update(version=F("version") + 1)
    return get_version(user_id)
