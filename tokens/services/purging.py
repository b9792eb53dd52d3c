from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from accounts.services import flows
from tokens.repositories import expired, signing_keys

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
    _remove_private_halves(now=now)
    purges = {"sign-in flows": partial(flows.purge_flows, now=now, limit=batch)}
    purges |= {kind: partial(_purge, kind, limit=batch, now=now) for kind in expired.list_kinds(**_ends(now))}
    return {kind: _drain(kind, purge, report) for kind, purge in purges.items()}


def count_expired(*, now: datetime) -> dict[str, int]:
    """What `purge_expired` would remove."""
    return {"sign-in flows": flows.count_expired_flows(now=now), **expired.count_expired(**_ends(now))}


def _ends(now: datetime) -> dict[str, datetime]:
    return {"before": now - KEPT_FOR, "tokens_before": now - TOKENS_KEPT_FOR, "now": now}


def _drain(kind: str, purge: Callable[[], int], report: Report | None) -> int:
    total = 0
    while removed := purge():
        total += removed
        if report is not None:
            report(kind, total)
    return total


@transaction.atomic(durable=True)
def _purge(kind: str, *, limit: int, now: datetime) -> int:
    return expired.purge(kind, limit=limit, **_ends(now))


@transaction.atomic(durable=True)
def _remove_private_halves(*, now: datetime) -> None:
    signing_keys.remove_private_halves(now=now)
