from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services import people
from accounts.services.events import announce_event, record_event
from bookings import errors
from bookings.policies.credits import is_before_deadline, refund_window_of
from bookings.policies.seats import Refusal, decide_booking, find_refusal
from bookings.repositories import clock, jobs, locking, seats, slots, subscriptions, waitlist
from bookings.repositories.keyset import Page
from bookings.repositories.rows import PlaceRow
from bookings.repositories.seatings import Seating, write_seatings
from bookings.repositories.waitlist import Offered
from bookings.services.booking import find_facts, new_booking, refund_window, refused
from bookings.services.operations import attempt, operation
from bookings.services.renewing import renew_due

if TYPE_CHECKING:
    from bookings.models import Slot


@dataclass(frozen=True)
class Place:
    """A client's place in a queue: `position` 1 is next. Without a usable credit others are served first."""

    slot_id: UUID
    position: int
    joined_at: datetime
    credits_available: int


@operation
def join_waitlist(
    now: datetime, /, *, client_id: UUID, slot_id: UUID, expected_credits_charged: int | None = None
) -> Place:
    """Queue for a full slot, which is consent to be booked when a seat is free; joining twice keeps the place.

    Raises NotFound, SlotCancelled, SlotStarted, OwnSlot, AlreadyBooked, OverlappingBooking, PriceChanged where the
    price is not the expected one, NotValid where a seat is free, Busy.
    """
    # A leave that waits for this finds the place; one that came first is seen below.
    people.lock_person(user_id=client_id)
    slot = locking.lock_slot(slot_id)
    entry = waitlist.find_waiting(slot_id=slot_id, client_id=client_id)
    facts = find_facts([(slot, client_id)])[slot_id, client_id]
    if entry is not None:
        # Who waits already keeps the place, whatever they have booked since: it may be cancelled again.
        facts = replace(facts, is_booked=False, is_overlapping=False)
    if refusal := find_refusal(replace(facts, is_full=False), now=now, expected_price=expected_credits_charged):
        raise refused(refusal, price_credits=slot.price_credits)
    if entry is None:
        if not facts.is_full:
            raise errors.NotValid("This session has a free seat. Book it instead of waiting.")
        entry = waitlist.insert_entry(slot=slot, client_id=client_id, now=now)
        record_event(kind="waitlist.joined", user_id=client_id, detail={"slot_id": str(slot_id)})
    else:
        waitlist.agree_again(entry, slot=slot)
    return Place(
        slot_id=slot_id,
        position=waitlist.count_before(entry) + 1,
        joined_at=entry.joined_at,
        credits_available=subscriptions.usable_credits(client_id, now=now),
    )


@operation
def leave_waitlist(now: datetime, /, *, client_id: UUID, slot_id: UUID) -> None:
    """Give up the place; nothing happens where there is none. Raises NotFound for an unknown slot, Busy."""
    locking.lock_slot(slot_id)
    if waitlist.set_status("left", slot_id=slot_id, client_id=client_id):
        record_event(kind="waitlist.left", user_id=client_id, detail={"slot_id": str(slot_id)})


@operation
def offer_free_seats(now: datetime, /, *, slot_id: UUID) -> None:
    """Give the free seats of a slot to those who wait; after its refund deadline they are open to all. Raises Busy."""
    rows = locking.lock_for_release(now=now, offered_slot_ids=[slot_id])
    if slot_id in rows.slots:
        promote([rows.slots[slot_id]], rows=rows, now=now)


def offer_all_free_seats() -> int:
    """`offer_free_seats` for every slot that somebody could have, each in a transaction of its own; how many.

    One that fails is logged, and the others go on.
    """
    offered = waitlist.list_offerable(now=clock.read_now(), refund_window=refund_window())
    for slot_id in offered:
        attempt(offer_free_seats, event="seats_not_offered", slot_id=slot_id)
    return len(offered)


def offer_seats(freed: "Sequence[Slot]", *, rows: locking.LockedRows, now: datetime) -> None:
    """Give seats that have just become free in locked slots to those who wait; near the start, tell them instead."""
    promote(freed, rows=rows, now=now)
    waited_for = [slot for slot in freed if slot.id in rows.candidates]
    late = [slot.id for slot in waited_for if _is_bookable(slot, now=now) and not _is_early(slot, now=now)]
    if late:
        waiting, revision = waitlist.list_waiting(late), int(now.timestamp())
        jobs.defer_notices("seat_free", [(client_id, slot_id, revision) for slot_id, client_id in waiting])


