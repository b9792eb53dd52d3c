"""A host changes rules, days off and the time zone, and reads what that opened, closed and left, over HTTP."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.services import people
from bookings.models import AvailabilityRule, Booking, Slot, WaitlistEntry
from bookings.policies.availability import MOST_OPENINGS, MOST_RULES
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.expansion import expand_host
from bookings.services.hosting import cancel_slot
from tests.bookings.api import EVERYTHING, Caller
from tests.bookings.people import credits_of, make_person, make_slot

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {"start_time": "09:00", "end_time": "12:00", "title": "Office hours"}


@pytest.fixture
def day() -> date:
    """Tomorrow a week ahead, in Grace's zone: its weekday is neither today's nor that of the end of two weeks."""
    return clock.read_now().astimezone(BERLIN).date() + timedelta(days=8)


@pytest.fixture
def host(grace: User) -> Caller:
    return Caller(grace, EVERYTHING | {"account:read", "account:write"})


@pytest.fixture
def weekly(host: Caller, day: date) -> dict[str, Any]:
    """Three hours on that day's weekday, seen two weeks ahead."""
    return host.post(
        "/availability-rules",
        HOURS | {"kind": "weekly", "weekday": day.isoweekday(), "capacity": 2, "horizon_days": 14},
        status=201,
    )


def slots_on(day: date, *, status: str = "open", zone: ZoneInfo = BERLIN) -> list[Slot]:
    found = Slot.objects.filter(status=status).order_by("starts_at")
    return [slot for slot in found if slot.starts_at.astimezone(zone).date() == day]


def times_on(day: date) -> list[str]:
    return [f"{slot.starts_at.astimezone(BERLIN):%H:%M}" for slot in slots_on(day)]


def left_ids(change: dict[str, Any]) -> list[str]:
    assert change["left_count"] == len(change["left"])
    return [slot["id"] for slot in change["left"]]


def test_rules_over_the_api(host: Caller) -> None:
    body = {"kind": "weekly", "weekday": 2, "start_time": "09:00", "end_time": "10:00", "title": "Clinic"}
    made = host.post("/availability-rules", body, status=201)
    assert (made["start_time"], made["capacity"], made["horizon_days"]) == ("09:00:00", 1, 28)
    assert (made["opened"], made["closed"], made["left"]) == (4, 0, [])
    assert [r["id"] for r in host.get("/availability-rules")["results"]] == [made["id"]]
    assert [s["title"] for s in host.get("/pages/hosting")["slots"]["results"]] == ["Clinic"] * 4
    gone = host.delete(f"/availability-rules/{made['id']}", status=200)
    assert (gone["opened"], gone["closed"]) == (0, 4)
    assert host.get("/pages/hosting")["slots"]["results"] == []


def test_a_day_off_closes_what_nobody_holds_and_lists_what_is_booked(
    ada: User, mallory: User, host: Caller, weekly: dict[str, Any], day: date
) -> None:
    held, given_up, untouched = slots_on(day)
    book_slot(client_id=ada.id, slot_id=held.id)
    cancel_booking(client_id=mallory.id, booking_id=book_slot(client_id=mallory.id, slot_id=given_up.id)["id"])
    off = host.post("/availability-rules", {"kind": "day_off", "date": f"{day}"}, status=201)
    assert (off["opened"], off["closed"], left_ids(off)) == (0, 2, [str(held.id)])
    assert off["left"][0]["seats_taken"] == 1
    assert slots_on(day) == [held]
    given_up.refresh_from_db()
    assert given_up.status == "cancelled"
    assert not Slot.objects.filter(id=untouched.id).exists()
    assert expand_host(host_id=held.host_id) == 0


def test_a_slot_left_on_a_day_off_closes_once_nobody_holds_it(
    ada: User, host: Caller, weekly: dict[str, Any], day: date
) -> None:
    held = slots_on(day)[0]
    booking = book_slot(client_id=ada.id, slot_id=held.id)
    host.delete(f"/availability-rules/{weekly['id']}", status=200)
    cancel_booking(client_id=ada.id, booking_id=booking["id"])
    assert expand_host(host_id=held.host_id) == 0
    assert slots_on(day) == []


def test_a_day_that_is_on_again_opens_again(
    ada: User, mallory: User, host: Caller, weekly: dict[str, Any], day: date
) -> None:
    held, given_up, _ = slots_on(day)
    book_slot(client_id=ada.id, slot_id=held.id)
    cancel_booking(client_id=mallory.id, booking_id=book_slot(client_id=mallory.id, slot_id=given_up.id)["id"])
    off = host.post("/availability-rules", {"kind": "day_off", "date": f"{day}"}, status=201)
    on = host.delete(f"/availability-rules/{off['id']}", status=200)
    assert (on["opened"], on["closed"], on["left"]) == (2, 0, [])
    assert times_on(day) == ["09:00", "10:00", "11:00"]
    assert given_up not in slots_on(day), "a cancelled session is not sold again; its time is"


