"""What the staff do for a person: book, move and cancel, by the rules that hold for the person and for the host.

With `is_preview` an operation does everything and undoes it at its end: its numbers are those that it would have.
Each answers with its effects. Where `seen` is given and they are not what it names, PreviewChanged undoes everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from accounts.policies import clean_paragraphs, describe_period
from accounts.services.lookup import get_person, get_person_called
from bookings import errors
from bookings.policies.counts import count, count_credits
from bookings.policies.seats import Refusal, decide_booking
from bookings.repositories import bookings, jobs, locking, slots
from bookings.repositories.bookings import STAFF_KEY
from bookings.repositories.cancellations import Cancellation
from bookings.repositories.rows import BookingRow, HostRow, SlotRow
from bookings.services.booking import find_facts, new_booking, refused, write_booking
from bookings.services.browsing import get_host, list_slots
from bookings.services.cancelling import by_client, lock_cancellable, release
from bookings.services.effects import Effects, StaffRow, find_effects
from bookings.services.giving_back import favourable, give_credits_back
from bookings.services.hosting import close_slots, lock_cancellable_slot
from bookings.services.moving import move_seat
from bookings.services.operations import check_seen, operation
from bookings.services.renewing import renew_due
from bookings.services.upgrading import check_booking_in

if TYPE_CHECKING:
    from bookings.models import Booking, Slot, Subscription

Refund = Literal["rule", "full"]
MESSAGE_LENGTH = 1000
# Errors speak to the person who books; the staff are spoken to about that person.
_SAID: dict[str, str] = {
    Refusal.NOT_FOUND: "This person or the host may not use the account at present. Look at their standing first.",
    Refusal.OWN_SLOT: "This is the person's own session. Choose a session of another host.",
    Refusal.ALREADY_BOOKED: "This person has a seat in this session already.",
    Refusal.OVERLAPPING_BOOKING: "This person has a booking at that time. Cancel or move it first.",
    Refusal.SLOT_STARTED: "This session has started. Choose a later one.",
    Refusal.SLOT_FULL: "Every seat of this session is taken. Let its host add seats, or choose another session.",
    Refusal.INSUFFICIENT_CREDITS: "No plan of this person's holds enough credits. Grant some, or charge nothing.",
    errors.LateReschedule.code: (
        "The refund deadline has passed, so this booking cannot be moved. Cancel it with the full refund and book the "
        "other session."
    ),
}


@dataclass(frozen=True)
class StaffCancelledSlot:
    """What the cancellation of a slot did, or would do."""

    bookings_cancelled: int
    credits_refunded: int
    effects: Effects


@operation
def book_as_staff(
    now: datetime,
    /,
    *,
    person: str,
    slot_id: UUID,
    charge: bool = True,
    expected_credits_charged: int | None = None,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> StaffRow:
    """Give somebody, by login or id, a seat until the session starts, for its price or without a charge; the booking.

    They are told and may leave without loss until the start, as whoever is booked in by somebody else.
    Raises PersonNotFound and LoginAmbiguous of `accounts`, NotFound, SlotCancelled, SlotStarted, SlotFull, OwnSlot,
    AlreadyBooked, OverlappingBooking, PriceChanged, InsufficientCredits, NotValid during an upgrade, Busy.
    """
    client_id = get_person_called(login_or_id=person).pk
    check_booking_in()
    slot = locking.lock_slot(slot_id, sentence="There is no session by that id.")
    price = slot.price_credits if charge else 0
    payer = _find_payer(slot, client_id, price=price, expected_price=expected_credits_charged, now=now)
    booking = new_booking(slot=slot, subscription=payer, client_id=client_id, now=now, key=f"{STAFF_KEY}{uuid4()}")
    booking = replace(booking, credits=price, made_by="staff", actor_id=actor_id)
    with jobs.noted_orders() as orders:
        write_booking(booking)
    return _end(booking.id, slot_ids=[slot_id], orders=orders, now=now, seen=seen, is_preview=is_preview)


def _find_payer(
    slot: "Slot", client_id: UUID, *, price: int, expected_price: int | None, now: datetime
) -> "Subscription | None":
    """The subscription that pays; None where nothing is paid."""
    owned = list(locking.lock_subscriptions(user_ids=[client_id]).values())
    # A minimum notice is for clients.
    facts = find_facts([(slot, client_id)])[slot.id, client_id]
    facts = replace(facts, price_credits=price, bookings_close_at=slot.starts_at)
    if price:
        renew_due(owned, now=now)
    decision = decide_booking(facts, subscriptions=owned, now=now, expected_price=expected_price)
    if isinstance(decision, Refusal):
        raise _said(refused(decision, price_credits=price), to=decision)
    return decision


@operation
def move_booking_as_staff(
    now: datetime,
    /,
    *,
    booking_id: UUID,
    slot_id: UUID,
    expected_credits_charged: int | None = None,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> StaffRow:
    """Move somebody's booking to another slot, by the rules of the person's own move; the booking.

    Raises NotFound, BookingNotActive, SessionStarted, LateReschedule, SlotCancelled, SlotStarted, SlotFull, OwnSlot,
    AlreadyBooked, OverlappingBooking, PriceChanged, InsufficientCredits, Busy.
    """
    read = bookings.find_booking(booking_id)
    if read is None:
        raise errors.NotFound("There is no booking by that id.")
    if slots.find_slot(slot_id) is None:
        raise errors.NotFound("There is no session by that id.")
    left_id, price = read.slot_id, expected_credits_charged
    try:
        with jobs.noted_orders() as orders:
            move_seat(read, slot_id=slot_id, now=now, actor_id=actor_id, expected_price=price, by="staff")
    except errors.BookingsError as error:
        raise _said(error, to=error.code) from error
    return _end(booking_id, slot_ids=[left_id, slot_id], orders=orders, now=now, seen=seen, is_preview=is_preview)


@operation
def cancel_booking_as_staff(
    now: datetime,
    /,
    *,
    booking_id: UUID,
    refund: Refund = "full",
    by: str = "staff",
    message: str = "",
    expected_credits_refunded: int | None = None,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> StaffRow:
    """Cancel somebody's booking; the booking. The seat goes to whoever waits.

    A `full` refund comes back usable, whatever the deadline, and the client reads that the `staff`, or `by` the `host`,
    cancelled. With that of the `rule` it is the client's own cancellation, which the staff enter.
    Raises NotFound, BookingNotActive, SessionStarted, RefundChanged where the refund is not the expected, NotValid
    for too long a message, Busy.
    """
    words = _clean(message)
    rows = lock_cancellable(booking_id, now=now)
    found = _cancellation_of(rows.bookings[0], rows=rows, refund=refund, now=now)
    if expected_credits_refunded not in {None, found.refund}:
        raise errors.RefundChanged(extra={"credits_refunded": found.refund})
    by = "client" if refund == "rule" else by
    told = jobs.message_of(words, by_staff=by != "host")
    with jobs.noted_orders() as orders:
        release([found], rows=rows, now=now, actor_id=actor_id, by=by, told=told)
    slot_ids = [found.booking.slot_id]
    return _end(booking_id, slot_ids=slot_ids, orders=orders, now=now, seen=seen, is_preview=is_preview)


def _cancellation_of(booking: "Booking", *, rows: locking.LockedRows, refund: Refund, now: datetime) -> Cancellation:
    if refund == "rule":
        (found,) = by_client([booking], rows=rows, now=now)
    else:
        (found,) = favourable([booking], owned=rows.subscriptions, now=now)
    return found


@operation
def cancel_slot_as_staff(
    now: datetime,
    /,
    *,
    slot_id: UUID,
    message: str = "",
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> StaffCancelledSlot:
    """Cancel a host's slot and refund everybody in full; they and the host are told, with the message.

    Raises NotFound, SlotCancelled, SessionStarted, NotValid for too long a message, Busy.
    """
    words = _clean(message)
    slot = slots.find_slot(slot_id)
    if slot is None:
        raise errors.NotFound("There is no session by that id.")
    rows = lock_cancellable_slot(slot, now=now)
    with jobs.noted_orders() as orders:
        done = close_slots([slot_id], rows=rows, now=now, actor_id=actor_id, by="staff", message=words)
        told = jobs.message_of(words, by_staff=True)
        jobs.defer_notices("slot_cancelled_by_staff", [(slot.host_id, slot_id, int(now.timestamp()))], told=told)
    refund = done.credits_refunded
    effects = find_effects(orders=orders, slot_ids=[slot_id], now=now, also_shown=refund)
    check_seen(effects.seen, seen=seen, is_preview=is_preview)
    return StaffCancelledSlot(done.bookings_cancelled, refund, effects)


@operation
def give_back_as_staff(
    now: datetime,
    /,
    *,
    booking_id: UUID,
    credits: int,
    note: str,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> StaffRow:
    """`give_back` for a member of the staff. Raises NotFound, NotValid, Busy."""
    with jobs.noted_orders() as orders:
        give_credits_back(now, booking_id=booking_id, credits=credits, note=note, actor_id=actor_id)
    return _end(booking_id, slot_ids=[], orders=orders, now=now, seen=seen, is_preview=is_preview)


def list_bookable(*, viewer_id: UUID, host: str = "") -> list[tuple[UUID, str]]:
    """The next sessions with a free seat, of everybody or of the host with that login, with what they are in words."""
    try:
        host_id = get_host(login=host, viewer_id=viewer_id)["id"] if host else None
    except errors.NotFound:
        return []
    found = list_slots(viewer_id=viewer_id, is_open=True, host_id=host_id).rows
    return [(row["id"], _offered(row)) for row in found if row["seats_left"]]


def _offered(row: SlotRow) -> str:
    seats, cost = count(row["seats_left"], "seat"), count_credits(row["price_credits"])
    return f"{describe_slot(row)}, {seats} free, {cost}"


def describe_slot(row: SlotRow) -> str:
    """A session in words, in its host's time zone."""
    return _session(row["title"], row["host"], row["starts_at"], row["ends_at"])


