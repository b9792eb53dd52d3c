"""What happens at the same instant, on real connections. After each race every rule of the audit holds."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription
from bookings.repositories import clock
from bookings.repositories.rows import BookingRow
from bookings.services.availability import add_rule
from bookings.services.booking import book_slot
from bookings.services.booking_in import book_person_in
from bookings.services.cancelling import cancel_booking, remove_client
from bookings.services.credits import grant_credits
from bookings.services.editing import edit_slot
from bookings.services.expansion import expand_host
from bookings.services.giving_back import give_back
from bookings.services.hosting import cancel_day, cancel_slot, create_slot
from bookings.services.moving import reschedule_booking
from bookings.services.renewing import settle_subscriptions
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.committed import count_deadlocks, make_clients, together
from tests.bookings.people import credits_of, make_person, make_slot, make_weekly, series_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
ROUNDS = 6


def outcomes(results: list[Any]) -> Counter[str]:
    """`done`, or the code of the refusal; anything that is not a refusal fails the test."""
    return Counter(_code(result) for result in results)


def _code(result: Any) -> str:
    if isinstance(result, errors.BookingsError):
        return result.code
    if isinstance(result, Exception):
        raise result
    return "done"


@pytest.fixture
def grace() -> User:
    return make_person("grace", is_host=True)


@pytest.fixture
def ada() -> User:
    return make_person("ada")


def booking_of(person: User, slot: Slot) -> Callable[[], Any]:
    return partial(book_slot, client_id=person.id, slot_id=slot.id)


def cancelling(booking: Booking | BookingRow, client: User) -> Callable[[], Any]:
    booking_id = booking["id"] if isinstance(booking, dict) else booking.id
    return partial(cancel_booking, client_id=client.id, booking_id=booking_id)


def test_two_hundred_clients_want_fifty_seats(grace: User) -> None:
    """Through the API's door: exactly fifty bookings, 150 refusals, no server error, and a ledger that adds up."""
    clients = make_clients(200)
    slot = make_slot(grace, capacity=50)
    with transaction.atomic():
        callers = [Caller(person) for person in clients]
    body = {"slot_id": str(slot.id)}
    wants = [partial(caller.client.post, "/api/v1/bookings", body, "application/json") for caller in callers]
    answers = together(wants, threads=32)
    assert Counter(answer.status_code for answer in answers) == {201: 50, 409: 150}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_full"}
    slot.refresh_from_db()
    assert (slot.seats_taken, Booking.objects.filter(slot=slot, status="active").count()) == (50, 50)
    assert CreditEntry.objects.filter(reason="booking").aggregate(sum=Sum("amount"))["sum"] == -50
    left = Subscription.objects.filter(user__in=clients).aggregate(sum=Sum("credits_remaining"))["sum"]
    assert left == 200 * 5 - 50


def test_cancelling_twice_at_once_refunds_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        booking = book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=50 + 2 * number).id)
        results = outcomes(together([cancelling(booking, ada)] * 4))
        assert results == {"done": 1, "booking_not_active": 3}
        assert credits_of(ada) == 5


def test_cancelling_against_moving(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        target = make_slot(grace, hours=200 + 2 * number)
        booking = book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=50 + 2 * number).id)

        move = partial(reschedule_booking, client_id=ada.id, booking_id=booking["id"], slot_id=target.id)
        results = together([cancelling(booking, ada), move])
        assert not isinstance(results[0], Exception), "whether moved or not, it is cancelled in time"
        assert outcomes(results[1:]) <= Counter({"done": 1, "booking_not_active": 1})
        assert credits_of(ada) == 5
        target.refresh_from_db()
        assert target.seats_taken == 0


def test_a_hosts_cancellation_against_bookings(grace: User) -> None:
    clients = make_clients(8)
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number, capacity=5)
        calls = [booking_of(person, slot) for person in clients]
        calls.insert(4, partial(cancel_slot, host_id=grace.id, slot_id=slot.id))
        results = outcomes(together(calls))
        assert set(results) <= {"done", "slot_cancelled", "slot_full"}
        slot.refresh_from_db()
        assert (slot.status, slot.seats_taken) == ("cancelled", 0)
    assert {credits_of(person) for person in clients} == {5}


