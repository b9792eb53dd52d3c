from datetime import datetime
from uuid import UUID

from bookings import errors
from bookings.repositories import bookings, locking, offerings, people, slots, waitlist
from bookings.services.cancelling import by_client, release
from bookings.services.hosting import close_calendar
from bookings.services.operations import operation_within


@operation_within
def leave(now: datetime, /, *, user_id: UUID) -> None:
    """Cancel what a person who leaves had ahead, inside the transaction that deactivates or erases.

    Upcoming bookings go by the client's rule, open slots by the host's; rules fill the calendar again if the person
    comes back. Raises Busy.
    """
    if people.is_marked_host(user_id):
        locking.lock_host(user_id)
    booked = bookings.list_upcoming_of(user_id, now=now)
    hosted = slots.list_open_ids(host_id=user_id, starts_from=now)
    rows = locking.lock_for_release(now=now, booked=booked, hosted_slot_ids=hosted, client_ids=[user_id])
    if {b.id for b in bookings.list_upcoming_of(user_id, now=now)} != {b.id for b in booked}:
        raise errors.TryAgain
    waitlist.leave_all(user_id)
    own = [booking for booking in rows.bookings if booking.client_id == user_id]
    release(by_client(own, rows=rows, now=now), rows=rows, now=now, actor_id=user_id)
    close_calendar(hosted, rows=rows, now=now, actor_id=user_id)


@operation_within
def blank_offerings(now: datetime, /, *, user_id: UUID) -> None:
    """Blank what an erased host has written of places and rooms, inside the transaction that erases. Raises Busy."""
    offerings.blank_texts(user_id, now=now)
