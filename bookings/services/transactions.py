import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from bookings import errors
from bookings.repositories import clock, conflicts

Result = TypeVar("Result")

ATTEMPTS = 4
LOCK_TIMEOUT_MS = 2000


def run(operation: Callable[[datetime], Result]) -> Result:
    """Run one operation as one transaction, with the database's `now`; start over where another was in the way.

    The first attempt's `now` holds for all of them: waiting moves nobody past a deadline. Raises Busy after the last.
    """
    now: datetime | None = None
    for attempt in range(ATTEMPTS):
        try:
            with conflicts.translated(), transaction.atomic(durable=True):
                began = clock.begin(lock_timeout_ms=LOCK_TIMEOUT_MS)
                now = now or began
                return operation(now)
        except errors.TryAgain:
            _pause(attempt)
    raise errors.Busy


def run_within(operation: Callable[[datetime], Result]) -> Result:
    """As `run`, inside a transaction that the caller has begun: each attempt is a savepoint, which gives locks back."""
    for attempt in range(ATTEMPTS):
        try:
            with conflicts.translated(), transaction.atomic():
                return operation(clock.begin(lock_timeout_ms=LOCK_TIMEOUT_MS))
        except errors.TryAgain:
            _pause(attempt)
    raise errors.Busy


def _pause(attempt: int) -> None:
    """Let the others finish: up to 20 ms, twice as long after each attempt."""
    time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - not a secret
