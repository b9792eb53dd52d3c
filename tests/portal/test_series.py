"""Every session of weekly hours up to a day: what the page shows, sends, and says afterwards."""

from typing import Any

import httpx
import pytest

from tests.portal.conftest import hidden, post
from tests.portal.fake_backend import Answer, Call, FakeBackend, problem
from tests.portal.sample import an_id

SLOT, UNTIL = an_id(304), "2030-12-24"
PAGE = f"/slots/{SLOT}/series"
ADDRESS = f"{PAGE}?until={UNTIL}"


@pytest.fixture(autouse=True)
def series(backend: FakeBackend, held: dict[str, Any]) -> dict[str, Any]:
    """Four sessions of which the second is full, and what the page calls for them."""
    backend.body(f"/pages/slots/{SLOT}")["repeats"] = True
    page = backend.body(f"/pages{PAGE}")
    found: dict[str, Any] = page["series"]
    return found


def test_a_slot_that_repeats_leads_to_its_series(ada: httpx.Client, backend: FakeBackend) -> None:
    page = ada.get(f"/slots/{SLOT}/book").text
    assert f'action="{PAGE}"' in page
    backend.body(f"/pages/slots/{SLOT}")["repeats"] = False
    assert f'action="{PAGE}"' not in ada.get(f"/slots/{SLOT}/book").text


def test_what_was_shown_is_what_is_sent(ada: httpx.Client, backend: FakeBackend, series: dict[str, Any]) -> None:
    page = ada.get(ADDRESS).text
    assert backend.made("GET", f"/api/v1/pages{PAGE}")[0].query == {"until": UNTIL}
    assert (page.count("full refund until"), page.count("Will be booked")) == (3, 3)
    assert "Full: <a" in page
    assert "Book 3 sessions for 3 credits" in page
    assert "are not open yet" in page
    bookable = [one["slot"]["id"] for one in series["sessions"] if not one["refusal"]]
    made = {"bookings": [{}] * 3, "credits_charged": 3}
    backend.routes["POST", PAGE] = Answer(201, made)
    fields = {name: hidden(page, name) for name in ("key", "seen", "until", "expected_credits_charged")}
    answer = post(ada, PAGE, **fields, slot_id=bookable)
    (call,) = backend.made("POST", f"/api/v1{PAGE}")
    assert call.body == {"slot_ids": bookable, "seen": series["seen"], "expected_credits_charged": 3}
    assert call.headers["idempotency-key"] == fields["key"]
    assert answer.headers["Location"] == ADDRESS
    receipt = ada.get(answer.headers["Location"]).text
    assert "Booked now: 3 sessions, for 3 credits." in receipt
    assert "Booked now" not in ada.get(ADDRESS).text


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (problem(409, "price_changed"), "The price has changed meanwhile"),
        (problem(409, "preview_changed"), "This has changed meanwhile"),
        (problem(409, "slot_full"), "The last seat has just gone"),
        (problem(400, "validation_error"), "This has changed meanwhile"),
    ],
    ids=lambda one: one.body["code"] if isinstance(one, Answer) else "",
)
def test_what_has_changed_is_said_and_shown_anew(
    ada: httpx.Client, backend: FakeBackend, refusal: Answer, said: str
) -> None:
    backend.routes["POST", PAGE] = refusal
    answer = post(ada, PAGE, until=UNTIL, seen="x", expected_credits_charged="3", slot_id=SLOT)
    assert answer.headers["Location"].startswith(ADDRESS)
    assert said in ada.get(answer.headers["Location"]).text


@pytest.mark.parametrize("until", ["", "Christmas", "9999-12-31", UNTIL])
def test_a_day_that_ends_no_series_is_asked_for_again(ada: httpx.Client, backend: FakeBackend, until: str) -> None:
    def refuse(call: Call) -> Answer:
        return problem(400, "validation_error", errors={"until": ["A series has at most 26 sessions."]})

    backend.routes["GET", f"/pages{PAGE}"] = refuse
    answer = ada.get(PAGE, params={"until": until})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/slots/{SLOT}/book")
    assert "Choose another last day" in ada.get(answer.headers["Location"]).text


def test_nothing_to_book_has_no_button(ada: httpx.Client, backend: FakeBackend, series: dict[str, Any]) -> None:
    for one in series["sessions"]:
        one["refusal"] = "insufficient_credits"
    page = ada.get(ADDRESS).text
    assert page.count("Too few credits") == 4
    assert "None of these can be booked now." in page
    assert 'name="seen"' not in page
