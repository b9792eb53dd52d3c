from collections.abc import Callable

from bookings.repositories import audit


def find_breaches(*, report: Callable[[str], None] | None = None) -> dict[str, list[str]]:
    """The rules of the booking domain that the database breaks now, each with the ids; empty where all is well.

    `report` is told each rule before it is looked into.
    """
    return audit.find_breaches(report)
