import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from bookings import errors, signals
from bookings.repositories import clock, conflicts

Result = TypeVar("Result")

LOCK_TIMEOUT_MS = 2000
# An operation may start over eight times; a lock time-out, which the person has felt, counts for three.
PATIENCE, BLOCKED_COSTS = 9, 3


def run(operation: Callable[[datetime], Result]) -> Result:
    """Run one operation as one transaction, with the database's `now`; start over where another was in the way.

    The first attempt's `now` holds for all of them: waiting moves nobody past a deadline. Raises Busy in the end.
    """
    now: datetime | None = None
    patience = PATIENCE
    while patience > 0:
        try:
            with conflicts.translated(), transaction.atomic(durable=True):
                began = clock.begin(lock_timeout_ms=LOCK_TIMEOUT_MS)
                now = now or began
                return operation(now)
        except errors.TryAgain as obstacle:
            patience = _less(patience, obstacle)
    raise errors.Busy


def run_within(operation: Callable[[datetime], Result]) -> Result:
    """As `run`, inside a transaction that the caller has begun: each attempt is a savepoint, which gives locks back."""
    patience = PATIENCE
    while patience > 0:
        try:
            with conflicts.translated(), transaction.atomic():
                return operation(clock.begin(lock_timeout_ms=LOCK_TIMEOUT_MS))
        except errors.TryAgain as obstacle:
            patience = _less(patience, obstacle)
    raise errors.Busy


def _less(patience: int, obstacle: errors.TryAgain) -> int:
    """What is left after this obstacle, and a pause that lets the others finish: 10 ms at most, more each time."""
    signals.operation_obstructed.send(None, because=obstacle.because)
    time.sleep(random.uniform(0, 0.01 * (PATIENCE - patience + 1)))  # noqa: S311  # spreads retries, hides nothing
    return patience - (BLOCKED_COSTS if isinstance(obstacle, errors.Blocked) else 1)
