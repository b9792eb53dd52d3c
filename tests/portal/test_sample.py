"""The sample account is one that the product could hold, whatever the hour in which the tests run."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from tests.portal.fake_backend import FakeBackend
from tests.portal.sample import Body, fill


def meet(one: Body, other: Body) -> bool:
    return bool(one["starts_at"] < other["ends_at"] and other["starts_at"] < one["ends_at"])


@pytest.mark.parametrize("hour", range(24))
def test_nobody_is_in_two_sessions_at_once(backend: FakeBackend, hour: int) -> None:
    now = datetime.now(UTC).replace(hour=hour, minute=30)
    held = fill(backend, now, hosting=True)
    slots, booked = held["slots"], {one["slot_id"]: one for one in held["upcoming"]}
    assert [(a, b) for a, b in combinations(slots, 2) if a["host"] == b["host"] and meet(a, b)] == []
    times = [
        {"starts_at": one["scheduled_start_time"], "ends_at": one["scheduled_end_time"]} for one in booked.values()
    ]
    assert sum(meet(slot, time) for slot in slots for time in times) == sum(slot["id"] in booked for slot in slots)
    late = [one for one in booked.values() if datetime.fromisoformat(one["refund_deadline"]) <= now]
    assert (len(booked), len(late)) == (3, 1)
    assert all(now < datetime.fromisoformat(one["starts_at"]) < now + timedelta(days=8) for one in slots)
