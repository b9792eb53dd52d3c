"""Counts what there is to purge; purges Django's sessions, which the admin uses."""

from datetime import datetime

from django.contrib.sessions.models import Session as AdminSession

from tokens.models import AuthorizationCode, DeviceGrant, Session, UsedJobToken
from tokens.repositories.personal_tokens import ended_tokens
from tokens.repositories.signing_keys import purgeable


def count_expired(*, before: datetime, tokens_before: datetime, now: datetime) -> dict[str, int]:
    """By kind, under the names of the purge."""
    return {
        "authorization codes": AuthorizationCode.objects.filter(expires_at__lte=before).count(),
        "device requests": DeviceGrant.objects.filter(expires_at__lte=before).count(),
        "sessions": Session.objects.filter(ends_at__lte=before).count(),
        "personal access tokens": ended_tokens(before=tokens_before).count(),
        "used job tokens": UsedJobToken.objects.filter(expires_at__lte=now).count(),
        "admin sessions": AdminSession.objects.filter(expire_date__lte=now).count(),
        "signing keys": purgeable(now=now).count(),
    }


def purge_admin_sessions(*, now: datetime, limit: int) -> int:
    """Remove up to `limit` expired ones; how many."""
    expired = AdminSession.objects.filter(expire_date__lte=now).values("session_key")[:limit]
    return AdminSession.objects.filter(session_key__in=expired).delete()[0]
