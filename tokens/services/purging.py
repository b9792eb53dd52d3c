from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from accounts.services import flows
from tokens.repositories import codes, devices, expired, personal_tokens, publishers, sessions, signing_keys

BATCH = 1000
# Redeemed codes and ended sessions stay this long, so that a late replay is recognised.
KEPT_FOR = timedelta(days=1)
# An ended personal access token that is found in a repository can be traced to its owner for so long.
TOKENS_KEPT_FOR = timedelta(days=90)

Report = Callable[[str, int], None]


def purge_expired(*, now: datetime, batch: int = BATCH, report: Report | None = None) -> dict[str, int]:
    """Remove what has expired, `batch` rows a transaction, so that little is locked; how many of each kind.

    `report` is told the kind and the number so far after each batch.
    """
    before = now - KEPT_FOR
    purges: dict[str, Callable[[], int]] = {
        "sign-in flows": partial(flows.purge_flows, now=now, limit=batch),
        "authorization codes": partial(_purge, partial(codes.purge_codes, expired_before=before, limit=batch)),
        "device requests": partial(_purge, partial(devices.purge_grants, expired_before=before, limit=batch)),
        "sessions": partial(_purge, partial(sessions.purge_sessions, ended_before=before, limit=batch)),
        "personal access tokens": partial(
            _purge, partial(personal_tokens.purge_tokens, ended_before=now - TOKENS_KEPT_FOR, limit=batch)
        ),
        "used job tokens": partial(_purge, partial(publishers.purge_used_tokens, expired_before=now, limit=batch)),
        "admin sessions": partial(_purge, partial(expired.purge_admin_sessions, now=now, limit=batch)),
        "signing keys": partial(_purge, partial(signing_keys.purge_keys, now=now)),
    }
    return {kind: _drain(kind, purge, report) for kind, purge in purges.items()}


def count_expired(*, now: datetime) -> dict[str, int]:
    """What `purge_expired` would remove."""
    return {
        "sign-in flows": flows.count_expired_flows(now=now),
        **expired.count_expired(before=now - KEPT_FOR, tokens_before=now - TOKENS_KEPT_FOR, now=now),
    }


def _drain(kind: str, purge: Callable[[], int], report: Report | None) -> int:
    total = 0
    while removed := purge():
        total += removed
        if report is not None:
            report(kind, total)
    return total


@transaction.atomic(durable=True)
def _purge(remove: Callable[[], int]) -> int:
    return remove()
