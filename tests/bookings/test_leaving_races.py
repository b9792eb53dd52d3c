"""Every way to a seat or a place in a queue beside every end of its client or of its host, on real connections.

Whichever comes first: what the end cancels is cancelled, nothing is made after it, and nobody else's rows change.
"""

import ast
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from accounts.services import erasure, people
from bookings import errors, repositories
from bookings.models import Booking, CreditEntry, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock
from bookings.services import booking, booking_in, cancelling, front_desk, moving, waiting
from tests.bookings.committed import together
from tests.bookings.people import make_person, make_slot, make_weekly, series_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
ROUNDS = 5
# All but the last race with the end; the last is tried when the end is over.
ACTS = 3
REPOSITORIES, SERVICES = (Path(module.__file__ or "").parent for module in (repositories, booking))
numbers = itertools.count()

Act = Callable[[], Any]
Prepare = Callable[[User, User, User], list[Act]]
MAKES: dict[str, Prepare] = {}
"""By the service function: prepares `ACTS` seats or places of a client at a host, with another who helps."""


def makes(
    function: str,
) -> Callable[[Callable[[User, User, User], list[Act]]], Callable[[User, User, User], list[Act]]]:
    def register(prepare: Callable[[User, User, User], list[Act]]) -> Callable[[User, User, User], list[Act]]:
        MAKES[function] = prepare
        return prepare

    return register


def make_slots(host: User, *, day: int = 4) -> list[Slot]:
    return [make_slot(host, hours=24 * day + 2 * number, capacity=1) for number in range(ACTS)]


@makes("booking.book_slot")
def book(client: User, host: User, other: User) -> list[Act]:
    return [partial(booking.book_slot, client_id=client.id, slot_id=slot.id) for slot in make_slots(host)]


@makes("waiting.join_waitlist")
def join_a_waitlist(client: User, host: User, other: User) -> list[Act]:
    slots = make_slots(host)
    for slot in slots:
        booking.book_slot(client_id=other.id, slot_id=slot.id)
    return [partial(waiting.join_waitlist, client_id=client.id, slot_id=slot.id) for slot in slots]


@makes("waiting.write")
def be_promoted(client: User, host: User, other: User) -> list[Act]:
    slots = make_slots(host)
    held = [booking.book_slot(client_id=other.id, slot_id=slot.id)["id"] for slot in slots]
    for slot in slots:
        waiting.join_waitlist(client_id=client.id, slot_id=slot.id)
    return [partial(cancelling.cancel_booking, client_id=other.id, booking_id=booking_id) for booking_id in held]


@makes("moving.reschedule_booking")
def reschedule(client: User, host: User, other: User) -> list[Act]:
    left = make_slots(make_person(f"linus{next(numbers)}", is_host=True), day=8)
    held = [booking.book_slot(client_id=client.id, slot_id=slot.id)["id"] for slot in left]
    pairs = zip(held, make_slots(host), strict=True)
    move = partial(moving.reschedule_booking, client_id=client.id)
    return [partial(move, booking_id=booking_id, slot_id=slot.id) for booking_id, slot in pairs]


@makes("booking_in.book_person_in")
def be_booked_in(client: User, host: User, other: User) -> list[Act]:
    book_in = partial(booking_in.book_person_in, host_id=host.id, person=str(client.id))
    return [partial(book_in, slot_id=slot.id) for slot in make_slots(host)]


@makes("series._write")
def book_a_series(client: User, host: User, other: User) -> list[Act]:
    first, *others = make_weekly(host, hours=ACTS)
    until = max(slot.rule_date for slot in others if slot.rule_date)
    return [series_of(client, slot, until=until) for slot in (first, *others[: ACTS - 1])]


@makes("front_desk.book_as_staff")
def be_booked_by_staff(client: User, host: User, other: User) -> list[Act]:
    return [
        partial(front_desk.book_as_staff, person=str(client.id), slot_id=slot.id, charge=False)
        for slot in make_slots(host)
    ]


@makes("front_desk.move_booking_as_staff")
def be_moved_by_staff(client: User, host: User, other: User) -> list[Act]:
    left = make_slots(make_person(f"linus{next(numbers)}", is_host=True), day=8)
    held = [booking.book_slot(client_id=client.id, slot_id=slot.id)["id"] for slot in left]
    pairs = zip(held, make_slots(host), strict=True)
    return [
        partial(front_desk.move_booking_as_staff, booking_id=booking_id, slot_id=slot.id) for booking_id, slot in pairs
    ]


