"""A person's bookings: cancelling, moving after a review, the receipt, what is waited for, the calendar file."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.portal.conftest import hidden, post
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import an_id

NOW = datetime.now(UTC)
SLOT, BOOKING, LATE = an_id(400), an_id(500), an_id(504)


class TestBookings:
    def test_cancelling_promises_and_sends_the_same_refund(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = Answer(200, {})
        page = ada.get(f"/bookings/{BOOKING}/cancel").text
        assert "Cancel booking and get 1 credit back" in page
        shown = hidden(page, "expected_credits_refunded")
        answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded=shown)
        assert answer.headers["Location"] == f"/bookings/{BOOKING}?notice=cancelled"
        assert backend.made("POST", f"/api/v1/bookings/{BOOKING}/cancel")[0].body == {"expected_credits_refunded": 1}

    def test_a_second_click_on_cancel_ends_at_the_booking(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = problem(409, "booking_not_active")
        answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded="1")
        assert answer.headers["Location"] == f"/bookings/{BOOKING}"

    def test_a_deadline_that_passed_meanwhile_is_shown_not_taken(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", f"/bookings/{BOOKING}/cancel"] = problem(409, "refund_changed")
        answer = post(ada, f"/bookings/{BOOKING}/cancel", expected_credits_refunded="1")
        assert answer.headers["Location"] == f"/bookings/{BOOKING}/cancel?conflict=refund_changed"
        assert "The refund has changed meanwhile" in ada.get(answer.headers["Location"]).text

    def test_only_times_that_fit_are_offered(
        self, ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
    ) -> None:
        other = held["slots"][-1]
        meeting = held["upcoming"][0] | {"id": an_id(510), "scheduled_start_time": other["starts_at"]}
        meeting |= {"scheduled_end_time": other["ends_at"]}
        backend.routes["GET", "/bookings"] = Answer(200, {"results": [*held["upcoming"], meeting], "next": None})
        page = ada.get(f"/bookings/{BOOKING}/reschedule").text
        offered = set(re.findall(r'name="slot_id" value="([^"]+)"', page))
        assert offered
        assert not offered & {held["mine"]["id"], held["full"]["id"], other["id"]}

    def test_moving_needs_a_choice_and_keeps_the_booking(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", f"/bookings/{BOOKING}/reschedule"] = Answer(200, {})
        path = f"/bookings/{BOOKING}/reschedule"
        assert post(ada, path).headers["Location"] == f"{path}?conflict=nothing_chosen"
        assert "Nothing has been changed yet" in ada.get(f"{path}?conflict=nothing_chosen").text
        assert post(ada, path, slot_id=SLOT).headers["Location"] == f"/bookings/{BOOKING}?notice=rescheduled"

    def test_other_times_of_the_same_session_come_first(self, ada: httpx.Client, held: dict[str, Any]) -> None:
        page = ada.get(f"/bookings/{BOOKING}/reschedule").text
        same, rest = page.split("Other times of this session")[1].split("Other sessions")
        titles = [set(re.findall(r'<span class="strong">([^<]+)', part)) for part in (same, rest)]
        assert titles[0] == {held["mine"]["title"]}
        assert titles[1]
        assert held["mine"]["title"] not in titles[1]

    def test_a_move_is_reviewed_before_it_is_made(
        self, ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
    ) -> None:
        target, path = held["slots"][-1], f"/bookings/{BOOKING}/reschedule"
        backend.routes["POST", path] = Answer(200, {})
        page = ada.get(path, params={"slot_id": target["id"]}).text
        for instant in (held["mine"]["starts_at"], target["starts_at"], target["refund_deadline"]):
            assert f'<time datetime="{instant}">' in page
        assert re.search(r"Move to <time[^>]*>\w{3} \d+ \w{3}, \d\d:\d\d</time>", page)
        assert not backend.made("POST", f"/api/v1{path}")
        fields = {name: hidden(page, name) for name in ("slot_id", "refund_until")}
        assert post(ada, path, **fields).headers["Location"] == f"/bookings/{BOOKING}?notice=rescheduled"
        assert backend.made("POST", f"/api/v1{path}")[0].body == {"slot_id": target["id"]}

    def test_giving_up_the_refund_is_said_before_the_move(self, ada: httpx.Client) -> None:
        page = ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": SLOT}).text
        assert "You give up the refund:</strong> this time starts in less than 12 hours" in page
        assert "Move it anyway" in page
        assert "Move to" not in page

    def test_a_refund_that_ended_while_the_review_was_open_is_not_given_up_unasked(
        self, ada: httpx.Client, backend: FakeBackend
    ) -> None:
        path = f"/bookings/{BOOKING}/reschedule"
        answer = post(ada, path, slot_id=SLOT, refund_until=(NOW - timedelta(minutes=1)).isoformat())
        assert answer.headers["Location"] == f"{path}?slot_id={SLOT}&conflict=refund_changed"
        page = ada.get(answer.headers["Location"]).text
        assert "The refund has changed meanwhile" in page
        assert "Move it anyway" in page
        assert not backend.made("POST", f"/api/v1{path}")

    @pytest.mark.parametrize(("query", "status"), [("", 303), ("nonsense", 303), (an_id(999), 404)])
    def test_an_unknown_time_moves_nothing(self, ada: httpx.Client, query: str, status: int) -> None:
        assert ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": query}).status_code == status

    def test_a_time_that_is_gone_cannot_be_pressed(self, ada: httpx.Client, held: dict[str, Any]) -> None:
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
        self, ada: httpx.Client, backend: FakeBackend, made: int, moved: int | None, sentence: str
    ) -> None:
        route = backend.routes["GET", f"/pages/bookings/{LATE}"]
        assert isinstance(route, Answer)
        booking = route.body["booking"]
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
        assert "A booking can be moved only while it can be refunded." in page
        assert f"/bookings/{LATE}/reschedule" not in page

    def test_who_waits_sees_the_hosts_name_and_the_place(self, ada: httpx.Client, backend: FakeBackend) -> None:
        page = ada.get("/bookings").text.split("On the waitlist")[1]
        assert "with Linus Torvalds" in page
        assert "You are 3rd in the queue" in page
        route = backend.routes["GET", "/pages/bookings"]
        assert isinstance(route, Answer)
        for name in ("host", "position"):
            del route.body["waiting"][0][name]
        page = ada.get("/bookings").text.split("On the waitlist")[1]
        assert "with linus" in page
        assert "in the queue" not in page

    def test_a_cancelled_booking_is_cancelled_already(self, ada: httpx.Client) -> None:
        answer = ada.get(f"/bookings/{an_id(502)}/cancel")
        assert "It is cancelled already." in ada.get(answer.headers["Location"]).text

    def test_the_receipt_has_the_ledger_entry(self, ada: httpx.Client) -> None:
        page = ada.get(f"/bookings/{an_id(502)}").text
        assert "Came back" in page
        assert "+1" in page

    def test_the_calendar_file_has_the_feeds_identity(self, ada: httpx.Client) -> None:
        answer = ada.get(f"/bookings/{BOOKING}/calendar.ics")
        assert answer.headers["Content-Type"].startswith("text/calendar")
        assert f"UID:booking-{BOOKING}@insighta" in answer.text

    def test_somebody_elses_booking_is_not_found(self, ada: httpx.Client) -> None:
        assert ada.get(f"/bookings/{an_id(999)}").status_code == 404
