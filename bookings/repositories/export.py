"""All that is kept of one person in this app, to be read by them."""

from typing import Any
from uuid import UUID

from bookings.models import AvailabilityRule, Booking, CreditEntry, Offering, Slot, Subscription, WaitlistEntry

_TIMES = ("scheduled_start_time", "scheduled_end_time", "created_at", "cancelled_at")
_CREDITS = ("credits_charged", "credits_refunded")
_BOOKING = ("id", "slot__title", "host__login", *_TIMES, "status", *_CREDITS, "cancelled_by")
_SUBSCRIPTION = ("id", "plan__name", "credits_remaining", "starts_at", "ends_at", "renews")
_ENTRY = ("id", "subscription_id", "booking_id", "amount", "reason", "balance_after", "created_at")


def read_parts(user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """By name; as client and as host."""
    return {
        "bookings": list(Booking.objects.filter(client_id=user_id).order_by("id").values(*_BOOKING)),
        "waitlist": list(WaitlistEntry.objects.filter(client_id=user_id).order_by("id").values()),
        "subscriptions": list(Subscription.objects.filter(user_id=user_id).order_by("id").values(*_SUBSCRIPTION)),
        "credit_entries": list(
            CreditEntry.objects.filter(subscription__user_id=user_id).order_by("id").values(*_ENTRY)
        ),
        "offerings": list(Offering.objects.filter(host_id=user_id).order_by("id").values()),
        "hosted_slots": list(Slot.objects.filter(host_id=user_id).order_by("id").values()),
        "availability_rules": list(AvailabilityRule.objects.filter(host_id=user_id).order_by("id").values()),
    }
