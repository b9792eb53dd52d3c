"""Credits are put right: renewed on demand, adjusted, given back, and plans stopped, ended and extended."""

from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Event, User
from bookings import errors
from bookings.models import Booking, CreditEntry, Plan, Slot, Subscription
from bookings.repositories import clock
from bookings.services.adjusting import adjust_credits, extend_subscription
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking, preview_refund
from bookings.services.credits import grant_credits, grant_plan
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.hosting import cancel_slot
from bookings.services.renewing import settle_subscriptions
from tests.bookings.api import Caller
from tests.bookings.people import credits_of, make_person, make_slot, shift_start

pytestmark = pytest.mark.slow


def end(person: User, **changes: Any) -> Subscription:
    """The person's first subscription, a minute past its end."""
    ends_at = clock.read_now() - timedelta(minutes=1)
    first = Subscription.objects.filter(user=person).order_by("id")[0]
    Subscription.objects.filter(id=first.id).update(starts_at=ends_at - timedelta(9), ends_at=ends_at, **changes)
    return Subscription.objects.get(id=first.id)


def book(person: User, slot: Slot) -> Booking:
    return Booking.objects.get(id=book_slot(client_id=person.id, slot_id=slot.id)["id"])


def last_entry() -> CreditEntry:
    return CreditEntry.objects.order_by("-number")[0]


# Renewal by whatever needs it first.


def test_a_booking_renews_a_plan_that_is_a_minute_past_its_end(ada: User, slot: Slot) -> None:
    ended = end(ada, renews=True)
    caller = Caller(ada)
    assert caller.get("/pages/home")["credits_available"] == 10
    caller.post("/bookings", {"slot_id": str(slot.id)}, status=201)
    renewed = Subscription.objects.get(user=ada)
    assert (renewed.credits_remaining, renewed.starts_at) == (9, ended.ends_at)
    reasons = list(renewed.entries.order_by("number").values_list("reason", "balance_after"))
    assert reasons == [("welcome", 5), ("renewal", 10), ("booking", 9)]


def test_a_refused_booking_leaves_the_renewal_to_what_comes_next(ada: User, slot: Slot) -> None:
    Slot.objects.filter(id=slot.id).update(price_credits=11)
    ended, caller = end(ada, renews=True), Caller(ada)
    for _ in range(2):
        assert caller.refused("POST", "/bookings", {"slot_id": str(slot.id)}) == (409, "insufficient_credits")
    assert (last_entry().reason, Subscription.objects.get(user=ada).ends_at) == ("welcome", ended.ends_at)
    assert caller.get("/pages/home")["credits_available"] == 10
    assert settle_subscriptions() == 1
    assert credits_of(ada) == 10


def test_a_cancellation_renews_what_its_refund_goes_to_and_the_preview_says_so(ada: User, slot: Slot) -> None:
    booking = book(ada, slot)
    ended = end(ada, renews=True)
    preview = preview_refund(client_id=ada.id, booking_id=booking.id)
    assert preview.usable_until is not None
    assert preview.usable_until > ended.ends_at
    row = cancel_booking(client_id=ada.id, booking_id=booking.id)
    assert (row["usable_until"], credits_of(ada)) == (preview.usable_until, 10)


def test_a_grant_renews_a_due_plan_and_goes_into_it(ada: User) -> None:
    end(ada, renews=True)
    grant_credits(user_id=ada.id, credits=2)
    assert Subscription.objects.get(user=ada).credits_remaining == 12


def test_a_plan_that_was_stopped_or_has_expired_is_not_renewed(ada: User, slot: Slot) -> None:
    for changes in ({"renews": False}, {"renews": True, "expired_at": clock.read_now()}):
        end(ada, **changes)
        with pytest.raises(errors.InsufficientCredits):
            book(ada, slot)


# What the host or the staff give back comes back usable.


