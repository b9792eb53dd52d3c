"""What pages say of prices and places: the number that was seen is sent along, and a link is for its people alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.portal.conftest import hidden, post
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import an_id

SLOT, BOOKING = an_id(304), an_id(500)


def priced(backend: FakeBackend, credits: int, **more: Any) -> None:
    backend.body(f"/pages/slots/{SLOT}")["slot"] |= {"price_credits": credits, **more}


@pytest.mark.parametrize(
    ("cost", "button"), [(0, "Book, free of charge"), (1, "Book for 1 credit"), (3, "Book for 3 credits")]
)
def test_a_booking_sends_the_price_that_was_shown(
    ada: httpx.Client, backend: FakeBackend, cost: int, button: str
) -> None:
    priced(backend, cost)
    page = ada.get(f"/slots/{SLOT}/book").text
    assert button in page
    shown = hidden(page, "expected_credits_charged")
    backend.routes["POST", "/bookings"] = Answer(201, {"id": BOOKING, "status": "active"})
    post(ada, f"/slots/{SLOT}/book", key="x", expected_credits_charged=shown)
    assert backend.made("POST", "/api/v1/bookings")[0].body == {"slot_id": SLOT, "expected_credits_charged": cost}


def test_another_price_is_said_and_not_charged(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/bookings"] = problem(409, "price_changed")
    answer = post(ada, f"/slots/{SLOT}/book", key="x", expected_credits_charged="1")
    assert "The price has changed meanwhile" in ada.get(answer.headers["Location"]).text


@pytest.mark.parametrize("nonsense", ["", "-1", "99999", "three", "³"])
def test_a_price_that_no_page_shows_is_not_sent(ada: httpx.Client, backend: FakeBackend, nonsense: str) -> None:
    backend.routes["POST", "/bookings"] = Answer(201, {"id": BOOKING, "status": "active"})
    post(ada, f"/slots/{SLOT}/book", key="x", expected_credits_charged=nonsense)
    assert backend.made("POST", "/api/v1/bookings")[0].body == {"slot_id": SLOT}


def test_too_few_credits_are_said_before(ada: httpx.Client, backend: FakeBackend) -> None:
    priced(backend, 100)
    page = ada.get(f"/slots/{SLOT}/book").text
    assert "This session costs 100 credits, and one plan has to hold all of it." in page
    assert "Book for" not in page


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (1, 3, "3 credits, 2 more than now"),
        (3, 1, "1 credit: 2 credits come back"),
        (2, 1, "1 credit: 1 credit comes back"),
        (1, 0, "Free of charge: 1 credit comes back"),
        (2, 2, "2 credits, as now"),
    ],
)
def test_a_move_says_the_difference_and_sends_the_price(
    ada: httpx.Client, backend: FakeBackend, before: int, after: int, said: str
) -> None:
    page = backend.body(f"/pages/bookings/{BOOKING}/reschedule/{SLOT}")
    page["slot"]["price_credits"], page["booking"]["credits_charged"] = after, before
    text = ada.get(f"/bookings/{BOOKING}/reschedule", params={"slot_id": SLOT}).text
    assert said in text
    shown = hidden(text, "expected_credits_charged")
    backend.routes["POST", f"/bookings/{BOOKING}/reschedule"] = problem(409, "price_changed")
    answer = post(ada, f"/bookings/{BOOKING}/reschedule", slot_id=SLOT, expected_credits_charged=shown)
    (sent,) = backend.made("POST", f"/api/v1/bookings/{BOOKING}/reschedule")
    assert sent.body == {"slot_id": SLOT, "expected_credits_charged": after}
    assert "The price has changed meanwhile" in ada.get(answer.headers["Location"]).text


def test_where_to_be_stands_on_the_booking_and_in_its_file(ada: httpx.Client, backend: FakeBackend) -> None:
    where = {"place": "Room <4>", "link": "https://meet.example/x", "description": "Bring a mat.\nSocks."}
    backend.body(f"/pages/bookings/{BOOKING}")["booking"] |= where
    backend.body(f"/bookings/{BOOKING}").update(where)
    page = ada.get(f"/bookings/{BOOKING}").text
    assert "Room &lt;4&gt;" in page
    assert '<a href="https://meet.example/x" rel="noreferrer">' in page
    content = ada.get(f"/bookings/{BOOKING}/calendar.ics").text.replace("\r\n ", "")
    assert "LOCATION:Room <4>" in content
    assert "URL:https://meet.example/x" in content
    assert "DESCRIPTION:Bring a mat.\\nSocks." in content
    assert "Link" not in ada.get(f"/slots/{SLOT}/book").text


def test_who_may_leave_for_free_reads_it(ada: httpx.Client, backend: FakeBackend) -> None:
    booking = backend.body(f"/pages/bookings/{BOOKING}")["booking"]
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    booking["refund_deadline"] = booking["refund_preview"]["refund_deadline"] = past
    booking["free_to_leave_until"] = booking["scheduled_start_time"]
    assert "Full refund until the start." in ada.get(f"/bookings/{BOOKING}").text
    page = ada.get(f"/bookings/{BOOKING}/cancel").text
    assert "full refund is possible until the session starts" in page
    assert "Cancel booking and get 1 credit back" in page


def test_what_was_free_says_nothing_of_refunds(ada: httpx.Client, backend: FakeBackend) -> None:
    booking = backend.body(f"/pages/bookings/{BOOKING}")["booking"]
    booking |= {"credits_charged": 0, "subscription_id": None, "usable_until": None}
    booking["refund_preview"] |= {"refundable": False, "credits": 0, "usable_until": None}
    page = ada.get(f"/bookings/{BOOKING}/cancel").text
    assert "It has cost nothing." in page
    assert "refund" not in page.split("<h1>")[1].split("</form>")[0].lower().replace("expected_credits_refunded", "")
