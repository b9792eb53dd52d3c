from datetime import datetime

from django.db import connection
from django.db.models import Q

from tokens.models import SigningKey


def insert_key(key: SigningKey) -> None:
    key.save(force_insert=True)


def list_keys(*, now: datetime) -> list[SigningKey]:
    """Every key that is not retired, by activation: those that may verify, the active one and those to come."""
    return list(SigningKey.objects.filter(Q(retires_at=None) | Q(retires_at__gt=now)).order_by("activates_at"))


def find_retired_key(kid: str, *, now: datetime) -> SigningKey | None:
    """A retired key whose public half may still verify hints."""
    return SigningKey.objects.filter(kid=kid, retires_at__lte=now, hints_until__gt=now).first()


def retire_keys_before(activates_at: datetime, *, retires_at: datetime, hints_until: datetime) -> int:
    """Set the end of publication of every key that activates earlier and has none; how many."""
    earlier = SigningKey.objects.filter(activates_at__lt=activates_at, retires_at=None)
    return earlier.update(retires_at=retires_at, hints_until=hints_until)


def retire_other_keys(kids: list[str], *, retires_at: datetime) -> int:
    """End the publication of every key but these, also of those that are about to retire or have not signed yet.

    They verify no hints either.
    """
    published = Q(retires_at=None) | Q(retires_at__gt=retires_at)
    others = SigningKey.objects.filter(published).exclude(kid__in=kids)
    return others.update(retires_at=retires_at, hints_until=None)


def lock_keys() -> None:
    """Let one transaction at a time add a key (a transaction-level advisory lock)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tokens_signingkey'))")


def remove_private_halves(*, now: datetime) -> None:
    """Those of retired keys."""
    SigningKey.objects.filter(retires_at__lte=now).exclude(private_key=b"").update(private_key=b"")


def build_key(**columns: object) -> SigningKey:
    """A key that is not stored yet; `private_key` is already encrypted."""
    return SigningKey(**columns)
