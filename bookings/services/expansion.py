"""A host's rules become slots: at once where the host changes something, and every hour as time goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings import errors
from bookings.policies.availability import Entry, choose_openings, expand_rules, find_renewable, find_unasked
from bookings.repositories import availability_rules, calendars, clock, hosts, locking, people, slots
from bookings.repositories.jobs import message_of
from bookings.repositories.rows import HostedSlotRow
from bookings.services.booking import refund_window
from bookings.services.hosting import CancelledSlots, close_slots, lock_calendar
from bookings.services.operations import attempt, operation, operation_within, undo_at_end
from bookings.services.slot_changes import (
    ChangedSlot,
    Reach,
    Values,
    change_slots,
    find_changed,
    follow_up,
    lock_concerned,
)

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule

Report = Callable[[int, int], None]
Concern = Callable[[Entry], bool]

# A rule of a date is over in every zone two days later.
KEEP_RULES = timedelta(days=2)
MOST_LEFT = 100
NOT_EXPANDED = "calendar_not_expanded"


@dataclass(frozen=True)
class CalendarChange:
    """What a change of rules did to the calendar.

    `left` are the first hundred slots that the rules ask for no more and that stay because they are booked, of
    `left_count` in all. `reach` is about slots that stay and say something else.
    """

    opened: int = 0
    closed: int = 0
    left: Sequence[HostedSlotRow] = ()
    left_count: int = 0
    bookings_cancelled: int = 0
    credits_refunded: int = 0
    reach: Reach = field(default_factory=Reach)

    @property
    def shown(self) -> tuple[object, ...]:
        """What a preview says of it."""
        counts = self.opened, self.closed, self.left_count, self.bookings_cancelled, self.credits_refunded
        return *counts, [row["id"] for row in self.left], self.reach.shown


@dataclass(frozen=True)
class Expansion:
    """What became of the hosts' calendars: slots added, and the hosts for whom it failed."""

    added: int = 0
    failed: list[UUID] = field(default_factory=list)


def rules_in_force(host_id: UUID, *, now: datetime) -> "list[AvailabilityRule]":
    """The host's rules, without dates that are over."""
    return availability_rules.list_rules(host_id, since=(now - KEEP_RULES).date())


@dataclass(frozen=True)
class Wish:
    """What a change of rules is to do besides opening and closing slots.

    Booked slots that it `concerns` and that rules ask for no more are told, or cancelled by the host's rule with
    `cancel_booked`. A slot that stays has the values that `looks` says of it. Mails have the host's `message`.
    """

    concerns: Concern = lambda entry: False
    cancel_booked: bool = False
    looks: Callable[[Entry], Values] = lambda entry: {}
    message: str = ""
    source: Values = field(default_factory=dict)


def fit_calendar(
    host_id: UUID,
    *,
    rules: "Sequence[AvailabilityRule]",
    now: datetime,
    zone: ZoneInfo | None = None,
    wish: Wish | None = None,
) -> CalendarChange:
    """Open and close slots of a calendar that the caller has locked until it is as `rules` ask; booked slots stay.

    Raises CapacityBelowSeats.
    """
    wish = wish or Wish()
    openings = expand_rules(rules=rules, zone=zone or people.zone_of(host_id), now=now)
    calendar = calendars.read_entries(host_id, now=now)
    unasked = find_unasked(calendar=calendar, openings=openings, now=now)
    booked = [entry.id for entry in unasked if entry.seats_taken and wish.concerns(entry)]
    cancelled_ids = booked if wish.cancel_booked else []
    left = [] if wish.cancel_booked else booked
    empty = [entry.id for entry in unasked if not entry.seats_taken]
    closed = {*empty, *cancelled_ids}
    looks = {one.id: wish.looks(one) for one in find_renewable(calendar, now=now) if one.id not in closed}
    kept = {rule.id for rule in rules}
    # The database lets the slots of a rule that is deleted forget it: those, too, are locked here, in one order.
    forgetful = [one.id for one in calendar if one.is_open and one.rule_id is not None and one.rule_id not in kept]
    looks = {slot_id: values for slot_id, values in looks.items() if values}
    changed = _renew_slots(unasked, looks, forgetful=forgetful)
    rows = lock_concerned(changed, now=now, hosted_slot_ids=cancelled_ids)
    cancelled = CancelledSlots([], 0, 0)
    if cancelled_ids:
        cancelled = close_slots(
            cancelled_ids, rows=rows, now=now, actor_id=host_id, frees_time=True, message=wish.message
        )
    calendars.close_slots(empty, now=now, told=message_of(wish.message))
    reach = follow_up(changed, rows=rows, message=wish.message, now=now, source=wish.source)
    stays = [entry for entry in calendar if entry.id not in closed]
    opened = calendars.insert_openings(choose_openings(openings=openings, calendar=stays, now=now))
    return CalendarChange(
        opened=opened,
        closed=len(closed),
        left=_read(left[:MOST_LEFT], host_id=host_id, now=now),
        left_count=len(left),
        bookings_cancelled=cancelled.bookings_cancelled,
        credits_refunded=cancelled.credits_refunded,
        reach=reach,
    )


