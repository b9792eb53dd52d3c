"""A person's bookings: cancelling, moving after a review, the receipt, what is waited for, the calendar file."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.portal.conftest import hidden, post
from tests.portal.fake_backend import Answer, FakeBackend, answer_of, problem
from tests.portal.sample import a_page, an_id

SLOT, BOOKING, CANCELLED, LATE = an_id(400), an_id(500), an_id(502), an_id(504)


def test_cancelling_promises_and_sends_the_same_refund(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = Answer(200, {})
    page = ada.get(f"/bookings/{BOOKING}/cancel").text
    assert "Cancel booking and get 1 credit back" in page
    shown = hidden(page, "expected_credits_refunded")
    answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded=shown)
    assert answer.headers["Location"] == f"/bookings/{BOOKING}"
    assert backend.made("POST", f"/api/v1/bookings/{BOOKING}/cancel")[0].body == {"expected_credits_refunded": 1}


def test_a_second_click_on_cancel_ends_at_the_booking(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = problem(409, "booking_not_active")
    answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded="1")
    assert answer.headers["Location"] == f"/bookings/{BOOKING}"


def test_a_deadline_that_passed_meanwhile_is_shown_not_taken(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = problem(409, "refund_changed")
    answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded="1")
    assert answer.headers["Location"] == f"/bookings/{BOOKING}/cancel"
    assert "The refund has changed meanwhile" in ada.get(answer.headers["Location"]).text


def test_only_times_that_fit_are_offered(ada: httpx.Client, held: dict[str, Any]) -> None:
    other = held["slots"][-1]
    meeting = held["upcoming"][0] | {"id": an_id(510), "scheduled_start_time": other["starts_at"]}
    meeting |= {"scheduled_end_time": other["ends_at"]}
    held["upcoming"].append(meeting)
    days = {one["starts_at"][:10] for one in held["slots"]}
    address = f"/bookings/{BOOKING}/reschedule?others=true&day="
    offered = {one for day in days for one in re.findall(r'\?slot_id=([^"]+)"', ada.get(f"{address}{day}").text)}
    assert offered
    assert not offered & {held["mine"]["id"], held["full"]["id"], other["id"]}


def test_a_move_without_another_time_says_so(ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]) -> None:
    path, days = f"/bookings/{BOOKING}/reschedule", f"/pages/bookings/{BOOKING}/days"
    body = answer_of(backend, days) | {"next_free": [], "slots": a_page([])}
    backend.routes["GET", days] = Answer(200, body)
    assert "no later time to which it can be moved; choose an earlier day." in ada.get(path).text
    for day in body["days"]:
        day["open_slots"] = 0
    page = ada.get(path).text
    assert "no later time to which it can be moved." in page
    assert f'href="{path}?others=true">Look at other sessions' in page


def test_moving_needs_a_choice_and_keeps_the_booking(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/bookings/{BOOKING}/reschedule"] = Answer(200, {})
    path = f"/bookings/{BOOKING}/reschedule"
    assert post(ada, path).headers["Location"] == path
    assert "Nothing has been changed yet" in ada.get(path).text
    assert post(ada, path, slot_id=SLOT).headers["Location"] == f"/bookings/{BOOKING}"


def test_only_other_times_of_the_same_session_are_there_unless_others_are_asked_for(
    ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
) -> None:
    backend.calls.clear()
    path = f"/bookings/{BOOKING}/reschedule"
    page = ada.get(path).text
    assert f'href="{path}?others=true"' in page
    assert f"Only “{held['mine']['title']}”" in page
    page = ada.get(f"{path}?others=true").text
    assert "All sessions." in page
    assert [one.query.get("others") for one in backend.calls] == [None, "true"]


def test_a_move_is_reviewed_before_it_is_made(ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]) -> None:
    target, path = held["slots"][-1], f"/bookings/{BOOKING}/reschedule"
    backend.routes["POST", path] = Answer(200, {})
    page = ada.get(path, params={"slot_id": target["id"]}).text
    for instant in (held["mine"]["starts_at"], target["starts_at"], target["refund_deadline"]):
        assert f'<time datetime="{instant}">' in page
    assert re.search(r"Move to <time[^>]*>\w{3} \d+ \w{3}, \d\d:\d\d</time>", page)
    assert not backend.made("POST", f"/api/v1{path}")
    fields = {name: hidden(page, name) for name in ("slot_id", "refund_until")}
    assert post(ada, path, **fields).headers["Location"] == f"/bookings/{BOOKING}"
    assert backend.made("POST", f"/api/v1{path}")[0].body == {"slot_id": target["id"]}


def test_giving_up_the_refund_is_said_before_the_move(ada: httpx.Client) -> None:
    page = ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": SLOT}).text
    assert "You give up the refund:</strong> this time starts in less than 12 hours" in page
    assert "Move it anyway" in page
    assert "Move to" not in page


def test_a_refund_that_ended_while_the_review_was_open_is_not_given_up_unasked(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    path = f"/bookings/{BOOKING}/reschedule"
    answer = post(ada, path, slot_id=SLOT, refund_until=(datetime.now(UTC) - timedelta(minutes=1)).isoformat())
    assert answer.headers["Location"] == f"{path}?slot_id={SLOT}"
    page = ada.get(answer.headers["Location"]).text
    assert "The refund has changed meanwhile" in page
    assert "Move it anyway" in page
    assert not backend.made("POST", f"/api/v1{path}")


@pytest.mark.parametrize(("query", "status"), [("", 303), ("nonsense", 303), (an_id(999), 404)])
def test_an_unknown_time_moves_nothing(ada: httpx.Client, query: str, status: int) -> None:
    assert ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": query}).status_code == status


def test_a_time_that_is_gone_cannot_be_pressed(ada: httpx.Client, held: dict[str, Any]) -> None:
    page = ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": held["full"]["id"]}).text
    assert "This time is not free any more" in page
    assert 'name="slot_id"' not in page


@pytest.mark.parametrize(
    ("made", "moved", "sentence"),
    [
        (-1, None, "The refund deadline passed on"),
        (0, None, "Cannot be refunded: it was booked less than 12 hours before the start."),
        (-9, 1, "Cannot be refunded: it was moved here less than 12 hours before the start."),
        (-9, -1, "The refund deadline passed on"),
    ],
)
def test_a_late_booking_says_why_it_can_be_neither_refunded_nor_moved(
    ada: httpx.Client, backend: FakeBackend, made: int, moved: int | None, sentence: str
) -> None:
    route = backend.body(f"/pages/bookings/{LATE}")
    booking = route["booking"]
    created, moved_at = (
        (datetime.fromisoformat(booking["refund_deadline"]) + timedelta(hours=hours)).isoformat()
        for hours in (made, moved or 0)
    )
    booking |= {"created_at": created}
    if moved is not None:
        times = ("scheduled_start_time", "scheduled_end_time")
        booking["history"] = [{"moved_at": moved_at} | {name: booking[name] for name in times}]
    page = ada.get(f"/bookings/{LATE}").text
    assert sentence in page
    assert "A booking can be moved only before its refund deadline." in page
    assert f"/bookings/{LATE}/reschedule" not in page


def test_who_waits_sees_the_hosts_name_and_the_place(ada: httpx.Client, backend: FakeBackend) -> None:
    page = ada.get("/bookings").text.split("On the waitlist")[1]
    assert "with Linus Torvalds" in page
    assert "You are 3rd in the queue" in page
    route = backend.body("/pages/bookings")
    for name in ("host", "position"):
        del route["waiting"][0][name]
    page = ada.get("/bookings").text.split("On the waitlist")[1]
    assert "with linus" in page
    assert "in the queue" not in page


def test_a_cancelled_booking_is_cancelled_already(ada: httpx.Client) -> None:
    answer = ada.get(f"/bookings/{an_id(502)}/cancel")
    assert "It is cancelled already." in ada.get(answer.headers["Location"]).text


def test_the_receipt_has_the_ledger_entry(ada: httpx.Client) -> None:
    page = ada.get(f"/bookings/{an_id(502)}").text
    assert "Came back" in page
    assert "+1" in page


def test_the_calendar_file_has_the_feeds_identity(ada: httpx.Client) -> None:
    answer = ada.get(f"/bookings/{BOOKING}/calendar.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert f"UID:booking-{BOOKING}@insighta" in answer.text


def test_a_form_sent_again_after_cancelling_says_what_is(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/bookings"] = Answer(201, {"id": CANCELLED, "status": "cancelled"})
    answer = post(ada, f"/slots/{SLOT}/book", key=an_id(9))
    assert answer.headers["Location"] == f"/bookings/{CANCELLED}"
    page = ada.get(answer.headers["Location"]).text
    assert "Nothing new was booked." in page
    assert "Your seat is booked." not in page


def test_the_hour_that_happens_twice_is_told_apart(ada: httpx.Client, backend: FakeBackend) -> None:
    route = backend.body(f"/pages/bookings/{BOOKING}")
    route["person"] = route["person"] | {"time_zone": "America/New_York"}
    route["booking"] |= {
        "scheduled_start_time": "2096-11-04T05:30:00+00:00",
        "scheduled_end_time": "2096-11-04T06:00:00+00:00",
    }
    page = re.sub(r"<[^>]+>", "", ada.get(f"/bookings/{BOOKING}").text)
    assert "Sun 4 Nov 2096, 01:30 EDT–01:00 EST (New York)" in page
