from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from accounts.services.events import record_event
from accounts.services.people import lock_person
from bookings import errors
from bookings.policies.credits import is_usable
from bookings.policies.previews import digest_of
from bookings.repositories import clock, locking, subscriptions, waitlist
from bookings.repositories.keyset import Page
from bookings.repositories.rows import EntryRow, SubscriptionRow
from bookings.services.operations import check_seen, operation
from bookings.services.renewing import renew_due

if TYPE_CHECKING:
    from bookings.models import Plan, Subscription

WELCOME_PLAN, WELCOME_DAYS = "Welcome", 365
GRANT_PLAN, GRANT_DAYS = "Granted credits", 365
# In one grant or adjustment: a typing mistake stays far from what a balance can hold.
MOST_CREDITS = 100_000


def welcome_person(*, user_id: UUID) -> None:
    """Give a new person `WELCOME_CREDITS`, inside the transaction that makes the person."""
    if settings.WELCOME_CREDITS:
        now = clock.read_now()
        plan = subscriptions.ensure_plan(name=WELCOME_PLAN, credits=settings.WELCOME_CREDITS, period_days=WELCOME_DAYS)
        _open(plan, user_id=user_id, credits=settings.WELCOME_CREDITS, reason="welcome", renews=False, now=now)


@operation
def grant_credits(
    now: datetime, /, *, user_id: UUID, credits: int, actor_id: UUID | None = None, seen: str | None = None
) -> UUID:
    """Add credits to the person's usable subscription that ends last, else to a new one; its id.

    Raises NotValid, PreviewChanged where the person's subscriptions are not what was `seen`, Busy.
    """
    if not 1 <= credits <= MOST_CREDITS:
        raise errors.NotValid(f"Grant one credit or more, at most {MOST_CREDITS}.")
    if seen is not None:
        # Somebody without a subscription has none to lock.
        lock_person(user_id=user_id)
    owned = locking.lock_subscriptions(user_ids=[user_id]).values()
    check_seen(name_state(owned), seen=seen)
    renew_due(owned, now=now)
    usable = [s for s in owned if is_usable(starts_at=s.starts_at, ends_at=s.ends_at, now=now)]
    if usable:
        subscription = max(usable, key=lambda s: s.ends_at)
        subscriptions.add_credits(subscription, amount=credits, reason="grant", now=now)
    else:
        plan = subscriptions.ensure_plan(name=GRANT_PLAN, credits=0, period_days=GRANT_DAYS)
        subscription = _open(plan, user_id=user_id, credits=credits, reason="grant", renews=False, now=now)
    _record("credits.granted", subscription, credits=credits, actor_id=actor_id)
    waitlist.retry_for([user_id], now=now)
    return subscription.id


@operation
def grant_plan(now: datetime, /, *, user_id: UUID, plan_name: str, renews: bool = True) -> UUID:
    """Begin a subscription of that plan now; its id. Raises PlanUnknown, Busy."""
    return open_plan(user_id=user_id, plan_name=plan_name, renews=renews, actor_id=None, now=now)


def open_plan(*, user_id: UUID, plan_name: str, renews: bool, actor_id: UUID | None, now: datetime) -> UUID:
    """Begin a subscription of that plan at `now`, inside the caller's transaction; its id. Raises PlanUnknown."""
    plan = subscriptions.get_plan(plan_name)
    subscription = _open(plan, user_id=user_id, credits=plan.credits, reason="plan", renews=renews, now=now)
    _record("subscription.opened", subscription, credits=plan.credits, actor_id=actor_id)
    waitlist.retry_for([user_id], now=now)
    return subscription.id


def _open(plan: "Plan", *, user_id: UUID, credits: int, reason: str, renews: bool, now: datetime) -> "Subscription":
    ends_at = now + timedelta(days=plan.period_days)
    return subscriptions.insert_subscription(
        user_id=user_id, plan=plan, starts_at=now, ends_at=ends_at, renews=renews, credits=credits, reason=reason
    )


def name_state(owned: "Iterable[Subscription]") -> str:
    """Names subscriptions as they are, so that what is decided about them is done once."""
    found = sorted((str(s.id), s.credits_remaining, s.starts_at, s.ends_at, s.renews, s.expired_at) for s in owned)
    return digest_of(found)


def name_state_of_person(*, user_id: UUID) -> str:
    """`name_state` of all that a person has."""
    return name_state(subscriptions.list_owned(user_id))


def get_subscription(*, subscription_id: UUID) -> SubscriptionRow:
    """One subscription. Raises NotFound."""
    return subscriptions.get_row(subscription_id)


def list_ids_of(*, user_ids: list[UUID]) -> list[UUID]:
    """The subscriptions that these people have or had."""
    return subscriptions.list_ids_of(user_ids)


def list_subscriptions(*, user_id: UUID, cursor: str = "") -> Page[SubscriptionRow]:
    """The person's subscriptions, the last to end first. Raises NotValid."""
    return subscriptions.list_page(user_id, cursor=cursor)


def list_entries(*, user_id: UUID, cursor: str = "") -> Page[EntryRow]:
    """The person's ledger, newest first. Raises NotValid."""
    return subscriptions.list_entries_page(user_id, cursor=cursor)


def _record(kind: str, subscription: "Subscription", *, credits: int, actor_id: UUID | None) -> None:
    detail = {"subscription_id": str(subscription.id), "credits": credits}
    record_event(kind=kind, user_id=subscription.user_id, actor_id=actor_id, detail=detail)
