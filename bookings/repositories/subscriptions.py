from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models import F, Sum

from bookings.errors import PlanUnknown
from bookings.models import Plan, Subscription
from bookings.repositories.people import may_use
from bookings.repositories.rows import Rows, columns, read_models

LOCK = f"""
SELECT {columns(Subscription)} FROM bookings_subscription
WHERE user_id = ANY(%s) OR id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608  # names of columns


def lock_for(*, user_ids: Iterable[UUID] = (), subscription_ids: Iterable[UUID] = ()) -> list[Subscription]:
    """Every subscription of these people, and these subscriptions, locked by ascending id.

    Whoever changes what a client has booked holds all of the client's subscriptions, so that one client's
    operations take turns.
    """
    return read_models(Subscription, LOCK, [list(user_ids), list(subscription_ids)])


def list_ids_of(user_ids: Iterable[UUID]) -> list[UUID]:
    """The subscriptions that these people have or had."""
    return list(Subscription.objects.filter(user_id__in=list(user_ids)).values_list("id", flat=True))


def by_user(subscriptions: Iterable[Subscription]) -> dict[UUID, list[Subscription]]:
    """The subscriptions of each person."""
    grouped: dict[UUID, list[Subscription]] = defaultdict(list)
    for subscription in subscriptions:
        grouped[subscription.user_id].append(subscription)
    return grouped


def add(subscription: Subscription, *, credits: int) -> None:
    """Add credits to a subscription that the caller has locked; the object follows."""
    Subscription.objects.filter(id=subscription.id).update(credits_remaining=F("credits_remaining") + credits)
    subscription.credits_remaining += credits


def insert_subscription(
    *, user_id: UUID, plan: Plan, starts_at: datetime, ends_at: datetime, renews: bool, credits: int
) -> Subscription:
    """Add a subscription that holds `credits`; the caller writes them into the ledger."""
    return Subscription.objects.create(
        user_id=user_id, plan=plan, starts_at=starts_at, ends_at=ends_at, renews=renews, credits_remaining=credits
    )


def set_period(subscription: Subscription, *, starts_at: datetime, ends_at: datetime) -> None:
    """Begin another period of a subscription that the caller has locked; the object follows."""
    subscription.starts_at, subscription.ends_at, subscription.expired_at = starts_at, ends_at, None
    subscription.save(update_fields=["starts_at", "ends_at", "expired_at"])


def set_expired(subscription: Subscription, *, now: datetime) -> None:
    """Note that the end of the period was dealt with."""
    subscription.expired_at = now
    subscription.save(update_fields=["expired_at"])


def find_subscription(subscription_id: UUID) -> Subscription | None:
    """The subscription with its plan, not locked."""
    return Subscription.objects.select_related("plan").filter(id=subscription_id).first()


def list_unsettled_ids(*, now: datetime) -> list[UUID]:
    """Subscriptions whose period is over and which were neither renewed nor noted as expired."""
    due = Subscription.objects.filter(may_use("user__"), ends_at__lte=now, expired_at=None)
    return list(due.order_by("id").values_list("id", flat=True))


def subscription_rows(user_id: UUID) -> Rows:
    """A person's subscriptions as rows, the last to end first."""
    rows = Subscription.objects.filter(user_id=user_id).annotate(now=TransactionNow()).order_by("-ends_at", "-id")
    return rows.values("id", "plan__name", "credits_remaining", "starts_at", "ends_at", "renews", "now")


def usable_credits(user_id: UUID, *, now: datetime) -> int:
    """How many credits the person could spend at `now`."""
    usable = Subscription.objects.filter(user_id=user_id, starts_at__lte=now, ends_at__gt=now)
    total: int = usable.aggregate(total=Sum("credits_remaining", default=0))["total"]
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
