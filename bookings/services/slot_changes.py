"""What follows from other values of a host's sessions: those concerned are told, and more seats go to the waitlist."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from accounts.policies import describe_period
from accounts.services.events import record_events
from bookings import errors
from bookings.repositories import bookings, jobs, locking, people, slots, waitlist
from bookings.repositories.cancellations import Cancellation
from bookings.repositories.rows import ClientRow
from bookings.services.booking import reminder_time
from bookings.services.cancelling import cancel_locked
from bookings.services.giving_back import favourable
from bookings.services.waiting import offer_seats

if TYPE_CHECKING:
    from bookings.models import Slot

Values = dict[str, Any]

TIMES = frozenset({"starts_at", "ends_at"})
# A session at another time or place is another session: whoever has booked it may leave without loss.
LEAVES_FREE = TIMES | {"place"}
# Nobody else has to know how many seats there are, and what is booked keeps its price and refund window.
UNTOLD = frozenset({"capacity", "price_credits", "refund_window_hours", "offering_id", "minimum_notice_minutes"})
# Those who wait are not shown it.
UNSEEN = frozenset({"link"})
# Mails and events name these without what they said.
CONFIDENTIAL = frozenset({"link", "description"})
# Of sessions with too many taken seats a refusal names so many, and its sentence the first ones.
MOST_NAMED, NAMED_IN_WORDS = 100, 3


class CancelledClient(TypedDict):
    """Somebody who is booked elsewhere at the new time, and what came back."""

    booking_id: UUID
    client: ClientRow
    credits_refunded: int


@dataclass(frozen=True)
class ChangedSlot:
    """A locked slot that has been changed, and what it `was` before under the names of what has changed."""

    slot: "Slot"
    was: Values

    @property
    def is_moved(self) -> bool:
        return bool(self.was.keys() & TIMES)

    @property
    def is_larger(self) -> bool:
        return "capacity" in self.was and self.slot.capacity > int(self.was["capacity"])

    def told(self, message: str, *, unsaid: Collection[str] = UNTOLD) -> jobs.Told:
        """What mails say of it."""
        told: jobs.Told = {"changed": sorted(self.was.keys() - unsaid), "was": told_values(self.was)}
        if self.is_moved:
            before = [self.was.get(name, getattr(self.slot, name)) for name in ("starts_at", "ends_at")]
            after = [self.slot.starts_at, self.slot.ends_at]
            times = {"moved_from": before, "moved_to": after}
            told |= {name: [instant.isoformat() for instant in period] for name, period in times.items()}
        return told | (jobs.message_of(message) or {})


@dataclass(frozen=True)
class Reach:
    """How many sessions ahead a change reaches, those of them that are booked, and whom it concerns."""

    coming_slots: int = 0
    booked_slots: int = 0
    people_told: int = 0
    waiting_told: int = 0
    promoted: int = 0
    cancelled: Sequence[CancelledClient] = ()

    @property
    def shown(self) -> tuple[int, ...]:
        """What a preview says of it."""
        told = self.people_told, self.waiting_told, self.promoted
        return self.coming_slots, self.booked_slots, *told


def find_changed(wanted: "Iterable[tuple[Slot, Values]]") -> "list[tuple[Slot, Values]]":
    """The slots of `wanted` that do not say it yet, each with what is different."""
    found = []
    for slot, values in wanted:
        different = {name: value for name, value in values.items() if value != getattr(slot, name)}
        if different:
            found.append((slot, different))
    return found


def change_slots(wanted: "Sequence[tuple[Slot, Values]]") -> list[ChangedSlot]:
    """Give locked slots these values, which they do not have yet, in a statement for each set of them.

    Raises CapacityBelowSeats, which names the sessions, before anything is changed.
    """
    check_seats(wanted)
    changed = [ChangedSlot(slot, {name: getattr(slot, name) for name in values}) for slot, values in wanted]
    alike: dict[tuple[tuple[str, Any], ...], list[Slot]] = {}
    for slot, values in wanted:
        alike.setdefault(tuple(sorted(values.items())), []).append(slot)
    for same, found in alike.items():
        slots.change_alike(found, dict(same))
    return changed


def check_seats(wanted: "Sequence[tuple[Slot, Values]]") -> None:
    """Raises CapacityBelowSeats where any of these slots would have fewer seats than are taken."""
    small = [slot for slot, values in wanted if values.get("capacity", slot.capacity) < slot.seats_taken]
    if not small:
        return
    small.sort(key=lambda slot: slot.starts_at)
    named = [
        {
            "id": str(slot.id),
            "title": slot.title,
            "starts_at": slot.starts_at.isoformat(),
            "seats_taken": slot.seats_taken,
        }
        for slot in small[:MOST_NAMED]
    ]
    extra: dict[str, object] = {"seats_taken": max(slot.seats_taken for slot in small), "sessions": named}
    raise errors.CapacityBelowSeats(_name_small(small) if len(wanted) > 1 else "", extra=extra)


def _name_small(small: "Sequence[Slot]") -> str:
    zone = people.zone_of(small[0].host_id)
    named = [
        f'"{slot.title}", {describe_period(slot.starts_at, slot.ends_at, zone=zone)}: {slot.seats_taken}'
        for slot in small[:NAMED_IN_WORDS]
    ]
    rest = f"; and {len(small) - len(named)} more" if len(small) > len(named) else ""
    return f"More seats than that are taken ({'; '.join(named)}{rest}). Choose at least as many, or change these first."


def lock_concerned(
    changed: Sequence[ChangedSlot], *, now: datetime, hosted_slot_ids: Collection[UUID] = ()
) -> locking.LockedRows:
    """What the changes concern besides the locked slots, and the bookings of `hosted_slot_ids`.

    Who waits has agreed to the time before, so none of them is offered a seat at another.
    """
    moved = [one.slot.id for one in changed if one.is_moved]
    offered = [one.slot.id for one in changed if one.is_larger and not one.is_moved]
    return locking.lock_for_release(now=now, hosted_slot_ids=[*moved, *hosted_slot_ids], offered_slot_ids=offered)


def follow_up(
    changed: Sequence[ChangedSlot],
    *,
    rows: locking.LockedRows,
    message: str,
    now: datetime,
    source: Values | None = None,
) -> Reach:
    """Let bookings and queues follow changed slots, whose `rows` are locked; the mails have the host's message.

    In a known number of statements, however many slots keep their time. `source` says in the audit trail what all of
    them follow; without one each is recorded, whoever it concerns.
    """
    booked = sum(one.slot.seats_taken > 0 for one in changed)
    cancelled = _cancel_booked_elsewhere(changed, rows=rows, message=message, now=now)
    people_told = _tell_booked(changed, message=message, now=now)
    waiting = waitlist.list_waiting([one.slot.id for one in changed]) if changed else []
    waiting_told = _tell_waiting(changed, waiting, message=message, now=now)
    promoted = _offer_new_seats(changed, rows=rows, now=now)
    concerned = {slot_id for slot_id, _ in waiting}
    recorded = [one for one in changed if source is None or one.slot.seats_taken or one.slot.id in concerned]
    _record(recorded, message, source or {})
    return Reach(len(changed), booked, people_told, waiting_told, promoted, cancelled)


def _cancel_booked_elsewhere(
    changed: Sequence[ChangedSlot], *, rows: locking.LockedRows, message: str, now: datetime
) -> list[CancelledClient]:
    """Cancel, by the host's rule, those who have another booking at the new time of a slot."""
    done: list[Cancellation] = []
    for one in changed:
        if not one.is_moved:
            continue
        booked = [booking for booking in rows.bookings if booking.slot_id == one.slot.id]
        pairs = [(one.slot, booking.client_id) for booking in booked]
        occupied = {other.client_id for other in bookings.list_colliding(pairs) if other.slot_id != one.slot.id}
        leaving = [booking for booking in booked if booking.client_id in occupied]
        if leaving:
            found = favourable(leaving, owned=rows.subscriptions, now=now)
            told = one.told(message)
            cancel_locked(found, rows=rows, now=now, actor_id=one.slot.host_id, by="host", told=told)
            done += found
    clients = people.find_clients(found.booking.client_id for found in done) if done else {}
    return [
        {"booking_id": found.booking.id, "client": clients[found.booking.client_id], "credits_refunded": found.refund}
        for found in done
    ]