def _renew_slots(
    unasked: Sequence[Entry], looks: dict[UUID, Values], *, forgetful: Sequence[UUID]
) -> list[ChangedSlot]:
    """Lock the slots that are concerned, all in one order, and give those of `looks` their values."""
    seats = locking.lock_open_slots([*(entry.id for entry in unasked), *looks, *forgetful])
    if any(seats.get(entry.id) != entry.seats_taken for entry in unasked):
        raise errors.TryAgain
    found = slots.list_slots(looks.keys() & seats.keys()) if looks else []
    return change_slots(find_changed((slot, looks[slot.id]) for slot in found))


def _read(slot_ids: list[UUID], *, host_id: UUID, now: datetime) -> list[HostedSlotRow]:
    if not slot_ids:
        return []
    return slots.list_hosted(host_id, now=now, refund_window=refund_window(), slot_ids=slot_ids)


@operation
def expand_host(now: datetime, /, *, host_id: UUID) -> int:
    """Bring the host's calendar up to date with the rules; how many slots were added. Raises NotAHost, Busy."""
    return _expand(host_id, now=now)


@operation
def count_missing(now: datetime, /, *, host_id: UUID) -> int:
    """How many slots `expand_host` would add; nothing is changed. Raises NotAHost, Busy."""
    added = _expand(host_id, now=now)
    undo_at_end()
    return added


@operation_within
def _expand_within(now: datetime, /, *, host_id: UUID) -> int:
    return _expand(host_id, now=now)


def _expand(host_id: UUID, *, now: datetime) -> int:
    lock_calendar(host_id)
    hosts.clear_expansion_due(host_id)
    return fit_calendar(host_id, rules=rules_in_force(host_id, now=now), now=now).opened


def expand_all(*, dry_run: bool = False, only_due: bool = False, report: Report | None = None) -> Expansion:
    """`expand_host` for every host with rules, each in a transaction of its own; with `dry_run` slots are counted only.

    One host's failure is logged and leaves the calendar due; with `only_due` those calendars alone are expanded.
    `report` is told how many hosts are done, and of how many.
    """
    wanted = hosts.list_expandable_hosts(now=clock.read_now(), only_due=only_due)
    expand = count_missing if dry_run else expand_host
    added, failed = 0, []
    for done, host_id in enumerate(wanted, start=1):
        found = attempt(expand, event=NOT_EXPANDED, host_id=host_id)
        if found is None:
            failed.append(host_id)
        added += found or 0
        if report is not None:
            report(done, len(wanted))
    if not dry_run:
        _note_failures(failed)
    return Expansion(added, failed)


@transaction.atomic
def _note_failures(host_ids: list[UUID]) -> None:
    for host_id in host_ids:
        hosts.set_expansion_due(host_id, now=clock.read_now())


def refill_calendar(*, user_id: UUID) -> None:
    """Fill the calendar of a host who is back, inside the caller's transaction; where it fails it stays due."""
    if people.is_usable_host(user_id) and attempt(_expand_within, event=NOT_EXPANDED, host_id=user_id) is None:
        _note_failures([user_id])
