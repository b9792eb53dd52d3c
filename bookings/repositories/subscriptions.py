from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Q, Subquery, Sum

from bookings.errors import NotFound, PlanUnknown
from bookings.models import BookingMove, CreditEntry, Plan, Subscription
from bookings.policies.credits import is_usable
from bookings.repositories.keyset import Page, read_page
from bookings.repositories.people import joined_host, may_use
from bookings.repositories.rows import EntryRow, EntrySession, SubscriptionRow

_ENTRY = ("id", "subscription_id", "booking_id", "amount", "reason", "note", "balance_after", "created_at", "number")
_SUBSCRIPTION = ("id", "plan__name", "credits_remaining", "starts_at", "ends_at", "renews", "now")
_SESSION = {
    "title": "booking__slot__title",
    "host_id": "booking__host_id",
    "host__login": "booking__host__login",
    "host__display_name": "booking__host__display_name",
    "host__time_zone": "booking__host__time_zone",
    "scheduled_start_time": "booking__scheduled_start_time",
    "cancelled_by": "booking__cancelled_by",
}


def list_ids_of(user_ids: Iterable[UUID]) -> list[UUID]:
    """The subscriptions that these people have or had."""
    return list(Subscription.objects.filter(user_id__in=list(user_ids)).values_list("id", flat=True))


def add_credits(subscription: Subscription, *, amount: int, reason: str, now: datetime, **about: Any) -> CreditEntry:
    """Add to a subscription that the caller has locked, and to its ledger; the object follows.

    `reason` is one of EntryReason, `about` what else the entry says: `note`, `booking_id`, `idempotency_key`. What a
    booking costs is written in `seats`, what its cancellation refunds in `cancellations`.
    """
    subscription.credits_remaining += amount
    subscription.save(update_fields=["credits_remaining"])
    entry = _entry(subscription, amount=amount, reason=reason, now=now, **about)
    entry.save(force_insert=True)
    return entry


def find_goodwill(booking_id: UUID, *, key: str) -> CreditEntry | None:
    """What a request with that key has given back for a booking."""
    return CreditEntry.objects.filter(booking_id=booking_id, reason="goodwill", idempotency_key=key).first()


def find_entry(entry_id: UUID) -> CreditEntry | None:
    """A line of the ledger, with its subscription."""
    return CreditEntry.objects.select_related("subscription").filter(id=entry_id).first()


def insert_subscription(
    *, user_id: UUID, plan: Plan, starts_at: datetime, ends_at: datetime, renews: bool, credits: int, reason: str
) -> Subscription:
    """Add a subscription that holds `credits`, with its first ledger entry."""
    subscription = Subscription.objects.create(
        user_id=user_id, plan=plan, starts_at=starts_at, ends_at=ends_at, renews=renews, credits_remaining=credits
    )
    if credits:
        _entry(subscription, amount=credits, reason=reason, now=starts_at).save(force_insert=True)
    return subscription


def insert_empty(user_ids: Iterable[UUID], *, plan: Plan, starts_at: datetime, ends_at: datetime) -> list[Subscription]:
    """Add a subscription without credits, which does not renew itself, for each of these people."""
    return Subscription.objects.bulk_create(
        Subscription(user_id=user_id, plan=plan, starts_at=starts_at, ends_at=ends_at) for user_id in user_ids
    )


def _entry(subscription: Subscription, *, amount: int, reason: str, now: datetime, **about: Any) -> CreditEntry:
    balance = subscription.credits_remaining
    return CreditEntry(
        subscription=subscription, amount=amount, reason=reason, balance_after=balance, created_at=now, **about
    )


def write_renewals(renewed: Sequence[Subscription], *, now: datetime) -> None:
    """Write subscriptions, locked with their plans, whose next period has begun, and add their plans' credits."""
    for subscription in renewed:
        subscription.credits_remaining += subscription.plan.credits
    Subscription.objects.bulk_update(renewed, ["starts_at", "ends_at", "expired_at", "credits_remaining"])
    CreditEntry.objects.bulk_create(
        _entry(subscription, amount=subscription.plan.credits, reason="renewal", now=now)
        for subscription in renewed
        if subscription.plan.credits
    )


def change(subscription: Subscription, **values: Any) -> None:
    """Set columns of a subscription that the caller has locked; the object follows."""
    for name, value in values.items():
        setattr(subscription, name, value)
    subscription.save(update_fields=list(values))


def find_subscription(subscription_id: UUID) -> Subscription | None:
    """The subscription with its plan, not locked."""
    return Subscription.objects.select_related("plan").filter(id=subscription_id).first()


def list_unsettled(*, now: datetime) -> list[tuple[UUID, bool]]:
    """Subscriptions whose period is over and which were neither renewed nor noted as expired; whether each renews."""
    due = Subscription.objects.filter(may_use("user__"), ends_at__lte=now, expired_at=None)
    return list(due.order_by("id").values_list("id", "renews"))


