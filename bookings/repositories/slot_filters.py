"""Which slots a list of them holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.lookups import GreaterThan

from bookings.models import Booking
from bookings.policies.availability import LONGEST_SESSION


@dataclass(frozen=True)
class Moved:
    """A booking that looks for another slot."""

    booking_id: UUID
    client_id: UUID
    slot_id: UUID


@dataclass(frozen=True)
class SlotFilter:
    """Which slots a list holds; `open` is by status and by whether booking is still possible, `title` the whole one.

    `public` leaves out what has started, whatever `starts_from` says, and what is not made from a public offering.
    `has_seat` leaves out what is full. `fits` leaves what a booking can move to: another slot with a seat, of somebody
    else, beside the client's bookings.
    """

    starts_from: datetime | None = None
    starts_before: datetime | None = None
    host_id: UUID | None = None
    open: bool | None = None
    title: str | None = None
    offering_id: UUID | None = None
    public: bool = False
    has_seat: bool = False
    fits: Moved | None = None


def is_not_over(at: datetime) -> Q:
    # An index has the starts; the ends alone would make it read all that is over.
    return Q(starts_at__gt=at - LONGEST_SESSION, ends_at__gt=at)


def wanted_slots(by: SlotFilter) -> Q:
    """What the filter leaves; without `starts_from` the slots that start from the database's now on."""
    starts_from = by.starts_from or TransactionNow()
    wanted = Q(starts_at__gte=starts_from)
    if by.public:
        wanted &= Q(starts_at__gte=TransactionNow(), offering__public=True)
    if by.has_seat or by.fits:
        wanted &= Q(seats_taken__lt=F("capacity"))
    if by.fits is not None:
        wanted &= _fits(by.fits, starts_from=starts_from)
    if by.offering_id is not None:
        wanted &= Q(offering_id=by.offering_id)
    if by.starts_before is not None:
        wanted &= Q(starts_at__lt=by.starts_before)
    if by.host_id is not None:
        wanted &= Q(host_id=by.host_id)
    if by.title is not None:
        wanted &= Q(title=by.title)
    if by.open is not None:
        wanted &= _bookable(by) if by.open else ~_bookable(by)
    return wanted


def _bookable(by: SlotFilter) -> Q:
    # No slot can be booked once it has started, and every index of slots has the starts.
    ahead = Q(status="open", starts_at__gt=TransactionNow())
    if by.host_id is None and by.offering_id is None and by.starts_before is None:
        # The index of open slots by start passes over those that have closed.
        return ahead & Q(bookings_close_at__gt=TransactionNow())
    # PostgreSQL multiplies the shares of what starts and of what closes from now on, as if one did not imply the other.
    # It would expect hardly a slot, and read those of all hosts. Of a difference it has no statistics: a third.
    return ahead & Q(GreaterThan(F("bookings_close_at") - TransactionNow(), Value(timedelta(0))))


def _fits(moved: Moved, *, starts_from: datetime | TransactionNow) -> Q:
    # The bound that is no slot's lets the few bookings that may collide be read once, whatever is over.
    held = Booking.objects.filter(
        client_id=moved.client_id,
        status="active",
        scheduled_start_time__gt=starts_from - LONGEST_SESSION,
        scheduled_start_time__lt=OuterRef("ends_at"),
        scheduled_end_time__gt=OuterRef("starts_at"),
    )
    is_another = ~Q(id=moved.slot_id) & ~Q(host_id=moved.client_id)
    return is_another & ~Q(Exists(held.exclude(id=moved.booking_id)))
