from datetime import datetime, timedelta
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.repositories import subscriptions, waitlist
from bookings.services.credits import MOST_CREDITS, name_state
from bookings.services.giving_back import read_note
from bookings.services.operations import check_seen, operation
from bookings.services.renewing import expire_locked, lock_subscription, renew_due

LONGEST_EXTENSION_DAYS = 3660


@operation
def adjust_credits(
    now: datetime,
    /,
    *,
    subscription_id: UUID,
    amount: int,
    note: str,
    actor_id: UUID | None = None,
    seen: str | None = None,
) -> int:
    """Put a balance right, in either direction, with a ledger entry that says why; the new balance.

    Raises NotFound, NotValid for nothing, for no note, for more than there is and for more than `MOST_CREDITS`,
    PreviewChanged where the subscription is not what was `seen`, Busy.
    """
    subscription = lock_subscription(subscription_id)
    check_seen(name_state([subscription]), seen=seen)
    renew_due([subscription], now=now)
    note = read_note(note)
    if not amount:
        raise errors.NotValid("Say by how many credits.")
    if abs(amount) > MOST_CREDITS:
        raise errors.NotValid(f"Adjust by at most {MOST_CREDITS} credits.")
    if subscription.credits_remaining + amount < 0:
        raise errors.NotValid(f"Only {subscription.credits_remaining} can be taken: a balance is never below zero.")
    entry = subscriptions.add_credits(subscription, amount=amount, reason="adjustment", now=now, note=note)
    detail = {"subscription_id": str(subscription_id), "credits": amount, "entry_id": str(entry.id), "note": note}
    record_event(kind="credits.adjusted", user_id=subscription.user_id, actor_id=actor_id, detail=detail)
    if amount > 0:
        waitlist.retry_for([subscription.user_id], now=now)
    return subscription.credits_remaining


@operation
def set_renewing(now: datetime, /, *, subscription_id: UUID, renews: bool, actor_id: UUID | None = None) -> None:
    """Let a subscription renew itself at its end, or stop there. Raises NotFound, Busy.

    A period that is over and due is renewed before it stops; one that has expired is renewed by whatever needs it.
    """
    subscription = lock_subscription(subscription_id)
    renew_due([subscription], now=now)
    if subscription.renews == renews:
        return
    expired_at = None if renews else subscription.expired_at
    subscriptions.change(subscription, renews=renews, expired_at=expired_at)
    kind = "subscription.resumed" if renews else "subscription.stopped"
    detail = {"subscription_id": str(subscription_id)}
    record_event(kind=kind, user_id=subscription.user_id, actor_id=actor_id, detail=detail)


@operation
def end_subscription(
    now: datetime, /, *, subscription_id: UUID, actor_id: UUID | None = None, seen: str | None = None
) -> None:
    """End a subscription now; what is left in it cannot be spent until it is extended or renewed.

    Raises NotFound, NotValid where it has ended, PreviewChanged where it is not what was `seen`, Busy.
    """
    subscription = lock_subscription(subscription_id)
    check_seen(name_state([subscription]), seen=seen)
    renew_due([subscription], now=now)
    if not subscription.starts_at < now < subscription.ends_at:
        raise errors.NotValid("This subscription is not running, so there is nothing to end.")
    subscriptions.change(subscription, ends_at=now, renews=False)
    expire_locked(subscription, now=now, actor_id=actor_id)


@operation
def extend_subscription(
    now: datetime, /, *, subscription_id: UUID, days: int, actor_id: UUID | None = None, seen: str | None = None
) -> datetime:
    """Let a subscription last `days` longer, from now where it has ended; its new end.

    Raises NotFound, NotValid, PreviewChanged where it is not what was `seen`, Busy.
    """
    if not 1 <= days <= LONGEST_EXTENSION_DAYS:
        raise errors.NotValid(f"Extend by 1 to {LONGEST_EXTENSION_DAYS} days.")
    subscription = lock_subscription(subscription_id)
    check_seen(name_state([subscription]), seen=seen)
    renew_due([subscription], now=now)
    ends_at = max(subscription.ends_at, now) + timedelta(days=days)
    subscriptions.change(subscription, ends_at=ends_at, expired_at=None)
    detail = {"subscription_id": str(subscription_id), "days": days}
    record_event(kind="subscription.extended", user_id=subscription.user_id, actor_id=actor_id, detail=detail)
    waitlist.retry_for([subscription.user_id], now=now)
    return ends_at
