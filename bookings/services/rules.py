from datetime import datetime, timedelta

from django.conf import settings

from bookings import policies

CREDITS_PER_SEAT = 1
REMIND_BEFORE = timedelta(hours=24)


def current_refund_window() -> timedelta:
    """The window that bookings made now take with them."""
    return timedelta(hours=settings.REFUND_WINDOW_HOURS)


def reminder_time(*, starts_at: datetime, now: datetime) -> datetime | None:
    """When to remind of a session that is booked now; None where that is past."""
    remind_at = starts_at - REMIND_BEFORE
    return remind_at if remind_at > now else None


def may_promote(*, starts_at: datetime, now: datetime) -> bool:
    """Whether a freed seat is given to the first who waits: only while that client could still cancel for free."""
    return policies.may_reschedule(now=now, scheduled_start_time=starts_at, refund_window=current_refund_window())
