"""All that is kept of one person in this app: read for them, or blanked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection
from social_django.models import UserSocialAuth

from accounts.models import Event, SignInFlow, User

_SECRET = {"password", "groups", "user_permissions"}


def read_person(user_id: UUID) -> dict[str, Any]:
    """Every column of the person but the password."""
    names = [field.name for field in User._meta.fields if field.name not in _SECRET]
    return dict(User.objects.values(*names).get(id=user_id))


def read_events(user_id: UUID) -> list[dict[str, Any]]:
    """What the trail says about the person, oldest first."""
    names = ("created_at", "kind", "actor_id", "session_id", "client_id", "address", "detail")
    return list(Event.objects.filter(user_id=user_id).order_by("id").values(*names))


def blank_person(user_id: UUID, *, now: datetime) -> None:
    """Leave the id, and nothing by which anybody would be recognised: GitHub's id goes, too."""
    User.objects.filter(id=user_id).update(
        github_id=None,
        login=f"erased-{user_id.hex[-12:]}",
        username=None,
        password=make_password(None),
        display_name="",
        email="",
        email_notifications=False,
        avatar_url="",
        time_zone="UTC",
        standing_reason="",
        is_active=False,
        is_staff=False,
        is_superuser=False,
        last_login=None,
        erased_at=now,
    )
    UserSocialAuth.objects.filter(user_id=user_id).delete()
    SignInFlow.objects.filter(user_id=user_id).delete()


_BLANK_EVENTS = """
UPDATE accounts_event SET address = NULL, detail = detail - 'label' - 'name' - 'reason' WHERE user_id = %s
"""


def blank_events(user_id: UUID) -> None:
    """Take addresses and words out of the person's trail; what happened, and when, stays."""
    with connection.cursor() as cursor:
        cursor.execute(_BLANK_EVENTS, [user_id])
