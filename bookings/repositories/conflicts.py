from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, OperationalError

from bookings import errors

# PostgreSQL's codes for a deadlock, a serialization failure and a lock time-out.
IN_THE_WAY: dict[str, type[errors.TryAgain]] = {
    "40P01": errors.Deadlocked,
    "40001": errors.NotSerializable,
    "55P03": errors.Blocked,
}
REFUSALS: dict[str, type[Exception]] = {
    "slot_no_overlap": errors.SlotOverlaps,
    "booking_no_overlap": errors.OverlappingBooking,
    "booking_once_per_slot": errors.AlreadyBooked,
    # Whoever catches it looks whether the booking that has the key is the one asked for.
    "booking_idempotent": errors.IdempotencyConflict,
    "waitlist_once_per_slot": errors.TryAgain,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the database refuses into what it means: TryAgain, or the refusal that a constraint stands for."""
    try:
        yield
    except OperationalError as error:
        obstacle = IN_THE_WAY.get(getattr(error.__cause__, "sqlstate", None) or "")
        if obstacle is None:
            raise
        raise obstacle from error
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        refusal = REFUSALS.get(getattr(diagnosis, "constraint_name", None) or "")
        if refusal is None:
            raise
        raise refusal from error
