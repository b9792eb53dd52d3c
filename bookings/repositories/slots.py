from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Count,
    DateTimeField,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    UUIDField,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from bookings.errors import NotFound
from bookings.models import Booking, BookingMove, Slot, WaitlistEntry
from bookings.policies.credits import refund_deadline, refund_window_of
from bookings.repositories.keyset import Found, Page, read_page
from bookings.repositories.people import joined_host, may_use
from bookings.repositories.rows import FeedSlotRow, HostedSlotRow, SlotRow, SlotsCount
from bookings.repositories.slot_filters import SlotFilter, is_not_over, wanted_slots

# As text: the ORM would spend more time on writing these two than the database on fifty rows of them.
_OWN_BOOKING = """
SELECT b.id FROM bookings_booking b
WHERE b.slot_id = bookings_slot.id AND b.client_id = %s AND b.status <> 'cancelled'
"""
_WAITING = """
EXISTS (SELECT FROM bookings_waitlistentry w
WHERE w.slot_id = bookings_slot.id AND w.client_id = %s AND w.status = 'waiting')
"""

_COLUMNS = (
    "id", "host_id", "host__login", "host__display_name", "host__time_zone", "title", "starts_at", "ends_at",
    "bookings_close_at", "capacity", "seats_taken", "status", "offering_id", "description", "place", "link",
    "price_credits", "refund_window_hours", "booking_id", "waiting",
)  # fmt: skip


def add_seats(slot: Slot, number: int) -> None:
    """Take that many seats, or give them back, of a slot that the caller has locked; the object follows."""
    slot.seats_taken += number
    slot.save(update_fields=["seats_taken"])


def find_slot(slot_id: UUID) -> Slot | None:
    """Anybody's slot, not locked."""
    return Slot.objects.filter(id=slot_id).first()


def get_own_slot(slot_id: UUID, *, host_id: UUID) -> Slot:
    """The host's own slot, not locked. Raises NotFound, also for somebody else's."""
    slot = Slot.objects.filter(id=slot_id, host_id=host_id).first()
    if slot is None:
        raise NotFound
    return slot


def list_open_ids(*, host_id: UUID, starts_from: datetime, starts_before: datetime | None = None) -> list[UUID]:
    """The host's open slots that start in `[starts_from, starts_before)`, not locked."""
    slots = Slot.objects.filter(host_id=host_id, status="open", starts_at__gte=starts_from)
    if starts_before is not None:
        slots = slots.filter(starts_at__lt=starts_before)
    return list(slots.order_by("id").values_list("id", flat=True))


def insert_slot(*, host_id: UUID, starts_at: datetime, **values: Any) -> Slot:
    """Add one slot to a calendar that the caller has locked; it can be booked until it starts."""
    return Slot.objects.create(host_id=host_id, starts_at=starts_at, bookings_close_at=starts_at, **values)


def has_open_slot(*, host_id: UUID, **values: Any) -> bool:
    """Whether a slot with all these values is open on the host's calendar."""
    return Slot.objects.filter(host_id=host_id, status="open", **values).exists()


def change_slot(slot: Slot, values: dict[str, Any]) -> None:
    """Give a slot that the caller has locked other values; the object follows, and so does the end of booking.

    Whatever rule has made it, from then on it is its host's.
    """
    notice = slot.starts_at - slot.bookings_close_at
    for name, value in values.items():
        setattr(slot, name, value)
    slot.bookings_close_at, slot.is_detached = slot.starts_at - notice, True
    slot.save(update_fields=[*values, "bookings_close_at", "is_detached"])


def change_alike(found: Sequence[Slot], values: dict[str, Any]) -> None:
    """Give slots that the caller has locked, and whose time stays, the same other values; the objects follow."""
    stored = dict(values)
    if "minimum_notice_minutes" in stored:
        stored["bookings_close_at"] = F("starts_at") - timedelta(minutes=stored.pop("minimum_notice_minutes"))
    Slot.objects.filter(id__in=[slot.id for slot in found]).update(**stored)
    for slot in found:
        for name, value in values.items():
            setattr(slot, name, value)


def list_slots(slot_ids: Iterable[UUID]) -> list[Slot]:
    """These slots by ascending id, not locked."""
    return list(Slot.objects.filter(id__in=set(slot_ids)).order_by("id"))


def reopen_slot(slot: Slot) -> None:
    """Open a cancelled slot that the caller has locked; from then on it is its host's, whatever rule has made it."""
    slot.status, slot.cancelled_at, slot.frees_time, slot.is_detached = "open", None, False, True
    slot.save(update_fields=["status", "cancelled_at", "frees_time", "is_detached"])


