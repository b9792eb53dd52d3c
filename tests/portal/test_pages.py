"""Each page: one call to the backend, what it shows, what its forms send, and what it says when that is refused."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.portal.conftest import Portal, csrf_of, hidden, post
from tests.portal.fake_backend import ADA, Answer, FakeBackend, problem
from tests.portal.sample import an_id
from tests.portal.screenshots import FOR_STRANGERS, WITHOUT_A_CALL, in_sample, pages

NOW = datetime.now(UTC)
SLOT, BOOKING = an_id(400), an_id(500)


def test_every_page_is_one_call(portal: Portal, backend: FakeBackend, held: dict[str, Any]) -> None:
    browser, counts = portal.signed_in(), {}
    for name, address in pages(in_sample(held)).items():
        if name in FOR_STRANGERS | WITHOUT_A_CALL:
            continue
        backend.calls.clear()
        answer = browser.get(address)
        counts[name] = (answer.status_code, len(backend.calls))
    assert len(counts) > 20
    assert {name: count for name, count in counts.items() if count != (200, 1)} == {}


@pytest.mark.parametrize(
    "path", ["/slots", "/bookings", "/credits", "/sessions", "/tokens", "/device?user_code=BCDF-GHJK", "/settings"]
)
def test_a_stranger_is_asked_to_sign_in_and_comes_back(portal: Portal, backend: FakeBackend, path: str) -> None:
    page = portal.browser().get(path)
    assert page.status_code == 401
    assert f"/login?{httpx.QueryParams({'next': path})}" in page.text
    assert backend.calls == []


@pytest.mark.parametrize(("days", "is_shown"), [(0, False), (1, False), (3, True)])
def test_the_course_of_credits_is_drawn_once_it_has_one(
    ada: httpx.Client, backend: FakeBackend, days: int, is_shown: bool
) -> None:
    route = backend.routes["GET", "/pages/credits"]
    assert isinstance(route, Answer)
    newest, oldest = route.body["entries"]["results"][0], route.body["entries"]["results"][-1]
    oldest["created_at"] = (datetime.fromisoformat(newest["created_at"]) - timedelta(days=days)).isoformat()
    route.body["entries"]["results"] = [newest, oldest]
    assert ("Over time" in ada.get("/credits").text) is is_shown


def test_credits_spent_before_they_came_are_not_drawn(ada: httpx.Client, backend: FakeBackend) -> None:
    route = backend.routes["GET", "/pages/credits"]
    assert isinstance(route, Answer)
    for entry in route.body["entries"]["results"]:
        if entry["amount"] > 0:
            entry["created_at"] = NOW.isoformat()
    route.body["entries"]["results"].sort(key=lambda entry: entry["created_at"], reverse=True)
    page = ada.get("/credits").text
    assert "Over time" not in page
    assert "Where your credits went" in page


def test_words_are_those_of_people(ada: httpx.Client, portal: Portal) -> None:
    assert "GitHub profile (name, login, picture) and your email address" in portal.browser().get("/").text
    for path in ("/", "/credits", f"/bookings/{an_id(502)}"):
        page = ada.get(path).text
        assert "where your credits went" in page.lower()
        assert not re.search(r">[^<]*ledger", page, re.IGNORECASE)


class TestSlots:
    def test_times_are_in_the_persons_zone_which_is_named(self, ada: httpx.Client, held: dict[str, Any]) -> None:
        page = ada.get("/slots").text
        assert "in Lagos time" in page
        nine_in_utc = next(one for one in held["slots"] if "T09:00" in one["starts_at"])
        assert f'<time datetime="{nine_in_utc["starts_at"]}">10:00</time>' in page

    def test_a_host_and_a_day_narrow_it_down(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.calls.clear()
        page = ada.get("/slots", params={"host": an_id(11), "from": "2099-05-04"})
        query = backend.calls[0].query
        assert query["host"] == an_id(11)
        assert query["from"].startswith("2099-05-03T10:00")
        assert "Mon 4 May – Sun 10 May 2099" in page.text

    @pytest.mark.parametrize(
        "query", ["?from=nonsense", "?from=0001-01-01", "?from=9999-12-31", "?host=", "?from=2020-01-01"]
    )
    def test_nonsense_in_the_address_is_ignored(self, ada: httpx.Client, query: str) -> None:
        assert ada.get(f"/slots{query}").status_code == 200

    @pytest.mark.parametrize("login", ["linus", "Linus"])
    def test_a_host_may_be_named_in_the_address(self, ada: httpx.Client, login: str) -> None:
        answer = ada.get("/slots", params={"host": login, "from": "2099-05-04"})
        assert answer.headers["Location"] == f"/slots?from=2099-05-04&host={an_id(11)}"
        assert f'<option value="{an_id(11)}" selected>' in ada.get(answer.headers["Location"]).text

    @pytest.mark.parametrize("login", ["nobody", "1'", an_id(99)])
    def test_a_host_who_is_not_there_is_not_ignored(self, ada: httpx.Client, login: str) -> None:
        page = ada.get("/slots", params={"host": login})
        assert page.status_code == 404
        assert "There is no such host" in page.text
        assert 'href="/slots">See all sessions' in page.text

    def test_the_refund_deadline_is_said_before_booking(self, ada: httpx.Client, held: dict[str, Any]) -> None:
        assert "Cancel before" in ada.get(f"/slots/{held['slots'][-1]['id']}/book").text
        assert "This session cannot be refunded" in ada.get(f"/slots/{SLOT}/book").text

    def test_booking_sends_the_forms_key_and_redirects(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", "/bookings"] = Answer(201, {"id": BOOKING})
        form = ada.get(f"/slots/{SLOT}/book").text
        fields = {name: hidden(form, name) for name in ("csrfmiddlewaretoken", "key")}
        backend.calls.clear()
        answers = [ada.post(f"/slots/{SLOT}/book", data=fields) for _ in range(2)]
        assert {one.headers["Location"] for one in answers} == {f"/bookings/{BOOKING}?notice=booked"}
        assert {call.headers["idempotency-key"] for call in backend.calls} == {fields["key"]}
        assert backend.calls[0].body == {"slot_id": SLOT}

    @pytest.mark.parametrize(
        ("code", "sentence"),
        [
            ("slot_full", "last seat has just gone"),
            ("overlapping_booking", "booked at that time"),
            ("insufficient_credits", "no credit left"),
        ],
    )
    def test_a_conflict_says_what_changed(
        self, ada: httpx.Client, backend: FakeBackend, code: str, sentence: str
    ) -> None:
        backend.routes["POST", "/bookings"] = problem(409, code)
        answer = post(ada, f"/slots/{SLOT}/book", key="x")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/slots/{SLOT}/book?conflict={code}")
        assert sentence in ada.get(answer.headers["Location"]).text

    def test_a_full_session_offers_the_waitlist(
        self, ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
    ) -> None:
        address = f"/slots/{held['full']['id']}"
        assert "Join the waitlist" in ada.get(f"{address}/book").text
        backend.routes["POST", f"{address}/waitlist"] = Answer(201, {"position": 2})
        backend.routes["DELETE", f"{address}/waitlist"] = Answer(204)
        joined = post(ada, f"{address}/waitlist").headers["Location"]
        assert joined == f"{address}/book?notice=waiting"
        page = backend.routes["GET", f"/pages{address}"]
        assert isinstance(page, Answer)
        page.body |= {"slot": held["full"] | {"waiting": True}, "position": 2}
        assert "You are 2nd in the queue." in ada.get(f"{joined}&place=1").text
        assert post(ada, f"{address}/waitlist/leave").headers["Location"] == f"{address}/book?notice=not-waiting"

    def test_a_backend_of_the_release_before_is_asked_as_it_knows(
        self, ada: httpx.Client, backend: FakeBackend
    ) -> None:
        del backend.routes["GET", f"/pages/slots/{SLOT}"]
        assert "Book for 1 credit" in ada.get(f"/slots/{SLOT}/book").text
        assert ada.get(f"/slots/{an_id(999)}/book").status_code == 404

    def test_without_a_credit_the_way_to_one_is_said(
        self, ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
    ) -> None:
        for one in (SLOT, held["full"]["id"]):
            page = backend.routes["GET", f"/pages/slots/{one}"]
            assert isinstance(page, Answer)
            page.body["subscriptions"] = []
        assert "Our staff can add credits or a plan." in ada.get(f"/slots/{SLOT}/book").text
        assert "You have no credit now" in ada.get(f"/slots/{held['full']['id']}/book").text


class TestHosting:
    def test_a_session_opens_at_the_hosts_wall_clock(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", "/slots"] = Answer(201, {})
        fields = {"title": "Winter", "date": "2027-01-15", "start_time": "10:30", "minutes": "90", "capacity": "4"}
        answer = post(ada, "/hosting/new", zone="Africa/Lagos", **fields)
        assert answer.headers["Location"] == "/hosting?notice=slot-created"
        body = backend.made("POST", "/api/v1/slots")[0].body
        assert (body["starts_at"], body["ends_at"]) == ("2027-01-15T09:30:00+00:00", "2027-01-15T11:00:00+00:00")

    def test_an_overlap_is_said_above_the_form(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", "/slots"] = problem(409, "slot_overlaps", detail="It overlaps another session of yours.")
        fields = {"title": "Winter", "date": "2027-01-15", "start_time": "10:30", "minutes": "90", "capacity": "4"}
        answer = post(ada, "/hosting/new", zone="Africa/Lagos", **fields)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/hosting/new")
        page = ada.get("/hosting/new").text
        assert "It overlaps another session of yours." in page
        assert 'value="Winter"' in page

    def test_a_day_at_the_calendars_end_is_refused_beside_its_field(self, ada: httpx.Client) -> None:
        fields = {"title": "Last", "date": "9999-12-31", "start_time": "23:30", "minutes": "90", "capacity": "4"}
        post(ada, "/hosting/new", zone="America/New_York", **fields)
        assert "Choose a date from 2000 to 2199." in ada.get("/hosting/new").text

    def test_hours_and_exceptions(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", "/availability-rules"] = Answer(201, {})
        weekly = {"weekday": "2", "start_time": "09:00", "end_time": "12:00", "title": "T", "slot_minutes": "60"}
        post(ada, "/hosting/hours/add", **weekly, buffer_minutes="0", capacity="2")
        post(ada, "/hosting/hours/except", kind="day_off", date="2026-12-24")
        first, second = (call.body for call in backend.made("POST", "/api/v1/availability-rules"))
        assert first["kind"] == "weekly"
        assert (first["weekday"], first["start_time"]) == (2, "09:00")
        assert second == {"kind": "day_off", "date": "2026-12-24"}
        refused = post(ada, "/hosting/hours/except", kind="extra", date="2026-12-24")
        assert refused.headers["Location"] == "/hosting/hours"
        page = ada.get("/hosting/hours").text
        assert page.count("Extra hours need this.") == 6, "beside each of three fields, and above them"
        assert '<option value="extra" selected>' in page

    @pytest.mark.parametrize(
        ("rule", "sentence"),
        [(an_id(950), "that nobody has booked close. Booked ones stay"), (an_id(951), "weekly hours open again")],
    )
    def test_removing_hours_says_what_closes_first(
        self, ada: httpx.Client, backend: FakeBackend, rule: str, sentence: str
    ) -> None:
        path = f"/hosting/hours/{rule}/remove"
        backend.routes["DELETE", f"/availability-rules/{rule}"] = Answer(204)
        assert sentence in ada.get(path).text
        assert not backend.made("DELETE", f"/api/v1/availability-rules/{rule}")
        assert post(ada, path).headers["Location"] == "/hosting/hours?notice=rule-removed"
        assert len(backend.made("DELETE", f"/api/v1/availability-rules/{rule}")) == 1
        assert ada.get(f"/hosting/hours/{an_id(952)}/remove").headers["Location"] == "/hosting/hours"

    def test_cancelling_a_day_says_how_much_goes_back_first(
        self, ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
    ) -> None:
        day = next(one for one in held["slots"] if one["id"] == an_id(102))
        backend.routes["POST", "/hosts/me/cancel-day"] = Answer(200, {})
        fields = {"date": day["starts_at"][:10]}
        page = ada.get("/hosting/cancel-day", params=fields).text
        assert "2 people get 2 credits back." in page
        assert not backend.made("POST", "/api/v1/hosts/me/cancel-day")
        assert post(ada, "/hosting/cancel-day", **fields).headers["Location"] == "/hosting?notice=day-cancelled"

    def test_who_has_booked_and_what_cancelling_means(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", f"/slots/{SLOT}/cancel"] = Answer(200, {})
        page = ada.get(f"/hosting/slots/{SLOT}").text
        assert "Ada Lovelace" in page
        assert "2 people get 2 credits back" in page
        assert post(ada, f"/hosting/slots/{SLOT}/cancel").status_code == 303

    def test_people_who_do_not_host_are_told_so(self, portal: Portal, backend: FakeBackend) -> None:
        backend.routes["GET", "/pages/hosting"] = problem(403, "not_a_host")
        page = portal.signed_in().get("/hosting")
        assert page.status_code == 403
        assert "for hosts" in page.text


def test_a_form_sent_after_the_session_ended_returns_to_its_page(
    ada: httpx.Client, backend: FakeBackend, portal: Portal
) -> None:
    form = csrf_of(ada, "/settings")
    backend.access.clear()
    backend.live.clear()
    answer = ada.post("/settings", data=form | {"time_zone": "UTC"}, headers={"Referer": f"{portal.url}/settings"})
    assert answer.headers["Location"].startswith("/signed-out?next=%2Fsettings")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), (f"/bookings/{an_id(999)}", 404)])
def test_a_problem_keeps_the_navigation_of_who_is_signed_in(
    ada: httpx.Client, portal: Portal, path: str, status: int
) -> None:
    page, strangers = ada.get(path), portal.browser().get("/nowhere")
    assert page.status_code == status
    for link in ('href="/slots"', 'href="/bookings"', 'href="/settings"', 'href="/logout"', "Your account"):
        assert link in page.text
        assert link not in strangers.text


def test_a_problem_keeps_the_pages_for_hosts_in_the_navigation_of_hosts(
    portal: Portal, backend: FakeBackend, held: dict[str, Any]
) -> None:
    browser = portal.signed_in()
    assert 'href="/hosting"' not in browser.get("/nowhere").text
    browser.get("/settings")
    assert 'href="/hosting"' in browser.get("/nowhere").text
    backend.routes["GET", "/me"] = Answer(200, ADA | {"is_host": False})
    browser.get("/settings")
    assert 'href="/hosting"' not in browser.get("/nowhere").text
    browser.get("/")
    assert browser.cookies["insighta_host"] == "1"
    browser.post("/logout", data=csrf_of(browser))
    assert "insighta_host" not in browser.cookies


def test_a_problem_that_ends_the_sign_in_has_no_navigation(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.access.clear()
    backend.live.clear()
    address = ada.get("/bookings").headers["Location"]
    assert "Your account" not in ada.get(address).text


@pytest.mark.parametrize("path", ["/slots", "/bookings", "/credits", "/hosting"])
def test_a_list_that_has_moved_on_starts_again(ada: httpx.Client, backend: FakeBackend, path: str) -> None:
    backend.routes["GET", f"/pages{path}"] = problem(400, "validation_error", detail="This cursor was not given.")
    page = ada.get(path, params={"cursor": "xx"})
    assert page.status_code == 400
    assert "This list has moved on" in page.text
    assert f'<a class="button button-primary" href="{path}">Go to the first page</a>' in page.text
    assert "cursor" not in page.text


def test_a_mistake_in_a_page_is_a_page_without_secrets(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["GET", "/pages/credits"] = Answer(200, {"nonsense": True})
    page = ada.get("/credits")
    assert page.status_code == 500
    assert "Something went wrong on our side" in page.text
    assert ada.cookies["insighta_rt"] not in page.text


def test_pages_are_compressed(ada: httpx.Client) -> None:
    assert ada.get("/slots").headers["Content-Encoding"] == "gzip"
