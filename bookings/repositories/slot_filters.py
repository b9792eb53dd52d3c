"""Which slots a list of them holds."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.fields import RangeBoundary
from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, OuterRef, Q

from bookings.models import Booking
from bookings.models.fields import Period, period
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
    wanted = Q(starts_at__gte=by.starts_from or TransactionNow())
    if by.public:
        wanted &= Q(starts_at__gte=TransactionNow(), offering__public=True)
    if by.has_seat or by.fits:
        wanted &= Q(seats_taken__lt=F("capacity"))
    if by.fits is not None:
        wanted &= _fits(by.fits)
    if by.offering_id is not None:
        wanted &= Q(offering_id=by.offering_id)
    if by.starts_before is not None:
        wanted &= Q(starts_at__lt=by.starts_before)
    if by.host_id is not None:
        wanted &= Q(host_id=by.host_id)
    if by.title is not None:
        wanted &= Q(title=by.title)
    if by.open is not None:
        bookable = Q(status="open", bookings_close_at__gt=TransactionNow())
        wanted &= bookable if by.open else ~bookable
    return wanted


def _fits(moved: Moved) -> Q:
    during = Period(OuterRef("starts_at"), OuterRef("ends_at"), RangeBoundary())
    # By the exclusion constraint's index, however much the client has booked before.
    held = Booking.objects.alias(at=period("scheduled_start_time", "scheduled_end_time")).filter(
        client_id=moved.client_id, status="active", at__overlap=during
    )
    is_another = ~Q(id=moved.slot_id) & ~Q(host_id=moved.client_id)
    return is_another & ~Q(Exists(held.exclude(id=moved.booking_id)))
