"""The weekly hours of an offering as one: what opens, closes and stays, and what two windows do to each other."""

from datetime import time, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Event, User
from bookings import errors
from bookings.models import AvailabilityRule, Slot
from bookings.policies.availability import MOST_OPENINGS
from bookings.policies.weekly_hours import Hours, find_problems_of_week, plan_week
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.editing import edit_slot
from bookings.services.expansion import expand_host
from bookings.services.offerings import add_offering
from bookings.services.waiting import join_waitlist
from bookings.services.weekly_hours import set_weekly_hours
from tests.bookings.api import Caller
from tests.bookings.committed import together
from tests.bookings.people import credits_of, make_person
from tests.bookings.test_availability import rule

pytestmark = pytest.mark.slow

MORNING = {"start_time": "09:00", "end_time": "12:00"}


@pytest.fixture
def host(grace: User) -> Caller:
    return Caller(grace)


@pytest.fixture
def yoga(host: Caller) -> str:
    """An offering of one hour and two seats."""
    return str(host.post("/offerings", {"title": "Yoga", "minutes": 60, "capacity": 2}, status=201)["id"])


def save(host: Caller, offering: str, *hours: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
    return host.put(f"/offerings/{offering}/weekly-hours", {"hours": hours, **more}, status=status)


def on(weekday: int, start: str = "09:00", end: str = "12:00") -> dict[str, Any]:
    return {"weekday": weekday, "start_time": start, "end_time": end}


def told(change: dict[str, Any]) -> tuple[int, int, int]:
    return change["opened"], change["closed"], change["left_count"]


def weekday_ahead() -> int:
    """The day after tomorrow: every session of its next week lies ahead."""
    return (clock.read_now() + timedelta(days=2)).isoweekday()


def sessions() -> list[Slot]:
    return list(Slot.objects.filter(status="open").order_by("starts_at"))


def test_a_week_is_saved_as_one_and_a_preview_changes_nothing(host: Caller, yoga: str) -> None:
    week = [on(1), on(1, "14:00", "16:00"), on(3, "22:00", "24:00")]
    seen = save(host, yoga, *week, preview=True)
    assert (seen["changed"], seen["opened"] > 20, seen["closed"]) == (True, True, 0)
    assert (Slot.objects.count(), AvailabilityRule.objects.count()) == (0, 0)
    saved = save(host, yoga, *week, seen=seen["seen"])
    assert told(saved) == told(seen)
    assert Slot.objects.count() == saved["opened"]
    shown = [(one["weekday"], one["start_time"], one["end_time"]) for one in saved["rules"]]
    assert shown == [(1, "09:00:00", "12:00:00"), (1, "14:00:00", "16:00:00"), (3, "22:00:00", "00:00:00")]
    assert {one["offering_id"] for one in saved["rules"]} == {yoga}
    assert Event.objects.filter(kind="availability.changed").count() == 1


def test_saving_the_same_again_does_nothing_whatever_was_seen(host: Caller, yoga: str) -> None:
    saved = save(host, yoga, on(1), buffer_minutes=0)
    again = save(host, yoga, on(1), buffer_minutes=0, seen="an old one")
    assert (again["changed"], told(again)) == (False, (0, 0, 0))
    assert again["rules"] == saved["rules"]
    assert Event.objects.filter(kind="availability.changed").count() == 1


def test_what_is_booked_stays_and_is_named(host: Caller, yoga: str, ada: User) -> None:
    day = weekday_ahead()
    opened = save(host, yoga, on(day))["opened"]
    booked = sessions()[0]
    book_slot(client_id=ada.id, slot_id=booked.id)
    seen = save(host, yoga, preview=True)
    assert (seen["closed"], seen["left_count"]) == (opened - 1, 1)
    assert [one["id"] for one in seen["left"]] == [str(booked.id)]
    save(host, yoga, seen=seen["seen"])
    assert [slot.id for slot in sessions()] == [booked.id]
    assert credits_of(ada) == 4


@pytest.mark.parametrize(
    ("then", "opens", "closes"),
    [
        pytest.param([("09:00", "13:00")], 1, 0, id="longer"),
        pytest.param([("08:00", "12:00")], 1, 0, id="from earlier on"),
        pytest.param([("10:00", "12:00")], 0, 1, id="shorter"),
        pytest.param([("09:00", "10:00"), ("11:00", "12:00")], 0, 1, id="divided"),
        pytest.param([("09:00", "11:00"), ("11:00", "14:00")], 2, 0, id="divided and longer"),
    ],
)
def test_sessions_that_old_and_new_hours_ask_for_stay(
    host: Caller, yoga: str, ada: User, then: list[tuple[str, str]], opens: int, closes: int
) -> None:
    day = weekday_ahead()
    weeks = save(host, yoga, on(day))["opened"] // 3
    last = sessions()[2]
    book_slot(client_id=ada.id, slot_id=last.id)
    stay = {slot.id for slot in sessions()}
    change = save(host, yoga, *(on(day, *hours) for hours in then))
    assert told(change) == (opens * weeks, closes * weeks, 0)
    now = {slot.id for slot in sessions()}
    assert len(stay - now) == closes * weeks
    assert set(Slot.objects.filter(status="open").values_list("rule_id", flat=True)) == {
        rule.id for rule in AvailabilityRule.objects.all()
    }
    assert expand_host(host_id=last.host_id) == 0


def test_a_session_that_the_host_has_moved_is_not_opened_at_its_old_time_again(
    host: Caller, yoga: str, grace: User
) -> None:
    day = weekday_ahead()
    save(host, yoga, on(day))
    first = sessions()[0]
    later = {"starts_at": first.starts_at + timedelta(hours=8), "ends_at": first.ends_at + timedelta(hours=8)}
    edit_slot(host_id=grace.id, slot_id=first.id, values=later)
    save(host, yoga, on(day, "09:00", "13:00"))
    assert first.starts_at not in {slot.starts_at for slot in sessions()}
    assert Slot.objects.filter(id=first.id, status="open", starts_at=later["starts_at"]).exists()


def test_who_waits_keeps_the_place(host: Caller, grace: User, ada: User, mallory: User) -> None:
    alone = host.post("/offerings", {"title": "Chess", "minutes": 60}, status=201)["id"]
    day = weekday_ahead()
    save(host, alone, on(day))
    first = sessions()[0]
    book_slot(client_id=ada.id, slot_id=first.id)
    join_waitlist(client_id=mallory.id, slot_id=first.id)
    save(host, alone, on(day, "09:00", "15:00"))
    assert Caller(mallory).get("/waitlist")["results"][0]["slot"]["id"] == str(first.id)


def test_hours_that_say_something_of_their_own_keep_it_when_they_grow(host: Caller, yoga: str) -> None:
    body = {"kind": "weekly", **on(2), "offering_id": yoga, "place": "The park", "horizon_days": 14}
    host.post("/availability-rules", body, status=201)
    saved = save(host, yoga, on(2, "09:00", "13:00"), on(4))
    assert [(one["place"], one["horizon_days"]) for one in saved["rules"]] == [("The park", 14), ("", 14)]


def test_the_pause_between_is_that_of_all_hours_or_stays(host: Caller, yoga: str) -> None:
    save(host, yoga, on(1), on(2), buffer_minutes=30)
    saved = save(host, yoga, on(1), on(3))
    assert [one["buffer_minutes"] for one in saved["rules"]] == [30, 30]
    changed = save(host, yoga, on(1), on(3), buffer_minutes=0)
    assert [one["buffer_minutes"] for one in changed["rules"]] == [0, 0]
    assert changed["opened"] > 0


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        pytest.param([on(1), on(1, "11:00", "13:00")], {"hours.1": "Monday: 09:00 to 12:00 and 11:00"}, id="overlap"),
        pytest.param([on(2), on(2)], {"hours.1": "Tuesday: 09:00 to 12:00 and 09:00 to 12:00 overlap"}, id="twice"),
        pytest.param([on(1), on(7, "12:00", "09:00")], {"hours.1": "Sunday: 12:00 to 09:00 does not"}, id="backwards"),
        pytest.param([on(1, "22:00", "02:00")], {"hours.0": "Hours past midnight are two"}, id="past midnight"),
        pytest.param([on(1, "09:00", "09:00")], {"hours.0": "does not end after its start"}, id="no time"),
        pytest.param([on(1, "09:00", "09:30")], {"hours.0": "a session of this length never fits"}, id="too short"),
        pytest.param([on(8)], {"hours": "less than or equal to 7"}, id="no such day"),
        pytest.param([{"weekday": 1}], {"hours": "This field is required."}, id="no times"),
        pytest.param([on(1, "9 o'clock")], {"hours": "wrong format"}, id="no time of day"),
        pytest.param([on(1)] * 101, {"hours": "no more than 100"}, id="too many"),
        pytest.param("always", {"hours": "Expected a list"}, id="no list"),
        pytest.param(["always"], {"hours": "Invalid data"}, id="no object"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_range(
    host: Caller, yoga: str, hours: Any, problem: dict[str, str]
) -> None:
    before = save(host, yoga, on(5))["rules"]
    refused = host.put(f"/offerings/{yoga}/weekly-hours", {"hours": hours, "preview": False}, status=400)
    assert refused["code"] == "validation_error"
    assert refused["errors"].keys() == problem.keys()
    ((name, words),) = problem.items()
    assert words in " ".join(refused["errors"][name])
    assert host.get("/availability-rules")["results"] == before


def test_what_is_there_already_may_stay_as_it_is(host: Caller, yoga: str) -> None:
    """Other programs may have made hours past midnight: they are in nobody's way."""
    for hours in (on(1, "22:00", "02:00"), on(3), on(3, "11:00", "13:00")):
        host.post("/availability-rules", {"kind": "weekly", **hours, "offering_id": yoga}, status=201)
    week = [on(1, "22:00", "02:00"), on(3), on(3, "11:00", "13:00")]
    assert save(host, yoga, *week, on(5))["opened"] > 0
    refused = host.put(f"/offerings/{yoga}/weekly-hours", {"hours": [*week, on(2, "01:00", "03:00")]}, status=400)
    assert refused["errors"].keys() == {"hours.3"}


def test_nobody_but_its_host_has_a_say(host: Caller, yoga: str, mallory: User) -> None:
    save(host, yoga, on(1))
    other = Caller(make_person("linus", is_host=True))
    path = f"/offerings/{yoga}/weekly-hours"
    body: dict[str, Any] = {"hours": []}
    assert [one.refused("PUT", path, body) for one in (other, Caller(mallory))] == [(404, "not_found")] * 2
    assert host.refused("PUT", f"/offerings/{uuid4()}/weekly-hours", body) == (404, "not_found")
    mine = other.post("/offerings", {"title": "Mine", "minutes": 60}, status=201)["id"]
    assert save(other, mine, on(1))["opened"] > 0, "the same hours of another host"
    assert len(host.get("/availability-rules")["results"]) == 1


def test_an_archived_offering_gets_no_hours(host: Caller, yoga: str) -> None:
    host.post(f"/offerings/{yoga}/archive")
    refused = host.put(f"/offerings/{yoga}/weekly-hours", {"hours": [on(1)]}, status=400)
    assert refused["errors"] == {"offering_id": ["This offering is archived."]}


def test_other_offerings_and_dates_stay_as_they_are(host: Caller, yoga: str) -> None:
    chess = host.post("/offerings", {"title": "Chess", "minutes": 30}, status=201)["id"]
    save(host, chess, on(1))
    off = {"kind": "day_off", "date": "2098-01-06"}
    host.post("/availability-rules", off, status=201)
    save(host, yoga, on(2))
    save(host, yoga)
    kept = [(one["kind"], one["offering_id"]) for one in host.get("/availability-rules")["results"]]
    assert kept == [("weekly", chess), ("day_off", None)]


def statements(work: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def test_the_number_of_ranges_costs_no_statements(grace: User) -> None:
    offering = add_offering(host_id=grace.id, values={"title": "Yoga", "minutes": 30, "capacity": 2})
    keep = partial(set_weekly_hours, host_id=grace.id, offering_id=offering["id"])

    def week(ranges: int, *, minutes: int = 0) -> list[Hours]:
        return [
            Hours(day, time(hour), time(hour, 30 + minutes)) for day in range(1, 8) for hour in range(1, 1 + ranges)
        ]

    few = [statements(partial(keep, hours=week(1, minutes=n))) for n in (0, 29)]
    keep(hours=[])
    many = [statements(partial(keep, hours=week(14, minutes=n))) for n in (0, 29)]
    assert many <= few
    assert few[1] <= 25


def test_a_plan_says_what_goes_and_what_comes() -> None:
    monday, tuesday = rule(weekday=1), rule(weekday=2)
    longer, new = Hours(1, time(1), time(6)), Hours(3, time(9), time(10))
    plan = plan_week(wanted=[new, longer, Hours(2, time(1), time(4))], rules=[monday, tuesday])
    assert (plan.kept, plan.removed) == ([tuesday], [monday])
    assert plan.added == [(longer, monday), (new, None)]
    touching = [Hours(1, time(1), time(4)), Hours(1, time(4), time(0)), Hours(2, time(0), time(1))]
    assert find_problems_of_week(wanted=touching, rules=[]) == {}


def prepared() -> tuple[User, dict[str, Any]]:
    grace = make_person("grace", is_host=True)
    offering = add_offering(host_id=grace.id, values={"title": "Yoga", "minutes": 60, "capacity": 2})
    return grace, {"host_id": grace.id, "offering_id": offering["id"]}


@pytest.mark.usefixtures("transactional_db")
def test_of_two_windows_that_save_at_once_the_second_is_told() -> None:
    grace, whose = prepared()
    set_weekly_hours(**whose, hours=[Hours(1, time(9), time(12))])
    weeks = [[Hours(day, time(9), time(12)) for day in days] for days in ((1, 2), (1, 3))]
    for _ in range(4):
        seen = [set_weekly_hours(**whose, hours=week, is_preview=True).seen for week in weeks]
        saves = [
            partial(set_weekly_hours, **whose, hours=week, seen=one) for week, one in zip(weeks, seen, strict=True)
        ]
        done = together(saves)
        refused = [one for one in done if isinstance(one, errors.PreviewChanged)]
        assert (len(refused), len(done)) == (1, 2), done
        (saved,) = (one for one in done if one not in refused)
        stored = AvailabilityRule.objects.filter(host=grace).order_by("weekday").values_list("weekday", flat=True)
        assert [*stored] == [rule.weekday for rule in saved.rules]
        set_weekly_hours(**whose, hours=[Hours(1, time(9), time(12))])


@pytest.mark.usefixtures("transactional_db")
def test_a_second_click_at_the_same_moment_changes_nothing_more() -> None:
    grace, whose = prepared()
    week = [Hours(day, time(9), time(12)) for day in (1, 2, 3)]
    for _ in range(4):
        seen = set_weekly_hours(**whose, hours=week, is_preview=True).seen
        done = together([partial(set_weekly_hours, **whose, hours=week, seen=seen)] * 3)
        assert sorted(one.changed for one in done) == [False, False, True]
        assert AvailabilityRule.objects.filter(host=grace).count() == 3
        set_weekly_hours(**whose, hours=[])


@pytest.mark.usefixtures("transactional_db")
def test_a_booking_at_the_moment_of_the_save_is_kept_or_refused_and_never_lost() -> None:
    grace, whose = prepared()
    ada = make_person("ada", credits=5)
    day = weekday_ahead()
    for _ in range(5):
        set_weekly_hours(**whose, hours=[Hours(day, time(9), time(12))])
        wanted = Slot.objects.filter(host=grace, status="open", seats_taken=0).order_by("starts_at")[0]
        seen = set_weekly_hours(**whose, hours=[], is_preview=True).seen
        saved, booked = together(
            [
                partial(set_weekly_hours, **whose, hours=[], seen=seen),
                partial(book_slot, client_id=ada.id, slot_id=wanted.id),
            ]
        )
        is_booked = not isinstance(booked, Exception)
        if isinstance(saved, errors.PreviewChanged):
            assert is_booked, "only the booking is different from what was seen"
        else:
            assert saved.changed
            assert not is_booked or Slot.objects.get(id=wanted.id).seats_taken == 1
        assert is_booked or isinstance(booked, errors.NotFound | errors.SlotCancelled), booked
        set_weekly_hours(**whose, hours=[])


def test_less_time_between_sessions_opens_no_more_than_the_limit(host: Caller) -> None:
    offering = host.post("/offerings", {"title": "Quick", "minutes": 5, "capacity": 1}, status=201)["id"]
    made = {"kind": "weekly", "offering_id": offering, "buffer_minutes": 1440, "horizon_days": 365}
    week = [on(weekday, "00:00", "24:00") for weekday in range(1, 8)]
    for one in week:
        host.post("/availability-rules", made | one, status=201)
    before = Slot.objects.count()
    for preview in (True, False):
        refused = save(host, offering, *week, buffer_minutes=0, preview=preview, status=400)
        assert str(MOST_OPENINGS) in refused["detail"]
    assert Slot.objects.count() == before
    assert {one["buffer_minutes"] for one in host.get("/availability-rules")["results"]} == {1440}


@pytest.mark.parametrize("start", ["09:00:30", "09:00:00.5", "09:00+02:00", "09:00Z"])
def test_hours_begin_at_whole_minutes_of_the_hosts_zone(host: Caller, yoga: str, start: str) -> None:
    refused = save(host, yoga, on(1, start), status=400)
    assert "whole minutes" in str(refused["errors"])
    save(host, yoga, on(1, "09:00:00", "24:00"))
