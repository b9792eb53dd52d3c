"""What the staff and a host do for somebody, against what others do to the same at that moment.

Each two are raced; afterwards every rule of the audit holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import User
from bookings import errors
from bookings.models import Booking, Slot
from bookings.services.audit import find_breaches
from bookings.services.availability import change_rule
from bookings.services.booking import book_slot
from bookings.services.booking_in import book_person_in
from bookings.services.cancelling import cancel_booking, remove_client
from bookings.services.editing import edit_slot
from bookings.services.expansion import expand_host
from bookings.services.front_desk import (
    book_as_staff,
    cancel_booking_as_staff,
    cancel_slot_as_staff,
    give_back_as_staff,
    move_booking_as_staff,
)
from bookings.services.giving_back import give_back
from bookings.services.hosting import cancel_slot, mark_no_show, undo_no_show
from bookings.services.moving import reschedule_booking
from bookings.services.offerings import change_offering
from bookings.services.waiting import join_waitlist
from tests.bookings.committed import count_deadlocks, together
from tests.bookings.people import credits_of, make_person, make_slot, make_weekly, shift_start

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
# What one of two may be told because the other came first.
TOO_LATE = {
    "booking_not_active", "slot_cancelled", "slot_full", "already_booked", "overlapping_booking", "validation_error",
    "capacity_below_seats", "insufficient_credits", "cannot_book_person", "not_found",
}  # fmt: skip


@dataclass
class Scene:
    """A full session of weekly hours at a price, who holds its seat, somebody who waits, and a stranger."""

    name: str
    host: User = field(init=False)
    slot: Slot = field(init=False)
    booking_id: UUID = field(init=False)
    rule_id: UUID = field(init=False)
    offering_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.host = make_person(f"host-{self.name}", is_host=True)
        self.client, self.waiting, self.stranger = (make_person(f"{n}-{self.name}") for n in ("client", "next", "new"))
        self.slot = make_weekly(self.host, capacity=1, price_credits=2, place="Room 1")[0]
        self.rule_id, self.offering_id = self.slot.rule_id or uuid4(), self.slot.offering_id or uuid4()
        self.target = make_slot(self.host, hours=60)
        self.booking_id = book_slot(client_id=self.client.id, slot_id=self.slot.id)["id"]
        join_waitlist(client_id=self.waiting.id, slot_id=self.slot.id)

    def check(self) -> None:
        """Nobody has more than there was, and nobody pays for what they do not hold."""
        for person in (self.client, self.waiting, self.stranger):
            held = Booking.objects.filter(client=person, status__in=["active", "no_show"])
            kept = sum(one.credits_charged - one.credits_given_back for one in held)
            assert credits_of(person) == 5 - kept
        slot = Slot.objects.get(id=self.slot.id)
        assert slot.seats_taken == Booking.objects.filter(slot=slot, status="active").count() <= slot.capacity


def staff_move(one: Scene) -> Any:
    return move_booking_as_staff(booking_id=one.booking_id, slot_id=one.target.id)


def staff_cancel(one: Scene) -> Any:
    return cancel_booking_as_staff(booking_id=one.booking_id)


def staff_give_back(one: Scene) -> Any:
    return give_back_as_staff(booking_id=one.booking_id, credits=1, note="Sorry")


def staff_book(one: Scene) -> Any:
    return book_as_staff(person=str(one.stranger.id), slot_id=one.slot.id)


def staff_cancel_slot(one: Scene) -> Any:
    return cancel_slot_as_staff(slot_id=one.slot.id)


def client_cancels(one: Scene) -> Any:
    return cancel_booking(client_id=one.client.id, booking_id=one.booking_id)


def client_moves(one: Scene) -> Any:
    return reschedule_booking(client_id=one.client.id, booking_id=one.booking_id, slot_id=one.target.id)


def host_cancels(one: Scene) -> Any:
    return cancel_slot(host_id=one.host.id, slot_id=one.slot.id)


def host_removes(one: Scene) -> Any:
    return remove_client(host_id=one.host.id, booking_id=one.booking_id)


def host_books_in(one: Scene) -> Any:
    return book_person_in(host_id=one.host.id, slot_id=one.slot.id, person=str(one.stranger.id))


def host_edits(one: Scene) -> Any:
    return edit_slot(host_id=one.host.id, slot_id=one.slot.id, values={"place": "Room 3", "capacity": 2})


def host_changes_hours(one: Scene) -> Any:
    values = {"place": "Room 2", "capacity": 2}
    return change_rule(host_id=one.host.id, rule_id=one.rule_id, values=values)


def host_ends_hours(one: Scene) -> Any:
    values = {"weekday": one.slot.starts_at.isoweekday() % 7 + 1}
    return change_rule(host_id=one.host.id, rule_id=one.rule_id, values=values, cancel_booked=True)


def host_changes_offering(one: Scene) -> Any:
    values = {"price_credits": 1, "capacity": 2}
    return change_offering(host_id=one.host.id, offering_id=one.offering_id, values=values)


def expansion(one: Scene) -> Any:
    return expand_host(host_id=one.host.id)


ACTS: list[Callable[[Scene], Any]] = [
    staff_move, staff_cancel, staff_give_back, staff_book, staff_cancel_slot, client_cancels, client_moves,
    host_cancels, host_removes, host_books_in, host_edits, host_changes_hours, host_ends_hours, host_changes_offering,
    expansion,
]  # fmt: skip
PAIRS = list(combinations_with_replacement(ACTS, 2))


def codes(results: list[Any]) -> set[str]:
    """Of the refusals; anything else that was raised fails the test."""
    for one in results:
        if isinstance(one, Exception) and not isinstance(one, errors.BookingsError):
            raise one
    return {one.code for one in results if isinstance(one, errors.BookingsError)}


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_each_two_at_once(act: Callable[[Scene], Any]) -> None:
    deadlocks = count_deadlocks()
    for number, (first, second) in enumerate(pair for pair in PAIRS if pair[0] is act):
        scene = Scene(f"{act.__name__}-{number}".replace("_", "-"))
        results = together([partial(first, scene), partial(second, scene)])
        assert codes(results) <= TOO_LATE, (first.__name__, second.__name__)
        assert not all(isinstance(one, Exception) for one in results) or act in {staff_book, host_books_in}
        scene.check()
        assert find_breaches(with_jobs=False) == {}, (first.__name__, second.__name__)
    assert count_deadlocks() == deadlocks


def test_a_no_show_undone_against_what_else_is_done() -> None:
    """The client books what is at that time elsewhere, is given back credits, and is undone twice."""
    for number in range(6):
        host, other = (make_person(f"{name}{number}", is_host=True) for name in ("host", "other"))
        client = make_person(f"client{number}")
        missed, elsewhere = make_slot(host, hours=50), make_slot(other, hours=70)
        booking_id = book_slot(client_id=client.id, slot_id=missed.id)["id"]
        shift_start(missed, hours=-0.1)
        mark_no_show(host_id=host.id, booking_id=booking_id)
        # It begins soon and overlaps what was missed.
        shift_start(elsewhere, hours=0.2)
        undo = partial(undo_no_show, host_id=host.id, booking_id=booking_id)
        give = partial(give_back, booking_id=booking_id, credits=1, note="Sorry", actor_id=None, host_id=host.id)
        book = partial(book_slot, client_id=client.id, slot_id=elsewhere.id)
        results = together([undo, undo, give, book])
        assert codes(results) <= {"overlapping_booking"}
        active = Booking.objects.filter(client=client, status="active").count()
        assert active == 1, "the one or the other"
        assert find_breaches(with_jobs=False) == {}