def _is_bookable(slot: "Slot", *, now: datetime) -> bool:
    return slot.status == "open" and now < slot.bookings_close_at


def _is_early(slot: "Slot", *, now: datetime) -> bool:
    """Whether a seat may be given without being asked for: the client could still cancel for free."""
    window = refund_window_of(slot.refund_window_hours, default=refund_window())
    return is_before_deadline(now=now, scheduled_start_time=slot.starts_at, refund_window=window)


def promote(free: "Iterable[Slot]", *, rows: locking.LockedRows, now: datetime) -> None:
    """Book those who wait, in order, into the free seats of locked slots; who cannot be booked is told why, once."""
    waited_for = [slot for slot in free if slot.id in rows.candidates and slot.seats_taken < slot.capacity]
    offered = [slot for slot in waited_for if _is_bookable(slot, now=now) and _is_early(slot, now=now)]
    if not offered:
        return
    choice = _Choice(offered, rows=rows, now=now)
    passed = [Offered(slot.id, choice.fill(slot)) for slot in offered]
    choice.write()
    for promotion in choice.promotions:
        announce_event(kind="booking.promoted", detail=promotion.detail)
    told = waitlist.pass_over(passed, now=now)
    jobs.defer_notices("passed_over", [(client_id, entry_id, 0) for client_id, entry_id in told])


class _Choice:
    """Who of those that wait gets a seat, decided under the locks; rows follow each decision."""

    def __init__(self, offered: "Sequence[Slot]", *, rows: locking.LockedRows, now: datetime) -> None:
        self.rows, self.now = rows, now
        self.promotions: list[Seating] = []
        pairs = [(slot, one.client_id) for slot in offered for one in rows.candidates[slot.id]]
        if pairs:
            clients = {client_id for _, client_id in pairs}
            renew_due([s for s in rows.subscriptions.values() if s.user_id in clients], now=now)
        self.facts = find_facts(pairs) if pairs else {}

    def fill(self, slot: "Slot") -> waitlist.Candidate | None:
        """The last who got a seat, where all of them are taken now; None where one is left."""
        last = None
        for candidate in self.rows.candidates[slot.id]:
            if slot.seats_taken >= slot.capacity:
                break
            if self._seat(slot, candidate.client_id):
                last = candidate
        return last if slot.seats_taken >= slot.capacity else None

    def _seat(self, slot: "Slot", client_id: UUID) -> bool:
        facts = self.facts[slot.id, client_id]
        if any(one.booking.client_id == client_id and _overlap(one.booking.slot, slot) for one in self.promotions):
            facts = replace(facts, is_overlapping=True)
        subscription = decide_booking(facts, subscriptions=self.rows.subscriptions_of(client_id), now=self.now)
        if isinstance(subscription, Refusal):
            return False
        booking = new_booking(slot=slot, subscription=subscription, client_id=client_id, now=self.now)
        slot.seats_taken += 1
        balance = None
        if subscription:
            balance = subscription.credits_remaining = subscription.credits_remaining - booking.credits
        self.promotions.append(Seating(booking, balance))
        return True

    def write(self) -> None:
        """Write what was decided. Raises TryAgain where somebody may not be booked any more."""
        about = [(one.booking.client_id, one.booking.id, 0) for one in self.promotions]
        if about and not write_seatings(
            self.promotions, now=self.now, event="booking.promoted", notice="booking_promoted", about=about
        ):
            raise errors.TryAgain


def _overlap(one: seats.SlotToSeat, other: seats.SlotToSeat) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def list_places(*, client_id: UUID, cursor: str = "") -> "Page[PlaceRow]":
    """What a client waits for, as they joined. Raises NotValid."""
    page = waitlist.list_page(client_id, now=clock.read_now(), cursor=cursor)
    wanted = [row["slot_id"] for row in page.rows]
    found = slots.find_rows(wanted, viewer_id=client_id, refund_window=refund_window())
    rows: list[PlaceRow] = [{**row, "slot": found[row["slot_id"]]} for row in page.rows]
    return Page(rows, page.next, page.previous)