def test_a_promotion_against_bookings_by_the_same_and_by_others(grace: User) -> None:
    """The one who waits spends the last credit elsewhere at the same time; strangers want the freed seat."""
    for number in range(ROUNDS):
        holder, waiting = make_person(f"holder{number}"), make_person(f"waiting{number}")
        with_one_credit(waiting, grace, 300 + 20 * number)
        slot = make_slot(grace, hours=50 + 4 * number, capacity=1)
        elsewhere = make_slot(grace, hours=52 + 4 * number)
        booking = book_slot(client_id=holder.id, slot_id=slot.id)
        join_waitlist(client_id=waiting.id, slot_id=slot.id)
        strangers = [booking_of(make_person(f"stranger{number}{n}"), slot) for n in range(2)]
        results = together([cancelling(booking, holder), booking_of(waiting, elsewhere), *strangers])
        assert set(outcomes(results)) <= {"done", "insufficient_credits", "slot_full"}
        assert credits_of(waiting) == 0
        assert Booking.objects.filter(client=waiting, slot__in=[slot, elsewhere], status="active").count() == 1
        slot.refresh_from_db()
        assert slot.seats_taken <= 1


def with_one_credit(person: User, host: User, hours: float) -> None:
    for number in range(4):
        book_slot(client_id=person.id, slot_id=make_slot(host, hours=hours + 2 * number).id)


def test_a_hosts_day_against_everything(grace: User) -> None:
    User.objects.filter(id=grace.id).update(time_zone="UTC")
    clients = make_clients(6)
    midnight = (clock.read_now() + timedelta(days=4)).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(ROUNDS):
        first = midnight + timedelta(days=number)
        made = [make_at(grace, first + timedelta(hours=2 * n), capacity=2) for n in range(1, 4)]
        booked = [book_slot(client_id=person.id, slot_id=made[0].id) for person in clients[:2]]
        join_waitlist(client_id=clients[2].id, slot_id=made[0].id)
        calls = [cancelling(booked[0], clients[0])]
        calls += [partial(cancel_day, host_id=grace.id, day=first.date())]
        calls += [partial(reschedule_booking, client_id=clients[1].id, booking_id=booked[1]["id"], slot_id=made[1].id)]
        calls += [booking_of(person, slot) for person, slot in zip(clients[3:], made, strict=True)]
        results = outcomes(together(calls))
        assert set(results) <= {"done", "slot_cancelled", "booking_not_active", "slot_full"}
        assert not Slot.objects.filter(id__in=[slot.id for slot in made], status="open").exists()
    assert {credits_of(person) for person in clients} == {5}


def make_at(host: User, starts_at: datetime, *, capacity: int) -> Slot:
    row = create_slot(
        host_id=host.id, title="x", starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), capacity=capacity
    )
    return Slot.objects.get(id=row["id"])


def test_slots_of_one_host_made_at_once_never_overlap(grace: User) -> None:
    deadlocks = count_deadlocks()
    start = clock.read_now() + timedelta(days=3)
    for number in range(ROUNDS):
        base = start + timedelta(hours=10 * number)
        calls = [partial(make_at, grace, base + timedelta(minutes=10 * n), capacity=1) for n in range(8)]
        results = outcomes(together(calls))
        assert set(results) == {"done", "slot_overlaps"}
        assert 1 <= results["done"] <= 2
    assert count_deadlocks() == deadlocks


def test_the_last_credit_is_spent_once(grace: User) -> None:
    for number in range(ROUNDS):
        person = make_person(f"poor{number}")
        with_one_credit(person, grace, 300 + 20 * number)
        slots = [make_slot(grace, hours=50 + 6 * number + 2 * n) for n in range(3)]
        results = outcomes(together([booking_of(person, slot) for slot in slots]))
        assert results == {"done": 1, "insufficient_credits": 2}
        assert credits_of(person) == 0


def test_a_renewal_by_job_and_by_bookings_is_one(grace: User) -> None:
    for number in range(ROUNDS):
        person = make_person(f"renewing{number}")
        ended = clock.read_now() - timedelta(minutes=1)
        owned = Subscription.objects.filter(user=person)
        owned.update(starts_at=ended - timedelta(days=9), ends_at=ended, renews=True)
        slots = [make_slot(grace, hours=50 + 6 * number + 2 * n) for n in range(3)]
        results = together([settle_subscriptions, *(booking_of(person, slot) for slot in slots)])
        assert outcomes(results) == {"done": 4}
        assert CreditEntry.objects.filter(subscription__user=person, reason="renewal").count() == 1
        assert credits_of(person) == 5 + 5 - 3


