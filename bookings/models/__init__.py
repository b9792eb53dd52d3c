from bookings.models.bookings import (
    Booking,
    BookingMove,
    BookingStatus,
    CancelledBy,
    PassedOver,
    WaitlistEntry,
    WaitlistStatus,
)
from bookings.models.calendar import (
    AvailabilityRule,
    CalendarFeed,
    Host,
    Offering,
    RuleKind,
    Slot,
    SlotStatus,
    UnfinishedUpgrade,
)
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
    "Offering",
    "PassedOver",
    "Plan",
    "RuleKind",
    "Slot",
    "SlotStatus",
    "Subscription",
    "UnfinishedUpgrade",
    "WaitlistEntry",
    "WaitlistStatus",
]
