from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event, record_events
from bookings import errors
from bookings.policies.credits import is_due, next_period
from bookings.repositories import clock, jobs, locking, people, subscriptions, waitlist
from bookings.services.operations import attempt, operation

if TYPE_CHECKING:
    from bookings.models import Subscription


def renew_due(owned: "Iterable[Subscription]", *, now: datetime) -> None:
    """Renew those of `owned`, which the caller has locked, that renew themselves and have come to their end.

    Whatever needs a renewal first makes it: the worker's job, or an operation that pays or gives credits back.
    """
    due = [s for s in owned if is_due(renews=s.renews, expired_at=s.expired_at, ends_at=s.ends_at, now=now)]
    if due:
        usable = people.find_usable_ids(subscription.user_id for subscription in due)
        _renew([subscription for subscription in due if subscription.user_id in usable], now=now, actor_id=None)


def _renew(due: "list[Subscription]", *, now: datetime, actor_id: UUID | None) -> None:
    if not due:
        return
    for subscription in due:
        period = next_period(ends_at=subscription.ends_at, period_days=subscription.plan.period_days, now=now)
        (subscription.starts_at, subscription.ends_at), subscription.expired_at = period, None
    subscriptions.write_renewals(due, now=now)
    details = [(s.user_id, {"subscription_id": str(s.id), "credits": s.plan.credits}) for s in due]
    record_events(kind="subscription.renewed", details=details, actor_id=actor_id)
    notices = [(s.user_id, s.id, int(s.ends_at.timestamp())) for s in due]
    jobs.defer_notices("subscription_renewed", notices)
    waitlist.retry_for([subscription.user_id for subscription in due], now=now)


@operation
def renew_subscription(now: datetime, /, *, subscription_id: UUID, actor_id: UUID | None = None) -> bool:
    """Begin the next period of a subscription that has ended and add its plan's credits to what is left.

    False, and nothing done, where the period is not over: a second run changes nothing. Raises NotFound, Busy.
    """
    subscription = lock_subscription(subscription_id)
    if now < subscription.ends_at:
        return False
    _renew([subscription], now=now, actor_id=actor_id)
    return True


@operation
def expire_subscription(now: datetime, /, *, subscription_id: UUID) -> bool:
    """Note, once, that a period is over, and tell the person what is left in it. Raises NotFound, Busy.

    The credits stay in the subscription: they cannot be spent until it is renewed.
    """
    subscription = lock_subscription(subscription_id)
    if now < subscription.ends_at or subscription.expired_at is not None:
        return False
    expire_locked(subscription, now=now, actor_id=None)
    return True


def expire_locked(subscription: "Subscription", *, now: datetime, actor_id: UUID | None) -> None:
    """Note that a subscription, which the caller has locked, has ended, and tell the person."""
    subscriptions.change(subscription, expired_at=now)
    detail = {"subscription_id": str(subscription.id), "credits": subscription.credits_remaining}
    record_event(kind="subscription.expired", user_id=subscription.user_id, actor_id=actor_id, detail=detail)
    notice = (subscription.user_id, subscription.id, int(subscription.ends_at.timestamp()))
    jobs.defer_notices("subscription_expired", [notice])


def lock_subscription(subscription_id: UUID) -> "Subscription":
    """One subscription, locked, with its plan. Raises NotFound."""
    found = locking.lock_subscriptions(subscription_ids=[subscription_id])
    if subscription_id not in found:
        raise errors.NotFound("There is no subscription by that id.")
    return found[subscription_id]


def settle_subscriptions() -> int:
    """Renew or expire every subscription whose period is over, each in a transaction of its own; how many.

    One that fails is logged, and the others go on.
    """
    settled = 0
    for subscription_id, renews in subscriptions.list_unsettled(now=clock.read_now()):
        settle = renew_subscription if renews else expire_subscription
        settled += attempt(settle, event="subscription_not_settled", subscription_id=subscription_id) or 0
    return settled
