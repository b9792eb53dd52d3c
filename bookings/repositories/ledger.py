from datetime import datetime
from uuid import UUID

from bookings.models import Booking, CreditEntry, Subscription
from bookings.repositories.rows import Rows


def insert_entry(
    *, subscription: Subscription, amount: int, reason: str, now: datetime, booking: Booking | None = None
) -> None:
    """Write one line, `reason` one of EntryReason; the subscription's balance has been changed by `amount` already."""
    CreditEntry.objects.create(
        subscription=subscription,
        booking=booking,
        amount=amount,
        reason=reason,
        balance_after=subscription.credits_remaining,
        created_at=now,
    )


def entry_rows(*, user_id: UUID, booking_id: UUID | None = None) -> Rows:
    """A person's ledger as rows, newest first."""
    entries = CreditEntry.objects.filter(subscription__user_id=user_id)
    if booking_id is not None:
        entries = entries.filter(booking_id=booking_id)
    return entries.order_by("-created_at", "-id").values(
        "id", "subscription_id", "booking_id", "amount", "reason", "balance_after", "created_at"
    )
