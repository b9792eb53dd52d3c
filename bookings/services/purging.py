from datetime import datetime, timedelta

from bookings.repositories import slots
from bookings.services.operations import operation

KEPT_FOR = timedelta(days=90)
BATCH = 1000


def purge_unbooked_slots() -> int:
    """Remove the sessions that ended 90 days ago and that nobody was ever booked into or waited for; how many.

    Each batch is a transaction of its own, so that little is locked.
    """
    total, since = 0, None
    while True:
        removed, since = _purge_batch(since=since)
        if not removed:
            return total
        total += removed


@operation
def _purge_batch(now: datetime, /, *, since: datetime | None) -> tuple[int, datetime | None]:
    return slots.remove_unbooked(since=since, before=now - KEPT_FOR, limit=BATCH)