@pytest.mark.parametrize("by", ["host", "staff"])
@pytest.mark.parametrize("other", ["active", "none"])
def test_what_host_or_staff_cancel_comes_back_usable(ada: User, grace: User, slot: Slot, by: str, other: str) -> None:
    booking = book(ada, slot)
    ended = end(ada)
    if other == "active":
        grant_credits(user_id=ada.id, credits=1)
        Plan.objects.create(name="Short", credits=1, period_days=2)
        grant_plan(user_id=ada.id, plan_name="Short")
    if by == "host":
        cancel_slot(host_id=grace.id, slot_id=slot.id)
    else:
        cancel_booking_as_staff(booking_id=booking.id, actor_id=None)
    entry = last_entry()
    found = entry.subscription
    expected = ("Granted credits", 2) if other == "active" else ("Given back", 1)
    assert (entry.reason, found.plan.name, found.credits_remaining) == ("refund", *expected)
    assert Subscription.objects.get(id=ended.id).credits_remaining == 4
    shown = Caller(ada).get(f"/bookings/{booking.id}")
    assert datetime.fromisoformat(shown["usable_until"]) == found.ends_at
    if other == "none":
        assert found.ends_at - found.starts_at == timedelta(days=90)
    book(ada, make_slot(grace, hours=100))


