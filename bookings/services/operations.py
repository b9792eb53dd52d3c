import random
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

import structlog
from django.db import transaction

from bookings import errors, signals
from bookings.repositories import transactions

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_log = structlog.get_logger("bookings")

LOCK_TIMEOUT_MS = 2000
# A lock time-out, which the person has felt, costs as much as three of the other conflicts.
ATTEMPTS, LOCK_TIMEOUT_COST = 9, 3


class Attempts:
    """What the attempts of one operation share. The first one's `now` holds for all: waiting passes no deadline."""

    def __init__(self) -> None:
        self.now: datetime | None = transactions.find_demo_now()
        self.left = ATTEMPTS

    def back_off(self, conflict: errors.TryAgain) -> None:
        """Count a conflict and let the others finish: for up to 10 ms the first time, longer each time."""
        signals.operation_retried.send(None, because=conflict.because)
        time.sleep(random.uniform(0, 0.01 * (ATTEMPTS - self.left + 1)))  # noqa: S311  # jitter, not a secret
        self.left -= LOCK_TIMEOUT_COST if isinstance(conflict, errors.Blocked) else 1


def operation(work: Callable[Concatenate[datetime, Arguments], Result]) -> Callable[Arguments, Result]:
    """Run `work` as one transaction, with the database's `now` as its first argument.

    It starts over, a bounded number of times and after a pause, where another transaction was in its way: after a
    deadlock, a serialization failure, a lock time-out, or TryAgain. Raises Busy in the end, and the refusals that
    constraints stand for.
    """
    return _repeated(_timed(work), durable=True)


def operation_within(work: Callable[Concatenate[datetime, Arguments], Result]) -> Callable[Arguments, Result]:
    """As `operation`, inside a transaction of the caller: each attempt is a savepoint, which gives its locks back."""
    return _repeated(_timed(work), durable=False)


def self_timed_operation(work: Callable[Concatenate[Attempts, Arguments], Result]) -> Callable[Arguments, Result]:
    """As `operation`, for work whose first statement is more than the clock: it begins the lock time-out itself and
    sets `now` of the attempts that it is given.
    """
    return _repeated(work, durable=True)


def undo_at_end() -> None:
    """Let the transaction of the running operation end without effect, however it ends: its answer is a preview."""
    transaction.set_rollback(True)


def check_seen(shown: str, *, seen: str | None, is_preview: bool = False) -> None:
    """Raises PreviewChanged where `shown`, which names what is done or which rows are locked, is not what was `seen`.

    A preview is undone at its end.
    """
    if seen not in {None, shown}:
        raise errors.PreviewChanged
    if is_preview:
        undo_at_end()


def attempt(work: Callable[..., Result], *, event: str, **subject: UUID) -> Result | None:
    """`work` for one subject of many; None where it fails, which is logged as `event` with the subject's id."""
    try:
        return work(**subject)
    except Exception:  # noqa: BLE001  # whatever is wrong with one must not stop the others
        _log.exception(event, **{name: str(value) for name, value in subject.items()})
        return None


def _timed(
    work: Callable[Concatenate[datetime, Arguments], Result],
) -> Callable[Concatenate[Attempts, Arguments], Result]:
    @wraps(work)
    def begin(attempts: Attempts, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        attempts.now = transactions.begin(lock_timeout_ms=LOCK_TIMEOUT_MS, now=attempts.now)
        return work(attempts.now, *args, **kwargs)

    return begin


def _repeated(
    work: Callable[Concatenate[Attempts, Arguments], Result], *, durable: bool
) -> Callable[Arguments, Result]:
    @wraps(work)
    def repeat(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        attempts = Attempts()
        while attempts.left > 0:
            try:
                with transactions.translated(), transaction.atomic(durable=durable):
                    return work(attempts, *args, **kwargs)
            except errors.TryAgain as conflict:
                attempts.back_off(conflict)
        raise errors.Busy

    return repeat
