"""A host's rules become slots: at once where the host changes something, and every hour as time goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings import errors
from bookings.policies.availability import Entry, choose_openings, expand_rules, find_unasked
from bookings.repositories import availability_rules, calendars, clock, hosts, locking, people, slots
from bookings.repositories.rows import HostedSlotRow
from bookings.services.booking import refund_window
from bookings.services.hosting import CancelledSlots, close_slots, lock_calendar
from bookings.services.operations import attempt, operation, operation_within

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
    `left_count` in all.
    """

    opened: int = 0
    closed: int = 0
    left: Sequence[HostedSlotRow] = ()
    left_count: int = 0
    bookings_cancelled: int = 0
    credits_refunded: int = 0


@dataclass(frozen=True)
class Expansion:
    """What became of the hosts' calendars: slots added, and the hosts for whom it failed."""

    added: int = 0
    failed: list[UUID] = field(default_factory=list)


def rules_in_force(host_id: UUID, *, now: datetime) -> "list[AvailabilityRule]":
    """The host's rules, without dates that are over."""
    return availability_rules.list_rules(host_id, since=(now - KEEP_RULES).date())


def fit_calendar(
    host_id: UUID,
    *,
    rules: "Sequence[AvailabilityRule]",
    now: datetime,
    zone: ZoneInfo | None = None,
    renewed: UUID | None = None,
    concerns: Concern = lambda entry: False,
    cancel_booked: bool = False,
) -> CalendarChange:
    """Open and close slots of a calendar that the caller has locked until it is as `rules` ask.

    The empty slots of the rule `renewed` are made anew. Booked slots stay; those that the change `concerns` are told,
    or cancelled by the host's rule with `cancel_booked`.
    """
    openings = expand_rules(rules=rules, zone=zone or people.zone_of(host_id), now=now)
    calendar = calendars.read_entries(host_id, now=now)
    unasked = find_unasked(calendar=calendar, openings=openings, now=now, renewed=renewed)
    seats = locking.lock_open_slots([entry.id for entry in unasked])
    if any(seats.get(entry.id) != entry.seats_taken for entry in unasked):
        raise errors.TryAgain
    booked = [entry.id for entry in unasked if entry.seats_taken and concerns(entry)]
    cancelled = _cancel(booked if cancel_booked else [], host_id=host_id, now=now)
    left = [] if cancel_booked else booked
    empty = [entry.id for entry in unasked if not entry.seats_taken]
    calendars.close_slots(empty, now=now)
    closed = {*empty, *cancelled.slot_ids}
    stays = [entry for entry in calendar if entry.id not in closed]
    opened = calendars.insert_openings(choose_openings(openings=openings, calendar=stays, now=now))
    return CalendarChange(
        opened=opened,
        closed=len(closed),
        left=_read(left[:MOST_LEFT], host_id=host_id, now=now),
        left_count=len(left),
        bookings_cancelled=cancelled.bookings_cancelled,
        credits_refunded=cancelled.credits_refunded,
    )


def _cancel(slot_ids: list[UUID], *, host_id: UUID, now: datetime) -> CancelledSlots:
    if not slot_ids:
        return CancelledSlots([], 0, 0)
    rows = locking.lock_for_release(now=now, hosted_slot_ids=slot_ids)
    return close_slots(slot_ids, rows=rows, now=now, actor_id=host_id, frees_time=True)


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
    transaction.set_rollback(True)
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
