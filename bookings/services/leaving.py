from datetime import datetime
from uuid import UUID

from bookings.repositories import feeds, hosts, people
from bookings.services import transactions
from bookings.services.cancellations import cancel_all_of


def leave(*, user_id: UUID) -> None:
    """Cancel what a person who deactivates had ahead, inside the transaction that deactivates. Raises Busy."""
    transactions.run_within(lambda now: _leave(user_id, now))


def erase(*, user_id: UUID) -> None:
    """As `leave`, and the address of the calendar feed dies. The ledger keeps the bare id. Raises Busy."""
    transactions.run_within(lambda now: _leave(user_id, now))
    feeds.rotate(user_id)


def _leave(user_id: UUID, now: datetime) -> None:
    if people.is_marked_host(user_id):
        hosts.lock_host(user_id)
    cancel_all_of(user_id, now=now)
