"""Everything that this app stores about one person: read for an export, or removed."""

from typing import Any
from uuid import UUID

from tokens.models import AuthorizationCode, Consent, DeviceGrant, PersonalAccessToken, Session, TrustedPublisher

_SESSION = ("id", "client_id", "label", "scope", "created_at", "last_used_at", "last_address", "ends_at", "revoked_at")
_TOKEN = ("id", "name", "prefix", "scope", "created_at", "expires_at", "last_used_at", "last_address", "revoked_at")
_CONSENT = ("client_id", "scope", "first_used_at", "last_used_at")
_PUBLISHER = ("id", "issuer", "repository", "workflow", "environment", "ref", "scope", "created_at", "last_used_at")
_DEVICE = ("id", "client_id", "label", "scope", "address", "status", "created_at")


def read_sessions(user_id: UUID) -> list[dict[str, Any]]:
    return list(Session.objects.filter(user_id=user_id).order_by("id").values(*_SESSION))


def read_tokens(user_id: UUID) -> list[dict[str, Any]]:
    return list(PersonalAccessToken.objects.filter(user_id=user_id).order_by("id").values(*_TOKEN))


def read_device_requests(user_id: UUID) -> list[dict[str, Any]]:
    return list(DeviceGrant.objects.filter(user_id=user_id).order_by("id").values(*_DEVICE))


def read_consents(user_id: UUID) -> list[dict[str, Any]]:
    return list(Consent.objects.filter(user_id=user_id).order_by("id").values(*_CONSENT))


def read_publishers(user_id: UUID) -> list[dict[str, Any]]:
    return list(TrustedPublisher.objects.filter(user_id=user_id).order_by("id").values(*_PUBLISHER))


def remove_all(user_id: UUID) -> None:
    """Delete everything of one person. A refresh that waits for its session's row then finds no row."""
    for model in (AuthorizationCode, Consent, DeviceGrant, PersonalAccessToken, Session, TrustedPublisher):
        model.objects.filter(user_id=user_id).delete()