def _tell_booked(changed: Sequence[ChangedSlot], *, message: str, now: datetime) -> int:
    """Let the bookings follow their slots and tell their clients, until the session is over; how many clients."""
    said = {one.slot.id: one for one in changed if one.was.keys() - UNTOLD}
    for one in said.values():
        if one.is_moved:
            bookings.take_times(one.slot, remind_at=reminder_time(starts_at=one.slot.starts_at, now=now))
    free = [one.slot.id for one in said.values() if one.was.keys() & LEAVES_FREE and now < one.slot.starts_at]
    followed = bookings.follow_slots([*said], free_to_leave=free, now=now) if said else []
    told = [(notice, said[slot_id].told(message)) for slot_id, notice in followed if now < said[slot_id].slot.ends_at]
    jobs.defer_told("session_changed", told)
    return len({client_id for (client_id, _, _), _ in told})


def _tell_waiting(
    changed: Sequence[ChangedSlot], waiting: Sequence[tuple[UUID, UUID]], *, message: str, now: datetime
) -> int:
    """Tell those who wait, until the session begins; how many. At another time they have to join again."""
    for one in changed:
        if one.is_moved:
            waitlist.pass_over_all(one.slot.id)
    unsaid, revision = UNTOLD | UNSEEN, int(now.timestamp())
    said = {one.slot.id: one for one in changed if one.was.keys() - unsaid and now < one.slot.starts_at}
    told = [
        ((client_id, slot_id, revision), said[slot_id].told(message, unsaid=unsaid))
        for slot_id, client_id in waiting
        if slot_id in said
    ]
    jobs.defer_told("waiting_changed", told)
    return len({client_id for (client_id, _, _), _ in told})


def _offer_new_seats(changed: Sequence[ChangedSlot], *, rows: locking.LockedRows, now: datetime) -> int:
    """Give seats that are new to those who wait, in order, or near the start tell them; how many got one."""
    larger = [rows.slots[one.slot.id] for one in changed if one.is_larger and not one.is_moved]
    before = sum(slot.seats_taken for slot in larger)
    offer_seats(larger, rows=rows, now=now)
    return sum(slot.seats_taken for slot in larger) - before


def _record(changed: Sequence[ChangedSlot], message: str, source: Values) -> None:
    """A line of the audit trail for each."""
    details = [(one.slot.host_id, _detail(one, message, source)) for one in changed]
    if details:
        record_events(kind="slot.changed", details=details, actor_id=details[0][0])


def _detail(one: ChangedSlot, message: str, source: Values) -> dict[str, object]:
    return {
        "slot_id": str(one.slot.id),
        "changed": sorted(one.was),
        "from": told_values(one.was),
        "to": told_values({name: getattr(one.slot, name) for name in one.was}),
        "message": message,
        **source,
    }


def told_values(values: Mapping[str, Any]) -> dict[str, object]:
    """As JSON, without what is long or for few eyes."""
    shown = {name: value for name, value in values.items() if name not in CONFIDENTIAL}
    return {name: _as_json(value) for name, value in shown.items()}


def _as_json(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
