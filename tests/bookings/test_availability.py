from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from bookings import errors
from bookings.models import AvailabilityRule, Slot
from bookings.policies import availability as policies
from bookings.policies.times import instant_of
from bookings.repositories import clock
from bookings.services.availability import add_rule, remove_rule
from bookings.services.booking import book_slot
from bookings.services.expansion import expand_all, expand_host
from bookings.services.hosting import cancel_slot
from tests.bookings.people import make_person

BERLIN = ZoneInfo("Europe/Berlin")


def rule(**changes: Any) -> Any:
    """Sundays from one to four o'clock, in slots of an hour."""
    usual = {
        "id": uuid4(),
        "kind": "weekly",
        "weekday": 7,
        "date": None,
        "start_time": time(1),
        "end_time": time(4),
        "slot_minutes": 60,
        "buffer_minutes": 0,
        "minimum_notice_minutes": 0,
        "horizon_days": 8,
    }
    return SimpleNamespace(**(usual | changes))


def local_starts(rules: list[Any], *, now: str, zone: ZoneInfo = BERLIN) -> list[str]:
    openings = policies.expand_rules(rules=rules, zone=zone, now=datetime.fromisoformat(now))
    return [f"{opening.starts_at.astimezone(zone):%d.%m. %H:%M%z}" for opening in openings]


def test_an_ordinary_sunday_has_three_slots() -> None:
    assert local_starts([rule()], now="2026-06-01T00:00Z") == [
        "07.06. 01:00+0200",
        "07.06. 02:00+0200",
        "07.06. 03:00+0200",
    ]


def test_the_sunday_that_loses_an_hour_has_one_slot_less() -> None:
    assert local_starts([rule()], now="2026-03-23T00:00Z") == ["29.03. 01:00+0100", "29.03. 03:00+0200"]


def test_the_sunday_that_gains_an_hour_has_one_slot_more_and_none_overlap() -> None:
    assert local_starts([rule()], now="2026-10-19T00:00Z") == [
        "25.10. 01:00+0200",
        "25.10. 02:00+0200",
        "25.10. 02:00+0100",
        "25.10. 03:00+0100",
    ]


@pytest.mark.parametrize(
    ("day", "wall_time", "instant"),
    [
        pytest.param(date(2026, 3, 29), time(2, 30), "2026-03-29T01:30Z", id="skipped: the offset before the change"),
        pytest.param(date(2026, 10, 25), time(2, 30), "2026-10-25T00:30Z", id="twice: the first"),
        pytest.param(date(2026, 6, 1), time(2, 30), "2026-06-01T00:30Z", id="ordinary"),
    ],
)
def test_a_local_time_is_an_instant_as_calendars_read_it(day: date, wall_time: time, instant: str) -> None:
    assert instant_of(day=day, wall_time=wall_time, zone=BERLIN) == datetime.fromisoformat(instant)


def test_days_off_take_weekly_hours_and_extra_hours_stay() -> None:
    day = date(2026, 6, 7)
    off = rule(kind="day_off", weekday=None, date=day, start_time=None, end_time=None)
    extra = rule(kind="extra", weekday=None, date=day, start_time=time(18), end_time=time(19))
    assert local_starts([rule(), off, extra], now="2026-06-01T00:00Z") == ["07.06. 18:00+0200"]


def test_buffers_notice_and_horizon() -> None:
    assert local_starts([rule(buffer_minutes=30)], now="2026-06-01T00:00Z") == [
        "07.06. 01:00+0200",
        "07.06. 02:30+0200",
    ]
    now = datetime.fromisoformat("2026-06-06T22:30Z")
    openings = policies.expand_rules(rules=[rule(minimum_notice_minutes=120)], zone=BERLIN, now=now)
    bookable = policies.choose_openings(openings=openings, calendar=[], now=now)
    assert f"{bookable[0].starts_at.astimezone(BERLIN):%d.%m. %H:%M}" == "07.06. 03:00"
    assert local_starts([rule(horizon_days=5)], now="2026-06-01T00:00Z") == []


def entry(starts_at: datetime, *, minutes: int = 60, **changes: Any) -> policies.Entry:
    """A slot that no rule has made."""
    usual: dict[str, Any] = {
        "id": uuid4(),
        "rule_id": None,
        "rule_date": None,
        "rule_place": None,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "seats_taken": 0,
        "is_detached": False,
        "is_open": True,
        "buffer": timedelta(0),
    }
    return policies.Entry(**usual | changes)


def chosen(openings: list[policies.Opening], *calendar: policies.Entry) -> list[policies.Opening]:
    return policies.choose_openings(openings=openings, calendar=calendar, now=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("own", "other", "apart", "is_chosen"),
    [
        (15, 0, 14, False),
        (15, 0, 15, True),
        (0, 30, 29, False),
        (0, 30, 30, True),
        (10, 30, 29, False),
        (0, 0, 0, True),
    ],
)
def test_the_larger_of_two_buffers_stands_between_neighbours(own: int, other: int, apart: int, is_chosen: bool) -> None:
    openings = policies.expand_rules(
        rules=[rule(buffer_minutes=own)], zone=BERLIN, now=datetime(2026, 6, 1, tzinfo=UTC)
    )
    first, gap, buffer = openings[0], timedelta(minutes=apart), timedelta(minutes=other)
    after, before = entry(first.ends_at + gap, buffer=buffer), entry(first.starts_at - gap, minutes=0, buffer=buffer)
    expected = [first] if is_chosen else []
    assert chosen([first], after) == chosen([first], before) == expected
    assert chosen([first, first]) == [first]


