"""A client books every session of weekly hours up to a day: preview, confirmation and what is in the way, over HTTP."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.mail import EmailMessage
from icalendar import Calendar

from accounts.models import User
from bookings.models import AvailabilityRule, Booking, CreditEntry, Plan, Slot, Subscription, WaitlistEntry
from bookings.policies.seats import MOST_SESSIONS
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.credits import grant_plan
from bookings.services.editing import edit_slot
from bookings.services.hosting import cancel_slot
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.jobs import run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, state

pytestmark = pytest.mark.slow

BERLIN = ZoneInfo("Europe/Berlin")
KEY = {"Idempotency-Key": "a-key"}


@pytest.fixture
def day() -> date:
    """The first Tuesday-or-whatever of the series: a week ahead."""
    return clock.read_now().astimezone(BERLIN).date() + timedelta(days=8)


@pytest.fixture
def slots(grace: User, day: date) -> list[Slot]:
    """Five weeks of a session at nine; the rule makes another at ten, which is not of the series."""
    hours = {"kind": "weekly", "weekday": day.isoweekday(), "start_time": "09:00", "end_time": "11:00"}
    more = {"title": "Clinic", "capacity": 2, "horizon_days": 43, "price_credits": 1, "place": "Room 1"}
    Caller(grace).post("/availability-rules", hours | more, status=201)
    found = [slot for slot in Slot.objects.order_by("starts_at") if slot.starts_at.astimezone(BERLIN).hour == 9]
    return [slot for slot in found if slot.rule_date and slot.rule_date >= day][:5]


@pytest.fixture
def caller(ada: User) -> Caller:
    return Caller(ada)


def preview_of(caller: Caller, slots: list[Slot], until: date | None = None) -> dict[str, Any]:
    return caller.get(f"/slots/{slots[0].id}/series", until=until or slots[-1].rule_date)


def confirmation(preview: dict[str, Any]) -> dict[str, Any]:
    return {
        "slot_ids": [one["slot"]["id"] for one in preview["sessions"] if one["refusal"] is None],
        "expected_credits_charged": preview["credits_charged"],
        "seen": preview["seen"],
    }


def refusals(preview: dict[str, Any]) -> list[str | None]:
    return [one["refusal"] for one in preview["sessions"]]


def test_a_series_is_previewed_booked_and_each_booking_is_by_itself(
    ada: User, caller: Caller, slots: list[Slot]
) -> None:
    before = state()
    preview = preview_of(caller, slots, slots[3].rule_date)
    assert state() == before
    assert [one["slot"]["id"] for one in preview["sessions"]] == [str(slot.id) for slot in slots[:4]]
    assert (refusals(preview), preview["credits_charged"]) == ([None] * 4, 4)
    assert preview["opened_until"] >= f"{slots[4].rule_date}"
    made = caller.post(f"/slots/{slots[0].id}/series", confirmation(preview), status=201, **KEY)
    assert made["credits_charged"] == 4
    assert [one["slot_id"] for one in made["bookings"]] == [str(slot.id) for slot in slots[:4]]
    assert [one["refund_deadline"] for one in made["bookings"]] == [
        one["slot"]["refund_deadline"] for one in preview["sessions"]
    ]
    assert [e["balance_after"] for e in caller.get("/credit-entries")["results"]][:4] == [1, 2, 3, 4]
    caller.post(f"/bookings/{made['bookings'][1]['id']}/cancel", {"expected_credits_refunded": 1})
    assert credits_of(ada) == 2
    assert Booking.objects.filter(client=ada, status="active").count() == 3


def test_what_cannot_be_booked_is_named_and_the_rest_is_booked(
    ada: User, grace: User, mallory: User, caller: Caller, slots: list[Slot]
) -> None:
    full, mine, cancelled, overlapping, _ = slots
    for person in (mallory, make_person("other")):
        book_slot(client_id=person.id, slot_id=full.id)
    book_slot(client_id=ada.id, slot_id=mine.id)
    cancel_slot(host_id=grace.id, slot_id=cancelled.id)
    elsewhere = make_slot(make_person("linus", is_host=True))
    Slot.objects.filter(id=elsewhere.id).update(
        starts_at=overlapping.starts_at, bookings_close_at=overlapping.starts_at, ends_at=overlapping.ends_at
    )
    book_slot(client_id=ada.id, slot_id=elsewhere.id)
    preview = preview_of(caller, slots)
    assert refusals(preview) == ["slot_full", "already_booked", "slot_cancelled", "overlapping_booking", None]
    made = caller.post(f"/slots/{full.id}/series", confirmation(preview), status=201)
    assert [one["slot_id"] for one in made["bookings"]] == [str(slots[4].id)]


def test_credits_run_out_on_the_way_and_a_due_plan_is_renewed(ada: User, caller: Caller, slots: list[Slot]) -> None:
    Slot.objects.filter(id__in=[slot.id for slot in slots]).update(price_credits=2)
    assert refusals(preview_of(caller, slots)) == [None, None, *["insufficient_credits"] * 3]
    Plan.objects.create(name="Monthly", credits=4, period_days=30)
    grant_plan(user_id=ada.id, plan_name="Monthly")
    now = clock.read_now()
    Subscription.objects.filter(plan__name="Monthly").update(starts_at=now - timedelta(31), ends_at=now - timedelta(1))
    before = state()
    preview = preview_of(caller, slots)
    assert (refusals(preview), state()) == ([None] * 5, before)
    made = caller.post(f"/slots/{slots[0].id}/series", confirmation(preview), status=201)
    assert (made["credits_charged"], credits_of(ada)) == (10, 3)
    assert len({one["subscription_id"] for one in made["bookings"]}) == 2


def test_a_series_that_costs_nothing(ada: User, caller: Caller, slots: list[Slot]) -> None:
    Slot.objects.filter(id__in=[slot.id for slot in slots]).update(price_credits=0)
    Subscription.objects.filter(user=ada).update(
        ends_at=clock.read_now() - timedelta(1), starts_at=clock.read_now() - timedelta(9)
    )
    caller.post(f"/slots/{slots[0].id}/series", confirmation(preview_of(caller, slots)), status=201)
    assert not CreditEntry.objects.filter(reason="booking").exists()


def fill(slot: Slot) -> None:
    for name in ("one", "two"):
        book_slot(client_id=make_person(name).id, slot_id=slot.id)


def update(slot: Slot, **values: Any) -> None:
    Slot.objects.filter(id=slot.id).update(**values)


def edit(slot: Slot, **values: Any) -> None:
    edit_slot(host_id=slot.host_id, slot_id=slot.id, values=values)


def spend(slot: Slot) -> None:
    linus = make_person("linus", is_host=True)
    for hours in (1200, 1210):
        book_slot(client_id=User.objects.get(login="ada").id, slot_id=make_slot(linus, hours=hours).id)


CHANGES: dict[str, tuple[Callable[[Slot], object], str]] = {
    "full": (fill, "slot_full"),
    "cancelled": (lambda slot: cancel_slot(host_id=slot.host_id, slot_id=slot.id), "slot_cancelled"),
    "price": (lambda slot: update(slot, price_credits=3), "price_changed"),
    "dear": (lambda slot: update(slot, price_credits=90), "price_changed"),
    "window": (lambda slot: update(slot, refund_window_hours=100), "preview_changed"),
    "moved": (lambda slot: edit(slot, ends_at=slot.ends_at - timedelta(minutes=5)), "preview_changed"),
    "place": (lambda slot: edit(slot, place="Room 2"), "preview_changed"),
    "poor": (spend, "insufficient_credits"),
    "gone": (lambda slot: AvailabilityRule.objects.all().delete(), "no_series"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_not_as_it_was_shown_leaves_nothing_done(caller: Caller, slots: list[Slot], what: str) -> None:
    (happen, code), body = CHANGES[what], confirmation(preview_of(caller, slots[:4]))
    happen(slots[2])
    before = state()
    assert caller.refused("POST", f"/slots/{slots[0].id}/series", body)[1] == code
    assert state() == before


def test_a_refusal_says_which_session_and_a_price_says_the_sum(caller: Caller, slots: list[Slot]) -> None:
    body, address = confirmation(preview_of(caller, slots)), f"/slots/{slots[0].id}/series"
    update(slots[2], price_credits=3)
    assert caller.post(address, body, status=409)["credits_charged"] == 7
    fill(slots[1])
    assert caller.post(address, body, status=409)["slot_id"] == str(slots[1].id)


def test_the_same_key_gives_the_same_bookings(caller: Caller, slots: list[Slot]) -> None:
    body, address = confirmation(preview_of(caller, slots[:3])), f"/slots/{slots[0].id}/series"
    made = caller.post(address, body, status=201, **KEY)
    again = caller.post(address, body, status=201, **KEY)
    assert [one["id"] for one in again["bookings"]] == [one["id"] for one in made["bookings"]]
    other = body | {"slot_ids": body["slot_ids"][:2]}
    assert caller.refused("POST", address, other, **KEY) == (409, "idempotency_conflict")
    assert caller.refused("POST", address, body) == (409, "already_booked")


def test_who_waited_and_got_a_seat_so_waits_no_longer(ada: User, caller: Caller, slots: list[Slot]) -> None:
    held = [book_slot(client_id=make_person(name).id, slot_id=slots[1].id) for name in ("one", "two")]
    join_waitlist(client_id=ada.id, slot_id=slots[1].id)
    Slot.objects.filter(id=slots[1].id).update(capacity=3)
    assert held
    caller.post(f"/slots/{slots[0].id}/series", confirmation(preview_of(caller, slots)), status=201)
    assert WaitlistEntry.objects.get(client=ada).status == "promoted"


def test_one_mail_tells_of_all(ada: User, caller: Caller, slots: list[Slot], mailoutbox: list[EmailMessage]) -> None:
    made = caller.post(f"/slots/{slots[0].id}/series", confirmation(preview_of(caller, slots)), status=201)
    caller.post(f"/bookings/{made['bookings'][0]['id']}/cancel")
    run_jobs()
    (mail,) = [mail for mail in mailoutbox if "Booked" in mail.subject]
    assert mail.subject == "Booked: Clinic, 4 sessions"
    assert (mail.body.count("Room 1"), mail.body.count("Cancel before")) == (4, 4)
    assert "Together they cost 4 credits." in mail.body
    (part,) = mail.attachments
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    assert calendar["METHOD"] == "PUBLISH"
    uids = {f"booking-{one['id']}@insighta" for one in made["bookings"][1:]}
    assert {event["UID"] for event in calendar.walk("VEVENT")} == uids


def test_requests_that_name_no_series(
    ada: User, grace: User, caller: Caller, slots: list[Slot], slot: Slot, day: date
) -> None:
    address, early = f"/slots/{slots[0].id}/series", f"{day - timedelta(days=9)}"
    assert caller.refused("GET", f"/slots/{slot.id}/series", {"until": f"{day}"}) == (409, "no_series")
    body = confirmation(preview_of(caller, slots))
    assert caller.refused("POST", f"/slots/{slot.id}/series", body) == (409, "no_series")
    for query in ({}, {"until": ""}, {"until": "Christmas"}, {"until": "9999-12-31"}, {"until": early}):
        assert caller.refused("GET", address, query) == (400, "validation_error"), query
    wrongs: list[dict[str, Any]] = [{"slot_ids": []}, {"slot_ids": body["slot_ids"] * 7}, {"seen": ""}]
    for wrong in [*wrongs, {"expected_credits_charged": -1}]:
        assert caller.refused("POST", address, body | wrong) == (400, "validation_error"), wrong
    other = confirmation(preview_of(caller, slots)) | {"slot_ids": [str(slot.id)]}
    assert caller.refused("POST", address, other) == (409, "preview_changed")
    assert refusals(preview_of(Caller(grace), slots)) == ["own_slot"] * 5
    assert caller.refused("GET", f"/slots/{ada.id}/series", {"until": f"{day}"}) == (404, "not_found")


def test_the_longest_series_is_named(grace: User, caller: Caller, slots: list[Slot], day: date) -> None:
    rule = slots[0].rule_id
    Caller(grace).patch(f"/availability-rules/{rule}", {"horizon_days": 366})
    last = day + timedelta(weeks=MOST_SESSIONS - 1)
    assert len(preview_of(caller, slots, last)["sessions"]) == MOST_SESSIONS
    ask = partial(caller.client.get, f"/api/v1/slots/{slots[0].id}/series")
    answer = ask({"until": f"{last + timedelta(weeks=1)}"})
    assert (answer.status_code, answer.json()["errors"]["until"]) == (
        400,
        ["A series has at most 26 sessions. Choose an earlier day."],
    )
