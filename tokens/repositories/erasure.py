"""Everything that this app stores about one person: read for an export, or removed."""

from typing import Any
from uuid import UUID

from django.db.models import Model

from tokens.models import AuthorizationCode, Consent, DeviceGrant, PersonalAccessToken, Session, TrustedPublisher

_SESSION = ("id", "client_id", "label", "scope", "created_at", "last_used_at", "last_address", "ends_at", "revoked_at")
_TOKEN = ("id", "name", "prefix", "scope", "created_at", "expires_at", "last_used_at", "last_address", "revoked_at")
_CONSENT = ("client_id", "scope", "first_used_at", "last_used_at")
_PUBLISHER = ("id", "issuer", "repository", "workflow", "environment", "ref", "scope", "created_at", "last_used_at")
_DEVICE = ("id", "client_id", "label", "scope", "address", "status", "created_at")


_PARTS: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "sign_ins": (Session, _SESSION),
    "personal_access_tokens": (PersonalAccessToken, _TOKEN),
    "trusted_publishers": (TrustedPublisher, _PUBLISHER),
    "applications": (Consent, _CONSENT),
    "device_requests": (DeviceGrant, _DEVICE),
}


def read_parts(user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """By name, each in the order in which it was made."""
    return {
        name: list(model._default_manager.filter(user_id=user_id).order_by("id").values(*columns))
        for name, (model, columns) in _PARTS.items()
    }


def remove_all(user_id: UUID) -> None:
    """Delete everything of one person. A refresh that waits for its session's row then finds no row."""
    for model in (AuthorizationCode, Consent, DeviceGrant, PersonalAccessToken, Session, TrustedPublisher):
        model.objects.filter(user_id=user_id).delete()
