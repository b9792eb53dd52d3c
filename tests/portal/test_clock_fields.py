"""Times of day are typed as people write them, in any browser's language."""

from typing import Any

import httpx
import pytest

from portal.times import read_clock
from tests.portal.conftest import Portal, post
from tests.portal.fake_backend import Answer, FakeBackend
from tests.portal.sample import an_id


@pytest.mark.parametrize(
    ("typed", "clock"),
    [
        ("9", "09:00"), ("9:00", "09:00"), ("09:00", "09:00"), (" 09.30 ", "09:30"), ("9h30", "09:30"),
        ("0930", "09:30"), ("930", "09:30"), ("9am", "09:00"), ("9 AM", "09:00"), ("9:30 p.m.", "21:30"),
        ("12am", "00:00"), ("12pm", "12:00"), ("0", "00:00"), ("23:59", "23:59"),
        ("24:00", None), ("9:60", None), ("13pm", None), ("0am", None), ("9:5", None), ("noon", None), ("", None),
        ("9:00:00", None), ("٩", "09:00"), ("-9", None), ("9a", None),
    ],
)  # fmt: skip
def test_a_time_is_read_as_people_write_it(typed: str, clock: str | None) -> None:
    assert read_clock(typed) == clock


def test_hours_may_end_at_midnight_and_never_begin_then() -> None:
    assert (read_clock("24", is_end=True), read_clock("24:00", is_end=True)) == ("24:00", "24:00")
    assert (read_clock("24:01", is_end=True), read_clock("24:00")) == (None, None)


def test_a_session_begins_when_it_was_typed(ada: httpx.Client, backend: FakeBackend, held: Any) -> None:
    backend.routes["POST", "/slots"] = Answer(201, {})
    fields = {"title": "Winter", "date": "2027-01-15", "minutes": "60", "capacity": "1"}
    assert post(ada, "/hosting/new", zone="Africa/Lagos", start_time="9:30 pm", **fields).status_code == 303
    assert backend.made("POST", "/api/v1/slots")[0].body["starts_at"] == "2027-01-15T20:30:00+00:00"
    page = ada.get(post(ada, "/hosting/new", start_time="half nine", **fields).headers["location"]).text
    assert "Enter the time at which it starts as a time, like 9:00 or 17:30." in page
    assert 'value="half nine"' in page
    assert len(backend.made("POST", "/api/v1/slots")) == 1


def test_weekly_hours_that_end_at_midnight_are_kept(portal: Portal, ada: httpx.Client, backend: FakeBackend) -> None:
    rules = backend.body("/pages/hosting/hours")["rules"]
    late = next(rule for rule in rules if rule["kind"] == "weekly")
    late["end_time"] = "24:00:00"
    page = ada.get("/hosting/hours").text
    assert 'value="24:00"' in page
    done = {"opened": 0, "closed": 0, "left": [], "left_count": 0, "changed": False, "seen": "s", "rules": []}
    backend.routes["PUT", f"/offerings/{an_id(970)}/weekly-hours"] = Answer(200, done)
    day = late["weekday"]
    post(
        ada, f"/hosting/hours?offering={an_id(970)}", **{f"on_{day}": "on", f"from_{day}_0": "9am", f"to_{day}_0": "24"}
    )
    (call,) = backend.made("PUT", f"/api/v1/offerings/{an_id(970)}/weekly-hours")
    assert call.body["hours"] == [{"weekday": day, "start_time": "09:00", "end_time": "24:00"}]
