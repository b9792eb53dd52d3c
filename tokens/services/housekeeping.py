from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.services import flows
from tokens.repositories import codes, devices, sessions, signing_keys

BATCH = 1000
# A redeemed code and an ended session stay this long, so that a late replay is still recognised as one.
KEPT_FOR = timedelta(days=1)


def purge_expired(*, now: datetime) -> dict[str, int]:
    """Remove what has expired, in batches that lock little; how many of each kind."""
    before = now - KEPT_FOR
    return {
        "sign-in flows": _drain(lambda: flows.purge_flows(now=now, limit=BATCH)),
        "authorization codes": _drain(lambda: _purge_codes(before)),
        "device requests": _drain(lambda: _purge_grants(before)),
        "sessions": _drain(lambda: _purge_sessions(before)),
        "signing keys": _purge_keys(now),
    }


def _drain(batch: Callable[[], int]) -> int:
    removed = total = batch()
    while removed >= BATCH:
        removed = batch()
        total += removed
    return total


@transaction.atomic(durable=True)
def _purge_codes(before: datetime) -> int:
    return codes.purge_codes(expired_before=before, limit=BATCH)


@transaction.atomic(durable=True)
def _purge_grants(before: datetime) -> int:
    return devices.purge_grants(expired_before=before, limit=BATCH)


@transaction.atomic(durable=True)
def _purge_sessions(before: datetime) -> int:
    return sessions.purge_sessions(ended_before=before, limit=BATCH)


@transaction.atomic(durable=True)
def _purge_keys(now: datetime) -> int:
    return signing_keys.purge_keys(now=now)
