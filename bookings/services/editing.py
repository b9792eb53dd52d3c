"""A host changes a session of their own: those concerned are told, and more seats go to the waitlist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.db import transaction

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.availability import LONGEST_SESSION
from bookings.policies.credits import has_started
from bookings.policies.previews import digest_of
from bookings.repositories import bookings, jobs, locking, people, slots, waitlist
from bookings.repositories.rows import ClientRow, SlotRow
from bookings.services.booking import refund_window, reminder_time
from bookings.services.cancelling import cancel_locked
from bookings.services.giving_back import favourable
from bookings.services.hosting import lock_calendar
from bookings.services.operations import operation
from bookings.services.upgrading import check_upgraded
from bookings.services.waiting import offer_seats

if TYPE_CHECKING:
    from bookings.models import Slot

Values = dict[str, Any]

TIMES = frozenset({"starts_at", "ends_at"})
# A session at another time or place is another session: whoever has booked it may leave without loss.
LEAVES_FREE = TIMES | {"place"}
# Nobody else has to know how many seats there are, and what is booked keeps its price and refund window.
UNTOLD = frozenset({"capacity", "price_credits", "refund_window_hours"})
# Those who wait are not shown it.
UNSEEN = frozenset({"link"})
# Mails and events name these without what they said.
CONFIDENTIAL = frozenset({"link", "description"})


class CancelledClient(TypedDict):
    """Somebody who is booked elsewhere at the new time, and what came back."""

    booking_id: UUID
    client: ClientRow
    credits_refunded: int


@dataclass(frozen=True)
class SlotChange:
    """What a change of a slot did: the fields that are different now, and whom it concerns.

    `seen` names all of it, for the confirmation of a preview.
    """

    slot: SlotRow
    changed: Sequence[str] = ()
    people_told: int = 0
    waiting_told: int = 0
    promoted: int = 0
    cancelled: Sequence[CancelledClient] = ()

    @property
    def seen(self) -> str:
        told = (self.changed, self.people_told, self.waiting_told, self.promoted)
        is_now = [self.slot[name] for name in ("title", "place", "starts_at", "ends_at", "capacity", "seats_taken")]
        return digest_of((told, is_now, [(one["booking_id"], one["credits_refunded"]) for one in self.cancelled]))


@operation
def edit_slot(
    now: datetime, /, *, host_id: UUID, slot_id: UUID, values: Values, message: str = "", seen: str | None = None
) -> SlotChange:
    """Give the host's own slot other values; those booked and waiting are told, with the host's message.

    `values` may hold title, description, place, link, capacity, starts_at and ends_at. A slot that a rule made stays
    as it is from then on, whatever becomes of the rule. Raises NotFound, NotAHost, SlotCancelled, SessionStarted,
    SlotStarted, SlotOverlaps, CapacityBelowSeats, NotValid, PreviewChanged where it is not what was `seen`, Busy.
    """
    change = _edit(now, host_id, slot_id, values, message)
    if seen not in {None, change.seen}:
        raise errors.PreviewChanged
    return change


@operation
def preview_edit(now: datetime, /, *, host_id: UUID, slot_id: UUID, values: Values, message: str = "") -> SlotChange:
    """What `edit_slot` would do, and the same refusals; nothing is changed and nobody is told."""
    change = _edit(now, host_id, slot_id, values, message)
    transaction.set_rollback(True)
    return change


def _edit(now: datetime, host_id: UUID, slot_id: UUID, values: Values, message: str) -> SlotChange:
    slot = lock_own_slot(slot_id, host_id=host_id)
    if slot.status == "cancelled":
        raise errors.SlotCancelled("This session is cancelled. Open it again before you change it.")
    was = {name: getattr(slot, name) for name, value in values.items() if value != getattr(slot, name)}
    if not was:
        return SlotChange(_row(slot_id, host_id))
    changes = {name: values[name] for name in was}
    _check(slot, changes, now=now)
    slots.change_slot(slot, changes)
    edit = _Edit(slot, was, message, now)
    rows = edit.lock()
    cancelled = edit.cancel_booked_elsewhere(rows)
    people_told, waiting_told = edit.tell_booked(), edit.tell_waiting()
    promoted = edit.offer_new_seats(rows)
    edit.record()
    return SlotChange(_row(slot_id, host_id), sorted(was), people_told, waiting_told, promoted, cancelled)


@dataclass(frozen=True)
class _Edit:
    """A locked slot that has been changed, and what it `was` before under the names of what has changed."""

    slot: "Slot"
    was: Values
    message: str
    now: datetime

    @property
    def is_moved(self) -> bool:
        return bool(self.was.keys() & TIMES)

    @property
    def is_larger(self) -> bool:
        return "capacity" in self.was and self.slot.capacity > int(self.was["capacity"])

    def lock(self) -> locking.LockedRows:
        """What the change concerns besides the slot. Who waits has agreed to the time before, so none of them is
        offered a seat at another."""
        one = [self.slot.id]
        hosted, offered = one if self.is_moved else [], one if self.is_larger and not self.is_moved else []
        return locking.lock_for_release(now=self.now, hosted_slot_ids=hosted, offered_slot_ids=offered)

    def cancel_booked_elsewhere(self, rows: locking.LockedRows) -> list[CancelledClient]:
        """Cancel, by the host's rule, those who have another booking at the new time."""
        pairs = [(self.slot, booking.client_id) for booking in rows.bookings] if self.is_moved else []
        occupied = {one.client_id for one in bookings.list_colliding(pairs) if one.slot_id != self.slot.id}
        leaving = [booking for booking in rows.bookings if booking.client_id in occupied]
        if not leaving:
            return []
        done = favourable(leaving, owned=rows.subscriptions, now=self.now)
        cancel_locked(done, rows=rows, now=self.now, actor_id=self.slot.host_id, by="host", told=self._told())
        clients = people.find_clients(booking.client_id for booking in leaving)
        return [
            {"booking_id": one.booking.id, "client": clients[one.booking.client_id], "credits_refunded": one.refund}
            for one in done
        ]

    def tell_booked(self) -> int:
        """Let the bookings follow the slot and tell their clients, until the session is over; how many."""
        if not self.was.keys() - UNTOLD:
            return 0
        notices = bookings.follow_slot(
            self.slot,
            now=self.now,
            is_moved=self.is_moved,
            is_free_to_leave=bool(self.was.keys() & LEAVES_FREE) and self.now < self.slot.starts_at,
            remind_at=reminder_time(starts_at=self.slot.starts_at, now=self.now),
        )
        if self.now >= self.slot.ends_at:
            return 0
        jobs.defer_notices("session_changed", notices, told=self._told())
        return len(notices)

    def tell_waiting(self) -> int:
        """Tell those who wait, until the session begins; how many. At another time they have to join again."""
        if self.is_moved:
            waitlist.pass_over_all(self.slot.id)
        if not self.was.keys() - UNTOLD - UNSEEN or self.now >= self.slot.starts_at:
            return 0
        revision = int(self.now.timestamp())
        waiting = [(client_id, slot_id, revision) for slot_id, client_id in waitlist.list_waiting([self.slot.id])]
        jobs.defer_notices("waiting_changed", waiting, told=self._told(unsaid=UNTOLD | UNSEEN))
        return len(waiting)

    def offer_new_seats(self, rows: locking.LockedRows) -> int:
        """Give seats that are new to those who wait, in order; how many got one."""
        slot = rows.slots.get(self.slot.id)
        if slot is None or self.is_moved:
            return 0
        before = slot.seats_taken
        offer_seats([slot], rows=rows, now=self.now)
        return slot.seats_taken - before

    def record(self) -> None:
        """One line of the audit trail."""
        is_now = {name: getattr(self.slot, name) for name in self.was}
        detail: dict[str, object] = {
            "slot_id": str(self.slot.id),
            "changed": sorted(self.was),
            "from": _told_values(self.was),
            "to": _told_values(is_now),
            "message": self.message,
        }
        record_event(kind="slot.changed", user_id=self.slot.host_id, actor_id=self.slot.host_id, detail=detail)

    def _told(self, *, unsaid: frozenset[str] = UNTOLD) -> jobs.Told:
        told: jobs.Told = {"changed": sorted(self.was.keys() - unsaid), "was": _told_values(self.was)}
        if self.is_moved:
            before = [self.was.get(name, getattr(self.slot, name)) for name in ("starts_at", "ends_at")]
            after = [self.slot.starts_at, self.slot.ends_at]
            times = {"moved_from": before, "moved_to": after}
            told |= {name: [instant.isoformat() for instant in period] for name, period in times.items()}
        return told | (jobs.message_of(self.message) or {})