def describe_person(*, user_id: UUID) -> str:
    """Raises PersonNotFound of `accounts`."""
    person = get_person(user_id=user_id)
    return f"{person.display_name or person.login} ({person.login})"


def describe_booking(row: BookingRow) -> str:
    """A booking's session, and what has become of the booking."""
    state = {"active": "booked", "no_show": "did not come"}.get(row["status"], row["status"])
    return f"{describe_session(row)}: {state}"


def describe_session(row: BookingRow) -> str:
    """A booking's session in words, in its host's time zone."""
    return _session(row["title"], row["host"], row["scheduled_start_time"], row["scheduled_end_time"])


def _session(title: str, host: HostRow, start: datetime, end: datetime) -> str:
    return f'"{title}" with {host["login"]}, {describe_period(start, end, zone=ZoneInfo(host["time_zone"]))}'


def _said(error: errors.BookingsError, *, to: str) -> errors.BookingsError:
    """The same error, in words for the staff where there are some."""
    return type(error)(_SAID[to], extra=error.extra) if to in _SAID else error


def _clean(message: str) -> str:
    """What mails say in somebody's own words. Raises NotValid."""
    if len(message) > MESSAGE_LENGTH:
        raise errors.NotValid(f"Write a message of at most {MESSAGE_LENGTH} characters.")
    return clean_paragraphs(message)


def _end(
    booking_id: UUID,
    *,
    slot_ids: Sequence[UUID],
    orders: Sequence[jobs.Order],
    now: datetime,
    seen: str | None,
    is_preview: bool,
) -> StaffRow:
    row = bookings.get_roster_row(booking_id)
    effects = find_effects(orders=orders, slot_ids=slot_ids, now=now, row=row)
    check_seen(effects.seen, seen=seen, is_preview=is_preview)
    return {**row, "effects": effects}
