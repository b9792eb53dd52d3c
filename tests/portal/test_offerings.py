"""A host's offerings on the portal: what the forms send, what is refused, and what a change says it has changed."""

from typing import Any

import httpx
import pytest

from tests.portal.conftest import hidden, post
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import an_id, an_offering

OFFERING = an_id(970)
PAGE = f"/hosting/offerings/{OFFERING}"
TYPED = {
    "title": "Yoga",
    "description": "Slow.\r\nBring a mat.",
    "place": "Room 4",
    "link": "https://meet.example/x",
    "minutes": "60",
    "capacity": "12",
    "price_credits": "0",
    "refund_window_hours": "",
    "public": "yes",
}
SENT = {
    "title": "Yoga",
    "description": "Slow.\nBring a mat.",
    "place": "Room 4",
    "link": "https://meet.example/x",
    "minutes": 60,
    "capacity": 12,
    "price_credits": 0,
    "refund_window_hours": None,
    "public": True,
}


@pytest.fixture(autouse=True)
def _offered(backend: FakeBackend, held: dict[str, Any]) -> None:
    for path, body in (
        ("/pages/hosting/offerings", {"offerings": {"results": [an_offering(970)], "next": None, "previous": None}}),
        (f"/pages{PAGE}", {"offering": an_offering(970)}),
    ):
        person = backend.body("/pages/home")["person"] | {"is_host": True}
        backend.routes["GET", path] = Answer(200, {"person": person, **body})


def test_an_offering_is_sent_as_it_was_typed(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/offerings"] = Answer(201, an_offering(972))
    answer = post(ada, "/hosting/offerings/new", **TYPED)
    assert answer.headers["Location"] == "/hosting/offerings"
    assert backend.made("POST", "/api/v1/offerings")[0].body == SENT
    page = ada.get("/hosting/offerings").text
    assert "45 minutes · 3 seats · 2 credits · Room 4, Kepler House" in page


def test_a_second_click_is_the_same_request(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/offerings"] = Answer(201, an_offering(972))
    key = hidden(ada.get("/hosting/offerings/new").text, "key")
    for _ in range(2):
        post(ada, "/hosting/offerings/new", **TYPED, key=key)
    assert [call.headers["idempotency-key"] for call in backend.made("POST", "/api/v1/offerings")] == [key] * 2


def test_what_the_api_refuses_stands_beside_its_field(ada: httpx.Client, backend: FakeBackend) -> None:
    said = {"link": ["Give a whole address that begins with https://."]}
    backend.routes["POST", "/offerings"] = problem(400, "validation_error", errors=said)
    answer = post(ada, "/hosting/offerings/new", **TYPED | {"link": "http://x"})
    assert answer.headers["Location"] == "/hosting/offerings/new"
    page = ada.get("/hosting/offerings/new").text
    assert '<a href="#id_link">Give a whole address that begins with https://.</a>' in page
    assert 'value="http://x"' in page


@pytest.mark.parametrize(("name", "value"), [("price_credits", "101"), ("capacity", "0"), ("minutes", "x")])
def test_what_cannot_be_is_not_sent(ada: httpx.Client, backend: FakeBackend, name: str, value: str) -> None:
    assert post(ada, PAGE, **TYPED | {name: value}).headers["Location"] == PAGE
    assert backend.made("PATCH", f"/api/v1/offerings/{OFFERING}") == []


def test_a_change_says_once_what_follows(ada: httpx.Client, backend: FakeBackend) -> None:
    shown = ada.get(PAGE).text
    assert 'value="https://meet.example/grace"' in shown
    changed = {"coming_slots": 12, "booked_slots": 3, "opened": 4, "closed": 5, "left_count": 1, "seen": "abc"}
    told = {"people_told": 2, "waiting_told": 1, "promoted": 1, "place": "Room 4"}
    backend.routes["PATCH", f"/offerings/{OFFERING}"] = Answer(200, an_offering(970) | changed | told)
    review = post(ada, PAGE, **TYPED, message="The roof leaks.")
    words = {"message": "The roof leaks."}
    for sentence in (
        "12 coming sessions follow, and 3 of them are booked.",
        "2 people who have booked are told by mail and calendar. They can leave without loss until the start.",
        "1 person who waits is told.",
        "1 person who waits gets one of the new seats.",
        "Opens 4 sessions and closes 5 free ones.",
        "1 booked session keeps the length of before.",
    ):
        assert sentence in review.text
    assert hidden(review.text, "message") == "The roof leaks."
    answer = post(ada, PAGE, **TYPED, message="The roof leaks.", seen=hidden(review.text, "seen"))
    sent = [call.body for call in backend.made("PATCH", f"/api/v1/offerings/{OFFERING}")]
    assert sent == [SENT | words | {"preview": True}, SENT | words | {"seen": "abc"}]
    page = ada.get(answer.headers["Location"]).text
    assert "Coming sessions that follow: 12. Booked among them: 3. Opened: 4. Closed: 5." in page
    assert "Coming sessions that follow" not in ada.get(PAGE).text


def test_what_concerns_nobody_is_changed_at_once(ada: httpx.Client, backend: FakeBackend) -> None:
    nobody = dict.fromkeys(("coming_slots", "booked_slots", "waiting_told", "promoted", "left_count"), 0)
    backend.routes["PATCH", f"/offerings/{OFFERING}"] = Answer(200, an_offering(970) | nobody | {"seen": "abc"})
    assert post(ada, PAGE, **TYPED).headers["Location"] == PAGE
    sent = [call.body for call in backend.made("PATCH", f"/api/v1/offerings/{OFFERING}")]
    assert sent == [SENT | {"message": "", "preview": True}, SENT | {"message": "", "seen": "abc"}]


@pytest.mark.parametrize("code", ["capacity_below_seats", "preview_changed"])
def test_a_refusal_stands_above_the_form(ada: httpx.Client, backend: FakeBackend, code: str) -> None:
    said = "More seats than that are taken (Yoga, Tue 24 Nov: 3)."
    backend.routes["PATCH", f"/offerings/{OFFERING}"] = problem(409, code, detail=said)
    for more in ({}, {"seen": "abc"}):
        answer = post(ada, PAGE, **TYPED, **more)
        assert said in ada.get(answer.headers["Location"]).text


def test_an_offering_of_hours_is_not_archived(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/offerings/{OFFERING}/archive"] = problem(400, "validation_error")
    answer = post(ada, f"{PAGE}/archive")
    assert "Hours are made from this" in ada.get(answer.headers["Location"]).text
    backend.routes["POST", f"/offerings/{OFFERING}/archive"] = Answer(200, {})
    assert post(ada, f"{PAGE}/archive").headers["Location"] == "/hosting/offerings"


def test_a_session_of_an_offering_names_it(ada: httpx.Client, backend: FakeBackend) -> None:
    page = ada.get("/hosting/new", params={"offering": OFFERING}).text
    assert "price (2 credits)" in page
    fields = {"title": "Yoga", "date": "2027-01-15", "start_time": "10:30", "minutes": "45", "capacity": "3"}
    backend.routes["POST", "/slots"] = problem(409, "slot_overlaps")
    refused = post(ada, f"/hosting/new?offering={OFFERING}", zone="Africa/Lagos", **fields)
    assert (refused.status_code, "price (2 credits)" in refused.text) == (422, True)
    backend.routes["POST", "/slots"] = Answer(201, {})
    post(ada, f"/hosting/new?offering={OFFERING}", zone="Africa/Lagos", **fields)
    assert backend.made("POST", "/api/v1/slots")[-1].body["offering_id"] == OFFERING
