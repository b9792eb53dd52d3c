"""A client books every session of weekly hours for a time: one decision about what one preview has shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from accounts.services.events import announce_event
from bookings import errors
from bookings.policies.credits import refund_deadline, refund_window_of
from bookings.policies.previews import digest_of
from bookings.policies.seats import MOST_SESSIONS, Refusal, decide_booking
from bookings.repositories import bookings, locking, series, slots
from bookings.repositories.rows import BookingRow, SlotRow
from bookings.repositories.seatings import Seating, write_seatings
from bookings.repositories.series import SERIES_KEY
from bookings.services.booking import find_facts, new_booking, refund_window, refused
from bookings.services.operations import operation, undo_at_end
from bookings.services.renewing import renew_due

if TYPE_CHECKING:
    from bookings.models import Slot, Subscription


@dataclass(frozen=True)
class SeriesSession:
    """A session of the series, and why it is not booked with it; None: it is."""

    slot: SlotRow
    refusal: str | None


@dataclass(frozen=True)
class SeriesPreview:
    """What booking a series would do, and what names that in its confirmation (`seen`).

    `opened_until` is the last day, in the host's zone, whose session is open so far.
    """

    sessions: Sequence[SeriesSession]
    credits_charged: int
    opened_until: date | None
    seen: str


@dataclass(frozen=True)
class BookedSeries:
    """The bookings of a series by start, and what they cost when they were made."""

    bookings: Sequence[BookingRow]
    credits_charged: int


@dataclass(frozen=True)
class _Choice:
    """What is decided about one slot; `balance` is what the subscription that pays holds afterwards."""

    slot: "Slot"
    decision: "Subscription | Refusal | None"
    balance: int | None


@operation
def preview_series(now: datetime, /, *, client_id: UUID, slot_id: UUID, until: date) -> SeriesPreview:
    """What `book_series` would book of the slot's weekly sessions from it up to `until`, in the host's zone.

    Nothing is changed. Raises NotFound, NoSeries, NotValid, Busy.
    """
    first = _get_first(slot_id)
    found = series.list_slots(first, until=until, limit=MOST_SESSIONS + 1)
    if not found:
        raise errors.NotValid(extra={"errors": {"until": ["Choose the day of the first session, or a later one."]}})
    if len(found) > MOST_SESSIONS:
        sentence = f"A series has at most {MOST_SESSIONS} sessions. Choose an earlier day."
        raise errors.NotValid(extra={"errors": {"until": [sentence]}})
    choices = _decide(found, client_id=client_id, now=now)
    rows = slots.find_rows([slot.id for slot in found], viewer_id=client_id, refund_window=refund_window())
    opened_until = series.find_last_day(first)
    # What was renewed to find out who pays is renewed by the booking.
    undo_at_end()
    bookable = [one.slot for one in choices if not isinstance(one.decision, Refusal)]
    return SeriesPreview(
        sessions=[
            SeriesSession(rows[one.slot.id], one.decision.value if isinstance(one.decision, Refusal) else None)
            for one in choices
        ],
        credits_charged=sum(slot.price_credits for slot in bookable),
        opened_until=opened_until,
        seen=_name_shown(bookable),
    )


@operation
def book_series(
    now: datetime,
    /,
    *,
    client_id: UUID,
    slot_id: UUID,
    slot_ids: Sequence[UUID],
    expected_credits_charged: int,
    seen: str,
    idempotency_key: str | None = None,
) -> BookedSeries:
    """Book these sessions of a slot's series, all of them or none, as a preview has shown them.

    Each is a booking by itself afterwards; one mail tells of all. The same key and slots again give the same bookings.
    Raises NotFound, NoSeries, what `book_slot` raises with the `slot_id` of the first that it is about, PriceChanged
    where the sum is another, PreviewChanged where time, place or refund deadline is.
    """
    wanted, key = set(slot_ids), _key_of(idempotency_key)
    locked = locking.lock_slots(wanted)
    owned = list(locking.lock_subscriptions(user_ids=[client_id]).values())
    if earlier := series.list_booked(client_id=client_id, key=key):
        if {requested for _, requested in earlier} != wanted:
            raise errors.IdempotencyConflict
        return _booked([booking_id for booking_id, _ in earlier], client_id=client_id)
    chosen = sorted(locked.values(), key=lambda slot: (slot.starts_at, slot.id))
    _check_of_series(chosen, wanted=wanted, first=_get_first(slot_id))
    choices = _decide(chosen, client_id=client_id, now=now, owned=owned)
    _check_seen(choices, expected_credits_charged=expected_credits_charged, seen=seen)
    return _write(choices, client_id=client_id, key=key, now=now)


def has_series(*, slot_id: UUID) -> bool:
    """Whether a series can be booked from this slot on."""
    return _repeats(series.get_first(slot_id))


def _get_first(slot_id: UUID) -> "Slot":
    """Raises NotFound, NoSeries."""
    first = series.get_first(slot_id)
    if not _repeats(first):
        raise errors.NoSeries
    return first


def _repeats(slot: "Slot") -> bool:
    return slot.rule is not None and slot.rule.kind == "weekly"


def _check_of_series(chosen: "Sequence[Slot]", *, wanted: set[UUID], first: "Slot") -> None:
    """Raises PreviewChanged where a slot is gone or is none of the series any more."""
    ours = {slot.id for slot in chosen if (slot.rule_id, slot.rule_place) == (first.rule_id, first.rule_place)}
    if ours != wanted:
        raise errors.PreviewChanged


def _decide(
    wanted: "Sequence[Slot]", *, client_id: UUID, now: datetime, owned: "list[Subscription] | None" = None
) -> list[_Choice]:
    """One after the other, each as a booking by itself is decided; what one costs is gone for those after it."""
    if any(slot.price_credits for slot in wanted):
        owned = list(locking.lock_subscriptions(user_ids=[client_id]).values()) if owned is None else owned
        renew_due(owned, now=now)
    facts, choices = find_facts([(slot, client_id) for slot in wanted]), []
    for slot in wanted:
        decision, balance = decide_booking(facts[slot.id, client_id], subscriptions=owned or (), now=now), None
        if decision and not isinstance(decision, Refusal):
            balance = decision.credits_remaining = decision.credits_remaining - slot.price_credits
        choices.append(_Choice(slot, decision, balance))
    return choices


def _check_seen(choices: Sequence[_Choice], *, expected_credits_charged: int, seen: str) -> None:
    """Raises the first refusal; a price is looked at before the credits for it, as for one booking."""
    price, poor = sum(one.slot.price_credits for one in choices), Refusal.INSUFFICIENT_CREDITS
    refusals = [(one.slot, one.decision) for one in choices if isinstance(one.decision, Refusal)]
    for slot, refusal in sorted(refusals, key=lambda pair: pair[1] is poor):
        if refusal is poor and price != expected_credits_charged:
            break
        error = refused(refusal, price_credits=slot.price_credits)
        error.extra["slot_id"] = str(slot.id)
        raise error
    if price != expected_credits_charged:
        raise refused(Refusal.PRICE_CHANGED, price_credits=price)
    if seen != _name_shown([one.slot for one in choices]):
        raise errors.PreviewChanged


def _name_shown(bookable: "Sequence[Slot]") -> str:
    """Names what a preview says of sessions besides the sum."""
    default = refund_window()
    return digest_of(
        [
            (
                slot.id,
                slot.starts_at,
                slot.ends_at,
                slot.place,
                slot.price_credits,
                refund_deadline(
                    scheduled_start_time=slot.starts_at,
                    refund_window=refund_window_of(slot.refund_window_hours, default=default),
                ),
            )
            for slot in bookable
        ]
    )


def _key_of(idempotency_key: str | None) -> str:
    """What the keys of a series begin with. None is another one's, or a client's own."""
    return f"{SERIES_KEY}{hashlib.sha256((idempotency_key or uuid4().hex).encode()).hexdigest()} "


def _write(choices: Sequence[_Choice], *, client_id: UUID, key: str, now: datetime) -> BookedSeries:
    seatings = []
    for place, one in enumerate(choices):
        subscription = None if isinstance(one.decision, Refusal) else one.decision
        booking = new_booking(
            slot=one.slot, subscription=subscription, client_id=client_id, now=now, key=f"{key}{place}"
        )
        one.slot.seats_taken += 1
        seatings.append(Seating(booking, one.balance))
    made = [one.booking.id for one in seatings]
    if not write_seatings(
        seatings,
        now=now,
        event="booking.made",
        notice="series_booked",
        about=[(client_id, made[0], 0)],
        told={"booking_ids": [str(booking_id) for booking_id in made]},
    ):
        raise errors.TryAgain
    for seating in seatings:
        announce_event(kind="booking.made", detail=seating.detail)
    return _booked(made, client_id=client_id)


def _booked(booking_ids: Sequence[UUID], *, client_id: UUID) -> BookedSeries:
    rows = bookings.list_rows(booking_ids, client_id=client_id)
    return BookedSeries(rows, sum(row["credits_charged"] for row in rows))