def cancel_slots(slot_ids: Iterable[UUID], *, now: datetime, frees_time: bool) -> None:
    """Close slots whose seats have been given back; with `frees_time` they forget the rule that made them."""
    forgotten = {"rule": None, "frees_time": True} if frees_time else {}
    found = Slot.objects.filter(id__in=list(slot_ids))
    found.update(status="cancelled", seats_taken=0, cancelled_at=now, **forgotten)


def _select(*, viewer_id: UUID | None) -> QuerySet[Any, Any]:
    """Slots with the viewer's own booking and place in the queue, by start. Nobody has neither."""
    own: Mapping[str, Any] = {"booking_id": Value(None, UUIDField()), "waiting": Value(False, BooleanField())}
    if viewer_id is not None:
        own = {
            "booking_id": RawSQL(_OWN_BOOKING, [viewer_id], output_field=UUIDField()),  # noqa: S611  # bound, not pasted
            "waiting": RawSQL(_WAITING, [viewer_id], output_field=BooleanField()),  # noqa: S611  # bound, not pasted
        }
    seen = Slot.objects.annotate(**own)
    rows: QuerySet[Any, Any] = seen.values(*_COLUMNS)
    return rows.order_by("starts_at", "id")


def _slot_row(found: Found, *, viewer_id: UUID | None, refund_window: timedelta) -> SlotRow:
    window = refund_window_of(found["refund_window_hours"], default=refund_window)
    return {
        "id": found["id"],
        "host": joined_host(found),
        "offering_id": found["offering_id"],
        "title": found["title"],
        "description": found["description"],
        "place": found["place"],
        "link": found["link"] if found["booking_id"] or found["host_id"] == viewer_id else None,
        "starts_at": found["starts_at"],
        "ends_at": found["ends_at"],
        "bookings_close_at": found["bookings_close_at"],
        "capacity": found["capacity"],
        "seats_taken": found["seats_taken"],
        "seats_left": found["capacity"] - found["seats_taken"],
        "status": found["status"],
        "price_credits": found["price_credits"],
        "refund_deadline": refund_deadline(scheduled_start_time=found["starts_at"], refund_window=window),
        "booking_id": found["booking_id"],
        "waiting": found["waiting"],
    }


def list_page(*, viewer_id: UUID | None, by: SlotFilter, refund_window: timedelta, cursor: str = "") -> Page[SlotRow]:
    """The slots that the filter lets through, of hosts who use their account, as the viewer sees them.

    A booking made now would have `refund_window` where the slot has none of its own. Raises NotValid.
    """
    found = _select(viewer_id=viewer_id).filter(may_use("host__"), wanted_slots(by))
    make_row = partial(_slot_row, viewer_id=viewer_id, refund_window=refund_window)
    return read_page(found, make_row=make_row, cursor=cursor)


def find_row(slot_id: UUID, *, viewer_id: UUID, refund_window: timedelta) -> SlotRow | None:
    """One slot as the viewer sees it, whoever hosts it."""
    found = _select(viewer_id=viewer_id).filter(id=slot_id).first()
    return _slot_row(found, viewer_id=viewer_id, refund_window=refund_window) if found else None


def find_rows(slot_ids: Iterable[UUID], *, viewer_id: UUID, refund_window: timedelta) -> dict[UUID, SlotRow]:
    """Slots as the viewer sees them, whoever hosts them, by id."""
    found = _select(viewer_id=viewer_id).filter(id__in=list(slot_ids))
    return {one["id"]: _slot_row(one, viewer_id=viewer_id, refund_window=refund_window) for one in found}


def find_public_row(slot_id: UUID, *, refund_window: timedelta) -> SlotRow | None:
    """One public slot that lies ahead, of a host who uses the account, as nobody in particular sees it."""
    found = _select(viewer_id=None).filter(may_use("host__"), wanted_slots(SlotFilter(public=True)), id=slot_id).first()
    return _slot_row(found, viewer_id=None, refund_window=refund_window) if found else None


def get_row(slot_id: UUID, *, viewer_id: UUID, refund_window: timedelta) -> SlotRow:
    """As `find_row`. Raises NotFound."""
    row = find_row(slot_id, viewer_id=viewer_id, refund_window=refund_window)
    if row is None:
        raise NotFound
    return row


def _select_hosted(host_id: UUID, *, now: datetime) -> QuerySet[Any, Any]:
    """The host's own slots that are not over, whatever their status, by start."""
    own = _select(viewer_id=host_id).filter(is_not_over(now), host_id=host_id).annotate(now=Value(now))
    rows: QuerySet[Any, Any] = own.values(*_COLUMNS, "now", "created_at", "cancelled_at")
    return rows


