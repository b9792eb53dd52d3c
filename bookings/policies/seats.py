from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bookings.policies.credits import Subscription, choose_subscription

MOST_SESSIONS = 26
"""How many sessions are booked at once: half a year of weeks."""


class Refusal(StrEnum):
    """Why a client does not get a seat, by the code of the error that says so."""

    NOT_FOUND = "not_found"
    SLOT_CANCELLED = "slot_cancelled"
    SLOT_STARTED = "slot_started"
    OWN_SLOT = "own_slot"
    ALREADY_BOOKED = "already_booked"
    SLOT_FULL = "slot_full"
    OVERLAPPING_BOOKING = "overlapping_booking"
    PRICE_CHANGED = "price_changed"
    INSUFFICIENT_CREDITS = "insufficient_credits"


@dataclass(frozen=True)
class SeatFacts:
    """What decides whether one client gets one seat of one slot, as of one instant."""

    status: str
    bookings_close_at: datetime
    is_own: bool
    is_booked: bool
    is_full: bool
    are_people_usable: bool
    is_overlapping: bool
    price_credits: int


def find_refusal(facts: SeatFacts, *, now: datetime, expected_price: int | None = None) -> Refusal | None:
    """The first rule that refuses the seat. Booking, promotion, moving and waiting share this order.

    `expected_price` is what the client was shown, in credits; None: anything.
    """
    rules = (
        (facts.status == "cancelled", Refusal.SLOT_CANCELLED),
        (now >= facts.bookings_close_at, Refusal.SLOT_STARTED),
        (facts.is_own, Refusal.OWN_SLOT),
        (facts.is_booked, Refusal.ALREADY_BOOKED),
        (facts.is_full, Refusal.SLOT_FULL),
        (not facts.are_people_usable, Refusal.NOT_FOUND),
        (facts.is_overlapping, Refusal.OVERLAPPING_BOOKING),
        (expected_price not in {None, facts.price_credits}, Refusal.PRICE_CHANGED),
    )
    return next((refusal for is_broken, refusal in rules if is_broken), None)


def decide_booking(
    facts: SeatFacts, *, subscriptions: Iterable[Subscription], now: datetime, expected_price: int | None = None
) -> Subscription | Refusal | None:
    """The subscription that pays for the seat, or why there is none. None: the seat costs nothing."""
    refusal = find_refusal(facts, now=now, expected_price=expected_price)
    if refusal or not facts.price_credits:
        return refusal
    paying = choose_subscription(subscriptions, credits=facts.price_credits, now=now)
    return paying or Refusal.INSUFFICIENT_CREDITS
