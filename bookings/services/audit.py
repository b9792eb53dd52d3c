from collections.abc import Callable

from bookings.repositories import audit
from bookings.services.booking import refund_window


def find_breaches(*, with_jobs: bool = True, report: Callable[[str], None] | None = None) -> dict[str, list[str]]:
    """The rules of the booking domain that the database breaks now, each with the ids; empty where all is well.

    Without `with_jobs` nothing is said of what the worker is late with. `report` is told what is looked at next.
    """
    return audit.find_breaches(refund_window=refund_window(), with_jobs=with_jobs, report=report)
