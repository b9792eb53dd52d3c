from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.services.events import record_event, record_events
from bookings import errors
from bookings.policies.availability import MOST_RULES
from bookings.policies.credits import has_started
from bookings.policies.csv_files import write_csv
from bookings.policies.times import instant_of
from bookings.repositories import availability_rules, bookings, calendars, clock, locking, people, slots, waitlist
from bookings.repositories.jobs import message_of
from bookings.repositories.keyset import Page
from bookings.repositories.rows import BookingRow, RosterRow, SlotRow
from bookings.services.booking import refund_window
from bookings.services.cancelling import cancel_locked
from bookings.services.giving_back import favourable
from bookings.services.made_from import complete
from bookings.services.operations import operation
from bookings.services.upgrading import check_terms

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule, Slot


@dataclass(frozen=True)
class CancelledSlots:
    """What a host's cancellation did; `rule_id` is the day off that a cancelled day has become."""

    slot_ids: list[UUID]
    bookings_cancelled: int
    credits_refunded: int
    rule_id: UUID | None = None


@operation
def create_slot(now: datetime, /, *, host_id: UUID, starts_at: datetime, **values: Any) -> SlotRow:
    """Add a slot to the host's own calendar; its row.

    `values` are title, ends_at, capacity and what an offering says besides, or an `offering_id`, which says the rest.
    Raises NotAHost, SlotStarted, SlotOverlaps, NotValid, Busy.
    """
    lock_calendar(host_id)
    if starts_at <= now:
        raise errors.SlotStarted("A session has to start in the future. Choose a later time.")
    said = complete(values, host_id=host_id)
    check_terms(said)
    length = timedelta(minutes=said.pop("minutes", 0))
    values = {"starts_at": starts_at, "ends_at": starts_at + length, **said}
    if slots.has_open_slot(host_id=host_id, **values):
        sentence = "You have opened exactly this session already, so nothing was added."
        raise errors.SlotOverlaps(sentence, extra={"is_there": True})
    slot = slots.insert_slot(host_id=host_id, **values)
    record_event(kind="slot.created", user_id=host_id, detail={"slot_id": str(slot.id)})
    return slots.get_row(slot.id, viewer_id=host_id, refund_window=refund_window())


def lock_calendar(host_id: UUID) -> None:
    """Take the host's calendar for this transaction. Raises NotAHost for everybody else.

    The person is looked at after the lock: a deactivation that came first has finished.
    """
    if people.is_usable_host(host_id):
        locking.lock_host(host_id)
    people.check_host(host_id)


@operation
def cancel_slot(now: datetime, /, *, host_id: UUID, slot_id: UUID, message: str = "") -> CancelledSlots:
    """Cancel the host's own slot and refund everybody in full; the mails have the host's message.

    Raises NotFound, SlotCancelled, SessionStarted, Busy.
    """
    rows = lock_cancellable_slot(slots.get_own_slot(slot_id, host_id=host_id), now=now)
    return close_slots([slot_id], rows=rows, now=now, actor_id=host_id, message=message)


def lock_cancellable_slot(slot: "Slot", *, now: datetime) -> locking.LockedRows:
    """A slot, read without a lock, and what goes with it, locked. Raises SlotCancelled, SessionStarted."""
    if slot.status == "cancelled":
        raise errors.SlotCancelled("This session is cancelled already, and everybody was refunded.")
    if has_started(now=now, scheduled_start_time=slot.starts_at):
        raise errors.SessionStarted
    rows = locking.lock_for_release(now=now, hosted_slot_ids=[slot.id])
    locked = rows.slots.get(slot.id)
    if locked is None or locked.status != "open":
        raise errors.TryAgain
    return rows


@operation
def cancel_day(now: datetime, /, *, host_id: UUID, day: date, message: str = "") -> CancelledSlots:
    """Cancel every open slot of the host's that starts on `day` in the host's time zone and has not started.

    A day that is not over is a day off from then on, without extra hours. Raises NotAHost, NotValid, Busy.
    """
    lock_calendar(host_id)
    wanted = list_open_on(host_id=host_id, day=day)
    rows = locking.lock_for_release(now=now, hosted_slot_ids=wanted)
    open_ids = [slot.id for slot in rows.slots.values() if slot.status == "open" and now < slot.starts_at]
    done = close_slots(open_ids, rows=rows, now=now, actor_id=host_id, frees_time=True, message=message)
    return replace(done, rule_id=_take_day_off(host_id, day=day, now=now))


def _take_day_off(host_id: UUID, *, day: date, now: datetime) -> UUID | None:
    """The rule that makes it a day off; None for a day that is over."""
    today = now.astimezone(people.zone_of(host_id)).date()
    if day < today:
        return None
    rules = availability_rules.list_rules(host_id, since=today)
    of_day = {kind: [rule for rule in rules if rule.date == day and rule.kind == kind] for kind in ("extra", "day_off")}
    availability_rules.delete_rules(of_day["extra"])
    if of_day["day_off"]:
        return of_day["day_off"][0].id
    check_number(rules)
    rule = availability_rules.make_rule(host_id=host_id, values={"kind": "day_off", "date": day})
    availability_rules.insert_rule(rule)
    record_event(kind="availability.added", user_id=host_id, detail={"rule_id": str(rule.id), "rule_kind": "day_off"})
    return rule.id


def check_number(rules: "Sequence[AvailabilityRule]") -> None:
    """Raises NotValid where a host with these rules may have no more."""
    if len(rules) >= MOST_RULES:
        raise errors.NotValid(f"A host may have {MOST_RULES} rules at a time. Remove one that you need no more.")