@pytest.mark.parametrize("way", ["day off", "changed hours", "removed hours"])
def test_the_host_may_have_what_is_booked_cancelled(
    ada: User, host: Caller, weekly: dict[str, Any], day: date, way: str
) -> None:
    held = slots_on(day)[0]
    book_slot(client_id=ada.id, slot_id=held.id)
    # In the evening of the day after, where the rule has no hours.
    ahead = held.starts_at + timedelta(hours=36) - clock.read_now()
    other = book_slot(client_id=ada.id, slot_id=make_slot(held.host, hours=ahead / timedelta(hours=1)).id)
    rule = f"/availability-rules/{weekly['id']}"
    if way == "day off":
        done = host.post(
            "/availability-rules", {"kind": "day_off", "date": f"{day}", "cancel_booked": True}, status=201
        )
    elif way == "changed hours":
        done = host.patch(rule, {"start_time": "10:00", "cancel_booked": True})
    else:
        done = host.delete(f"{rule}?cancel_booked=true", status=200)
    assert (done["bookings_cancelled"], done["credits_refunded"], done["left"]) == (1, 1, [])
    assert "09:00" not in times_on(day)
    assert Booking.objects.get(slot=held).cancelled_by == "host"
    assert Booking.objects.get(id=other["id"]).status == "active"
    assert credits_of(ada) == 4


def test_changed_hours_keep_the_slots_that_they_still_ask_for(
    ada: User, host: Caller, weekly: dict[str, Any], day: date
) -> None:
    nine, ten, eleven = slots_on(day)
    book_slot(client_id=ada.id, slot_id=nine.id)
    done = host.patch(f"/availability-rules/{weekly['id']}", {"start_time": "10:00", "end_time": "14:00"})
    weeks = Slot.objects.filter(status="open", rule_id=weekly["id"]).values("rule_date").distinct().count()
    assert (done["start_time"], done["opened"], done["closed"]) == ("10:00:00", 2 * weeks, weeks - 1)
    assert left_ids(done) == [str(nine.id)]
    assert times_on(day) == ["09:00", "10:00", "11:00", "12:00", "13:00"]
    assert slots_on(day)[1:3] == [ten, eleven]


def test_a_new_title_is_that_of_every_slot(ada: User, host: Caller, weekly: dict[str, Any], day: date) -> None:
    before = slots_on(day)
    book_slot(client_id=ada.id, slot_id=before[0].id)
    done = host.patch(f"/availability-rules/{weekly['id']}", {"title": "Clinic", "capacity": 5})
    assert (done["opened"], done["closed"], done["left"], done["booked_slots"]) == (0, 0, [], 1)
    looks = [(slot.id, slot.title, slot.capacity) for slot in slots_on(day)]
    assert looks == [(slot.id, "Clinic", 5) for slot in before]
    again = host.patch(f"/availability-rules/{weekly['id']}", {"title": "Clinic"})
    assert (again["opened"], again["closed"]) == (0, 0)


def test_a_day_off_can_be_moved(host: Caller, weekly: dict[str, Any], day: date) -> None:
    off = host.post("/availability-rules", {"kind": "day_off", "date": f"{day + timedelta(days=1)}"}, status=201)
    moved = host.patch(f"/availability-rules/{off['id']}", {"date": f"{day}"})
    assert (moved["opened"], moved["closed"], times_on(day)) == (0, 3, [])


def test_who_waits_for_a_slot_that_closes_waits_no_more(
    ada: User, mallory: User, host: Caller, weekly: dict[str, Any], day: date
) -> None:
    slot = slots_on(day)[0]
    WaitlistEntry.objects.create(slot=slot, client=ada, joined_at=clock.read_now())
    host.post("/availability-rules", {"kind": "day_off", "date": f"{day}"}, status=201)
    assert WaitlistEntry.objects.get().status == "closed"
    assert Slot.objects.get(id=slot.id).status == "cancelled"


def test_a_session_that_its_host_cancelled_stays_closed_for_every_rule(
    host: Caller, weekly: dict[str, Any], day: date
) -> None:
    cancelled = slots_on(day)[0]
    cancel_slot(host_id=cancelled.host_id, slot_id=cancelled.id)
    over_it = {"kind": "extra", "date": f"{day}", "start_time": "09:00", "end_time": "10:00", "title": "Extra"}
    assert host.post("/availability-rules", over_it, status=201)["opened"] == 0
    assert times_on(day) == ["10:00", "11:00"]


