"""What a host offers. Rules and slots are made from it; where they say what it says they follow its changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.services.events import record_event
from bookings import errors
from bookings.policies.previews import digest_of
from bookings.repositories import offerings, people
from bookings.repositories.keyset import Page
from bookings.repositories.rows import OfferingRow
from bookings.services.availability import change_rules
from bookings.services.expansion import CalendarChange
from bookings.services.hosting import lock_calendar
from bookings.services.operations import check_seen, operation
from bookings.services.slot_changes import change_slots, follow_up, lock_concerned
from bookings.services.upgrading import check_terms, check_upgraded

if TYPE_CHECKING:
    from bookings.models import Offering


@dataclass(frozen=True)
class OfferingChange:
    """An offering as it is now, what another length did to the calendar, and which slots ahead say what it says.

    `seen` names all of it.
    """

    offering: OfferingRow
    calendar: CalendarChange = field(default_factory=CalendarChange)

    @property
    def seen(self) -> str:
        return digest_of((self.offering, self.calendar.shown))


def list_offerings(*, viewer_id: UUID | None, host_id: UUID | None = None, cursor: str = "") -> Page[OfferingRow]:
    """What people offer, or one host does; archived ones for the host alone, for `None` what is public.

    Raises NotValid.
    """
    return offerings.list_page(viewer_id=viewer_id, host_id=host_id, cursor=cursor)


def list_own(*, host_id: UUID, cursor: str = "") -> Page[OfferingRow]:
    """What the host offers, archived offerings among it. Raises NotAHost, NotValid."""
    people.check_host(host_id)
    return offerings.list_page(viewer_id=host_id, host_id=host_id, cursor=cursor)


def list_usable(*, host_id: UUID) -> list[OfferingRow]:
    """What the host can make hours and slots from: the first 200 by title."""
    return offerings.list_usable(host_id=host_id)


def get_own(*, host_id: UUID, offering_id: UUID) -> OfferingRow:
    """The host's own offering. Raises NotFound."""
    return offerings.get_own_row(offering_id, host_id=host_id)


@operation
def add_offering(
    now: datetime, /, *, host_id: UUID, values: Mapping[str, Any], idempotency_key: str | None = None
) -> OfferingRow:
    """Add an offering; its row. The same key and values again give the same offering.

    Raises NotAHost, NotValid, IdempotencyConflict, Busy.
    """
    lock_calendar(host_id)
    if idempotency_key and (earlier := offerings.find_made_with(idempotency_key, host_id=host_id)):
        if any(getattr(earlier, name) != value for name, value in values.items()):
            raise errors.IdempotencyConflict("This Idempotency-Key was already used to offer something else.")
        return offerings.get_own_row(earlier.id, host_id=host_id)
    check_terms(values)
    offering = offerings.insert_offering(host_id=host_id, values=values, key=idempotency_key)
    _record("offering.added", offering, {})
    return offerings.get_own_row(offering.id, host_id=host_id)


@operation
def change_offering(
    now: datetime,
    /,
    *,
    host_id: UUID,
    offering_id: UUID,
    values: Mapping[str, Any],
    message: str = "",
    seen: str | None = None,
    is_preview: bool = False,
) -> OfferingChange:
    """Give the host's own offering other values, and with it the rules and the open slots ahead that say what it said.

    What is booked keeps its time, price and refund window; those booked and waiting are told of the rest, with the
    host's message. More seats go to those who wait. With `is_preview` all of it is undone at the end. Raises NotFound,
    NotValid, CapacityBelowSeats, PreviewChanged where it is not what was `seen`, Busy.
    """
    offering = lock_own(host_id=host_id, offering_id=offering_id)
    was = {name: getattr(offering, name) for name, value in values.items() if value != getattr(offering, name)}
    changes = {name: values[name] for name in was}
    check_terms(changes)
    check_upgraded({"place": "place" in changes})
    calendar = CalendarChange()
    if was:
        offerings.change_offering(offering, changes)
        calendar = _change_calendar(offering, was=was, changes=changes, message=message, now=now)
        reach = calendar.reach
        counts = {"coming_slots": reach.coming_slots, "booked_slots": reach.booked_slots}
        _record("offering.changed", offering, {"fields": sorted(changes), **counts})
    change = OfferingChange(offerings.get_own_row(offering_id, host_id=host_id), calendar)
    check_seen(change.seen, seen=seen, is_preview=is_preview)
    return change


def _change_calendar(
    offering: "Offering", *, was: Mapping[str, Any], changes: Mapping[str, Any], message: str, now: datetime
) -> CalendarChange:
    """Let hours and open slots ahead follow, field by field where they say what the offering `was`."""
    ours = {name: value for name, value in changes.items() if name not in {"minutes", "public"}}
    before = {name: was[name] for name in ours}
    # Before other rules' slots are, so that all are locked in one order.
    following = offerings.lock_following(offering.id, was=before, now=now) if ours else []
    calendar = change_rules(host_id=offering.host_id, offering_id=offering.id, was=was, values=changes, now=now)
    if calendar.closed:
        following = offerings.lock_following(offering.id, was=before, now=now) if ours else []
    wanted = [(slot, {name: ours[name] for name in offerings.same_values(slot, was=before)}) for slot in following]
    changed = change_slots(wanted)
    rows = lock_concerned(changed, now=now)
    source = {"offering_id": str(offering.id)}
    return replace(calendar, reach=follow_up(changed, rows=rows, message=message, now=now, source=source))


@operation
def archive_offering(now: datetime, /, *, host_id: UUID, offering_id: UUID) -> OfferingRow:
    """Make nothing new of the host's own offering; what was made from it stays. Twice is once.

    Raises NotFound, NotValid while hours are made from it, Busy.
    """
    offering = lock_own(host_id=host_id, offering_id=offering_id)
    if offerings.is_used_by_rules(offering_id):
        raise errors.NotValid("Hours of yours are made from this. Remove them, or make them from something else first.")
    if offering.archived_at is None:
        offerings.change_offering(offering, {"archived_at": now})
        _record("offering.archived", offering, {})
    return offerings.get_own_row(offering_id, host_id=host_id)


def lock_own(*, host_id: UUID, offering_id: UUID) -> "Offering":
    """The host's own offering, with the calendar locked. Raises NotFound."""
    try:
        lock_calendar(host_id)
    except errors.NotAHost as error:
        # Whoever hosts nothing offers nothing: somebody else's is not found, like every other thing of theirs.
        raise errors.NotFound from error
    offering = offerings.find_offering(offering_id, host_id=host_id)
    if offering is None:
        raise errors.NotFound
    return offering


def _record(kind: str, offering: "Offering", detail: dict[str, object]) -> None:
    about = {"offering_id": str(offering.id), **detail}
    record_event(kind=kind, user_id=offering.host_id, actor_id=offering.host_id, detail=about)