def list_owned(user_id: UUID) -> list[Subscription]:
    """All subscriptions that a person has or had."""
    return list(Subscription.objects.filter(user_id=user_id))


def get_row(subscription_id: UUID) -> SubscriptionRow:
    """Raises NotFound."""
    found = Subscription.objects.filter(id=subscription_id).annotate(now=TransactionNow()).values(*_SUBSCRIPTION)
    row = found.first()
    if row is None:
        raise NotFound
    return _subscription_row(row)


def list_page(user_id: UUID, *, cursor: str = "") -> Page[SubscriptionRow]:
    """A person's subscriptions, the last to end first. Raises NotValid."""
    owned = Subscription.objects.filter(user_id=user_id).annotate(now=TransactionNow()).order_by("-ends_at", "-id")
    return read_page(owned.values(*_SUBSCRIPTION), make_row=_subscription_row, cursor=cursor)


def _subscription_row(found: dict[str, Any]) -> SubscriptionRow:
    return {
        "id": found["id"],
        "plan": found["plan__name"],
        "credits_remaining": found["credits_remaining"],
        "starts_at": found["starts_at"],
        "ends_at": found["ends_at"],
        "active": is_usable(starts_at=found["starts_at"], ends_at=found["ends_at"], now=found["now"]),
        "renews": found["renews"],
    }


def list_entries_page(user_id: UUID, *, cursor: str = "") -> Page[EntryRow]:
    """A person's ledger, newest first: in the order of the locks, so each balance follows. Raises NotValid."""
    entries = CreditEntry.objects.filter(subscription__user_id=user_id)
    found = entries.order_by("-number", "-id").values(*_ENTRY, *_SESSION.values())
    return read_page(found, make_row=_entry_row, cursor=cursor)


def list_entries(booking_id: UUID) -> list[EntryRow]:
    """What a booking has cost and given back, newest first."""
    entries = CreditEntry.objects.filter(booking_id=booking_id).order_by("-number")
    return [_entry_row(found) for found in entries.values(*_ENTRY, *_SESSION.values())]


def _entry_row(found: dict[str, Any]) -> EntryRow:
    return {
        "id": found["id"],
        "subscription_id": found["subscription_id"],
        "booking_id": found["booking_id"],
        "amount": found["amount"],
        "reason": found["reason"],
        "note": found["note"],
        "balance_after": found["balance_after"],
        "created_at": found["created_at"],
        "session": _session_of(found) if found["booking_id"] else None,
    }


def _session_of(found: dict[str, Any]) -> EntrySession:
    told = {name: found[column] for name, column in _SESSION.items()}
    return {
        "title": told["title"],
        "host": joined_host(told),
        "scheduled_start_time": told["scheduled_start_time"],
        "cancelled_by": told["cancelled_by"] or None,
    }


def find_last_difference(booking_id: UUID) -> int:
    """What came back, or was charged (negative), by the last move of a booking; 0 where that moved no credit."""
    moved_at = BookingMove.objects.filter(booking_id=booking_id).order_by("-id").values("moved_at")[:1]
    entries = CreditEntry.objects.filter(booking_id=booking_id, reason="difference", created_at=Subquery(moved_at))
    return entries.order_by("-number").values_list("amount", flat=True).first() or 0


def find_end_of_refund(booking_id: UUID) -> datetime | None:
    """The end of the subscription to which a booking was refunded; None where nothing went back."""
    refunds = CreditEntry.objects.filter(booking_id=booking_id, reason="refund")
    return refunds.values_list("subscription__ends_at", flat=True).first()


def usable_credits(user_id: UUID, *, now: datetime) -> int:
    """How many credits the person could spend at `now`, those of due renewals included: spending renews."""
    usable = Q(starts_at__lte=now, ends_at__gt=now)
    due = Q(renews=True, expired_at=None, ends_at__lte=now)
    found = Subscription.objects.filter(usable | due, user_id=user_id)
    total: int = found.aggregate(
        total=Sum("credits_remaining", default=0) + Sum("plan__credits", filter=due, default=0)
    )["total"]
    return total


def get_plan(name: str) -> Plan:
    """The plan of that name. Raises PlanUnknown."""
    plan = Plan.objects.filter(name=name).first()
    if plan is None:
        raise PlanUnknown
    return plan


def ensure_plan(*, name: str, credits: int, period_days: int) -> Plan:
    """The plan of that name, made if there is none; an existing one stays as staff have set it."""
    Plan.objects.bulk_create([Plan(name=name, credits=credits, period_days=period_days)], ignore_conflicts=True)
    return Plan.objects.get(name=name)