def test_a_cancelled_day_is_a_day_off(ada: User, host: Caller, weekly: dict[str, Any], day: date) -> None:
    grace = User.objects.get(login="grace")
    host.post("/availability-rules", HOURS | {"kind": "extra", "date": f"{day}", "start_time": "08:00"}, status=201)
    noon = datetime.combine(day, time(12), tzinfo=BERLIN)
    own = make_slot(grace, hours=(noon - clock.read_now()).total_seconds() / 3600)
    book_slot(client_id=ada.id, slot_id=own.id)
    done = host.post("/hosts/me/cancel-day", {"date": f"{day}"})
    assert (len(done["slot_ids"]), done["bookings_cancelled"]) == (5, 1)
    assert expand_host(host_id=grace.id) == 0
    assert times_on(day) == []
    assert [rule["kind"] for rule in host.get("/availability-rules")["results"]] == ["weekly", "day_off"]
    assert host.post("/hosts/me/cancel-day", {"date": f"{day}"})["rule_id"] == done["rule_id"]
    assert host.delete(f"/availability-rules/{done['rule_id']}", status=200)["opened"] == 3


def test_a_cancelled_day_beyond_the_horizon_never_fills(host: Caller, weekly: dict[str, Any], day: date) -> None:
    far = day + timedelta(days=14)
    host.post("/hosts/me/cancel-day", {"date": f"{far}"})
    done = host.patch(f"/availability-rules/{weekly['id']}", {"horizon_days": 40})
    assert done["opened"] > 0
    assert times_on(far) == []


def test_a_new_time_zone_is_followed_at_once(ada: User, host: Caller, weekly: dict[str, Any], day: date) -> None:
    held = slots_on(day)[1]
    book_slot(client_id=ada.id, slot_id=held.id)
    made = Slot.objects.filter(status="open").count()
    calendar = host.patch("/me", {"time_zone": "Asia/Tokyo"})["calendar"]
    assert (calendar["closed"], left_ids(calendar)) == (made - 1, [str(held.id)])
    tokyo = ZoneInfo("Asia/Tokyo")
    moved = Slot.objects.filter(status="open").exclude(id=held.id)
    assert {slot.starts_at.astimezone(tokyo).hour for slot in moved} == {9, 10, 11}
    assert "calendar" not in host.patch("/me", {"display_name": "Grace H."})
    assert "calendar" not in Caller(ada, EVERYTHING | {"account:write"}).patch("/me", {"time_zone": "Asia/Tokyo"})


def test_a_session_held_today_is_not_made_again_further_west(grace: User, host: Caller) -> None:
    """The host has worked all day in the east and flies west, where it is still morning."""
    people.update_profile(user_id=grace.id, changes={"time_zone": "Pacific/Kiritimati"})
    today = clock.read_now().astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    for weekday in range(1, 8):
        all_day = {"kind": "weekly", "weekday": weekday, "start_time": "00:00", "end_time": "24:00", "title": "All day"}
        host.post("/availability-rules", all_day | {"horizon_days": 3}, status=201)
    now = clock.read_now()
    first = Slot.objects.filter(rule_date=today).order_by("starts_at").first() or Slot.objects.earliest("starts_at")
    over = {"starts_at": now - timedelta(hours=2), "ends_at": now - timedelta(hours=1)}
    Slot.objects.filter(id=first.id).update(**over, bookings_close_at=over["starts_at"])
    people.update_profile(user_id=grace.id, changes={"time_zone": "Pacific/Pago_Pago"})
    same = Slot.objects.filter(rule_id=first.rule_id, rule_date=first.rule_date, rule_place=first.rule_place)
    assert list(same) == [first]


def test_a_host_who_returns_finds_the_calendar_filled(
    ada: User, host: Caller, weekly: dict[str, Any], grace: User, day: date
) -> None:
    held, cancelled, _ = slots_on(day)
    before = Slot.objects.filter(status="open").count()
    book_slot(client_id=ada.id, slot_id=held.id)
    cancel_slot(host_id=grace.id, slot_id=cancelled.id)
    people.deactivate_person(user_id=grace.id, now=timezone.now())
    assert not Slot.objects.filter(status="open").exists()
    people.admit_person(user_id=grace.id, answered_at=timezone.now())
    assert Slot.objects.filter(status="open").count() == before - 1
    assert times_on(day) == ["09:00", "11:00"]
    held.refresh_from_db()
    assert (held.status, credits_of(ada)) == ("cancelled", 5)


