from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session as AdminSession
from django.db.models import Q, QuerySet

from tokens.models import AuthorizationCode, DeviceGrant, PersonalAccessToken, Session, SigningKey, UsedJobToken


def list_kinds(**ends: datetime) -> list[str]:
    return list(_expired(**ends))


def count_expired(**ends: datetime) -> dict[str, int]:
    """What there is to purge, by kind."""
    return {kind: found.count() for kind, found in _expired(**ends).items()}


def purge(kind: str, *, limit: int, **ends: datetime) -> int:
    """Remove up to `limit` rows of one kind that `count_expired` counts; how many."""
    found = _expired(**ends)[kind]
    removed: int = found.model._default_manager.filter(pk__in=found.values("pk")[:limit]).delete()[0]
    return removed


def _expired(*, before: datetime, tokens_before: datetime, now: datetime) -> dict[str, QuerySet[Any]]:
    """Tokens and keys go by their own instants: `tokens_before`, and when a key's last hint has expired."""
    ended_tokens = Q(expires_at__lte=tokens_before) | Q(revoked_at__lte=tokens_before)
    without_hints = Q(hints_until=None) | Q(hints_until__lte=now)
    return {
        "authorization codes": AuthorizationCode.objects.filter(expires_at__lte=before),
        "device requests": DeviceGrant.objects.filter(expires_at__lte=before),
        "sessions": Session.objects.filter(ends_at__lte=before),
        "personal access tokens": PersonalAccessToken.objects.filter(ended_tokens),
        "used job tokens": UsedJobToken.objects.filter(expires_at__lte=now),
        # Of the admin, by Django.
        "admin sessions": AdminSession.objects.filter(expire_date__lte=now),
        "signing keys": SigningKey.objects.filter(without_hints, retires_at__lte=now),
    }
