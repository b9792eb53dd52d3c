from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar


class Credits(Protocol):
    """As much of a subscription as the rules look at."""

    @property
    def credits_remaining(self) -> int: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


class Charge(Protocol):
    """As much of a booking as the rules look at."""

    @property
    def credits_charged(self) -> int: ...
    @property
    def credits_refunded(self) -> int: ...
    @property
    def credits_given_back(self) -> int: ...


Subscription = TypeVar("Subscription", bound=Credits)


def is_usable(*, starts_at: datetime, ends_at: datetime, now: datetime) -> bool:
    """Whether credits of a subscription can be spent at `now`."""
    return starts_at <= now < ends_at


def is_due(*, renews: bool, expired_at: datetime | None, ends_at: datetime, now: datetime) -> bool:
    """Whether a subscription is to be renewed: it renews itself and its period is over."""
    return renews and expired_at is None and ends_at <= now


def usable_until(*, ends_at: datetime, now: datetime) -> datetime | None:
    """Until when a credit that goes back to a subscription can be spent; None: not until it is renewed."""
    return ends_at if now < ends_at else None


def choose_subscription(subscriptions: Iterable[Subscription], *, credits: int, now: datetime) -> Subscription | None:
    """The subscription that pays: of the usable ones that hold all the credits, the one that ends first."""
    usable = [
        s
        for s in subscriptions
        if s.credits_remaining >= credits and is_usable(starts_at=s.starts_at, ends_at=s.ends_at, now=now)
    ]
    return min(usable, key=lambda s: s.ends_at, default=None)


def credits_kept(booking: Charge) -> int:
    """What was charged for a booking and has not gone back."""
    return booking.credits_charged - booking.credits_refunded - booking.credits_given_back


def choose_for_refund(
    subscriptions: Iterable[Subscription], *, charged: Subscription, now: datetime
) -> Subscription | None:
    """Where credits come back usable: to the subscription charged or else to the usable one that ends last."""
    if is_usable(starts_at=charged.starts_at, ends_at=charged.ends_at, now=now):
        return charged
    usable = [s for s in subscriptions if is_usable(starts_at=s.starts_at, ends_at=s.ends_at, now=now)]
    return max(usable, key=lambda s: s.ends_at, default=None)


def choose_for_difference(
    subscriptions: Iterable[Subscription], *, charged: Subscription | None, credits: int, now: datetime
) -> Subscription | None:
    """The subscription that pays what a move costs more: the one charged, or else as a booking would be paid.

    With `credits` of 0 where what it costs less goes back to; None: nowhere but to the one charged.
    """
    pays = charged and choose_subscription([charged], credits=credits, now=now)
    return pays or choose_subscription(subscriptions, credits=credits, now=now)


def next_period(*, ends_at: datetime, period_days: int, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of the period after `ends_at`; a renewal that comes later than a whole period starts at `now`."""
    period = timedelta(days=period_days)
    start = ends_at if ends_at + period > now else now
    return start, start + period


def refund_window_of(hours: int | None, *, default: timedelta) -> timedelta:
    """The refund window that a booking of a slot takes with it; `default` where the slot says nothing."""
    return default if hours is None else timedelta(hours=hours)


def refund_deadline(*, scheduled_start_time: datetime, refund_window: timedelta) -> datetime:
    """The first instant, in UTC, at which a client's cancellation refunds nothing.

    The window is elapsed time: over a change of clocks, 12 hours are not 12 hours on the wall.
    """
    return scheduled_start_time.astimezone(UTC) - refund_window


def is_before_deadline(*, now: datetime, scheduled_start_time: datetime, refund_window: timedelta) -> bool:
    """Whether a client's cancellation at `now` refunds, which is also how long a booking may be moved."""
    return now.astimezone(UTC) < refund_deadline(scheduled_start_time=scheduled_start_time, refund_window=refund_window)


def refund_for_cancellation(
    *,
    now: datetime,
    scheduled_start_time: datetime,
    refund_window: timedelta,
    credits_charged: int,
    free_to_leave_until: datetime | None = None,
) -> int:
    """Credits that go back when the client cancels at `now`: all of them before the deadline, none from it on.

    Where the host has changed time or place, all of them until `free_to_leave_until`, too.
    """
    is_refunded = is_before_deadline(now=now, scheduled_start_time=scheduled_start_time, refund_window=refund_window)
    is_free = free_to_leave_until is not None and now < free_to_leave_until
    return credits_charged if is_refunded or is_free else 0


def has_started(*, now: datetime, scheduled_start_time: datetime) -> bool:
    """From its start on, a session's bookings cannot be cancelled or moved."""
    return now.astimezone(UTC) >= scheduled_start_time.astimezone(UTC)
