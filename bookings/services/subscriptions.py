from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from accounts.services.events import record_event
from bookings import errors, policies
from bookings.repositories import clock, jobs, ledger, subscriptions
from bookings.repositories.pages import Page, read_page
from bookings.services import transactions

if TYPE_CHECKING:
    from bookings.models import Plan, Subscription

WELCOME_PLAN, WELCOME_DAYS = "Welcome", 365
GRANT_PLAN, GRANT_DAYS = "Granted credits", 365


def welcome_person(*, user_id: UUID) -> None:
    """Give a new person `WELCOME_CREDITS`, inside the transaction that makes the person."""
    if settings.WELCOME_CREDITS:
        now = clock.read_now()
        plan = subscriptions.ensure_plan(name=WELCOME_PLAN, credits=settings.WELCOME_CREDITS, period_days=WELCOME_DAYS)
        _open(user_id, plan, credits=settings.WELCOME_CREDITS, reason="welcome", renews=False, now=now)


def grant_credits(*, user_id: UUID, credits: int, actor_id: UUID | None = None) -> UUID:
    """Add credits to the person's usable subscription that ends last, else to a new one; its id.

    Raises NotValid, Busy.
    """
    if credits < 1:
        raise errors.NotValid("Grant one credit or more.")
    return transactions.run(lambda now: _grant(user_id, credits, actor_id, now))


def _grant(user_id: UUID, credits: int, actor_id: UUID | None, now: datetime) -> UUID:
    usable = [s for s in subscriptions.lock_for(user_ids=[user_id]) if policies.is_usable(s, now=now)]
    if usable:
        subscription = max(usable, key=lambda s: s.ends_at)
        subscriptions.add(subscription, credits=credits)
        ledger.insert_entry(subscription=subscription, amount=credits, reason="grant", now=now)
    else:
        plan = subscriptions.ensure_plan(name=GRANT_PLAN, credits=0, period_days=GRANT_DAYS)
        subscription = _open(user_id, plan, credits=credits, reason="grant", renews=False, now=now)
    _record("credits.granted", subscription, credits=credits, actor_id=actor_id)
    return subscription.id


def grant_plan(*, user_id: UUID, plan_name: str, renews: bool = True, actor_id: UUID | None = None) -> UUID:
    """Begin a subscription of that plan now; its id. Raises PlanUnknown, Busy."""
    return transactions.run(
        lambda now: open_plan(user_id=user_id, plan_name=plan_name, renews=renews, actor_id=actor_id, now=now)
    )


def open_plan(*, user_id: UUID, plan_name: str, renews: bool, actor_id: UUID | None, now: datetime) -> UUID:
    """Begin a subscription of that plan at `now`, inside the caller's transaction; its id. Raises PlanUnknown."""
    plan = subscriptions.get_plan(plan_name)
    subscription = _open(user_id, plan, credits=plan.credits, reason="plan", renews=renews, now=now)
    _record("subscription.opened", subscription, credits=plan.credits, actor_id=actor_id)
    return subscription.id


def _open(user_id: UUID, plan: "Plan", *, credits: int, reason: str, renews: bool, now: datetime) -> "Subscription":
    ends_at = now + timedelta(days=plan.period_days)
    subscription = subscriptions.insert_subscription(
        user_id=user_id, plan=plan, starts_at=now, ends_at=ends_at, renews=renews, credits=credits
    )
    if credits:
        ledger.insert_entry(subscription=subscription, amount=credits, reason=reason, now=now)
    return subscription


def list_ids_of(*, user_ids: list[UUID]) -> list[UUID]:
    """The subscriptions that these people have or had."""
    return subscriptions.list_ids_of(user_ids)


def renew_subscription(*, subscription_id: UUID, actor_id: UUID | None = None) -> bool:
    """Begin the next period of a subscription that has ended and add its plan's credits to what is left.

    False, and nothing done, where the period is not over: a second run changes nothing. Raises NotFound, Busy.
    """
    return transactions.run(lambda now: _renew(subscription_id, actor_id, now))


def _renew(subscription_id: UUID, actor_id: UUID | None, now: datetime) -> bool:
    read = _get(subscription_id)
    subscription = subscriptions.lock_for(subscription_ids=[subscription_id])[0]
    if now < subscription.ends_at:
        return False
    starts_at, ends_at = policies.next_period(ends_at=subscription.ends_at, period_days=read.plan.period_days, now=now)
    subscriptions.set_period(subscription, starts_at=starts_at, ends_at=ends_at)
    if read.plan.credits:
        subscriptions.add(subscription, credits=read.plan.credits)
        ledger.insert_entry(subscription=subscription, amount=read.plan.credits, reason="renewal", now=now)
    _record("subscription.renewed", subscription, credits=read.plan.credits, actor_id=actor_id)
    _tell("subscription_renewed", subscription)
    return True


def expire_subscription(*, subscription_id: UUID) -> bool:
    """Note, once, that a period is over, and tell the person what is left in it. Raises NotFound, Busy.

    The credits stay in the subscription: they cannot be spent until it is renewed.
    """
    return transactions.run(lambda now: _expire(subscription_id, now))


def _expire(subscription_id: UUID, now: datetime) -> bool:
    _get(subscription_id)
    subscription = subscriptions.lock_for(subscription_ids=[subscription_id])[0]
    if now < subscription.ends_at or subscription.expired_at is not None:
        return False
    subscriptions.set_expired(subscription, now=now)
    _record("subscription.expired", subscription, credits=subscription.credits_remaining, actor_id=None)
    _tell("subscription_expired", subscription)
    return True


def settle_subscriptions() -> int:
    """Renew or expire every subscription whose period is over, each in a transaction of its own; how many."""
    settled = 0
    for subscription_id in subscriptions.list_unsettled_ids(now=clock.read_now()):
        renews = _get(subscription_id).renews
        settle = renew_subscription if renews else expire_subscription
        settled += settle(subscription_id=subscription_id)
    return settled


def list_subscriptions(*, user_id: UUID, cursor: str = "") -> Page:
    """The person's subscriptions, the last to end first. Raises NotValid."""
    return read_page(subscriptions.subscription_rows(user_id), cursor=cursor)


def list_entries(*, user_id: UUID, cursor: str = "") -> Page:
    """The person's ledger, newest first. Raises NotValid."""
    return read_page(ledger.entry_rows(user_id=user_id), cursor=cursor)


def _get(subscription_id: UUID) -> "Subscription":
    subscription = subscriptions.find_subscription(subscription_id)
    if subscription is None:
        raise errors.NotFound
    return subscription


def _record(kind: str, subscription: "Subscription", *, credits: int, actor_id: UUID | None) -> None:
    detail: dict[str, object] = {"subscription_id": str(subscription.id), "credits": credits}
    record_event(kind=kind, user_id=subscription.user_id, actor_id=actor_id, detail=detail)


def _tell(kind: str, subscription: "Subscription") -> None:
    jobs.defer_notices(kind, [(subscription.user_id, subscription.id, int(subscription.ends_at.timestamp()))])
