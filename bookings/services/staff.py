from datetime import datetime
from uuid import UUID

from accounts.services.lookup import get_person_called
from accounts.services.people import mark_host
from bookings import errors
from bookings.repositories import locking, slots
from bookings.services import credits as granting
from bookings.services.expansion import refill_calendar
from bookings.services.hosting import CancelledSlots, close_calendar
from bookings.services.operations import operation


@operation
def make_host(_: datetime, /, *, person: str, actor_id: UUID | None = None) -> UUID:
    """Let somebody, by login or id, offer sessions; their id. The rules that they have fill the calendar.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    mark_host(user_id=user_id, is_host=True, actor_id=actor_id)
    refill_calendar(user_id=user_id)
    return user_id


@operation
def end_hosting(
    now: datetime, /, *, person: str, cancel_booked: bool = False, actor_id: UUID | None = None
) -> CancelledSlots:
    """Let somebody, by login or id, offer sessions no more, and close their calendar.

    What is booked is cancelled by the host's rule with `cancel_booked`, and refused without: NotValid. Raises
    PersonNotFound and LoginAmbiguous of `accounts`, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    mark_host(user_id=user_id, is_host=False, actor_id=actor_id)
    locking.lock_host(user_id)
    ahead = slots.list_open_ids(host_id=user_id, starts_from=now)
    rows = locking.lock_for_release(now=now, hosted_slot_ids=ahead)
    if rows.bookings and not cancel_booked:
        raise errors.NotValid(
            f"{len(rows.bookings)} bookings of this host's sessions are ahead. Say that they are to be cancelled "
            "(--cancel-booked), which gives everybody their credits back, or wait until they are over."
        )
    return close_calendar(ahead, rows=rows, now=now, actor_id=actor_id)


def give_credits(*, person: str, credits: int, actor_id: UUID | None = None) -> UUID:
    """`grant_credits` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, NotValid, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return granting.grant_credits(user_id=user_id, credits=credits, actor_id=actor_id)


def give_plan(*, person: str, plan_name: str, renews: bool = True, actor_id: UUID | None = None) -> UUID:
    """`grant_plan` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, PlanUnknown, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return granting.grant_plan(user_id=user_id, plan_name=plan_name, renews=renews, actor_id=actor_id)