def test_a_ledger_written_at_once_reads_in_order(ada: User, grace: User) -> None:
    """Each balance follows from the one listed before, whichever transaction began first."""
    slots = [make_slot(grace, hours=50 + 2 * n) for n in range(6)]
    grant_credits(user_id=ada.id, credits=3)
    outcomes(together([booking_of(ada, slot) for slot in slots]))
    with transaction.atomic():
        caller = Caller(ada)
    listed = caller.get("/credit-entries")["results"]
    assert [one["balance_after"] for one in listed] == [2, 3, 4, 5, 6, 7, 8, 5]


def test_giving_back_at_once_gives_back_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        booking = book_slot(client_id=ada.id, slot_id=make_slot(grace, hours=50 + 2 * number).id)
        give = partial(give_back, booking_id=booking["id"], actor_id=None, host_id=grace.id, credits=1, note="Sorry")
        keyed = partial(give, idempotency_key="key")
        assert outcomes(together([keyed, keyed, keyed])) == {"done": 3}
        results = outcomes(together([give, give, cancelling(booking, ada)]))
        assert results == {"done": 1, "validation_error": 2}
        assert credits_of(ada) == 5


def test_sessions_that_overlap_are_booked_once(ada: User, grace: User) -> None:
    linus = make_person("linus", is_host=True)
    for number in range(3):
        slots = [make_slot(host, hours=50 + 4 * number + 0.5 * n) for n, host in enumerate((grace, linus))]
        results = outcomes(together([booking_of(ada, slot) for slot in slots]))
        assert results == {"done": 1, "overlapping_booking": 1}


def test_one_key_sent_many_times_at_once_books_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number, capacity=1 + number % 2)
        call = partial(book_slot, client_id=ada.id, slot_id=slot.id, idempotency_key=f"key-{number}")
        results = together([call] * 5)
        assert outcomes(results) == {"done": 5}
        assert len({row["id"] for row in results}) == 1
        cancel_booking(client_id=ada.id, booking_id=results[0]["id"])


def test_one_key_for_two_slots_at_once_books_one(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slots = [make_slot(grace, hours=50 + 4 * number + 2 * n) for n in range(2)]
        calls = [
            partial(book_slot, client_id=ada.id, slot_id=slot.id, idempotency_key=f"key-{number}") for slot in slots
        ]
        results = together(calls)
        assert outcomes(results) == {"done": 1, "idempotency_conflict": 1}
        cancel_booking(client_id=ada.id, booking_id=next(r["id"] for r in results if isinstance(r, dict)))


def test_nobody_holds_a_seat_after_leaving(grace: User) -> None:
    for number in range(ROUNDS):
        person = make_person(f"leaver{number}")
        slots = [make_slot(grace, hours=50 + 6 * number + 2 * n) for n in range(3)]
        leave = partial(people.deactivate_person, user_id=person.id, now=clock.read_now())
        results = outcomes(together([leave, *(booking_of(person, slot) for slot in slots)]))
        assert set(results) <= {"done", "not_found"}
        assert not Booking.objects.filter(client=person, status="active").exists()
        assert credits_of(person) == 5


def test_a_host_who_leaves_has_no_open_slot_after(ada: User) -> None:
    for number in range(ROUNDS):
        host = make_person(f"host{number}", is_host=True)
        slot = make_slot(host, hours=50 + 4 * number)
        leave = partial(people.deactivate_person, user_id=host.id, now=clock.read_now())
        make = partial(make_slot, host, hours=52 + 4 * number)
        results = outcomes(together([leave, booking_of(ada, slot), make]))
        assert set(results) <= {"done", "slot_cancelled", "not_found", "not_a_host"}
        assert not Slot.objects.filter(host=host, status="open").exists()
    assert credits_of(ada) == 5


def editing(slot: Slot, **values: Any) -> Callable[[], Any]:
    return partial(edit_slot, host_id=slot.host_id, slot_id=slot.id, values=values)


def shifted(slot: Slot, **by: float) -> dict[str, datetime]:
    later = timedelta(**by)
    return {"starts_at": slot.starts_at + later, "ends_at": slot.ends_at + later}


def test_fewer_seats_against_bookings(grace: User) -> None:
    """Either the seats are taken first, and there cannot be fewer, or the last who want one are too late."""
    clients = make_clients(4, credits=ROUNDS)
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number, capacity=4)
        results = together([editing(slot, capacity=2), *(booking_of(person, slot) for person in clients)])
        assert set(outcomes(results)) <= {"done", "capacity_below_seats", "slot_full"}
        slot.refresh_from_db()
        assert slot.seats_taken <= slot.capacity == (4 if isinstance(results[0], errors.BookingsError) else 2)


