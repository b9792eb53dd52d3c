"""A host changes a session of their own: those concerned are told, and more seats go to the waitlist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.availability import LONGEST_SESSION
from bookings.policies.credits import has_started
from bookings.policies.previews import digest_of
from bookings.repositories import locking, slots
from bookings.repositories.rows import SlotRow
from bookings.services.booking import refund_window
from bookings.services.hosting import lock_calendar
from bookings.services.operations import check_seen, operation
from bookings.services.slot_changes import (
    LEAVES_FREE,
    TIMES,
    CancelledClient,
    ChangedSlot,
    Values,
    check_seats,
    follow_up,
    lock_concerned,
)
from bookings.services.upgrading import check_upgraded

if TYPE_CHECKING:
    from bookings.models import Slot


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
    now: datetime,
    /,
    *,
    host_id: UUID,
    slot_id: UUID,
    values: Values,
    message: str = "",
    seen: str | None = None,
    is_preview: bool = False,
) -> SlotChange:
    """Give the host's own slot other values; those booked and waiting are told, with the host's message.

    `values` may hold title, description, place, link, capacity, starts_at and ends_at. A slot that a rule made stays
    as it is from then on, whatever becomes of the rule. With `is_preview` all of it is undone at the end. Raises
    NotFound, NotAHost, SlotCancelled, SessionStarted, SlotStarted, SlotOverlaps, CapacityBelowSeats, NotValid,
    PreviewChanged where it is not what was `seen`, Busy.
    """
    change = _edit(now, host_id, slot_id, values, message)
    check_seen(change.seen, seen=seen, is_preview=is_preview)
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
    changed = [ChangedSlot(slot, was)]
    reach = follow_up(changed, rows=lock_concerned(changed, now=now), message=message, now=now)
    told = {"people_told": reach.people_told, "waiting_told": reach.waiting_told, "promoted": reach.promoted}
    return SlotChange(_row(slot_id, host_id), sorted(was), **told, cancelled=reach.cancelled)


def lock_own_slot(slot_id: UUID, *, host_id: UUID) -> "Slot":
    """The host's own slot, locked after the host's calendar. Raises NotFound, NotAHost."""
    slots.get_own_slot(slot_id, host_id=host_id)
    lock_calendar(host_id)
    return locking.lock_slot(slot_id)


def _row(slot_id: UUID, host_id: UUID) -> SlotRow:
    return slots.get_row(slot_id, viewer_id=host_id, refund_window=refund_window())


def _check(slot: "Slot", changes: Values, *, now: datetime) -> None:
    """Raises CapacityBelowSeats, SessionStarted, SlotStarted, NotValid."""
    check_seats([(slot, changes)])
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
