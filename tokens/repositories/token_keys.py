from datetime import datetime

from django.db.models import Count, Max
from django.db.models.functions import Coalesce

from tokens.models import Session


def count_sessions_refreshed_before(instant: datetime, *, now: datetime) -> tuple[int, datetime | None]:
    """Live sessions whose newest refresh token was made before `instant`, and when the last of them ends by itself."""
    live = Session.objects.filter(revoked_at=None, expires_at__gt=now, ends_at__gt=now)
    old = live.annotate(made_at=Coalesce("rotated_at", "created_at")).filter(made_at__lt=instant)
    found = old.aggregate(number=Count("id"), last=Max("expires_at"))
    return found["number"], found["last"]
