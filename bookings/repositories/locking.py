"""Every row lock of this app, in one order: host, slots, subscriptions, bookings, each by ascending id.

- A host's row is locked by whatever adds to the host's calendar and by the host's leaving. People are locked before
  anything here, by `accounts`.
- Slots come before subscriptions: with subscriptions first, a cancellation that promotes a waiting client deadlocks
  with that client's booking.
- Whoever changes what a client has booked locks all of the client's subscriptions, so one client's operations take
  turns. Booking locks no person: FOR SHARE on a popular host keeps the host's own changes waiting for seconds.
- Joining a waitlist charges nothing, so it locks the client's person instead, as leaving does.

Booking takes its two locks in this order, too, as a part of its first statement: `look_at_slot` in `seats`.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from bookings.errors import NotFound, TryAgain
from bookings.models import Booking, Host, Slot, Subscription
from bookings.repositories import bookings, waitlist

# So many more of those who wait are locked than there are seats: some may be booked elsewhere until they are locked.
SPARE_CANDIDATES = 10


@dataclass(frozen=True)
class LockedRows:
    """What cancelling bookings may change, locked.

    `candidates` are, for each slot that may have a seat to give, those who wait for it and could be booked.
    """

    slots: dict[UUID, Slot]
    subscriptions: dict[UUID, Subscription]
    bookings: list[Booking]
    candidates: dict[UUID, list[waitlist.Candidate]]

    def subscriptions_of(self, user_id: UUID) -> list[Subscription]:
        return [subscription for subscription in self.subscriptions.values() if subscription.user_id == user_id]


def lock_host(user_id: UUID) -> None:
    """Lock the host's calendar, which is made if there is none."""
    Host.objects.bulk_create([Host(user_id=user_id)], ignore_conflicts=True)
    Host.objects.select_for_update(no_key=True).get(user_id=user_id)


def lock_slots(slot_ids: Iterable[UUID]) -> dict[UUID, Slot]:
    """These slots by id; those that do not exist are left out."""
    slots = Slot.objects.filter(id__in=set(slot_ids)).order_by("id").select_for_update(no_key=True)
    return {slot.id: slot for slot in slots}


def lock_open_slots(slot_ids: Collection[UUID]) -> dict[UUID, int]:
    """The seats taken of those of these slots that are open; any number of them is one parameter."""
    if not slot_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, seats_taken FROM bookings_slot WHERE id = ANY(%s::uuid[]) AND status = 'open'"
            " ORDER BY id FOR NO KEY UPDATE",
            [list(slot_ids)],
        )
        return dict(cursor.fetchall())


def lock_slot(slot_id: UUID, *, sentence: str = "") -> Slot:
    """One slot. Raises NotFound, with that sentence where one is given."""
    found = lock_slots([slot_id])
    if slot_id not in found:
        raise NotFound(sentence)
    return found[slot_id]


def lock_subscriptions(
    *, user_ids: Iterable[UUID] = (), subscription_ids: Iterable[UUID | None] = ()
) -> dict[UUID, Subscription]:
    """Every subscription of these people, and these subscriptions, by id, with their plans."""
    owned = Subscription.objects.filter(user_id__in=set(user_ids))
    named = Subscription.objects.filter(id__in={one for one in subscription_ids if one})
    wanted = (owned | named).select_related("plan").order_by("id").select_for_update(no_key=True, of=("self",))
    return {subscription.id: subscription for subscription in wanted}


def lock_bookings(booking_ids: Iterable[UUID]) -> list[Booking]:
    """These bookings, by ascending id."""
    return list(Booking.objects.filter(id__in=set(booking_ids)).order_by("id").select_for_update(no_key=True))


def lock_for_release(
    *,
    now: datetime,
    booked: Collection[Booking] = (),
    hosted_slot_ids: Collection[UUID] = (),
    other_slot_ids: Collection[UUID] = (),
    offered_slot_ids: Collection[UUID] = (),
    client_ids: Collection[UUID] = (),
) -> LockedRows:
    """Lock all that cancelling `booked`, and every active booking of `hosted_slot_ids`, may change.

    `booked` was read without a lock: TryAgain if any of it has changed since. Seats that `booked` leaves, and free
    ones of `offered_slot_ids`, may go to those who wait. `client_ids` are people whose other operations have to wait.
    """
    freed = Counter(booking.slot_id for booking in booked)
    slots = lock_slots({*freed, *hosted_slot_ids, *other_slot_ids, *offered_slot_ids})
    hosted = bookings.list_active_in(hosted_slot_ids)
    offered = [slots[slot_id] for slot_id in {*freed, *offered_slot_ids} - {*hosted_slot_ids} if slot_id in slots]
    seats = {slot.id: slot.capacity - slot.seats_taken + freed[slot.id] for slot in offered}
    candidates = waitlist.list_candidates({k: n + SPARE_CANDIDATES for k, n in seats.items() if n > 0}, now=now)
    affected = (*booked, *hosted)
    waiting = {candidate.client_id for queue in candidates.values() for candidate in queue}
    subscriptions = lock_subscriptions(
        user_ids={booking.client_id for booking in affected} | waiting | {*client_ids},
        subscription_ids={booking.subscription_id for booking in affected},
    )
    locked = lock_bookings(booking.id for booking in affected)
    _check_unchanged(affected, locked)
    return LockedRows(slots, subscriptions, locked, candidates)


def _check_unchanged(read: Iterable[Booking], locked: Iterable[Booking]) -> None:
    if {(b.id, b.slot_id, b.status) for b in read} != {(b.id, b.slot_id, b.status) for b in locked}:
        raise TryAgain