def suspend(person: User) -> None:
    people.suspend_person(user_id=person.id, reason="x", actor_id=None, now=clock.read_now())


def deactivate(person: User) -> None:
    people.deactivate_person(user_id=person.id, now=clock.read_now())


def erase(person: User) -> None:
    erasure.erase_person(login_or_id=str(person.id), now=clock.read_now())


def held_by(client: User) -> list[Any]:
    """Seats and places, with the slot that each is in."""
    seats = Booking.objects.filter(client=client, status="active").values_list("id", "slot_id").order_by("id")
    places = WaitlistEntry.objects.filter(client=client, status="waiting").values_list("id", "slot_id").order_by("id")
    return [*seats, *places]


def at(host: User, held: list[Any]) -> list[Any]:
    hosted = set(Slot.objects.filter(host=host).values_list("id", flat=True))
    return [row for row in held if row[1] in hosted]


def rows_of(person: User) -> list[Any]:
    """Everything that this person has booked, waits for or has been charged."""
    owned = [Booking.objects.filter(client=person), WaitlistEntry.objects.filter(client=person)]
    paid = [Subscription.objects.filter(user=person), CreditEntry.objects.filter(subscription__user=person)]
    return [list(rows.order_by("id").values()) for rows in (*owned, *paid)]


def a_bystander() -> User:
    """Somebody who is booked and waits elsewhere."""
    host, bystander = make_person("margaret", is_host=True), make_person("bystander")
    booking.book_slot(client_id=bystander.id, slot_id=make_slot(host).id)
    full = make_slot(host, hours=90, capacity=1)
    booking.book_slot(client_id=make_person("barbara").id, slot_id=full.id)
    waiting.join_waitlist(client_id=bystander.id, slot_id=full.id)
    return bystander


def run_beside(end: Act, acts: list[Act]) -> None:
    """The end happens; what races with it is done or refused."""
    ended, *others = together([end, *acts])
    assert ended is None, ended
    for outcome in others:
        if isinstance(outcome, Exception) and not isinstance(outcome, errors.BookingsError):
            raise outcome


@pytest.mark.parametrize("whom", ["client", "host"])
@pytest.mark.parametrize("end", [suspend, deactivate, erase])
@pytest.mark.parametrize("prepare", MAKES.values())
def test_nothing_that_was_made_outlives_the_end(prepare: Prepare, end: Callable[[User], None], whom: str) -> None:
    bystander = a_bystander()
    before = rows_of(bystander)
    for _ in range(ROUNDS):
        number = next(numbers)
        client, host = make_person(f"ada{number}"), make_person(f"grace{number}", is_host=True)
        *acts, late = prepare(client, host, make_person(f"other{number}"))
        run_beside(partial(end, client if whom == "client" else host), acts)
        held = held_by(client)
        if end is not suspend:
            assert (held if whom == "client" else at(host, held)) == []
        # A place in a queue is no seat: it stays, or goes, and becomes no seat.
        run_beside(lambda: None, [late])
        assert set(held_by(client)) <= set(held)
    assert rows_of(bystander) == before


MAKERS = {"write_booking", "write_seatings", "insert_entry", "move_booking", "move_seat"}
# The table's rows call the first two; the last fills a demo's past, which nothing races with.
HELPERS = {"booking.write_booking", "moving.move_seat", "demo._add_past_session"}


def functions_of(folder: Path) -> list[tuple[str, ast.FunctionDef]]:
    return [
        (f"{path.stem}.{node.name}", node)
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]


def test_every_service_that_makes_a_seat_or_a_place_is_in_the_table() -> None:
    found = set()
    for name, function in functions_of(SERVICES):
        used = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(function)}
        if used & MAKERS:
            found.add(name)
    missing = found - HELPERS - set(MAKES)
    assert not missing, f"add a row to MAKES that races {missing} with the ends of its client and host"


def test_every_statement_that_makes_a_seat_or_a_place_is_known() -> None:
    """In repositories: a function that creates a row of either model, or a constant that inserts one."""
    creating = {
        name.partition(".")[2]
        for name, function in functions_of(REPOSITORIES)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr in {"create", "bulk_create", "get_or_create"}
        if any(f"{model}.objects" in ast.unparse(node) for model in ("Booking", "WaitlistEntry"))
    }
    inserting = {
        path.stem
        for path in REPOSITORIES.glob("*.py")
        if any(f"INSERT INTO bookings_{table}" in path.read_text() for table in ("booking (", "waitlistentry ("))
    }
    assert (creating, inserting) == ({"insert_entry"}, {"seatings", "seats"})