def test_neighbouring_rules_keep_the_larger_buffer_whichever_comes_first() -> None:
    for buffers in ((30, 0), (0, 30)):
        early, late = (
            rule(start_time=time(hour), end_time=time(hour + 1), buffer_minutes=buffer)
            for hour, buffer in zip((1, 2), buffers, strict=True)
        )
        openings = policies.expand_rules(rules=[early, late], zone=BERLIN, now=datetime(2026, 6, 1, tzinfo=UTC))
        assert [opening.rule.id for opening in chosen(openings)] == [early.id]


def test_hours_may_end_at_midnight_and_on_the_next_day() -> None:
    late = rule(weekday=6, start_time=time(22), end_time=time(0))
    assert local_starts([late], now="2026-06-01T00:00Z") == ["06.06. 22:00+0200", "06.06. 23:00+0200"]
    over = rule(weekday=6, start_time=time(23), end_time=time(1))
    assert local_starts([over], now="2026-06-01T00:00Z") == ["06.06. 23:00+0200", "07.06. 00:00+0200"]
    assert local_starts([over], now="2026-06-06T21:30Z")[0] == "07.06. 00:00+0200", "yesterday's hours go on"
    whole = rule(weekday=6, start_time=time(0), end_time=time(0))
    assert len(local_starts([whole], now="2026-06-01T00:00Z")) == 24
    off = rule(kind="day_off", weekday=None, date=date(2026, 6, 7), start_time=None, end_time=None)
    assert local_starts([over, off], now="2026-06-01T00:00Z") == ["06.06. 23:00+0200"]


WEEKLY = {"kind": "weekly", "start_time": time(9), "end_time": time(12), "title": "Office hours", "horizon_days": 14}


def add_every_day(host: User, **changes: Any) -> None:
    for weekday in range(1, 8):
        add_rule(host_id=host.id, values=WEEKLY | {"weekday": weekday} | changes)


def starts(host: User) -> list[datetime]:
    return list(Slot.objects.filter(host=host, status="open").order_by("starts_at").values_list("starts_at", flat=True))


def test_expanding_twice_makes_nothing_twice(grace: User) -> None:
    add_every_day(grace)
    made = Slot.objects.count()
    assert made >= 13 * 3
    assert expand_all().added == 0
    assert Slot.objects.count() == made
    assert {at.astimezone(BERLIN).hour for at in starts(grace)} == {9, 10, 11}


def test_a_slot_that_its_host_cancelled_is_not_made_again(grace: User) -> None:
    add_every_day(grace)
    slot = Slot.objects.order_by("-starts_at")[0]
    cancel_slot(host_id=grace.id, slot_id=slot.id)
    assert expand_host(host_id=grace.id) == 0


def test_a_day_off_withdraws_what_nobody_booked(ada: User, grace: User) -> None:
    add_every_day(grace)
    # Neither today nor the last day, which begin and end at this hour.
    booked = Slot.objects.order_by("starts_at")[10]
    book_slot(client_id=ada.id, slot_id=booked.id)
    day = booked.starts_at.astimezone(BERLIN).date()
    add_rule(host_id=grace.id, values={"kind": "day_off", "date": day})
    left = [at for at in starts(grace) if at.astimezone(BERLIN).date() == day]
    assert left == [booked.starts_at]
    day_off = AvailabilityRule.objects.get(kind="day_off")
    remove_rule(host_id=grace.id, rule_id=day_off.id)
    assert len([at for at in starts(grace) if at.astimezone(BERLIN).date() == day]) == 3


def test_a_host_who_moves_keeps_booked_instants(ada: User, grace: User) -> None:
    add_every_day(grace)
    booked = Slot.objects.order_by("-starts_at")[1]
    book_slot(client_id=ada.id, slot_id=booked.id)
    User.objects.filter(id=grace.id).update(time_zone="Asia/Tokyo")
    expand_host(host_id=grace.id)
    tokyo = ZoneInfo("Asia/Tokyo")
    moved = [at for at in starts(grace) if at != booked.starts_at]
    assert {at.astimezone(tokyo).hour for at in moved} == {9, 10, 11}
    booked.refresh_from_db()
    assert booked.starts_at.astimezone(BERLIN).hour in {9, 10, 11}


def test_slots_of_ones_own_making_are_left_alone(grace: User, slot: Slot) -> None:
    add_every_day(grace)
    slot.refresh_from_db()
    assert slot.status == "open"
    assert expand_all().added == 0


def test_notice_closes_the_booking_before_the_start(ada: User, grace: User) -> None:
    add_every_day(grace, minimum_notice_minutes=48 * 60)
    slot = Slot.objects.order_by("starts_at")[0]
    assert slot.starts_at - slot.bookings_close_at == timedelta(hours=48)
    Slot.objects.filter(id=slot.id).update(bookings_close_at=clock.read_now())
    with pytest.raises(errors.SlotStarted):
        book_slot(client_id=ada.id, slot_id=slot.id)


def test_a_rule_of_somebody_else_is_not_there(grace: User, mallory: User) -> None:
    add_rule(host_id=grace.id, values=WEEKLY | {"weekday": 1})
    linus = make_person("linus", is_host=True)
    rule_id = AvailabilityRule.objects.get().id
    with pytest.raises(errors.NotFound):
        remove_rule(host_id=linus.id, rule_id=rule_id)
    with pytest.raises(errors.NotAHost):
        add_rule(host_id=mallory.id, values=WEEKLY | {"weekday": 1})