def refusal(host: Caller, body: dict[str, Any], *, path: str = "/availability-rules", method: str = "POST") -> str:
    """What is wrong, in words; the refusal changes nothing."""
    before = AvailabilityRule.objects.count()
    send = getattr(host.client, method.lower())
    response = send(f"/api/v1{path}", body, content_type="application/json")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (400, "validation_error")
    assert AvailabilityRule.objects.count() == before
    return str(problem.get("errors") or problem["detail"])


WEEKLY = HOURS | {"kind": "weekly", "weekday": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(WEEKLY | {"slot_minutes": 200}, "slot_minutes", id="longer than the hours"),
        pytest.param(WEEKLY | {"horizon_days": 2, "minimum_notice_minutes": 2880}, "minimum_notice", id="notice"),
        pytest.param(WEEKLY | {"end_time": "09:00"}, "end_time", id="no hours"),
        pytest.param(HOURS | {"kind": "extra", "date": "2020-02-02"}, "date", id="in the past"),
        pytest.param({"kind": "day_off", "date": "2020-02-02"}, "date", id="a past day off"),
    ],
)
def test_a_rule_that_can_never_do_anything_is_refused_with_its_reason(
    host: Caller, body: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(host, body)


def test_an_exact_duplicate_is_refused(host: Caller, weekly: dict[str, Any], day: date) -> None:
    same = {name: weekly[name] for name in ("kind", "weekday", "title", "capacity", "horizon_days")}
    times = {"start_time": "09:00", "end_time": "12:00"}
    assert "already" in refusal(host, same | times)
    off = {"kind": "day_off", "date": f"{day}"}
    host.post("/availability-rules", off, status=201)
    assert host.post("/availability-rules", off, status=400)["is_there"]
    other = host.post("/availability-rules", same | times | {"title": "Else"}, status=201)
    assert "already" in refusal(
        host, {"title": "Office hours"}, path=f"/availability-rules/{other['id']}", method="PATCH"
    )
    assert len(host.get("/availability-rules")["results"]) == 3


def test_limits_are_refused_with_their_number(host: Caller, grace: User) -> None:
    year = {"kind": "weekly", "start_time": "00:00", "end_time": "24:00", "title": "Always", "horizon_days": 366}
    first = host.post("/availability-rules", year | {"weekday": 1, "slot_minutes": 1440}, status=201)
    path = f"/availability-rules/{first['id']}"
    assert str(MOST_OPENINGS) in refusal(host, {"slot_minutes": 5}, path=path, method="PATCH")
    host.delete(path, status=200)
    far = date(2150, 1, 1)
    AvailabilityRule.objects.bulk_create(
        AvailabilityRule(host=grace, kind="day_off", date=far + timedelta(days=n)) for n in range(MOST_RULES)
    )
    assert str(MOST_RULES) in refusal(host, WEEKLY)
    assert str(MOST_RULES) in refusal(host, {"date": "2149-01-01"}, path="/hosts/me/cancel-day")
    assert host.post("/hosts/me/cancel-day", {"date": f"{far}"})["rule_id"]


def test_a_kind_is_not_changed_and_nothing_is_no_change(host: Caller, weekly: dict[str, Any]) -> None:
    path = f"/availability-rules/{weekly['id']}"
    same = host.patch(path, {"kind": "day_off"})
    assert (same["kind"], same["opened"], same["closed"]) == ("weekly", 0, 0)
    assert host.refused("PATCH", path, {"date": "2030-01-01"}) == (400, "validation_error")


def test_a_rule_of_somebody_else_is_not_found(mallory: User, weekly: dict[str, Any]) -> None:
    for person in (mallory, make_person("linus", is_host=True)):
        for method in ("PATCH", "DELETE"):
            assert Caller(person).refused(method, f"/availability-rules/{weekly['id']}") == (404, "not_found")


def test_instants_may_be_written_in_lower_case(host: Caller) -> None:
    start = clock.read_now().replace(microsecond=0) + timedelta(days=3)
    times = {"starts_at": f"{start:%Y-%m-%dt%H:%M:%Sz}", "ends_at": f"{start + timedelta(hours=1):%Y-%m-%dt%H:%M:%Sz}"}
    made = host.post("/slots", {"title": "x", "capacity": 1, **times}, status=201)
    assert datetime.fromisoformat(made["starts_at"]) == start


@pytest.mark.parametrize("zone", ["localtime", "Factory", "europe/berlin"])
def test_a_zone_that_is_no_place_is_refused(host: Caller, zone: str) -> None:
    assert host.refused("PATCH", "/me", {"time_zone": zone}) == (400, "validation_error")