def test_more_seats_against_bookings_and_cancellations(grace: User) -> None:
    for number in range(ROUNDS):
        holder, waiting, stranger = (make_person(f"{name}{number}") for name in ("holder", "waiting", "stranger"))
        slot = make_slot(grace, hours=50 + 2 * number, capacity=1)
        booking = book_slot(client_id=holder.id, slot_id=slot.id)
        join_waitlist(client_id=waiting.id, slot_id=slot.id)
        results = together([editing(slot, capacity=2), cancelling(booking, holder), booking_of(stranger, slot)])
        assert set(outcomes(results)) <= {"done", "slot_full"}
        assert Booking.objects.filter(slot=slot, client=waiting, status="active").exists(), "the first in the queue"


def test_another_time_against_bookings_of_that_time(ada: User, grace: User) -> None:
    """Whoever of both comes first: nobody is booked twice at one time, and nobody pays for what they do not hold."""
    linus = make_person("linus", is_host=True)
    for number in range(ROUNDS):
        slot, elsewhere = make_slot(grace, hours=50 + 8 * number), make_slot(linus, hours=54 + 8 * number)
        book_slot(client_id=ada.id, slot_id=slot.id)
        times = {"starts_at": elsewhere.starts_at, "ends_at": elsewhere.ends_at}
        results = together([editing(slot, **times), booking_of(ada, elsewhere)])
        assert set(outcomes(results)) <= {"done", "overlapping_booking"}
        (held,) = Booking.objects.filter(client=ada, status="active")
        assert held.scheduled_start_time == elsewhere.starts_at
        assert credits_of(ada) == 4
        cancel_booking(client_id=ada.id, booking_id=held.id)


