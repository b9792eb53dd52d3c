from bookings.models.bookings import (
    Booking,
    BookingMove,
    BookingStatus,
    CancelledBy,
    WaitlistEntry,
    WaitlistStatus,
)
from bookings.models.calendar import AvailabilityRule, CalendarFeed, Host, RuleKind, Slot, SlotStatus
from bookings.models.credits import CreditEntry, EntryReason, Plan, Subscription

__all__ = [
    "AvailabilityRule",
    "Booking",
    "BookingMove",
    "BookingStatus",
    "CalendarFeed",
    "CancelledBy",
    "CreditEntry",
    "EntryReason",
    "Host",
    "Plan",
    "RuleKind",
    "Slot",
    "SlotStatus",
    "Subscription",
    "WaitlistEntry",
    "WaitlistStatus",
]