def _hosted_row(found: Found, *, refund_window: timedelta) -> HostedSlotRow:
    return {
        **_slot_row(found, viewer_id=found["host_id"], refund_window=refund_window),
        "now": found["now"],
        "created_at": found["created_at"],
        "cancelled_at": found["cancelled_at"],
    }


def list_hosted_page(
    host_id: UUID, *, when: str, now: datetime, refund_window: timedelta, cursor: str = ""
) -> Page[SlotRow]:
    """The host's own slots: open ones that are not over at `now` (`upcoming`, by start), open ones that are (`past`),
    or `cancelled` ones, these two latest first. Raises NotValid."""
    wanted = {
        "upcoming": is_not_over(now) & Q(status="open"),
        "past": Q(starts_at__lt=now, ends_at__lte=now, status="open"),
        "cancelled": Q(status="cancelled"),
    }[when]
    found = _select(viewer_id=host_id).filter(wanted, host_id=host_id)
    if when != "upcoming":
        found = found.order_by("-starts_at", "-id")
    make_row = partial(_slot_row, viewer_id=host_id, refund_window=refund_window)
    return read_page(found, make_row=make_row, cursor=cursor)


def list_hosted(
    host_id: UUID, *, now: datetime, refund_window: timedelta, slot_ids: Iterable[UUID] | None = None
) -> list[HostedSlotRow]:
    """The host's own slots that are not over at `now`, whatever their status, by start; `slot_ids` names some."""
    found = _select_hosted(host_id, now=now)
    if slot_ids is not None:
        found = found.filter(id__in=list(slot_ids))
    return [_hosted_row(one, refund_window=refund_window) for one in found]


def list_for_feed(host_id: UUID, *, since: datetime) -> list[FeedSlotRow]:
    """The host's own slots that were not over at `since`, whatever their status, by start: up to a year of them."""
    own = Slot.objects.filter(is_not_over(since), host_id=host_id).order_by("starts_at", "id")
    return [FeedSlotRow(*found) for found in own.values_list(*FeedSlotRow._fields)]


def count_by_day(bounds: Sequence[datetime], *, by: SlotFilter) -> dict[int, SlotsCount]:
    """What can be booked between each two neighbours of `bounds`, which rise, by the place of the first of the two.

    In one statement; stretches without a slot that is open for booking are left out.
    """
    # The bounds are instants, so the days are those of any zone, short and long ones included.
    number = Func(F("starts_at"), Value(list(bounds), ArrayField(DateTimeField())), function="width_bucket")
    wanted = Q(may_use("host__"), wanted_slots(replace(by, starts_from=bounds[0], starts_before=bounds[-1], open=True)))
    has_seat = Q(seats_taken__lt=F("capacity"))
    found = (
        Slot.objects.filter(wanted)
        .annotate(day_number=Cast(number, IntegerField()))
        .values("day_number")
        .order_by("day_number")
    )
    counted = found.annotate(
        open_slots=Count("id", filter=has_seat),
        full_slots=Count("id", filter=~has_seat),
        seats_left=Sum(F("capacity") - F("seats_taken")),
    )
    return {
        one["day_number"] - 1: {
            "open_slots": one["open_slots"],
            "full_slots": one["full_slots"],
            "seats_left": one["seats_left"],
        }
        for one in counted
    }


def count_booked(slot_ids: Iterable[UUID]) -> tuple[int, int]:
    """How many people have active bookings of these slots, and how many credits they would have back."""
    active = Q(bookings__status="active")
    found = Slot.objects.filter(id__in=list(slot_ids)).aggregate(
        people=Count("bookings__client", filter=active, distinct=True),
        credits=Sum(F("bookings__credits_charged") - F("bookings__credits_given_back"), filter=active),
    )
    return found["people"], found["credits"] or 0


def remove_unbooked(*, since: datetime | None, before: datetime, limit: int) -> tuple[int, datetime | None]:
    """Remove the first `limit` slots that begin from `since` on and ended before `before`, and that nobody was ever
    booked into or waited for; how many, and when the last of them begins."""
    unbooked = Slot.objects.filter(
        ~Exists(Booking.objects.filter(slot=OuterRef("pk"))),
        ~Exists(BookingMove.objects.filter(previous_slot=OuterRef("pk"))),
        ~Exists(WaitlistEntry.objects.filter(slot=OuterRef("pk"))),
        starts_at__lt=before,
        ends_at__lt=before,
    )
    if since is not None:
        unbooked = unbooked.filter(starts_at__gte=since)
    found = list(unbooked.order_by("starts_at").values_list("id", "starts_at")[:limit])
    removed, _ = Slot.objects.filter(id__in=[slot_id for slot_id, _ in found]).delete()
    return removed, found[-1][1] if found else None
