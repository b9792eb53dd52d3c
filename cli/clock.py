"""The only place where this program reads the clock."""

from datetime import UTC, datetime


def read_now() -> datetime:
    """This machine's time, aware and in UTC; it may be wrong, so nothing here is compared with the backend's."""
    return datetime.now(UTC)