def test_a_refund_of_a_running_subscription_goes_back_to_it(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    grant_plan(user_id=ada.id, plan_name=Plan.objects.create(name="Long", credits=1, period_days=900).name)
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    assert last_entry().subscription_id == booking.subscription_id


# Goodwill.


def give_back(host: User, booking: Booking, credits: int, **key: Any) -> Any:
    body = {"credits": credits, "note": "The room was flooded"}
    return partial(Caller(host).post, f"/bookings/{booking.id}/give-back", body, **key)


def test_a_host_gives_back_after_the_start_once_with_a_note(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=-1)
    give = give_back(grace, booking, 1, **{"Idempotency-Key": "one"})
    assert [give()["credits_given_back"] for _ in range(2)] == [1, 1]
    entry = last_entry()
    assert (entry.reason, entry.amount, entry.note, entry.booking_id) == (
        "goodwill",
        1,
        "The room was flooded",
        booking.id,
    )
    event = Event.objects.get(kind="booking.credits_given_back")
    assert (event.user_id, event.actor_id, event.detail["note"]) == (ada.id, grace.id, entry.note)
    assert credits_of(ada) == 5
    shown = Caller(ada).get(f"/bookings/{booking.id}")
    assert (shown["credits_given_back"], shown["credit_entries"][0]["note"]) == (1, entry.note)


def test_refused_ways_to_give_back(ada: User, grace: User, mallory: User, slot: Slot) -> None:
    booking = book(ada, slot)
    path = f"/bookings/{booking.id}/give-back"
    right = {"credits": 1, "note": "Sorry"}
    for other in (ada, mallory, make_person("linus", is_host=True)):
        assert Caller(other).refused("POST", path, right) == (404, "not_found")
    host = Caller(grace)
    for credits, note in ((2, "x"), (0, "x"), (1, None), (1, " ")):
        wrong = {"credits": credits, "note": note}
        assert host.refused("POST", path, wrong) == (400, "validation_error")
    key: dict[str, Any] = {"Idempotency-Key": "k"}
    host.post(path, right, **key)
    assert host.refused("POST", path, right) == (400, "validation_error")
    changed = {"credits": 1, "note": "Other words"}
    assert host.refused("POST", path, changed, **key) == (409, "idempotency_conflict")
    assert credits_of(ada) == 5


def test_what_was_given_back_is_not_refunded_again(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    give_back(grace, booking, 1)()
    assert preview_refund(client_id=ada.id, booking_id=booking.id).credits == 0
    cancel_booking(client_id=ada.id, booking_id=booking.id)
    assert credits_of(ada) == 5


def test_a_late_cancellation_can_be_made_good(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=1)
    cancel_booking(client_id=ada.id, booking_id=booking.id)
    end(ada)
    give_back(grace, booking, 1)()
    assert last_entry().subscription.plan.name == "Given back"


# Adjustments, and plans that stop, end and are extended.


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_grant_of_a_thousand_is_corrected(ada: User) -> None:
    subscription = grant_credits(user_id=ada.id, credits=1000)
    assert "now holds 15." in run("adjust_credits", str(subscription), "-990", "--note", "meant ten")
    entry = last_entry()
    assert (entry.amount, entry.reason, entry.note, entry.balance_after) == (-990, "adjustment", "meant ten", 15)
    assert Event.objects.get(kind="credits.adjusted").detail["credits"] == -990
    for amount, note in (("-16", "too many"), ("0", "nothing"), ("1", " ")):
        with pytest.raises(CommandError):
            run("adjust_credits", str(subscription), amount, "--note", note)
    with pytest.raises(errors.NotFound):
        adjust_credits(subscription_id=ada.id, amount=1, note="nobody's")
    assert credits_of(ada) == 15


def test_a_plan_stops_ends_and_is_extended(ada: User, slot: Slot) -> None:
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    plan = str(grant_plan(user_id=ada.id, plan_name="Monthly"))
    run("change_subscription", plan, "--stop")
    assert not Subscription.objects.get(id=plan).renews
    run("change_subscription", plan, "--resume")
    assert Subscription.objects.get(id=plan).renews
    before = Subscription.objects.get(id=plan).ends_at
    run("change_subscription", plan, "--extend", "3")
    assert Subscription.objects.get(id=plan).ends_at == before + timedelta(days=3)
    Subscription.objects.filter(id=plan).update(starts_at=before - timedelta(days=40))
    run("change_subscription", plan, "--end")
    ended = Subscription.objects.get(id=plan)
    assert (ended.credits_remaining, ended.renews, ended.expired_at is None) == (10, False, False)
    with pytest.raises(CommandError):
        run("change_subscription", plan, "--end")
    assert book(ada, slot).subscription_id != ended.id
    assert extend_subscription(subscription_id=ended.id, days=1) > clock.read_now()
    kinds = set(Event.objects.filter(kind__startswith="subscription.").values_list("kind", flat=True))
    assert {f"subscription.{what}" for what in ("stopped", "resumed", "extended", "expired")} <= kinds


def test_the_ledger_is_listed_in_the_order_of_the_locks(ada: User, grace: User) -> None:
    """Whatever the clocks of the servers say: created_at and id may run backwards."""
    for number in range(4):
        book(ada, make_slot(grace, hours=50 + 2 * number))
    latest = CreditEntry.objects.order_by("-number")[0]
    with_clock_behind = CreditEntry(
        subscription_id=latest.subscription_id, amount=-1, reason="adjustment", balance_after=0, note="x",
        created_at=clock.read_now() - timedelta(hours=1), id="00000000-0000-7000-8000-000000000000",
    )  # fmt: skip
    with_clock_behind.save(force_insert=True)
    Subscription.objects.filter(user=ada).update(credits_remaining=0)
    listed = Caller(ada).get("/credit-entries")["results"]
    assert [one["balance_after"] for one in listed] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("number", [100_001, 2**31, 2**32 + 1, 2**64])
def test_no_number_of_credits_wraps_around(ada: User, number: int) -> None:
    before, subscription = credits_of(ada), Subscription.objects.get(user=ada)
    for put_right in (
        partial(grant_credits, user_id=ada.id, credits=number),
        partial(adjust_credits, subscription_id=subscription.id, amount=number, note="a slip"),
        partial(adjust_credits, subscription_id=subscription.id, amount=-number, note="a slip"),
    ):
        with pytest.raises(errors.NotValid):
            put_right()
    with pytest.raises(CommandError, match="at most 100000"):
        call_command("grant_credits", "ada", str(number))
    assert credits_of(ada) == before


# A no-show that was none.


def test_a_no_show_is_undone_unless_the_client_has_booked_over_it(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=-0.1)
    host, path = Caller(grace), f"/bookings/{booking.id}/no-show"
    for _ in range(2):
        host.post(path)
        assert host.delete(path, status=200)["status"] == "active"
    host.post(path)
    other = book(ada, make_slot(make_person("linus", is_host=True), hours=0.5))
    assert host.refused("DELETE", path) == (409, "overlapping_booking")
    assert Caller(ada).refused("DELETE", path) == (404, "not_found")
    cancel_booking(client_id=ada.id, booking_id=other.id)
    assert host.delete(path, status=200)["status"] == "active"
    assert Event.objects.filter(kind="booking.no_show_undone", user_id=ada.id, actor_id=grace.id).count() == 3


def test_what_was_cancelled_is_no_no_show(ada: User, grace: User, slot: Slot) -> None:
    booking = book(ada, slot)
    cancel_booking(client_id=ada.id, booking_id=booking.id)
    assert Caller(grace).refused("DELETE", f"/bookings/{booking.id}/no-show") == (409, "booking_not_active")
