from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from bookings.models import Booking, BookingMove, Host, WaitlistEntry
from bookings.repositories.bookings import HOSTS_KEY
from bookings.repositories.people import may_use


class DueHost(NamedTuple):
    host_id: UUID
    told_until: datetime
    wish: str
    time_zone: str


class Change(NamedTuple):
    """What somebody else did with a host's session: `booked`, `promoted`, `cancelled` or `moved` (from this time)."""

    kind: str
    at: datetime
    booking_id: UUID
    client: str
    title: str
    starts_at: datetime
    ends_at: datetime


def take_due(*, now: datetime, limit: int) -> list[DueHost]:
    """Up to `limit` hosts whom there is something to tell, and who want to be told now, locked."""
    changed = Booking.objects.filter(host_id=OuterRef("pk"), changed_at__gte=OuterRef("told_until"))
    moved = BookingMove.objects.filter(previous_slot__host_id=OuterRef("pk"), moved_at__gte=OuterRef("told_until"))
    wish = Q(user__hosting_notifications="each") | Q(user__hosting_notifications="daily", tell_from__lte=now)
    hosts = Host.objects.filter(may_use("user__"), wish, Exists(changed) | Exists(moved), told_until__lt=now)
    taken = hosts.order_by("told_until").select_for_update(of=("self",), skip_locked=True, no_key=True)
    names = ("pk", "told_until", "user__hosting_notifications", "user__time_zone")
    return [DueHost(*found) for found in taken.values_list(*names)[:limit]]


def set_told(host_id: UUID, *, until: datetime, tell_from: datetime) -> None:
    """Note until when a host, locked by the caller, has been told, and when that may be done again."""
    Host.objects.filter(pk=host_id).update(told_until=until, tell_from=tell_from)


def list_changes(host_id: UUID, *, since: datetime, until: datetime, limit: int) -> list[Change]:
    """The first `limit` things that others did in `[since, until)`, in their order."""
    own = Booking.objects.filter(host_id=host_id)
    queued = WaitlistEntry.objects.filter(slot=OuterRef("slot"), client=OuterRef("client"), status="promoted")
    made = own.filter(created_at__gte=since, created_at__lt=until).annotate(was_queued=Exists(queued))
    made = made.exclude(idempotency_key__startswith=HOSTS_KEY)
    gone = own.filter(cancelled_by__in=["client", "staff"], cancelled_at__gte=since, cancelled_at__lt=until)
    moves = BookingMove.objects.filter(moved_at__gte=since, moved_at__lt=until)
    moves = moves.filter(Q(previous_slot__host_id=host_id) | Q(booking__host_id=host_id))
    changes = [_change("promoted" if b.was_queued else "booked", b.created_at, b) for b in _with_names(made, limit)]
    changes += [_change("cancelled", b.cancelled_at, b) for b in _with_names(gone, limit)]
    for move in moves.select_related("booking__client", "previous_slot").order_by("moved_at", "id")[:limit]:
        change = _change("moved", move.moved_at, move.booking)._replace(title=move.previous_slot.title)
        changes.append(change._replace(starts_at=move.previous_start_time, ends_at=move.previous_end_time))
    return sorted(changes, key=lambda change: (change.at, change.booking_id))[:limit]


def _with_names(found: Any, limit: int) -> Any:
    return found.select_related("client", "slot").order_by("changed_at", "id")[:limit]


def _change(kind: str, at: datetime, booking: Any) -> Change:
    client = booking.client.display_name or booking.client.login
    times = (booking.scheduled_start_time, booking.scheduled_end_time)
    return Change(kind, at, booking.id, client, booking.slot.title, *times)