def tell_of_change(slot: "Slot", *, was: Values, now: datetime) -> None:
    """Tell those booked and waiting what is different in a locked slot, and what it `was`: its offering has changed.

    Whoever is booked may leave without loss where the place is another.
    """
    edit = _Edit(slot, was, "", now)
    edit.tell_booked()
    edit.tell_waiting()


def _told_values(values: Values) -> dict[str, object]:
    """As JSON, without what is long or for few eyes."""
    shown = {name: value for name, value in values.items() if name not in CONFIDENTIAL}
    return {name: value.isoformat() if name in TIMES else value for name, value in shown.items()}


def lock_own_slot(slot_id: UUID, *, host_id: UUID) -> "Slot":
    """The host's own slot, locked after the host's calendar. Raises NotFound, NotAHost."""
    slots.get_own_slot(slot_id, host_id=host_id)
    lock_calendar(host_id)
    slot = locking.lock_slot(slot_id)
    if slot is None:
        raise errors.NotFound
    return slot


def _row(slot_id: UUID, host_id: UUID) -> SlotRow:
    return slots.get_row(slot_id, viewer_id=host_id, refund_window=refund_window())


def _check(slot: "Slot", changes: Values, *, now: datetime) -> None:
    """Raises CapacityBelowSeats, SessionStarted, SlotStarted, NotValid."""
    if changes.get("capacity", slot.capacity) < slot.seats_taken:
        raise errors.CapacityBelowSeats(extra={"seats_taken": slot.seats_taken})
    check_upgraded(dict.fromkeys(changes.keys() & LEAVES_FREE, True))
    if not changes.keys() & TIMES:
        return
    if has_started(now=now, scheduled_start_time=slot.starts_at):
        raise errors.SessionStarted("This session has started, so its time can no longer be changed.")
    starts_at, ends_at = changes.get("starts_at", slot.starts_at), changes.get("ends_at", slot.ends_at)
    if starts_at <= now:
        raise errors.SlotStarted("A session has to start in the future. Choose a later time.")
    if not timedelta(0) < ends_at - starts_at <= LONGEST_SESSION:
        raise errors.NotValid(extra={"errors": {"ends_at": ["End after the start and within 24 hours of it."]}})


@operation
def reopen_slot(now: datetime, /, *, host_id: UUID, slot_id: UUID) -> SlotRow:
    """Open the host's own cancelled slot for booking again, empty; its row. Nothing happens where it is open.

    No rule closes it from then on. Raises NotFound, NotAHost, SlotStarted, SlotOverlaps, Busy.
    """
    slot = lock_own_slot(slot_id, host_id=host_id)
    if slot.status == "cancelled":
        if slot.starts_at <= now:
            raise errors.SlotStarted("This session would have started already. Make a new one instead.")
        slots.reopen_slot(slot)
        record_event(kind="slot.reopened", user_id=host_id, actor_id=host_id, detail={"slot_id": str(slot_id)})
    return _row(slot_id, host_id)
