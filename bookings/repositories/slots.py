from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models import BooleanField, Count, Exists, F, OuterRef, Q, Sum, UUIDField, Value
from django.db.models.expressions import RawSQL

from bookings.models import AvailabilityRule, Booking, Slot, WaitlistEntry
from bookings.policies import Opening
from bookings.repositories.people import may_use
from bookings.repositories.rows import Row, Rows, columns, read_models

# The compare stands on the updated table itself, so PostgreSQL checks it again after waiting for the row.
TAKE_SEAT = f"""
UPDATE bookings_slot SET seats_taken = seats_taken + 1
WHERE id = %s AND status = 'open' AND seats_taken < capacity AND bookings_close_at > %s AND host_id <> %s
RETURNING {columns(Slot)}
"""  # noqa: S608  # names of columns

# As text: the ORM would spend more time on writing these two than the database on fifty rows of them.
OWN_BOOKING = """
SELECT b.id FROM bookings_booking b
WHERE b.slot_id = bookings_slot.id AND b.client_id = %s AND b.status <> 'cancelled'
"""
WAITING = """
EXISTS (SELECT FROM bookings_waitlistentry w
WHERE w.slot_id = bookings_slot.id AND w.client_id = %s AND w.status = 'waiting')
"""

ROW_FIELDS = (
    "id", "host_id", "host__login", "host__display_name", "host__time_zone", "title", "starts_at", "ends_at",
    "bookings_close_at", "capacity", "seats_taken", "status", "booking_id", "waiting",
)  # fmt: skip


@dataclass(frozen=True)
class SlotFilter:
    """Which slots a list holds; `open` is by status and by whether booking is still possible, `title` the whole one."""

    starts_from: datetime | None = None
    starts_before: datetime | None = None
    host_id: UUID | None = None
    open: bool | None = None
    title: str | None = None


def take_seat(slot_id: UUID, *, client_id: UUID, now: datetime) -> Slot | None:
    """Take one seat and lock the slot; None, and nothing touched, where there is no seat for this client."""
    return next(iter(read_models(Slot, TAKE_SEAT, [slot_id, now, client_id])), None)


def release_seat(slot_id: UUID) -> None:
    """Give one seat back. The slot is locked by the caller."""
    Slot.objects.filter(id=slot_id).update(seats_taken=F("seats_taken") - 1)


def find_slot(slot_id: UUID) -> Slot | None:
    """The slot, not locked."""
    return Slot.objects.filter(id=slot_id).first()


def find_slot_and_holding(slot_id: UUID, *, client_id: UUID) -> tuple[Slot, bool] | None:
    """The slot, not locked, and whether the client has a seat in it: both as of one instant."""
    seats = Booking.objects.filter(slot_id=OuterRef("id"), client_id=client_id).exclude(status="cancelled")
    slot = Slot.objects.annotate(is_held=Exists(seats)).filter(id=slot_id).first()
    return (slot, slot.is_held) if slot else None


def lock_slots(slot_ids: Iterable[UUID]) -> dict[UUID, Slot]:
    """These slots, locked by ascending id, by id."""
    slots = Slot.objects.filter(id__in=set(slot_ids)).order_by("id").select_for_update(no_key=True)
    return {slot.id: slot for slot in slots}


def lock_slot(slot_id: UUID) -> Slot | None:
    """One slot, locked; None where it does not exist."""
    return lock_slots([slot_id]).get(slot_id)


def list_open_ids(*, host_id: UUID, starts_from: datetime, starts_before: datetime | None = None) -> list[UUID]:
    """The host's open slots that start in `[starts_from, starts_before)`, not locked."""
    slots = Slot.objects.filter(host_id=host_id, status="open", starts_at__gte=starts_from)
    if starts_before is not None:
        slots = slots.filter(starts_at__lt=starts_before)
    return list(slots.order_by("id").values_list("id", flat=True))


def list_future_slots(*, host_id: UUID, now: datetime) -> list[Slot]:
    """The host's slots that are not over, whatever their status, by start."""
    return list(Slot.objects.filter(host_id=host_id, ends_at__gt=now).order_by("starts_at"))


def insert_slot(*, host_id: UUID, title: str, starts_at: datetime, ends_at: datetime, capacity: int) -> Slot:
    """Add one slot to a calendar that the caller has locked; it can be booked until it starts."""
    return Slot.objects.create(
        host_id=host_id,
        title=title,
        starts_at=starts_at,
        ends_at=ends_at,
        bookings_close_at=starts_at,
        capacity=capacity,
    )


