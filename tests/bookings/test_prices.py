"""What a session costs, over HTTP: who pays, what goes back, and what a move settles. The audit holds after each."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from bookings.models import Booking, CreditEntry, Plan, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock, subscriptions
from bookings.services.credits import grant_credits
from bookings.services.hosting import cancel_slot
from bookings.services.waiting import offer_all_free_seats
from tests.bookings.api import Caller
from tests.bookings.jobs import run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, shift_start


@pytest.fixture
def client(ada: User) -> Caller:
    """Ada, who has the five welcome credits."""
    return Caller(ada)


def priced(host: User, price: int, *, hours: float = 72, capacity: int = 3, window: int | None = None) -> Slot:
    slot = make_slot(host, hours=hours, capacity=capacity)
    Slot.objects.filter(id=slot.id).update(price_credits=price, refund_window_hours=window)
    return Slot.objects.get(id=slot.id)


def book(caller: Caller, slot: Slot, **body: Any) -> dict[str, Any]:
    return caller.post("/bookings", {"slot_id": str(slot.id), **body}, status=201)


def add_subscription(person: User, *, credits: int, days: int) -> Subscription:
    now = clock.read_now()
    plan = subscriptions.ensure_plan(name="Another", credits=credits, period_days=days)
    return subscriptions.insert_subscription(
        user_id=person.id,
        plan=plan,
        starts_at=now,
        ends_at=now + timedelta(days=days),
        renews=False,
        credits=credits,
        reason="plan",
    )


def ledger(booking: dict[str, Any]) -> list[tuple[str, int]]:
    entries = CreditEntry.objects.filter(booking_id=booking["id"]).order_by("number")
    return list(entries.values_list("reason", "amount"))


def problem(caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = caller.client.post(f"/api/v1{path}", body, content_type="application/json")
    assert response.status_code == 409, response.content
    found: dict[str, Any] = response.json()
    return found


def test_a_booking_costs_what_its_slot_says(client: Caller, ada: User, grace: User) -> None:
    slot = priced(grace, 3, window=24)
    booking = book(client, slot, expected_credits_charged=3)
    assert (booking["credits_charged"], credits_of(ada), ledger(booking)) == (3, 2, [("booking", -3)])
    deadline = slot.starts_at - timedelta(hours=24)
    assert booking["refund_deadline"] == deadline.isoformat().replace("+00:00", "Z")
    preview = client.get(f"/bookings/{booking['id']}/refund-preview")
    assert (preview["credits"], preview["refundable"]) == (3, True)
    Slot.objects.filter(id=slot.id).update(price_credits=1, refund_window_hours=1)
    assert client.get(f"/bookings/{booking['id']}")["credits_charged"] == 3
    cancelled = client.post(f"/bookings/{booking['id']}/cancel", {"expected_credits_refunded": 3})
    assert (cancelled["credits_refunded"], credits_of(ada)) == (3, 5)


def test_an_own_window_says_until_when(client: Caller, ada: User, grace: User) -> None:
    late, early = priced(grace, 2, window=80), priced(grace, 2, hours=76, window=0)
    bookings = [book(client, slot) for slot in (late, early)]
    shift_start(early, hours=0.1)
    refunds = [client.post(f"/bookings/{one['id']}/cancel")["credits_refunded"] for one in bookings]
    assert (refunds, credits_of(ada)) == ([0, 2], 3)


def test_another_price_than_was_shown_books_nothing(client: Caller, ada: User, grace: User) -> None:
    slot = priced(grace, 3)
    refused = problem(client, "/bookings", {"slot_id": str(slot.id), "expected_credits_charged": 1})
    assert (refused["code"], refused["credits_charged"]) == ("price_changed", 3)
    assert (credits_of(ada), Booking.objects.count()) == (5, 0)
    for nonsense in (-1, "three", 10**30):
        body = {"slot_id": str(slot.id), "expected_credits_charged": nonsense}
        assert client.refused("POST", "/bookings", body)[0] in {400, 409}


def test_what_costs_nothing_touches_no_subscription(client: Caller, ada: User, grace: User) -> None:
    Subscription.objects.filter(user=ada).update(ends_at=clock.read_now(), starts_at=clock.read_now() - timedelta(9))
    slot = priced(grace, 0)
    booking = book(client, slot, expected_credits_charged=0)
    assert (booking["credits_charged"], booking["subscription_id"], booking["usable_until"]) == (0, None, None)
    assert ledger(booking) == []
    detail = client.get(f"/bookings/{booking['id']}")
    assert (detail["may_reschedule"], detail["refund_preview"]["credits"]) == (True, 0)
    assert Caller(grace).refused("POST", f"/bookings/{booking['id']}/give-back", {"credits": 1, "note": "x"})[0] == 400
    assert client.post(f"/bookings/{booking['id']}/cancel")["credits_refunded"] == 0
    again = book(client, slot)
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    assert client.get(f"/bookings/{again['id']}")["cancelled_by"] == "host"
    assert ledger(again) == []


def test_one_subscription_pays_all_of_it(client: Caller, ada: User, grace: User) -> None:
    """The one that ends first of those that hold it all; two that hold it together do not pay."""
    first = Subscription.objects.get(user=ada)
    second = add_subscription(ada, credits=4, days=9)
    assert client.refused("POST", "/bookings", {"slot_id": str(priced(grace, 6).id)}) == (409, "insufficient_credits")
    by_the_larger = book(client, priced(grace, 5, hours=80))
    assert by_the_larger["subscription_id"] == str(first.id)
    assert book(client, priced(grace, 2, hours=84))["subscription_id"] == str(second.id)


def test_a_renewal_pays_what_was_not_there_before(client: Caller, ada: User, grace: User) -> None:
    plan = Plan.objects.create(name="Big", credits=20, period_days=30)
    now = clock.read_now()
    Subscription.objects.create(user=ada, plan=plan, renews=True, starts_at=now - timedelta(31), ends_at=now)
    assert book(client, priced(grace, 12))["credits_charged"] == 12


@pytest.mark.parametrize(
    ("before", "after", "entries", "left"),
    [
        (1, 3, [("booking", -1), ("difference", -2)], 2),
        (3, 1, [("booking", -3), ("difference", 2)], 4),
        (0, 2, [("difference", -2)], 3),
        (2, 0, [("booking", -2), ("difference", 2)], 5),
        (2, 2, [("booking", -2)], 3),
    ],
)
def test_a_move_settles_the_difference(
    client: Caller,
    ada: User,
    grace: User,
    before: int,
    after: int,
    entries: list[tuple[str, int]],
    left: int,
) -> None:
    booking, target = book(client, priced(grace, before)), priced(grace, after, hours=80)
    move = {"slot_id": str(target.id), "expected_credits_charged": before + after + 1}
    refused = problem(client, f"/bookings/{booking['id']}/reschedule", move)
    assert (refused["code"], refused["credits_charged"]) == ("price_changed", after)
    moved = client.post(f"/bookings/{booking['id']}/reschedule", move | {"expected_credits_charged": after})
    assert (moved["credits_charged"], ledger(moved), credits_of(ada)) == (after, entries, left)
    assert client.post(f"/bookings/{booking['id']}/cancel")["credits_refunded"] == after
    assert credits_of(ada) == 5


def test_a_booking_may_be_moved_between_prices_again_and_again(client: Caller, ada: User, grace: User) -> None:
    slots = [priced(grace, price, hours=72 + 4 * place) for place, price in enumerate((2, 5, 0, 4))]
    booking = book(client, slots[0])
    for slot in slots[1:]:
        client.post(f"/bookings/{booking['id']}/reschedule", {"slot_id": str(slot.id)})
    assert [amount for _, amount in ledger(booking)] == [-2, -3, 5, -4]
    assert credits_of(ada) == 1


def test_what_a_move_gives_back_can_be_spent_as_long_as_where_it_went(client: Caller, ada: User, grace: User) -> None:
    booking, target = book(client, priced(grace, 3)), priced(grace, 1, hours=80)
    now = clock.read_now()
    Subscription.objects.filter(user=ada).update(starts_at=now - timedelta(days=9), ends_at=now - timedelta(days=1))
    other = add_subscription(ada, credits=1, days=9)
    moved = client.post(f"/bookings/{booking['id']}/reschedule", {"slot_id": str(target.id)})
    assert Subscription.objects.get(id=other.id).credits_remaining == 3
    for row in (moved, client.get("/bookings")["results"][0]):
        assert datetime.fromisoformat(row["usable_until"]) == other.ends_at


def test_a_difference_that_nothing_holds_moves_nothing(client: Caller, ada: User, grace: User) -> None:
    booking, target = book(client, priced(grace, 3)), priced(grace, 9, hours=80)
    move = {"slot_id": str(target.id)}
    refused = client.refused("POST", f"/bookings/{booking['id']}/reschedule", move)
    assert refused == (409, "insufficient_credits")
    assert (credits_of(ada), client.get(f"/bookings/{booking['id']}")["slot_id"]) == (2, booking["slot_id"])
    other = add_subscription(ada, credits=6, days=9).id
    moved = client.post(f"/bookings/{booking['id']}/reschedule", move)
    assert (moved["credits_charged"], moved["subscription_id"]) == (9, booking["subscription_id"])
    assert Subscription.objects.get(id=other).credits_remaining == 0


def test_no_more_comes_back_by_a_move_than_is_left(client: Caller, ada: User, grace: User) -> None:
    booking = book(client, priced(grace, 4))
    Caller(grace).post(f"/bookings/{booking['id']}/give-back", {"credits": 3, "note": "Sorry"})
    moved = client.post(f"/bookings/{booking['id']}/reschedule", {"slot_id": str(priced(grace, 0, hours=80).id)})
    assert (moved["credits_charged"], moved["credits_given_back"], credits_of(ada)) == (3, 3, 5)
    assert client.post(f"/bookings/{booking['id']}/cancel")["credits_refunded"] == 0


def test_what_was_given_back_in_part_is_not_given_twice(client: Caller, ada: User, grace: User) -> None:
    booking = book(client, priced(grace, 4))
    Caller(grace).post(f"/bookings/{booking['id']}/give-back", {"credits": 1, "note": "Sorry"})
    assert client.post(f"/bookings/{booking['id']}/cancel")["credits_refunded"] == 3
    assert credits_of(ada) == 5


def test_a_move_ends_the_right_to_leave_for_free(client: Caller, grace: User) -> None:
    slot = priced(grace, 2, window=80)
    booking = book(client, slot)
    Booking.objects.filter(id=booking["id"]).update(free_to_leave_until=slot.starts_at)
    preview = client.get(f"/bookings/{booking['id']}/refund-preview")
    assert (preview["credits"], preview["refundable"]) == (2, True)
    late = client.refused(
        "POST", f"/bookings/{booking['id']}/reschedule", {"slot_id": str(priced(grace, 1, hours=90).id)}
    )
    assert late == (409, "late_reschedule")
    Booking.objects.filter(id=booking["id"]).update(refund_window=timedelta(hours=12))
    target = priced(grace, 2, hours=80)
    moved = client.post(f"/bookings/{booking['id']}/reschedule", {"slot_id": str(target.id)})
    assert moved["free_to_leave_until"] is None


def test_who_waits_has_agreed_to_the_price_that_stood_there(grace: User, ada: User, mallory: User) -> None:
    slot = priced(grace, 2, capacity=1)
    holder, ada_calls, other = Caller(make_person("holder")), Caller(ada), Caller(mallory)
    booking = book(holder, slot)
    for caller in (ada_calls, other):
        caller.post(f"/slots/{slot.id}/waitlist", status=201)
    Slot.objects.filter(id=slot.id).update(price_credits=3)
    other.post(f"/slots/{slot.id}/waitlist", status=201)
    holder.post(f"/bookings/{booking['id']}/cancel")
    assert Booking.objects.get(status="active").client == mallory
    assert CreditEntry.objects.get(booking__client=mallory).amount == -3
    (place,) = ada_calls.get("/waitlist")["results"]
    assert place["passed_over"] == "changed"
    Slot.objects.filter(id=slot.id).update(price_credits=1, capacity=2)
    offer_all_free_seats()
    assert WaitlistEntry.objects.get(client=ada).status == "waiting"
    ada_calls.post(f"/slots/{slot.id}/waitlist", status=201)
    offer_all_free_seats()
    run_jobs()
    assert CreditEntry.objects.get(booking__client=ada).amount == -1


def test_who_was_shown_another_price_does_not_wait(grace: User, ada: User, mallory: User) -> None:
    slot = priced(grace, 2, capacity=1)
    Caller(mallory).post("/bookings", {"slot_id": str(slot.id)}, status=201)
    path, client = f"/slots/{slot.id}/waitlist", Caller(ada)
    for wrong in (1, 3, 10**9):
        assert client.refused("POST", path, {"expected_credits_charged": wrong}) == (409, "price_changed")
    for bad in (-1, "two", [2]):
        assert client.refused("POST", path, {"expected_credits_charged": bad}) == (400, "validation_error")
    assert not WaitlistEntry.objects.exists()
    for seen in ({"expected_credits_charged": 2}, {"expected_credits_charged": None}, {}):
        assert client.post(path, seen, status=201)["position"] == 1
    Slot.objects.filter(id=slot.id).update(price_credits=3)
    refused = client.post(path, {"expected_credits_charged": 2}, status=409)
    assert (refused["code"], "nothing was done" in refused["detail"]) == ("price_changed", True)
    assert WaitlistEntry.objects.get().agreed_price == 2


def test_a_cheaper_session_is_agreed_to(grace: User, ada: User) -> None:
    slot = priced(grace, 4, capacity=1)
    holder = Caller(make_person("holder"))
    booking = book(holder, slot)
    Caller(ada).post(f"/slots/{slot.id}/waitlist", status=201)
    Slot.objects.filter(id=slot.id).update(price_credits=0)
    holder.post(f"/bookings/{booking['id']}/cancel")
    promoted = Booking.objects.get(client=ada, status="active")
    assert (promoted.credits_charged, promoted.subscription_id, credits_of(ada)) == (0, None, 5)


def test_who_waits_at_a_time_that_is_another_now_is_not_booked(grace: User, ada: User) -> None:
    slot = priced(grace, 1, capacity=1)
    holder = Caller(make_person("holder"))
    booking = book(holder, slot)
    Caller(ada).post(f"/slots/{slot.id}/waitlist", status=201)
    WaitlistEntry.objects.update(agreed_starts_at=slot.starts_at - timedelta(hours=1))
    holder.post(f"/bookings/{booking['id']}/cancel")
    assert WaitlistEntry.objects.get().passed_over == "changed"
    WaitlistEntry.objects.update(passed_over="", agreed_starts_at=None, agreed_ends_at=None)
    offer_all_free_seats()
    assert Booking.objects.get(client=ada).status == "active"


def test_who_has_too_little_waits_on_and_is_told(grace: User, ada: User) -> None:
    slot = priced(grace, 6, capacity=1)
    holder = make_person("holder", credits=9)
    booking = book(Caller(holder), slot)
    Caller(ada).post(f"/slots/{slot.id}/waitlist", status=201)
    Caller(holder).post(f"/bookings/{booking['id']}/cancel")
    assert WaitlistEntry.objects.get().passed_over == "no_credit"
    grant_credits(user_id=ada.id, credits=6)
    offer_all_free_seats()
    assert Booking.objects.get(client=ada).credits_charged == 6