def test_another_time_against_what_its_clients_do(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slot, target = make_slot(grace, hours=50 + 8 * number), make_slot(grace, hours=200 + 8 * number)
        booked = [book_slot(client_id=person.id, slot_id=slot.id) for person in (ada, *make_two(number))]
        clients = [ada, *make_two(number)]
        move = partial(reschedule_booking, client_id=clients[1].id, booking_id=booked[1]["id"], slot_id=target.id)
        results = together([editing(slot, **shifted(slot, hours=3)), cancelling(booked[0], ada), move])
        assert outcomes(results) == {"done": 3}
        slot.refresh_from_db()
        left = Booking.objects.get(slot=slot, status="active")
        assert (left.client_id, left.scheduled_start_time) == (clients[2].id, slot.starts_at)
        assert Booking.objects.get(id=booked[1]["id"]).free_to_leave_until is None


def make_two(number: int) -> list[User]:
    return [make_person(f"{name}{number}") for name in ("moving", "staying")]


def test_two_sessions_moved_to_one_time_at_once(grace: User) -> None:
    deadlocks = count_deadlocks()
    for number in range(ROUNDS):
        first, second = (make_slot(grace, hours=50 + 12 * number + 6 * n) for n in range(2))
        results = together([editing(first, **shifted(first, hours=3)), editing(second, **shifted(second, hours=-3))])
        assert outcomes(results) == {"done": 1, "slot_overlaps": 1}
    assert count_deadlocks() == deadlocks


def test_a_change_against_a_cancellation_of_the_same(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 6 * number)
        book_slot(client_id=ada.id, slot_id=slot.id)
        cancel = partial(cancel_slot, host_id=grace.id, slot_id=slot.id)
        results = together([editing(slot, **shifted(slot, hours=2)), cancel])
        assert set(outcomes(results[:1])) <= {"done", "slot_cancelled"}
        assert outcomes(results[1:]) == {"done": 1}
        assert credits_of(ada) == 5


def test_a_change_against_the_rules_that_made_it(grace: User) -> None:
    """What the host has moved is neither closed nor made a second time, whichever comes first."""
    day = (clock.read_now() + timedelta(days=4)).date()
    values = {"kind": "extra", "date": day, "start_time": time(9), "end_time": time(15), "title": "x"}
    add_rule(host_id=grace.id, values=values)
    made = list(Slot.objects.order_by("starts_at"))
    expand = partial(expand_host, host_id=grace.id)
    for slot in made:
        results = together([editing(slot, **shifted(slot, hours=8)), expand, expand])
        assert set(outcomes(results)) <= {"done", "busy"}
    starts = sorted(slot.starts_at for slot in Slot.objects.filter(status="open"))
    assert starts == sorted(slot.starts_at + timedelta(hours=8) for slot in made)


def test_one_seat_and_one_credit_wanted_by_a_host_for_somebody_and_by_others(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        client = make_person(f"client{number}")
        with_one_credit(client, grace, 300 + 20 * number)
        slots = [make_slot(grace, hours=50 + 4 * number + 2 * n, capacity=1) for n in range(2)]
        book_in = partial(book_person_in, host_id=grace.id, slot_id=slots[0].id, person=client.login, charge=True)
        results = together([book_in, booking_of(client, slots[1]), booking_of(ada, slots[0])])
        assert set(outcomes(results)) <= {"done", "cannot_book_person", "insufficient_credits", "slot_full"}
        assert Booking.objects.filter(slot=slots[0], status="active").count() == 1
        assert credits_of(client) in {0, 1}
        for booking in Booking.objects.filter(client=ada, status="active"):
            cancel_booking(client_id=ada.id, booking_id=booking.id)


def test_booking_in_sent_many_times_at_once_books_once(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        slot = make_slot(grace, hours=50 + 2 * number)
        book_in = partial(book_person_in, host_id=grace.id, slot_id=slot.id, person="ada")
        results = together([partial(book_in, idempotency_key=f"key{number}")] * 4)
        assert outcomes(results) == {"done": 4}
        assert len({row["id"] for row in results}) == 1
        removals = [partial(remove_client, host_id=grace.id, booking_id=results[0]["id"])] * 3
        assert outcomes(together(removals)) == {"done": 1, "booking_not_active": 2}


def test_two_series_of_the_last_seats(ada: User, grace: User) -> None:
    """One gets all of them and the other none, whatever stands in the way of a part."""
    alan = make_person("alan")
    for number in range(ROUNDS):
        slots = make_weekly(make_person(f"host{number}", is_host=True), hours=1, weeks=4)
        until = slots[-1].rule_date
        assert until
        wants = [series_of(person, slots[place], until=until) for place, person in enumerate((ada, alan))]
        results = outcomes(together([*wants, partial(book_slot, client_id=alan.id, slot_id=slots[0].id)]))
        assert set(results) <= {"done", "slot_full", "overlapping_booking"}
        held = Counter(Booking.objects.filter(slot__in=slots).values_list("client__login", flat=True))
        assert held["ada"] in {0, 4}
        assert held["alan"] in {0, 1, 3, 4}
        cancel_slots(slots)


def test_one_series_twice_at_once_is_booked_once(ada: User, grace: User) -> None:
    slots = make_weekly(grace, weeks=3, price_credits=1)
    until = slots[-1].rule_date
    assert until
    first, again = (series_of(ada, slots[0], until=until, key="key") for _ in range(2))
    other = series_of(ada, slots[0], until=until)
    made = together([first, again, other])
    ids = {tuple(row["id"] for row in one.bookings) for one in made if not isinstance(one, Exception)}
    assert len(ids) == 1
    assert credits_of(ada) == 2


def test_a_series_beside_a_day_that_is_cancelled_and_a_move(ada: User, grace: User) -> None:
    for number in range(ROUNDS):
        host = make_person(f"host{number}", is_host=True)
        slots = make_weekly(host, weeks=3)
        until, middle = slots[-1].rule_date, slots[1]
        assert until
        results = together(
            [
                series_of(ada, slots[0], until=until),
                partial(cancel_slot, host_id=host.id, slot_id=middle.id),
                partial(edit_slot, host_id=host.id, slot_id=slots[2].id, values={"place": "Room 2"}),
            ]
        )
        assert set(outcomes(results)) <= {"done", "slot_cancelled", "preview_changed"}
        left = Booking.objects.filter(client=ada, slot__in=slots, status="active").count()
        assert left == (0 if isinstance(results[0], Exception) else 2)
        cancel_slots(slots)


def cancel_slots(slots: list[Slot]) -> None:
    """Free the time of the clients for the next round."""
    for slot in Slot.objects.filter(id__in=[slot.id for slot in slots], status="open"):
        cancel_slot(host_id=slot.host_id, slot_id=slot.id)
