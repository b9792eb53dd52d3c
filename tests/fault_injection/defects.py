"""The backend with three concurrency defects, to show that the linearizability checker finds them.

Served instead of `config.wsgi:application`. The database's constraints prevent two of the defects; the test drops them.
"""

from dataclasses import replace
from typing import Any

# The apps must be loaded before their modules.
from config.wsgi import application

# isort: split
from bookings.models import CreditEntry
from bookings.repositories import locking, seats
from bookings.services import cancelling
from tokens.repositories import sessions

__all__ = ["application"]


def _without(statement: str, condition: str) -> str:
    assert condition in statement, "the statement has changed: adapt this defect"
    return statement.replace(condition, "")


def _see_free_seat(*columns: Any, **more: Any) -> seats.SeenSlot:
    slot = _see_slot(*columns, **more)
    return replace(slot, facts=replace(slot.facts, is_full=False))


def _refund_again(cancellations: Any, *, rows: Any, now: Any, **more: Any) -> None:
    """Refunds a booking that another request has cancelled meanwhile."""
    for one in cancellations:
        if one.booking.status == "active":
            _release([one], rows=rows, now=now, **more)
            continue
        subscription = rows.subscriptions[one.booking.subscription_id]
        refund = one.booking.credits_charged
        subscription.credits_remaining += refund
        subscription.save()
        CreditEntry.objects.create(
            subscription=subscription,
            booking=one.booking,
            amount=refund,
            reason="refund",
            balance_after=subscription.credits_remaining,
            created_at=now,
        )


_release, _see_slot = cancelling.release, seats._seen_slot
sessions._ROTATE = _without(sessions._ROTATE, "AND s.current_hash = %(presented_hash)s")
seats._LOOK = _without(seats._LOOK, "AND s.seats_taken < s.capacity")
seats._seen_slot = _see_free_seat
locking._check_unchanged = lambda *_: None
cancelling.release = _refund_again
