"""How much there is to purge, and the sessions of the admin, which Django keeps."""

from datetime import datetime

from django.contrib.sessions.models import Session as AdminSession

from tokens.models import AuthorizationCode, DeviceGrant, Session, SigningKey


def count_expired(*, before: datetime, now: datetime) -> dict[str, int]:
    """By kind, under the names of the purge."""
    return {
        "authorization codes": AuthorizationCode.objects.filter(expires_at__lte=before).count(),
        "device requests": DeviceGrant.objects.filter(expires_at__lte=before).count(),
        "sessions": Session.objects.filter(ends_at__lte=before).count(),
        "admin sessions": AdminSession.objects.filter(expire_date__lte=now).count(),
        "signing keys": SigningKey.objects.filter(retires_at__lte=now).count(),
    }


def purge_admin_sessions(*, now: datetime, limit: int) -> int:
    """Remove up to `limit` expired ones; how many."""
    expired = AdminSession.objects.filter(expire_date__lte=now).values("session_key")[:limit]
    return AdminSession.objects.filter(session_key__in=expired).delete()[0]
