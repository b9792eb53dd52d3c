"""Everything that this app stores about one person: read for an export, or blanked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection
from social_django.models import UserSocialAuth

from accounts.models import Event, SignInFlow, User
from accounts.repositories.roles import read_role, set_role

_SECRET = {"password", "groups", "user_permissions"}


def read_person(user_id: UUID) -> dict[str, Any]:
    """Every column of the person but the password, and their role."""
    names = [field.name for field in User._meta.fields if field.name not in _SECRET]
    return {**User.objects.values(*names).get(id=user_id), "role": read_role(user_id)}


def read_events(user_id: UUID) -> list[dict[str, Any]]:
    """The person's events, oldest first."""
    names = ("created_at", "kind", "actor_id", "session_id", "client_id", "address", "detail")
    return list(Event.objects.filter(user_id=user_id).order_by("id").values(*names))


def blank_person(user_id: UUID, *, now: datetime) -> None:
    """Blank every column that identifies the person, GitHub's id included; the id stays."""
    set_role(user_id, None)
    User.objects.filter(id=user_id).update(
        github_id=None,
        login=f"erased-{user_id.hex[-12:]}",
        username=None,
        password=make_password(None),
        display_name="",
        email="",
        email_notifications=False,
        email_for_hosts=False,
        avatar_url="",
        time_zone="UTC",
        standing_reason="",
        is_active=False,
        last_login=None,
        erased_at=now,
    )
    UserSocialAuth.objects.filter(user_id=user_id).delete()
    SignInFlow.objects.filter(user_id=user_id).delete()


_BLANK_EVENTS = """
UPDATE accounts_event SET address = NULL, detail = detail - 'label' - 'name' - 'reason' - 'note' WHERE user_id = %s
"""


def blank_events(user_id: UUID) -> None:
    """Remove addresses and texts from the person's events; kind and time stay."""
    with connection.cursor() as cursor:
        cursor.execute(_BLANK_EVENTS, [user_id])
