"""All that is kept of one person in this app: read for them, or removed."""

from typing import Any
from uuid import UUID

from tokens.models import AuthorizationCode, DeviceGrant, PersonalAccessToken, Session

_SESSION = ("id", "client_id", "label", "scope", "created_at", "last_used_at", "ends_at", "revoked_at")
_TOKEN = ("id", "name", "prefix", "scope", "created_at", "expires_at", "last_used_at", "revoked_at")
_DEVICE = ("id", "client_id", "label", "scope", "address", "status", "created_at")


def read_sessions(user_id: UUID) -> list[dict[str, Any]]:
    return list(Session.objects.filter(user_id=user_id).order_by("id").values(*_SESSION))


def read_tokens(user_id: UUID) -> list[dict[str, Any]]:
    return list(PersonalAccessToken.objects.filter(user_id=user_id).order_by("id").values(*_TOKEN))


def read_device_requests(user_id: UUID) -> list[dict[str, Any]]:
    return list(DeviceGrant.objects.filter(user_id=user_id).order_by("id").values(*_DEVICE))


def remove_all(user_id: UUID) -> None:
    """A refresh that waits for its session's row finds it gone."""
    for model in (AuthorizationCode, DeviceGrant, PersonalAccessToken, Session):
        model.objects.filter(user_id=user_id).delete()
