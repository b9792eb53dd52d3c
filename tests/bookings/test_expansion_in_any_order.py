"""Hypothesis changes a host's rules, zone and clock in any order, with bookings between: what must hold always does."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from bookings import errors
from bookings.models import AvailabilityRule, Booking, Slot, Subscription
from bookings.repositories import clock, seats, transactions
from bookings.services import availability, cancelling, expansion, hosting
from bookings.services.booking import book_slot
from tests.bookings.people import make_person

pytestmark = pytest.mark.slow

# Weeks before clocks change in one of the zones; Lord Howe's change by half an hour.
STARTS = [datetime(2031, 3, 6, 10, tzinfo=UTC), datetime(2031, 10, 23, 3, tzinfo=UTC), datetime(2031, 4, 3, tzinfo=UTC)]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati", "UTC"]
numbers = st.integers(min_value=0, max_value=99)
hours = st.fixed_dictionaries(
    {
        "start_time": st.sampled_from([time(0), time(1, 30), time(9), time(22)]),
        "end_time": st.sampled_from([time(0), time(3), time(12, 30)]),
        "slot_minutes": st.sampled_from([30, 60, 90]),
        "buffer_minutes": st.sampled_from([0, 15, 45]),
        "minimum_notice_minutes": st.sampled_from([0, 600]),
        "horizon_days": st.sampled_from([3, 8]),
    }
)
steps = st.one_of(
    st.tuples(st.just("weekly"), numbers, hours),
    st.tuples(st.just("extra"), numbers, hours),
    st.tuples(st.sampled_from(["day off", "cancel day", "book", "give up", "cancel"]), numbers),
    st.tuples(st.sampled_from(["remove", "zone", "pass"]), numbers),
    st.tuples(st.just("change"), numbers, hours),
)


class Calendar:
    """Grace's calendar, Ada's bookings, and a clock that the steps move."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self.grace, self.ada = make_person("grace", is_host=True, time_zone=ZONES[0]), make_person("ada", credits=500)
        Subscription.objects.update(ends_at=start + timedelta(days=365))
        self.closed: set[tuple[datetime, datetime]] = set()

    def take(self, kind: str, number: int, values: dict[str, Any] | None = None) -> None:
        """One step; what the product refuses changes nothing."""
        host: dict[str, Any] = {"host_id": self.grace.id}
        day = (self.now + timedelta(days=number % 9)).date()
        try:
            match kind:
                case "weekly":
                    weekly = {"kind": kind, "weekday": number % 7 + 1, "title": "x", **(values or {})}
                    availability.add_rule(**host, values=weekly)
                case "extra":
                    availability.add_rule(**host, values={"kind": kind, "date": day, "title": "x", **(values or {})})
                case "day off":
                    off = {"kind": "day_off", "date": day}
                    availability.add_rule(**host, values=off, cancel_booked=number % 2 == 0)
                case "cancel day":
                    hosting.cancel_day(**host, day=day)
                case "change" | "remove" if rules := list(AvailabilityRule.objects.order_by("id")):
                    self.change(rules[number % len(rules)], values)
                case "zone":
                    User.objects.filter(id=self.grace.id).update(time_zone=ZONES[number % len(ZONES)])
                    availability.follow_zone(user_id=self.grace.id)
                case "pass":
                    self.now += timedelta(hours=number)
                case "book" | "give up" | "cancel":
                    self.meet(kind, number)
        except errors.BookingsError:
            pass

    def change(self, rule: AvailabilityRule, values: dict[str, Any] | None) -> None:
        chosen: dict[str, Any] = {"host_id": self.grace.id, "rule_id": rule.id}
        if values is None:
            availability.remove_rule(**chosen)
        else:
            availability.change_rule(**chosen, values=values)

    def meet(self, kind: str, number: int) -> None:
        """Ada books or gives up, or Grace cancels, one of the sessions ahead."""
        if kind == "give up":
            booked = list(Booking.objects.filter(status="active", scheduled_start_time__gt=self.now).order_by("id"))
            if booked:
                cancelling.cancel_booking(client_id=self.ada.id, booking_id=booked[number % len(booked)].id)
            return
        ahead = list(Slot.objects.filter(status="open", starts_at__gt=self.now).order_by("starts_at"))
        if ahead and kind == "book":
            book_slot(client_id=self.ada.id, slot_id=ahead[number % len(ahead)].id)
        elif ahead:
            slot = ahead[number % len(ahead)]
            hosting.cancel_slot(host_id=self.grace.id, slot_id=slot.id)
            self.closed.add((slot.starts_at, slot.ends_at))

    def check(self, booked: dict[UUID, tuple[datetime, datetime]]) -> None:
        opened = list(Slot.objects.filter(status="open").order_by("starts_at").select_related("rule"))
        assert all(before.ends_at <= after.starts_at for before, after in pairwise(opened))
        assert not {(s.starts_at, s.ends_at) for s in opened} & self.closed, "what its host closed stays closed"
        held = {slot.id: (slot.starts_at, slot.ends_at) for slot in opened}
        assert booked.items() <= held.items(), "what is booked stays, at its time"
        assert expansion.expand_host(host_id=self.grace.id) == 0, "once is enough"
        zone = ZoneInfo(User.objects.get(id=self.grace.id).time_zone)
        off = set(AvailabilityRule.objects.filter(kind="day_off").values_list("date", flat=True))
        empty = [
            s for s in opened if not s.seats_taken and s.starts_at > self.now and s.rule and s.rule.kind == "weekly"
        ]
        assert not {s.starts_at.astimezone(zone).date() for s in empty} & off

    def booked(self) -> dict[UUID, tuple[datetime, datetime]]:
        found = Booking.objects.filter(status="active", scheduled_end_time__gt=self.now)
        return {b.slot_id: (b.scheduled_start_time, b.scheduled_end_time) for b in found}


@pytest.mark.usefixtures("db")
def test_expansion_never_overlaps_reopens_or_loses_anything() -> None:
    look = seats.look_at_slot

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(start=st.sampled_from(STARTS), taken=st.lists(steps, min_size=4, max_size=14))
    def run(start: datetime, taken: list[tuple[Any, ...]]) -> None:
        attempt = transaction.atomic()
        attempt._from_testcase = True  # type: ignore[attr-defined]  # what Django's own TestCase says of its transactions
        with attempt:
            calendar = Calendar(start)
            with (
                patch.object(transactions, "begin", lambda **_: calendar.now),
                patch.object(clock, "read_now", lambda: calendar.now),
                patch.object(seats, "look_at_slot", lambda **given: look(**given | {"now": calendar.now})),
            ):
                for step in taken:
                    calendar.take(*step)
                    expansion.expand_host(host_id=calendar.grace.id)
                    calendar.check(calendar.booked())
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)

    run()
