from datetime import datetime

from django.db import connection
from django.db.models import Q

from tokens.models import SigningKey


def insert_key(key: SigningKey) -> None:
    key.save(force_insert=True)


def list_keys(*, now: datetime) -> list[SigningKey]:
    """Every key that is not retired, by activation: those that may verify, the active one and those to come."""
    return list(SigningKey.objects.filter(Q(retires_at=None) | Q(retires_at__gt=now)).order_by("activates_at"))


def retire_keys_before(activates_at: datetime, *, retires_at: datetime) -> int:
    """Set the end of publication of every key that activates earlier and has none; how many."""
    return SigningKey.objects.filter(activates_at__lt=activates_at, retires_at=None).update(retires_at=retires_at)


def retire_other_keys(kid: str, *, retires_at: datetime) -> int:
    """End the publication of every key but one, also of those that are about to retire or have not signed yet."""
    published = Q(retires_at=None) | Q(retires_at__gt=retires_at)
    return SigningKey.objects.filter(published).exclude(kid=kid).update(retires_at=retires_at)


def lock_keys() -> None:
    """Let one transaction at a time add a key (a transaction-level advisory lock)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tokens_signingkey'))")


def purge_keys(*, now: datetime) -> int:
    """Remove retired keys; how many."""
    return SigningKey.objects.filter(retires_at__lte=now).delete()[0]


def build_key(*, kid: str, private_key: bytes, public_jwk: dict[str, object], activates_at: datetime) -> SigningKey:
    """A key that is not stored yet; `private_key` is already encrypted."""
    return SigningKey(kid=kid, private_key=private_key, public_jwk=public_jwk, activates_at=activates_at)
