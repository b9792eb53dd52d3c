"""A backend with three mistakes in it, to see whether the history checker finds them.

Served in place of `config.wsgi:application`. The database has constraints against two of the mistakes; the test drops
them in its own database.
"""

from typing import Any

# The apps have to be loaded before anything of them can be named.
from config.wsgi import application

# isort: split
from bookings.repositories import ledger, slots, subscriptions
from bookings.services import cancellations, seats
from tokens.repositories import sessions

__all__ = ["application"]

_COMPARE, _CONDITION = "AND s.current_hash = %(presented_hash)s", "AND seats_taken < capacity"


def _without(statement: str, condition: str) -> str:
    assert condition in statement, "the statement has changed: plant the mistake anew"
    return statement.replace(condition, "")


def _refund_unseen(booking: Any, *, held: Any, now: Any, refund: int, **more: Any) -> None:
    """Gives the credit back again where another request has cancelled the booking meanwhile."""
    if booking.status == "active":
        _release(booking, held=held, now=now, refund=refund, **more)
        return
    purse = held.subscriptions[booking.subscription_id]
    subscriptions.add(purse, credits=refund)
    ledger.insert_entry(subscription=purse, booking=booking, amount=refund, reason="refund", now=now)


_release = cancellations.release_booking
sessions._ROTATE = _without(sessions._ROTATE, _COMPARE)
slots.TAKE_SEAT = _without(slots.TAKE_SEAT, _CONDITION)
seats._check_unchanged = lambda *_: None
cancellations.release_booking = _refund_unseen