def list_open_on(*, host_id: UUID, day: date) -> list[UUID]:
    """The host's open slots that start on `day` in the host's time zone. Raises NotAHost."""
    people.check_host(host_id)
    zone = people.zone_of(host_id)
    midnight = instant_of(day=day, wall_time=time.min, zone=zone)
    next_midnight = instant_of(day=day + timedelta(days=1), wall_time=time.min, zone=zone)
    return slots.list_open_ids(host_id=host_id, starts_from=midnight, starts_before=next_midnight)


def close_slots(
    slot_ids: Sequence[UUID],
    *,
    rows: locking.LockedRows,
    now: datetime,
    actor_id: UUID | None,
    frees_time: bool = False,
    by: str = "host",
    message: str = "",
) -> CancelledSlots:
    """Cancel slots of a host that `rows` hold, and refund their active bookings in full; who waits is told, too.

    It is done `by` the host or the `staff`. With `frees_time` rules may open their time again.
    """
    booked = [booking for booking in rows.bookings if booking.slot_id in slot_ids]
    cancellations = favourable(booked, owned=rows.subscriptions, now=now)
    told = message_of(message, by_staff=by == "staff")
    cancel_locked(cancellations, rows=rows, now=now, actor_id=actor_id, by=by, told=told)
    slots.cancel_slots(slot_ids, now=now, frees_time=frees_time)
    waitlist.close_queues(slot_ids, now=now, told=told)
    details = [(rows.slots[slot_id].host_id, {"slot_id": str(slot_id), "by": by}) for slot_id in slot_ids]
    record_events(kind="slot.cancelled", details=details, actor_id=actor_id)
    return CancelledSlots([*slot_ids], len(booked), sum(one.refund for one in cancellations))


def close_calendar(
    slot_ids: Sequence[UUID], *, rows: locking.LockedRows, now: datetime, actor_id: UUID | None
) -> CancelledSlots:
    """Take those of a host's slots that are open off the calendar: booked ones as `close_slots`, empty ones silently.

    Rules may open their time again.
    """
    still_open = [rows.slots[slot_id] for slot_id in slot_ids if rows.slots[slot_id].status == "open"]
    booked = [slot.id for slot in still_open if slot.seats_taken]
    calendars.close_slots([slot.id for slot in still_open if not slot.seats_taken], now=now)
    return close_slots(booked, rows=rows, now=now, actor_id=actor_id, frees_time=True)


@operation
def mark_no_show(now: datetime, /, *, host_id: UUID, booking_id: UUID) -> BookingRow:
    """Note that the client did not come, from the session's start on; the seat stays theirs and nothing is refunded.

    Raises NotFound, BookingNotActive, NotValid before the start.
    """
    bookings.get_booking(booking_id, host_id=host_id)
    (booking,) = locking.lock_bookings([booking_id])
    if booking.status != "active":
        raise errors.BookingNotActive
    if not has_started(now=now, scheduled_start_time=booking.scheduled_start_time):
        raise errors.NotValid("The session has not started. Note a no-show from its start on.")
    bookings.set_status(booking, "no_show", now=now)
    record_event(
        kind="booking.no_show", user_id=booking.client_id, actor_id=host_id, detail={"booking_id": str(booking_id)}
    )
    return bookings.get_row(booking_id, host_id=host_id)


@operation
def undo_no_show(now: datetime, /, *, host_id: UUID, booking_id: UUID) -> BookingRow:
    """Note that the client did come after all; nothing happens where nobody has noted otherwise.

    Raises NotFound, BookingNotActive where it was cancelled, OverlappingBooking where the client has booked another
    session at that time since, Busy.
    """
    read = bookings.get_booking(booking_id, host_id=host_id)
    locking.lock_subscriptions(user_ids=[read.client_id])
    (booking,) = locking.lock_bookings([booking_id])
    if booking.status == "cancelled":
        raise errors.BookingNotActive
    if booking.status == "no_show":
        if bookings.overlaps_another(booking):
            raise errors.OverlappingBooking("They have another booking at that time, so this stays as it is.")
        bookings.set_status(booking, "active", now=now)
        detail = {"booking_id": str(booking_id)}
        record_event(kind="booking.no_show_undone", user_id=booking.client_id, actor_id=host_id, detail=detail)
    return bookings.get_row(booking_id, host_id=host_id)


def list_hosted_slots(*, host_id: UUID, when: str = "upcoming", cursor: str = "") -> Page[SlotRow]:
    """A page of the host's own slots: `upcoming`, the next first, `past` or `cancelled`, the latest first.

    Raises NotAHost, NotValid.
    """
    people.check_host(host_id)
    now = clock.read_now()
    return slots.list_hosted_page(host_id, when=when, now=now, refund_window=refund_window(), cursor=cursor)


def render_roster(*, host_id: UUID, slot_id: UUID) -> str:
    """Those who hold a seat in the host's own slot, as CSV (RFC 4180). Raises NotFound."""
    slots.get_own_slot(slot_id, host_id=host_id)
    heading = ("name", "login", "email", "status", "booked_at", "credits_charged")
    rows = bookings.list_attending(slot_id)
    return write_csv(heading, [(*_client_cells(row), row["credits_charged"]) for row in rows])


def _client_cells(row: RosterRow) -> tuple[str, ...]:
    client = row["client"]
    booked_at = row["created_at"].isoformat(timespec="seconds")
    return client["display_name"], client["login"], client["email"] or "", row["status"], booked_at


def list_roster(*, host_id: UUID, slot_id: UUID, cursor: str = "") -> Page[RosterRow]:
    """The bookings of the host's own slot with their clients, as they were made. Raises NotFound, NotValid."""
    slots.get_own_slot(slot_id, host_id=host_id)
    return bookings.list_roster_page(slot_id, cursor=cursor)
