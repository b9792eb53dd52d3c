from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, Subquery

from bookings.models import Subscription, WaitlistEntry
from bookings.repositories.people import may_use
from bookings.repositories.rows import Rows

# So many of those who wait for one slot are locked at once when a seat is free.
CANDIDATES = 20
WAITING_FIELDS = (
    "slot_id", "joined_at", "position", "slot__title", "slot__starts_at", "slot__ends_at",
    "slot__host__id", "slot__host__login", "slot__host__display_name", "slot__host__time_zone",
)  # fmt: skip


def insert_entry(*, slot_id: UUID, client_id: UUID, now: datetime) -> WaitlistEntry:
    """Put the client at the end of the queue."""
    return WaitlistEntry.objects.create(slot_id=slot_id, client_id=client_id, joined_at=now)


def find_waiting(*, slot_id: UUID, client_id: UUID) -> WaitlistEntry | None:
    """The client's place in this queue."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, client_id=client_id, status="waiting").first()


def count_before(entry: WaitlistEntry) -> int:
    """How many wait in front of this entry."""
    earlier = Q(joined_at__lt=entry.joined_at) | Q(joined_at=entry.joined_at, id__lt=entry.id)
    return WaitlistEntry.objects.filter(earlier, slot_id=entry.slot_id, status="waiting").count()


def list_candidates(slot_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, list[UUID]]:
    """For each slot the clients who wait and have a usable credit, first come first."""
    credit = Subscription.objects.filter(
        user=OuterRef("client"), credits_remaining__gt=0, starts_at__lte=now, ends_at__gt=now
    )
    entries = WaitlistEntry.objects.filter(
        Exists(credit), may_use("client__"), slot_id__in=list(slot_ids), status="waiting"
    )
    waiting: dict[UUID, list[UUID]] = defaultdict(list)
    for slot_id, client_id in entries.order_by("joined_at", "id").values_list("slot_id", "client_id"):
        if len(waiting[slot_id]) < CANDIDATES:
            waiting[slot_id].append(client_id)
    return waiting


def list_waiting(slot_ids: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    """Slot and client of everybody who waits, first come first."""
    entries = WaitlistEntry.objects.filter(slot_id__in=list(slot_ids), status="waiting")
    return list(entries.order_by("joined_at", "id").values_list("slot_id", "client_id"))


def count_waiting(slot_id: UUID) -> int:
    """How many wait for this slot."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, status="waiting").count()


def set_status(status: str, *, slot_id: UUID, client_id: UUID) -> int:
    """Take a client out of a queue; how many places were given up."""
    return WaitlistEntry.objects.filter(slot_id=slot_id, client_id=client_id, status="waiting").update(status=status)


def close_queues(slot_ids: Iterable[UUID]) -> None:
    """Nobody waits for these slots any more."""
    WaitlistEntry.objects.filter(slot_id__in=list(slot_ids), status="waiting").update(status="closed")


def leave_all(client_id: UUID) -> None:
    """The client waits for nothing any more."""
    WaitlistEntry.objects.filter(client_id=client_id, status="waiting").update(status="left")


def waiting_rows(client_id: UUID, *, now: datetime) -> Rows:
    """What a client waits for, by start, as rows; `position` 1 is next."""
    entries = WaitlistEntry.objects.filter(client_id=client_id, status="waiting", slot__starts_at__gt=now)
    earlier = Q(joined_at__lt=OuterRef("joined_at")) | Q(joined_at=OuterRef("joined_at"), id__lte=OuterRef("id"))
    queue = WaitlistEntry.objects.filter(earlier, slot_id=OuterRef("slot_id"), status="waiting")
    counted = queue.order_by().values("slot_id").annotate(people=Count("id")).values("people")
    rows: Rows = entries.annotate(position=Subquery(counted)).order_by("slot__starts_at", "id")
    return rows.values(*WAITING_FIELDS)
