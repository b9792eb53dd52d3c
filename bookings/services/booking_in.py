"""A host books somebody into a session of their own, within limits: no host may drain people or find out about them."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from accounts.errors import AccountsError
from accounts.services import lookup
from bookings import errors
from bookings.policies.seats import Refusal, decide_booking, find_refusal
from bookings.repositories import bookings, locking, slots
from bookings.repositories.bookings import HOSTS_KEY
from bookings.repositories.rows import RosterRow
from bookings.services.booking import find_facts, new_booking, refused, write_booking
from bookings.services.operations import operation
from bookings.services.renewing import renew_due
from bookings.services.upgrading import check_booking_in

if TYPE_CHECKING:
    from bookings.models import Slot, Subscription


@operation
def book_person_in(
    now: datetime,
    /,
    *,
    host_id: UUID,
    slot_id: UUID,
    person: str,
    charge: bool = False,
    expected_credits_charged: int | None = None,
    idempotency_key: str | None = None,
) -> RosterRow:
    """Give a person, by id or login, a seat in the host's own slot until its start; the booking's row.

    It costs the price with `charge`, which goes for those who have booked this host before, else nothing. The person
    is told and may leave without loss until the start. The same key and body again give the same booking. Raises
    NotFound, SlotCancelled, SlotStarted, SlotFull, PriceChanged where the price is not the expected one,
    CannotBookPerson, IdempotencyConflict, NotValid during an upgrade, Busy.
    """
    slots.get_own_slot(slot_id, host_id=host_id)
    check_booking_in()
    slot = locking.lock_slot(slot_id)
    client_id, key = _find_id(person, host_id=host_id), _key_of(host_id, idempotency_key)
    if earlier := bookings.find_booked_in(client_id=client_id, slot_id=slot_id, key=key):
        is_same = (earlier.client_id, earlier.slot_id) == (client_id, slot_id)
        if not is_same or (earlier.credits_charged > 0) is not (charge and slot.price_credits > 0):
            raise errors.IdempotencyConflict
        return bookings.get_roster_row(earlier.id)
    subscription = _find_payer(slot, client_id, charge=charge, expected_price=expected_credits_charged, now=now)
    price = slot.price_credits if charge else 0
    booking = new_booking(slot=slot, subscription=subscription, client_id=client_id, now=now, key=key)
    booking = replace(booking, credits=price, made_by="host", actor_id=host_id)
    write_booking(booking)
    return bookings.get_roster_row(booking.id)


def _find_id(person: str, *, host_id: UUID) -> UUID:
    """The person's id. Nobody by that name is refused where the host would be, so no answer tells who is there."""
    try:
        return lookup.get_person_called(login_or_id=person).pk
    except AccountsError:
        return host_id


def _key_of(host_id: UUID, idempotency_key: str | None) -> str:
    """No client's own key begins like that, and none of another host's is the same."""
    key = idempotency_key or uuid4().hex
    return HOSTS_KEY + hashlib.sha256(f"{host_id} {key}".encode()).hexdigest()


def _find_payer(
    slot: "Slot", client_id: UUID, *, charge: bool, expected_price: int | None, now: datetime
) -> "Subscription | None":
    """The subscription that pays; None where nothing is paid. What is so for everybody refuses before the person."""
    owned = list(locking.lock_subscriptions(user_ids=[client_id]).values())
    # A minimum notice is for clients; the host knows who comes.
    price, closes_at = slot.price_credits if charge else 0, slot.starts_at
    facts = find_facts([(slot, client_id)])[slot.id, client_id]
    facts = replace(facts, price_credits=price, bookings_close_at=closes_at)
    of_slot = replace(facts, is_own=False, is_booked=False, are_people_usable=True, is_overlapping=False)
    if refusal := find_refusal(of_slot, now=now, expected_price=expected_price):
        raise refused(refusal, price_credits=price)
    if charge:
        if not bookings.has_booked(client_id=client_id, host_id=slot.host_id):
            raise errors.CannotBookPerson
        renew_due(owned, now=now)
    decision = decide_booking(facts, subscriptions=owned, now=now)
    if isinstance(decision, Refusal):
        raise errors.CannotBookPerson
    return decision
