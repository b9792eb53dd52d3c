from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.policies import clean_paragraphs
from accounts.services import notes
from accounts.services.lookup import get_person_called
from accounts.services.people import mark_host
from bookings import errors
from bookings.policies.previews import digest_of
from bookings.repositories import bookings, jobs, locking, slots
from bookings.services import credits as granting
from bookings.services.effects import Effects, find_effects
from bookings.services.expansion import refill_calendar
from bookings.services.hosting import close_calendar
from bookings.services.operations import check_seen, operation

NOTE_LENGTH = 2000


@operation
def write_note(_: datetime, /, *, user_id: UUID, text: str, actor_id: UUID) -> None:
    """Keep what the staff should know about a person.

    Raises PersonNotFound of `accounts`, NotValid where nothing of it can be seen or it is too long, Busy.
    """
    note = clean_paragraphs(text)
    if not 1 <= len(note) <= NOTE_LENGTH:
        raise errors.NotValid(f"Write a note of 1 to {NOTE_LENGTH} characters.")
    notes.write_note(user_id=user_id, text=note, actor_id=actor_id)


def find_client(*, booking_id: UUID) -> UUID | None:
    """Who has the booking of this number."""
    booking = bookings.find_booking(booking_id)
    return None if booking is None else booking.client_id


@dataclass(frozen=True)
class MadeHost:
    """Somebody who may offer sessions; `opened` are the sessions that their weekly hours ask for again."""

    user_id: UUID
    opened: int
    seen: str


@dataclass(frozen=True)
class EndedHosting:
    """What became, or would become, of a host's calendar: `closed` are the free sessions that are gone."""

    user_id: UUID
    closed: int
    bookings_cancelled: int
    credits_refunded: int
    effects: Effects


@operation
def make_host(
    now: datetime,
    /,
    *,
    person: str,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> MadeHost:
    """Let somebody, by login or id, offer sessions. The rules that they have fill the calendar.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, PreviewChanged where it is not what was `seen`, Busy.
    """
    found = get_person_called(login_or_id=person)
    before = len(slots.list_open_ids(host_id=found.id, starts_from=now))
    mark_host(user_id=found.id, is_host=True, actor_id=actor_id)
    refill_calendar(user_id=found.id)
    opened = len(slots.list_open_ids(host_id=found.id, starts_from=now)) - before
    shown = digest_of((found.is_host, opened))
    check_seen(shown, seen=seen, is_preview=is_preview)
    return MadeHost(found.id, opened, shown)


@operation
def end_hosting(
    now: datetime,
    /,
    *,
    person: str,
    cancel_booked: bool = False,
    actor_id: UUID | None = None,
    seen: str | None = None,
    is_preview: bool = False,
) -> EndedHosting:
    """Let somebody, by login or id, offer sessions no more, and close their calendar.

    What is booked is cancelled by the host's rule with `cancel_booked`, and refused without: NotValid. Raises
    PersonNotFound and LoginAmbiguous of `accounts`, PreviewChanged where it is not what was `seen`, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    mark_host(user_id=user_id, is_host=False, actor_id=actor_id)
    locking.lock_host(user_id)
    ahead = slots.list_open_ids(host_id=user_id, starts_from=now)
    rows = locking.lock_for_release(now=now, hosted_slot_ids=ahead)
    if rows.bookings and not cancel_booked:
        raise errors.NotValid(
            f"{len(rows.bookings)} bookings of this host's sessions are ahead. Choose to cancel them "
            "(--cancel-booked), which gives everybody their credits back, or wait until they are over."
        )
    still_open = sum(rows.slots[slot_id].status == "open" for slot_id in ahead)
    with jobs.noted_orders() as orders:
        done = close_calendar(ahead, rows=rows, now=now, actor_id=actor_id)
    closed, refund = still_open - len(done.slot_ids), done.credits_refunded
    effects = find_effects(orders=orders, slot_ids=done.slot_ids, now=now, also_shown=(closed, refund))
    check_seen(effects.seen, seen=seen, is_preview=is_preview)
    return EndedHosting(user_id, closed, done.bookings_cancelled, refund, effects)


def give_credits(*, person: str, credits: int, actor_id: UUID | None = None) -> UUID:
    """`grant_credits` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, NotValid, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return granting.grant_credits(user_id=user_id, credits=credits, actor_id=actor_id)


def give_plan(*, person: str, plan_name: str) -> UUID:
    """`grant_plan` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, PlanUnknown, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return granting.grant_plan(user_id=user_id, plan_name=plan_name)