def insert_openings(openings: Iterable[Opening], *, rules: dict[UUID, AvailabilityRule]) -> int:
    """Add what rules ask for to a calendar that the caller has locked; how many slots that were."""
    made = Slot.objects.bulk_create(
        Slot(
            host_id=rules[opening.rule_id].host_id,
            title=rules[opening.rule_id].title,
            capacity=rules[opening.rule_id].capacity,
            starts_at=opening.starts_at,
            ends_at=opening.ends_at,
            bookings_close_at=opening.bookings_close_at,
            rule_id=opening.rule_id,
            rule_date=opening.day,
            rule_place=opening.place,
        )
        for opening in openings
    )
    return len(made)


def cancel_slots(slot_ids: Iterable[UUID], *, now: datetime) -> None:
    """Close slots whose seats have been given back."""
    Slot.objects.filter(id__in=list(slot_ids)).update(status="cancelled", seats_taken=0, cancelled_at=now)


def withdraw_slots(slot_ids: Iterable[UUID]) -> set[UUID]:
    """Remove those of these slots, locked by the caller, that nobody has ever booked or waited for; their ids."""
    untouched = Slot.objects.filter(id__in=list(slot_ids)).filter(
        ~Exists(Booking.objects.filter(Q(slot=OuterRef("id")) | Q(moves__previous_slot=OuterRef("id")))),
        ~Exists(WaitlistEntry.objects.filter(slot=OuterRef("id"))),
    )
    ids = set(untouched.values_list("id", flat=True))
    Slot.objects.filter(id__in=ids).delete()
    return ids


def slot_rows(*, viewer_id: UUID, hidden: bool = False) -> Rows:
    """Slots as rows, with the viewer's own booking and place in the queue, by start.

    Slots of hosts who do not use their account are left out unless `hidden`.
    """
    slots = Slot.objects.all() if hidden else Slot.objects.filter(may_use("host__"))
    seen: Rows = slots.annotate(
        booking_id=RawSQL(OWN_BOOKING, [viewer_id], output_field=UUIDField()),  # noqa: S611  # bound, not pasted
        waiting=RawSQL(WAITING, [viewer_id], output_field=BooleanField()),  # noqa: S611  # bound, not pasted
    )
    return seen.order_by("starts_at", "id").values(*ROW_FIELDS)


def hosted_rows(host_id: UUID, *, now: datetime, slot_ids: Iterable[UUID] | None = None) -> Rows:
    """The host's own slots that are not over, whatever their status, by start; of `slot_ids` alone where given."""
    rows = slot_rows(viewer_id=host_id, hidden=True)
    if slot_ids is not None:
        rows = rows.filter(id__in=list(slot_ids))
    own: Rows = rows.filter(host_id=host_id, ends_at__gt=now).annotate(now=Value(now))
    return own.values(*ROW_FIELDS, "now", "created_at", "cancelled_at")


def count_booked(slot_ids: Iterable[UUID]) -> tuple[int, int]:
    """How many people have active bookings of these slots, and how many credits they paid for them."""
    active = Q(bookings__status="active")
    found = Slot.objects.filter(id__in=list(slot_ids)).aggregate(
        people=Count("bookings__client", filter=active, distinct=True),
        credits=Sum("bookings__credits_charged", filter=active),
    )
    return found["people"], found["credits"] or 0


def find_slot_row(slot_id: UUID, *, viewer_id: UUID) -> Row | None:
    """One slot as a row, whoever hosts it."""
    rows = slot_rows(viewer_id=viewer_id, hidden=True)
    return rows.filter(id=slot_id).first()


def filtered(rows: Rows, *, by: SlotFilter) -> Rows:
    """Only the rows that the filter lets through; without `starts_from` those that start from the database's now on."""
    wanted = Q(starts_at__gte=by.starts_from or TransactionNow())
    if by.starts_before is not None:
        wanted &= Q(starts_at__lt=by.starts_before)
    if by.host_id is not None:
        wanted &= Q(host_id=by.host_id)
    if by.title is not None:
        wanted &= Q(title=by.title)
    if by.open is not None:
        bookable = Q(status="open", bookings_close_at__gt=TransactionNow())
        wanted &= bookable if by.open else ~bookable
    found: Rows = rows.filter(wanted)
    return found
