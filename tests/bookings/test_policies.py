from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bookings.policies import credits as policies

START = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
TWELVE_HOURS = timedelta(hours=12)
MICROSECOND = timedelta(microseconds=1)


def refund(*, before: timedelta, start: datetime = START, window: timedelta = TWELVE_HOURS) -> int:
    return policies.refund_for_cancellation(
        now=start - before, scheduled_start_time=start, refund_window=window, credits_charged=1
    )


@pytest.mark.parametrize(
    ("before", "credits"),
    [
        pytest.param(timedelta(hours=13), 1, id="13 hours before: full"),
        pytest.param(TWELVE_HOURS + MICROSECOND, 1, id="12 hours and a microsecond: full"),
        pytest.param(TWELVE_HOURS, 0, id="exactly 12 hours: none"),
        pytest.param(TWELVE_HOURS - MICROSECOND, 0, id="a microsecond less than 12 hours: none"),
        pytest.param(timedelta(hours=1), 0, id="one hour before: none"),
        pytest.param(timedelta(0), 0, id="at the start: none"),
    ],
)
def test_a_refund_depends_on_the_time_before_the_start(before: timedelta, credits: int) -> None:
    assert refund(before=before) == credits


@pytest.mark.parametrize(
    ("before", "allowed"), [(TWELVE_HOURS + MICROSECOND, True), (TWELVE_HOURS, False), (timedelta(0), False)]
)
def test_a_booking_may_be_moved_as_long_as_it_would_be_refunded(before: timedelta, allowed: bool) -> None:
    moved = policies.is_before_deadline(now=START - before, scheduled_start_time=START, refund_window=TWELVE_HOURS)
    assert moved is allowed


@pytest.mark.parametrize(
    ("day", "deadline"),
    [
        pytest.param(date(2026, 3, 29), "2026-03-28T19:00+01:00", id="clocks go forward in the night"),
        pytest.param(date(2026, 10, 25), "2026-10-24T21:00+02:00", id="clocks go back in the night"),
        pytest.param(date(2026, 6, 1), "2026-05-31T20:00+02:00", id="an ordinary night"),
    ],
)
def test_a_deadline_over_a_change_of_clocks_counts_elapsed_time(day: date, deadline: str) -> None:
    start = datetime.combine(day, time(8), tzinfo=ZoneInfo("Europe/Berlin"))
    found = policies.refund_deadline(scheduled_start_time=start, refund_window=TWELVE_HOURS)
    assert found == datetime.fromisoformat(deadline)


def test_local_clock_arithmetic_decides_nothing() -> None:
    """Berlin's wall clocks show 13 hours between these instants; only 12 hours pass."""
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, 8, 0, tzinfo=zone)
    now = datetime(2026, 3, 28, 19, 0, tzinfo=zone)
    refunded = policies.refund_for_cancellation(
        now=now, scheduled_start_time=start, refund_window=TWELVE_HOURS, credits_charged=1
    )
    assert refunded == 0
    assert not policies.is_before_deadline(now=now, scheduled_start_time=start, refund_window=TWELVE_HOURS)


class Subscription:
    def __init__(self, credits: int, ends_in_days: int, starts_in_days: int = -1) -> None:
        self.credits_remaining = credits
        self.starts_at = START + timedelta(days=starts_in_days)
        self.ends_at = START + timedelta(days=ends_in_days)


def test_the_subscription_that_ends_first_pays() -> None:
    later, first, empty, over, ahead = (
        Subscription(2, 9),
        Subscription(1, 3),
        Subscription(0, 1),
        Subscription(4, 0),
        Subscription(4, 2, starts_in_days=1),
    )
    assert policies.choose_subscription(credits=1, subscriptions=[later, empty, first, over, ahead], now=START) is first
    assert policies.choose_subscription(credits=1, subscriptions=[empty, over, ahead], now=START) is None


@pytest.mark.parametrize(
    ("late_by_days", "starts_after_days"), [(0, 0), (29, 0), (30, 30), (100, 100)], ids=["due", "late", "gone", "long"]
)
def test_a_period_follows_the_last_one_unless_it_would_be_over(late_by_days: int, starts_after_days: int) -> None:
    now = START + timedelta(days=late_by_days)
    starts_at, ends_at = policies.next_period(ends_at=START, period_days=30, now=now)
    assert starts_at == START + timedelta(days=starts_after_days)
    assert ends_at == starts_at + timedelta(days=30)
