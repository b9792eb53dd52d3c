from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db import IntegrityError, OperationalError, connection

from bookings import errors

# PostgreSQL's codes for a deadlock, a serialization failure and a lock time-out.
_BY_SQLSTATE: dict[str, type[errors.TryAgain]] = {
    "40P01": errors.Deadlocked,
    "40001": errors.NotSerializable,
    "55P03": errors.Blocked,
}
# Most constraints stand for what another transaction has done since this one looked: the next attempt sees it, and
# refuses in the one order of refusals. A new slot is not looked up before it is written.
MEANINGS: dict[str, type[Exception]] = {
    "slot_no_overlap": errors.SlotOverlaps,
    "slot_made_once_by_rule": errors.TryAgain,
    "slot_seats_match_bookings": errors.TryAgain,
    "slot_seats_fit_capacity": errors.TryAgain,
    "booking_no_overlap": errors.TryAgain,
    "booking_once_per_slot": errors.TryAgain,
    "booking_idempotent": errors.TryAgain,
    "booking_matches_ledger": errors.TryAgain,
    "entry_idempotent": errors.TryAgain,
    "offering_idempotent": errors.TryAgain,
    "subscription_balance_matches_ledger": errors.TryAgain,
    "subscription_never_overdrawn": errors.TryAgain,
    "entry_one_charge": errors.TryAgain,
    "entry_one_refund": errors.TryAgain,
    "waitlist_once_per_slot": errors.TryAgain,
}

_demo_now: ContextVar[datetime | None] = ContextVar("demo_now", default=None)


def begin(*, lock_timeout_ms: int, now: datetime | None = None) -> datetime:
    """`now`, or else the database's `transaction_timestamp()`; no lock of this transaction is waited for longer.

    One statement, the transaction's first: waiting for a lock later moves nobody past a deadline.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp(), set_config('lock_timeout', %s, true)", [f"{lock_timeout_ms}ms"])
        began: datetime = cursor.fetchone()[0]
    return now or began


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a failure of the database means: TryAgain, or the refusal that a constraint stands for."""
    try:
        yield
    except (OperationalError, IntegrityError) as error:
        meaning = _meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning_of(error: OperationalError | IntegrityError) -> type[Exception] | None:
    cause = error.__cause__
    if isinstance(error, OperationalError):
        return _BY_SQLSTATE.get(getattr(cause, "sqlstate", None) or "")
    return MEANINGS.get(getattr(getattr(cause, "diag", None), "constraint_name", None) or "")


def find_demo_now() -> datetime | None:
    """The instant that the demo's history has come to; None everywhere else."""
    return _demo_now.get()


@contextmanager
def at_demo_time(now: datetime) -> Iterator[None]:
    """Let operations inside believe that it is `now`: how the demo has a past that went through the services."""
    token = _demo_now.set(now)
    try:
        yield
    finally:
        _demo_now.reset(token)
