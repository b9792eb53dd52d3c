"""Each page: one call to the backend, what it shows, what its forms send, and what it says when that is refused."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.portal.conftest import Portal, csrf_of, hidden, post
from tests.portal.fake_backend import ADA, Answer, FakeBackend, answer_of, problem
from tests.portal.sample import a_page, an_id, slot

SLOT, BOOKING = an_id(400), an_id(500)


@pytest.mark.parametrize(
    "path",
    [
        "/bookings",
        "/credits",
        "/sessions",
        "/applications",
        "/tokens",
        "/device?user_code=BCDF-GHJK",
        "/settings",
    ],
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
    route = backend.body("/pages/credits")
    newest, oldest = route["entries"]["results"][0], route["entries"]["results"][-1]
    oldest["created_at"] = (datetime.fromisoformat(newest["created_at"]) - timedelta(days=days)).isoformat()
    route["entries"]["results"] = [newest, oldest]
    assert ("Your credits over time" in ada.get("/credits").text) is is_shown


def test_credits_say_what_happened_with_whom_and_when(ada: httpx.Client, held: dict[str, Any]) -> None:
    page = " ".join(re.sub("<[^>]+>", " ", ada.get("/credits").text).split())
    assert re.search(r"Software that must not fail \S+ credits with Margaret Hamilton, ", page)
    assert "Reading a kernel patch: you cancelled" in page
    assert "Welcome credits" in page
    assert "8 left in Monthly 8" in page


def test_a_booking_goes_into_a_calendar_in_one_tap(ada: httpx.Client, held: dict[str, Any]) -> None:
    begin = datetime.fromisoformat(held["mine"]["starts_at"]).strftime("%Y%m%dT%H%M%SZ")
    links = re.findall(r'href="(https://[^"]*)" rel="noreferrer"', ada.get(f"/bookings/{BOOKING}").text)
    google, outlook = (httpx.URL(html.unescape(one)) for one in links)
    assert (google.host, google.params["dates"][:16]) == ("calendar.google.com", begin)
    assert (outlook.host, outlook.params["subject"]) == ("outlook.live.com", google.params["text"])


def test_the_calendar_is_subscribed_to_in_one_tap_or_by_a_code(ada: httpx.Client, backend: FakeBackend) -> None:
    page = html.unescape(ada.get("/bookings").text)
    feed = backend.body("/pages/bookings")["calendar_feed"]
    webcal = feed.replace("https://", "webcal://")
    assert f'href="{webcal}"' in page
    assert httpx.QueryParams({"cid": webcal}).__str__() in page
    assert httpx.QueryParams({"url": feed}).__str__() in page
    backend.routes["GET", "/calendar-feed"] = Answer(200, {"url": feed})
    picture = ada.get("/bookings/calendar/code.svg")
    assert (picture.headers["Content-Type"], picture.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert picture.content.startswith(b"<?xml")


def test_credits_spent_before_they_came_are_not_drawn(ada: httpx.Client, backend: FakeBackend) -> None:
    route = backend.body("/pages/credits")
    for entry in route["entries"]["results"]:
        if entry["amount"] > 0:
            entry["created_at"] = datetime.now(UTC).isoformat()
    route["entries"]["results"].sort(key=lambda entry: entry["created_at"], reverse=True)
    page = ada.get("/credits").text
    assert "Your credits over time" not in page
    assert "Where your credits went" in page


def test_words_are_those_of_people(ada: httpx.Client, portal: Portal) -> None:
    assert "GitHub profile (name, login, picture) and your email address" in portal.browser().get("/").text
    for path in ("/", "/credits", f"/bookings/{an_id(502)}"):
        page = ada.get(path).text
        assert "where your credits went" in page.lower()
        assert not re.search(r">[^<]*ledger", page, re.IGNORECASE)


def test_times_are_in_the_persons_zone_which_is_named(ada: httpx.Client, held: dict[str, Any]) -> None:
    nine_in_utc = next(one for one in held["slots"] if "T09:00" in one["starts_at"])
    page = ada.get("/slots", params={"day": nine_in_utc["starts_at"][:10]}).text
    assert "in Lagos time" in page
    assert f'<time datetime="{nine_in_utc["starts_at"]}">10:00</time>' in page


def test_a_host_and_a_day_narrow_it_down(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.calls.clear()
    page = ada.get("/slots", params={"host": an_id(11), "from": "2099-05-04", "day": "2099-05-06"})
    assert backend.calls[0].query == {"host": an_id(11), "from": "2099-05-04", "day": "2099-05-06"}
    assert "4 May – 7 June" in page.text
    assert "Wednesday 6 May 2099" in page.text


def test_a_full_day_after_which_nothing_is_free_says_so(
    ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
) -> None:
    nothing = {"slots": a_page([held["full"]]), "next_free": []}
    backend.routes["GET", "/pages/days"] = Answer(200, answer_of(backend, "/pages/days") | nothing)
    page = ada.get("/slots").text
    assert "There is no later session with a free seat either." in page
    assert "Nothing on this day" not in page


@pytest.mark.parametrize(
    "query",
    [
        "?from=nonsense",
        "?from=0001-01-01",
        "?from=9999-12-31",
        "?host=",
        "?from=2020-01-01",
        "?day=9999-12-31",
        "?day=x",
        "?day=%00",
        "?offering=x",
        "?day=2020-01-01&from=2198-12-31",
    ],
)
def test_nonsense_in_the_address_is_ignored(ada: httpx.Client, query: str) -> None:
    assert ada.get(f"/slots{query}").status_code == 200


@pytest.mark.parametrize("login", ["linus", "Linus"])
def test_a_host_may_be_named_in_the_address(ada: httpx.Client, login: str) -> None:
    answer = ada.get("/slots", params={"host": login, "from": "2099-05-04"})
    assert answer.headers["Location"] == f"/slots?from=2099-05-04&host={an_id(11)}"
    assert re.search(rf'host={an_id(11)}[^"]*" aria-current="true"', ada.get(answer.headers["Location"]).text)


@pytest.mark.parametrize("login", ["nobody", "1'", an_id(99)])
def test_a_host_who_is_not_there_is_not_ignored(ada: httpx.Client, login: str) -> None:
    page = ada.get("/slots", params={"host": login})
    assert page.status_code == 404
    assert "There is no such host" in page.text
    assert 'href="/slots">See all sessions' in page.text


def test_the_way_back_leads_to_the_day_of_the_session(ada: httpx.Client, portal: Portal, held: dict[str, Any]) -> None:
    free = held["free"]
    day = datetime.fromisoformat(free["starts_at"]).astimezone(ZoneInfo("Africa/Lagos")).date()
    for page in (ada.get(f"/slots/{free['id']}/book").text, portal.browser().get(f"/slots/{free['id']}").text):
        assert f'class="breadcrumb" href="/slots?day={day}"' in page
        assert f'href="/hosts/{free["host"]["login"]}"' in page


def test_the_refund_deadline_is_said_before_booking(ada: httpx.Client, held: dict[str, Any]) -> None:
    assert "Cancel before" in ada.get(f"/slots/{held['slots'][-1]['id']}/book").text
    assert "This session cannot be refunded" in ada.get(f"/slots/{SLOT}/book").text


def test_booking_sends_the_forms_key_and_redirects(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/bookings"] = Answer(201, {"id": BOOKING, "status": "active"})
    form = ada.get(f"/slots/{SLOT}/book").text
    fields = {name: hidden(form, name) for name in ("csrfmiddlewaretoken", "key")}
    backend.calls.clear()
    answers = [ada.post(f"/slots/{SLOT}/book", data=fields) for _ in range(2)]
    assert {one.headers["Location"] for one in answers} == {f"/bookings/{BOOKING}"}
    assert {call.headers["idempotency-key"] for call in backend.calls} == {fields["key"]}
    assert backend.calls[0].body == {"slot_id": SLOT}


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("slot_full", "last seat has just gone"),
        ("overlapping_booking", "booked at that time"),
        ("insufficient_credits", "too few credits"),
    ],
)
def test_a_conflict_says_what_changed(ada: httpx.Client, backend: FakeBackend, code: str, sentence: str) -> None:
    backend.routes["POST", "/bookings"] = problem(409, code)
    answer = post(ada, f"/slots/{SLOT}/book", key="x")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/slots/{SLOT}/book")
    assert sentence in ada.get(answer.headers["Location"]).text


def test_a_full_session_offers_the_waitlist(ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]) -> None:
    address = f"/slots/{held['full']['id']}"
    assert "Join the waitlist" in ada.get(f"{address}/book").text
    backend.routes["POST", f"{address}/waitlist"] = Answer(201, {"position": 2})
    backend.routes["DELETE", f"{address}/waitlist"] = Answer(204)
    form = {"expected_credits_charged": "1"}
    assert 'name="expected_credits_charged" value="1"' in ada.get(f"{address}/book").text
    joined = post(ada, f"{address}/waitlist", **form).headers["Location"]
    assert joined == f"{address}/book"
    assert backend.made("POST", f"/api/v1{address}/waitlist")[0].body == {"expected_credits_charged": 1}
    backend.routes["POST", f"{address}/waitlist"] = problem(409, "price_changed", credits_charged=2)
    assert (
        "The price has changed meanwhile" in ada.get(post(ada, f"{address}/waitlist", **form).headers["Location"]).text
    )
    page = backend.body(f"/pages{address}")
    page |= {"slot": held["full"] | {"waiting": True}, "position": 2}
    assert "You are 2nd in the queue." in ada.get(joined).text
    assert post(ada, f"{address}/waitlist/leave").headers["Location"] == f"{address}/book"


def test_without_a_credit_the_way_to_one_is_said(ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]) -> None:
    for one in (SLOT, held["full"]["id"]):
        backend.body(f"/pages/slots/{one}")["subscriptions"] = []
    assert "Our staff can add credits or a plan." in ada.get(f"/slots/{SLOT}/book").text
    assert "You have too few credits now" in ada.get(f"/slots/{held['full']['id']}/book").text


def test_a_session_opens_at_the_hosts_wall_clock(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/slots"] = Answer(201, {})
    fields = {"title": "Winter", "date": "2027-01-15", "start_time": "10:30", "minutes": "90", "capacity": "4"}
    answer = post(ada, "/hosting/new", zone="Africa/Lagos", **fields)
    assert answer.headers["Location"] == "/hosting"
    body = backend.made("POST", "/api/v1/slots")[0].body
    assert (body["starts_at"], body["ends_at"]) == ("2027-01-15T09:30:00+00:00", "2027-01-15T11:00:00+00:00")


def test_an_overlap_is_said_above_the_form(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/slots"] = problem(409, "slot_overlaps", detail="It overlaps another session of yours.")
    fields = {"title": "Winter", "date": "2027-01-15", "start_time": "10:30", "minutes": "90", "capacity": "4"}
    answer = post(ada, "/hosting/new", zone="Africa/Lagos", **fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hosting/new")
    page = ada.get("/hosting/new").text
    assert "It overlaps another session of yours." in page
    assert 'value="Winter"' in page


def test_a_day_at_the_calendars_end_is_refused_beside_its_field(ada: httpx.Client) -> None:
    fields = {"title": "Last", "date": "9999-12-31", "start_time": "23:30", "minutes": "90", "capacity": "4"}
    post(ada, "/hosting/new", zone="America/New_York", **fields)
    assert "Choose a date from 2000 to 2199." in ada.get("/hosting/new").text


def test_a_date_that_differs_is_added_and_refused_beside_its_fields(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/availability-rules"] = Answer(201, {})
    post(ada, "/hosting/hours/except", kind="day_off", date="2026-12-24")
    (call,) = backend.made("POST", "/api/v1/availability-rules")
    assert call.body == {"kind": "day_off", "date": "2026-12-24"}
    refused = post(ada, "/hosting/hours/except", kind="extra", date="2026-12-24")
    assert refused.headers["Location"] == "/hosting/hours"
    page = ada.get("/hosting/hours").text
    for asked in ("when the extra hours begin", "when the extra hours end", "a title for the extra hours, or choose"):
        assert page.count(f"Enter {asked}") == 2, "beside the field, and above the form"
    assert '<option value="extra" selected>' in page


EXTRA = {"kind": "extra", "date": "2026-12-23", "start_time": "09:00", "end_time": "12:00"}


def test_extra_hours_of_an_offering_say_only_what_differs_from_it(ada: httpx.Client, backend: FakeBackend) -> None:
    page, offering, path = ada.get("/hosting/hours").text, an_id(970), "/hosting/hours/except"
    assert f'<option value="{offering}">Compilers, gently (45 minutes, 3 seats, 2 credits)</option>' in page
    backend.routes["POST", "/availability-rules"] = Answer(201, {})
    post(ada, path, **EXTRA, offering_id=offering, title="")
    post(ada, path, **EXTRA, offering_id=offering, title="Other")
    first, second = (call.body for call in backend.made("POST", "/api/v1/availability-rules"))
    assert first == EXTRA | {"offering_id": offering}
    assert second == first | {"title": "Other"}


def test_extra_hours_that_are_refused_keep_what_was_typed(ada: httpx.Client, backend: FakeBackend) -> None:
    path, offering = "/hosting/hours/except", an_id(970)
    assert post(ada, path, **EXTRA).headers["Location"] == "/hosting/hours"
    page = ada.get("/hosting/hours").text
    assert page.count("Enter a title for the extra hours") == 2, "above the form, and beside its title"
    assert 'value="12:00"' in page
    assert "Empty: as the offering says." in page.partition(f'action="{path}"')[2].partition("</form>")[0]
    assert backend.made("POST", "/api/v1/availability-rules") == []
    said = {"offering_id": ["This offering is archived."]}
    backend.routes["POST", "/availability-rules"] = problem(400, "validation_error", errors=said)
    post(ada, path, **EXTRA, offering_id=offering)
    page = ada.get("/hosting/hours").text
    assert '_offering_id">This offering is archived.</a>' in page
    assert f'<option value="{offering}" selected>' in page


def test_a_week_of_many_ranges_loses_none(ada: httpx.Client, backend: FakeBackend) -> None:
    offering = an_id(970)
    path = f"/hosting/hours?offering={offering}"
    ranges = [(day, f"{minutes // 60:02}:{minutes % 60:02}") for day in range(1, 8) for minutes in range(0, 1440, 60)]
    fields = {f"on_{day}": "on" for day in range(1, 8)}
    for place, (day, start) in enumerate(ranges):
        fields |= {f"from_{day}_{place}": start, f"to_{day}_{place}": f"{start[:2]}:30"}
    backend.routes["PUT", f"/offerings/{offering}/weekly-hours"] = Answer(200, {"changed": False})
    post(ada, path, **fields, do="save")
    (call,) = backend.made("PUT", f"/api/v1/offerings/{offering}/weekly-hours")
    assert [(one["weekday"], one["start_time"]) for one in call.body["hours"]] == ranges


def two_offerings(backend: FakeBackend) -> str:
    """Let the host have another offering without hours; the id."""
    shown = backend.body("/pages/hosting/hours")
    other = shown["offerings"][0] | {"id": an_id(972), "title": "Chess"}
    backend.routes["GET", "/pages/hosting/hours"] = Answer(200, shown | {"offerings": [*shown["offerings"], other]})
    return an_id(972)


@pytest.mark.parametrize("do", ["save", "preview", "add_3"])
def test_hours_typed_for_an_offering_that_is_archived_meanwhile_are_not_put_into_anothers_week(
    ada: httpx.Client, backend: FakeBackend, do: str
) -> None:
    gone = an_id(972)
    refusal = problem(400, "validation_error", errors={"offering_id": ["This offering is archived."]})
    backend.routes["PUT", f"/offerings/{gone}/weekly-hours"] = refusal
    typed = {"on_3": "on", "from_3_0": "05:05", "to_3_0": "06:06"}
    answer = post(ada, f"/hosting/hours?offering={gone}", do=do, **typed)
    if do != "preview":
        assert answer.headers["Location"] == f"/hosting/hours?offering={gone}"
        answer = ada.get(answer.headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hosting/hours")
    page = ada.get("/hosting/hours").text
    assert ("That offering is archived or not there any more." in page, "05:05" in page) == (True, False)
    assert f'action="/hosting/hours?offering={an_id(970)}"' in page
    assert ada.get("/hosting/hours?offering=nonsense").headers["Location"] == "/hosting/hours"


def test_hours_typed_for_one_offering_are_not_shown_for_another(ada: httpx.Client, backend: FakeBackend) -> None:
    other = two_offerings(backend)
    typed = {"on_3": "on", "from_3_0": "05:05", "to_3_0": "06:06", "do": "add_3"}
    for shown, is_there in ((an_id(970), False), (other, True)):
        post(ada, f"/hosting/hours?offering={other}", **typed)
        page = ada.get(f"/hosting/hours?offering={shown}").text
        assert ("05:05" in page, " autofocus" in page) == (is_there, is_there)
        assert f'action="/hosting/hours?offering={shown}"' in page
    nameless = post(ada, "/hosting/hours", **typed | {"to_3_0": "", "do": "preview"})
    assert (nameless.status_code, "05:05" in nameless.text) == (422, False)


@pytest.mark.parametrize("has_more", [True, False])
def test_weekly_hours_of_the_release_before_stand_among_the_dates_and_can_be_removed(
    ada: httpx.Client, backend: FakeBackend, has_more: bool
) -> None:
    shown, rule = backend.body("/pages/hosting/hours"), an_id(956)
    old = shown["rules"][0] | {"id": rule, "weekday": 5, "start_time": "05:05:00", "title": "Chess"}
    old |= {"offering_id": None}
    more = {"rules": [*shown["rules"], old]} if has_more else {"rules": [old], "offerings": []}
    backend.routes["GET", "/pages/hosting/hours"] = Answer(200, shown | more)
    path = f"/hosting/hours/{rule}/remove"
    grid, _, dates = ada.get("/hosting/hours").text.partition('id="exceptions"')
    assert '<span class="strong">Every Friday</span><p>Weekly hours 05:05–12:00 · Chess</p>' in dates
    assert (f'href="{path}"' in dates, "05:05" in grid) == (True, False)
    assert "Remove your hours every Friday, 05:05–12:00?" in ada.get(path).text
    backend.routes["DELETE", f"/availability-rules/{rule}"] = Answer(200, {"opened": 0, "closed": 2})
    assert post(ada, path).headers["Location"] == "/hosting/hours"
    assert len(backend.made("DELETE", f"/api/v1/availability-rules/{rule}")) == 1
    assert "Closed: 2." in ada.get("/hosting/hours").text


def test_a_second_click_is_told_what_is_there(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/availability-rules"] = problem(400, "validation_error", is_there=True)
    assert post(ada, "/hosting/hours/except", kind="day_off", date="2026-12-24").headers["Location"] == "/hosting/hours"
    page = ada.get("/hosting/hours").text
    assert ("The date is there already. Nothing was added twice." in page, "<title>Error" in page) == (True, False)
    backend.routes["POST", "/slots"] = problem(409, "slot_overlaps", is_there=True)
    fields = {"title": "Yoga", "date": "2030-12-24", "start_time": "10:00", "minutes": "60", "capacity": "1"}
    assert post(ada, "/hosting/new", zone="UTC", **fields).headers["Location"] == "/hosting"
    assert "This session is open already. Nothing was opened twice." in ada.get("/hosting").text


def test_a_host_who_offers_nothing_yet_is_sent_to_offer_something(ada: httpx.Client, backend: FakeBackend) -> None:
    shown = backend.body("/pages/hosting/hours")
    backend.routes["GET", "/pages/hosting/hours"] = Answer(200, shown | {"offerings": [], "rules": []})
    page = ada.get("/hosting/hours").text
    assert 'name="offering_id"' not in page
    assert '<a class="button button-primary" href="/hosting/offerings/new">' in page


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [(an_id(955), "that nobody has booked close. Booked ones stay"), (an_id(951), "weekly hours open again")],
)
def test_removing_a_date_says_what_closes_first(
    ada: httpx.Client, backend: FakeBackend, rule: str, sentence: str
) -> None:
    shown, path = backend.body("/pages/hosting/hours"), f"/hosting/hours/{rule}/remove"
    extra = shown["rules"][0] | {"id": an_id(955), "kind": "extra", "weekday": None, "date": "2026-12-23"}
    backend.routes["GET", "/pages/hosting/hours"] = Answer(200, shown | {"rules": [*shown["rules"], extra]})
    left = [{"id": an_id(960), "title": "Compilers", "starts_at": "2027-01-05T09:00:00Z"}]
    change = {"opened": 1, "closed": 7, "left": left, "left_count": 1}
    backend.routes["DELETE", f"/availability-rules/{rule}"] = Answer(200, change)
    assert sentence in ada.get(path).text
    assert not backend.made("DELETE", f"/api/v1/availability-rules/{rule}")
    assert post(ada, path).headers["Location"] == "/hosting/hours"
    assert len(backend.made("DELETE", f"/api/v1/availability-rules/{rule}")) == 1
    page = ada.get("/hosting/hours").text
    assert "Sessions opened: 1. Closed: 7. Booked, so still open: 1." in page
    assert f'<a href="/hosting/slots/{an_id(960)}">Compilers, ' in page
    assert "Sessions opened" not in ada.get("/hosting/hours").text
    for gone in (an_id(952), an_id(950)):
        assert ada.get(f"/hosting/hours/{gone}/remove").headers["Location"] == "/hosting/hours", (
            "weekly hours: the grid"
        )


def test_cancelling_a_day_says_how_much_goes_back_first(
    ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
) -> None:
    day = next(one for one in held["slots"] if one["id"] == an_id(102))
    backend.routes["POST", "/hosts/me/cancel-day"] = Answer(200, {})
    fields = {"date": day["starts_at"][:10]}
    page = ada.get("/hosting/cancel-day", params=fields).text
    assert "Cancel them: 2 people get 2 credits back and are told" in page
    assert "Keep them: they take place" in page
    assert f'href="/hosting/slots/{day["id"]}"' in page
    assert (
        post(ada, "/hosting/cancel-day", **fields).headers["Location"] == f"/hosting/cancel-day?date={fields['date']}"
    )
    assert "Choose what happens to the booked sessions." in ada.get("/hosting/cancel-day", params=fields).text
    assert not [call for call in backend.calls if call.method != "GET"]
    sent = fields | {"booked": "cancel", "message": "I am ill."}
    assert post(ada, "/hosting/cancel-day", **sent).headers["Location"] == "/hosting"
    assert backend.made("POST", "/api/v1/hosts/me/cancel-day")[0].body == fields | {"message": "I am ill."}


def test_a_day_off_may_leave_what_is_booked_and_says_what_stays(
    ada: httpx.Client, backend: FakeBackend, held: dict[str, Any]
) -> None:
    day = next(one for one in held["slots"] if one["id"] == an_id(102))["starts_at"][:10]
    change = {"opened": 0, "closed": 4, "left": [], "left_count": 1}
    backend.routes["POST", "/availability-rules"] = Answer(201, change)
    kept = post(ada, "/hosting/cancel-day", date=day, booked="keep")
    assert backend.made("POST", "/api/v1/availability-rules")[0].body == {"kind": "day_off", "date": day}
    page = ada.get(kept.headers["Location"]).text
    assert ("Free sessions closed: 4." in page, f'href="/hosting/slots/{an_id(102)}"' in page) == (True, True)
    assert " is off · Insighta</title>" in page
    assert 'href="/hosting/hours#exceptions"' in page, "where it is taken back"
    assert "Take the day off</button>" in ada.get(kept.headers["Location"]).text, "said once"
    backend.routes["POST", "/availability-rules"] = problem(400, "validation_error", is_there=True)
    again = post(ada, "/hosting/cancel-day", date=day, booked="keep")
    page = ada.get(again.headers["Location"]).text
    assert ("It is your day off already." in page, " is off</h1>" in page, "<title>Error" in page) == (
        True,
        True,
        False,
    )


def test_a_day_that_nobody_has_booked_is_taken_off_without_a_choice(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.body("/pages/home")
    page = ada.get("/hosting/cancel-day?date=2098-01-01").text
    assert "Nobody has booked, so nobody is told." in page
    assert '<input type="hidden" name="booked" value="keep"' in page
    assert 'type="radio"' not in page


def test_who_has_booked_and_what_cancelling_means(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", f"/slots/{SLOT}/cancel"] = Answer(200, {})
    assert "Ada Lovelace" in ada.get(f"/hosting/slots/{SLOT}").text
    assert "2 people get 2 credits back" in ada.get(f"/hosting/slots/{SLOT}/cancel").text
    assert backend.made("POST", f"/api/v1/slots/{SLOT}/cancel") == []
    assert post(ada, f"/hosting/slots/{SLOT}/cancel").status_code == 303


def test_booked_sessions_stand_first_and_free_ones_are_folded(ada: httpx.Client, backend: FakeBackend) -> None:
    hour = datetime(2098, 3, 3, 9, tzinfo=UTC)
    found = [slot(10 + n, hour + timedelta(hours=n), "grace", "Yoga", (int(n == 2), 3)) for n in range(4)]
    found += [slot(20 + n, hour + timedelta(days=1 + n), "grace", "Yoga", (0, 3)) for n in range(3)]
    backend.body("/pages/hosting").update(slots={"results": found, "next": None}, needs=[])
    page = ada.get("/hosting").text
    folded = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert re.findall(r'href="/hosting/slots/([^"]+)"', folded) == [an_id(12)]
    assert "1 of 3 booked" in folded
    first, second = page.split('<details class="folded"')[1:]
    assert "3 free</span> at 10:00, 11:00 and 13:00" in first
    assert ("Nobody booked yet. " in second, "3 free</span> on 3 days" in second) == (True, True)
    assert "4 Mar – 6 Mar" in page


@pytest.mark.parametrize("when", ["past", "cancelled"])
def test_what_is_over_or_cancelled_is_a_list_of_its_own(ada: httpx.Client, backend: FakeBackend, when: str) -> None:
    page = ada.get(f"/hosting?when={when}").text
    assert f'<a href="/hosting?when={when}" aria-current="page">' in page
    assert f'href="/hosting/slots/{SLOT}"' in page
    assert backend.made("GET", "/api/v1/pages/hosting")[-1].query == {"when": when}


def edited(ada: httpx.Client) -> dict[str, str]:
    """What the form of the session is filled with."""
    page = ada.get(f"/hosting/slots/{SLOT}/edit").text
    fields = dict(re.findall(r'name="(title|date|start_time|minutes|capacity|place|link)" value="([^"]*)"', page))
    (description,) = re.findall(r'<textarea name="description"[^>]*>\s*([^<]*)</textarea>', page)
    return fields | {"description": description}


def test_a_change_says_whom_it_concerns_before_it_is_made(ada: httpx.Client, backend: FakeBackend) -> None:
    slot = backend.body(f"/pages/hosting/slots/{SLOT}")["slot"]
    counts = {"changed": ["title"], "people_told": 2, "waiting_told": 0, "promoted": 0, "cancelled": []}
    backend.routes["PATCH", f"/slots/{SLOT}"] = Answer(200, slot | counts)
    path, fields = f"/hosting/slots/{SLOT}/edit", edited(ada) | {"title": "New title", "message": "Sorry"}
    review = post(ada, path, **fields)
    assert (review.status_code, "2 people who have booked are told" in review.text) == (200, True)
    assert 'name="title" value="New title"' in review.text
    assert post(ada, path, **fields, confirm="1").headers["Location"] == f"/hosting/slots/{SLOT}"
    sent = [call.body for call in backend.made("PATCH", f"/api/v1/slots/{SLOT}")]
    body = {"title": "New title", "message": "Sorry"}
    assert sent == [body | {"preview": True}, body | {"preview": False}], "only what is different"


def test_another_time_is_sent_as_instants(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["PATCH", f"/slots/{SLOT}"] = problem(409, "slot_overlaps", detail="Another session is then.")
    path = f"/hosting/slots/{SLOT}/edit"
    answer = post(ada, path, **edited(ada) | {"date": "2098-01-01", "start_time": "10:00", "minutes": "90"})
    assert answer.headers["Location"] == path
    (call,) = backend.made("PATCH", f"/api/v1/slots/{SLOT}")
    assert call.body == {
        "starts_at": "2098-01-01T09:00:00+00:00",
        "ends_at": "2098-01-01T10:30:00+00:00",
        "message": "",
        "preview": True,
    }
    page = ada.get(path).text
    assert "Another session is then." in page
    assert 'value="2098-01-01"' in page


def test_a_session_that_has_begun_keeps_its_time_on_the_page(ada: httpx.Client, backend: FakeBackend) -> None:
    path = f"/pages/hosting/slots/{SLOT}"
    body = backend.body(path)
    past = {"starts_at": "2020-01-01T10:00:00Z", "ends_at": "2020-01-01T11:00:00Z"}
    backend.routes["GET", path] = Answer(200, body | {"slot": body["slot"] | past})
    page = ada.get(f"/hosting/slots/{SLOT}/edit").text
    assert 'name="start_time"' not in page
    assert 'name="title"' in page


def test_who_comes_is_downloaded_and_written_to(ada: httpx.Client, backend: FakeBackend) -> None:
    path = f"/pages/hosting/slots/{SLOT}"
    body = backend.body(path)
    roster = body["bookings"]["results"]
    roster[0]["client"]["email"] = "ada@example.org"
    backend.routes["GET", path] = Answer(200, body)
    backend.routes["GET", f"{path}/roster"] = Answer(200, {"csv": '"name"\r\n"\'=1"\r\n'})
    page = ada.get(f"/hosting/slots/{SLOT}").text
    assert 'href="mailto:ada@example.org"' in page
    (address,) = re.findall(r'href="(/hosting/slots/[^"]+who-comes.csv)"', page)
    file = ada.get(address)
    assert (file.headers["content-type"], file.text) == ("text/csv; charset=utf-8", '"name"\r\n"\'=1"\r\n')
    assert file.headers["content-disposition"].startswith("attachment")


def test_the_front_desk_of_one_session(ada: httpx.Client, backend: FakeBackend) -> None:
    here, back = f"/hosting/slots/{SLOT}", f"/hosting/slots/{SLOT}"
    backend.routes["POST", f"/slots/{SLOT}/bookings"] = Answer(201, {})
    backend.routes["POST", f"/slots/{SLOT}/reopen"] = Answer(200, {})
    backend.routes["POST", f"/bookings/{BOOKING}/remove"] = Answer(200, {})
    key = str(uuid4())
    made = post(ada, f"{here}/book-in", login=" hedy ", charge="on", key=key)
    assert made.headers["Location"] == back
    (call,) = backend.made("POST", f"/api/v1/slots/{SLOT}/bookings")
    assert (call.body, call.headers["idempotency-key"]) == ({"login": "hedy", "charge": True}, key)
    assert post(ada, f"{here}/reopen").headers["Location"] == back
    said = {"message": "Sorry.\r\nCome next week."}
    assert post(ada, f"{here}/remove/{BOOKING}", **said).headers["Location"] == back
    assert backend.made("POST", f"/api/v1/bookings/{BOOKING}/remove")[0].body == said
    too_long = post(ada, f"{here}/remove/{an_id(960)}", message="x" * 1001)
    assert "Shorten your message: 1000 characters at most, now 1001." in ada.get(too_long.headers["Location"]).text
    backend.routes["POST", f"/slots/{SLOT}/bookings"] = problem(409, "cannot_book_person")
    refused = post(ada, f"{here}/book-in", login="hedy")
    assert refused.headers["Location"] == back
    assert "This person cannot be booked" in ada.get(refused.headers["Location"]).text


GIVE_BACK = f"/hosting/slots/{SLOT}/give-back/{an_id(960)}"


def cost(backend: FakeBackend, **credits: int) -> None:
    """Let Ada's booking of the hosted session have cost so much."""
    path = f"/pages/hosting/slots/{SLOT}"
    body = backend.body(path)
    body["bookings"]["results"][0] |= credits
    backend.routes["GET", path] = Answer(200, body)


def test_credits_are_given_back_after_the_page_has_said_what_that_does(ada: httpx.Client, backend: FakeBackend) -> None:
    cost(backend, credits_charged=5, credits_refunded=1, credits_given_back=1)
    backend.routes["POST", f"/bookings/{an_id(960)}/give-back"] = Answer(200, {})
    roster = ada.get(f"/hosting/slots/{SLOT}").text
    assert f'href="{GIVE_BACK}"' in roster
    assert "for 5 credits, 2 credits back" in roster
    page = ada.get(GIVE_BACK).text
    assert "3 credits" in page
    assert re.search(r'name="credits"[^>]* value="3"', page)
    looked = post(ada, GIVE_BACK, credits="2", note=" The room was cold ")
    assert (looked.status_code, looked.headers["Location"]) == (303, GIVE_BACK)
    assert not backend.made("POST", f"/api/v1/bookings/{an_id(960)}/give-back")
    review = ada.get(GIVE_BACK).text
    assert "Give 2 credits back" in review
    assert "The room was cold" in review
    assert "1 credit" in review
    (key,) = re.findall(r'name="key" value="([^"]+)"', review)
    said = {"credits": "2", "note": "The room was cold", "key": key, "confirm": "1"}
    for _ in range(2):
        assert post(ada, GIVE_BACK, **said).headers["Location"] == f"/hosting/slots/{SLOT}"
    calls = backend.made("POST", f"/api/v1/bookings/{an_id(960)}/give-back")
    assert [(call.body, call.headers["idempotency-key"]) for call in calls] == [
        ({"credits": 2, "note": "The room was cold"}, key)
    ] * 2
    assert "They have the credits back" in ada.get(f"/hosting/slots/{SLOT}").text


def test_what_was_looked_at_is_asked_for_once_more_after_back(ada: httpx.Client, backend: FakeBackend) -> None:
    cost(backend, credits_charged=5)
    post(ada, GIVE_BACK, credits="2", note="Cold")
    assert "Give 2 credits back" in ada.get(GIVE_BACK).text
    cost(backend, credits_charged=5, credits_given_back=2)
    again = ada.get(GIVE_BACK).text
    assert "Give 2 credits back" not in again
    assert re.search(r'name="credits"[^>]* value="3"', again)


def test_no_more_is_offered_back_than_is_left(ada: httpx.Client, backend: FakeBackend) -> None:
    cost(backend, credits_charged=3)
    assert post(ada, GIVE_BACK, credits="4", note="Cold").headers["Location"] == GIVE_BACK
    assert "3 credits at most" in ada.get(GIVE_BACK).text
    assert not backend.made("POST", f"/api/v1/bookings/{an_id(960)}/give-back")


@pytest.mark.parametrize(
    ("answer", "where", "said"),
    [
        (problem(409, "idempotency_conflict"), f"/hosting/slots/{SLOT}", "Nothing more was given back."),
        (problem(400, "validation_error", detail="1 can still be given back."), GIVE_BACK, "1 can still be given"),
        (problem(409, "busy", detail="Try again."), GIVE_BACK, "Try again."),
    ],
)  # fmt: skip
def test_a_refused_give_back_says_what_is_true_now(
    ada: httpx.Client, backend: FakeBackend, answer: Answer, where: str, said: str
) -> None:
    cost(backend, credits_charged=3)
    backend.routes["POST", f"/bookings/{an_id(960)}/give-back"] = answer
    done = post(ada, GIVE_BACK, credits="2", note="Cold", key=str(uuid4()), confirm="1")
    assert (done.status_code, done.headers["Location"]) == (303, where)
    page = ada.get(where).text
    assert said in page
    assert ("Cold" in page) == (where == GIVE_BACK)


def test_where_everything_came_back_nothing_is_offered(ada: httpx.Client, backend: FakeBackend) -> None:
    cost(backend, credits_charged=3, credits_refunded=3)
    assert GIVE_BACK not in ada.get(f"/hosting/slots/{SLOT}").text
    assert ada.get(GIVE_BACK).headers["Location"] == f"/hosting/slots/{SLOT}"
    assert "Nothing of this booking is left to give back." in ada.get(f"/hosting/slots/{SLOT}").text


@pytest.mark.parametrize("verb", ["remove", "give-back"])
def test_a_form_about_somebody_on_a_later_page_of_the_roster_returns_there(
    ada: httpx.Client, backend: FakeBackend, verb: str
) -> None:
    address = f"/hosting/slots/{SLOT}/{verb}/{an_id(960)}?cursor=later"
    assert f'action="{address}"' in ada.get(address).text
    assert post(ada, address, message="x" * 1001).headers["Location"] == address


def test_people_who_do_not_host_are_told_so(portal: Portal, backend: FakeBackend) -> None:
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
    for link in ('href="/bookings"', 'href="/settings"', 'href="/logout"', "Your account"):
        assert link in page.text
        assert link not in strangers.text


def test_a_problem_keeps_the_pages_for_hosts_in_the_navigation_of_hosts(
    portal: Portal, backend: FakeBackend, held: dict[str, Any]
) -> None:
    browser = portal.signed_in()
    assert 'href="/hosting"' not in browser.get("/nowhere").text
    browser.get("/settings")
    assert 'href="/hosting"' in browser.get("/nowhere").text
    backend.routes["GET", "/pages/settings"] = Answer(200, {"person": ADA})
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
    resource = {"/slots": "/days"}.get(path, path)
    backend.routes["GET", f"/pages{resource}"] = problem(400, "validation_error", detail="This cursor was not given.")
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


def test_the_forms_of_an_answer_share_a_token_that_is_new_for_each_answer(ada: httpx.Client) -> None:
    first, again = (re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', ada.get("/sessions").text) for _ in "ab")
    assert len(first) > 2
    assert (len(set(first)), len(set(first) | set(again))) == (1, 2)


def test_the_zone_that_is_set_is_chosen_also_one_that_is_not_listed(ada: httpx.Client, backend: FakeBackend) -> None:
    for zone in ("Africa/Lagos", "UTC", "America/Argentina/Ushuaia", 'Mars/"><b>'):
        backend.body("/pages/settings")["person"]["time_zone"] = zone
        (select,) = re.findall(r'<select name="time_zone".*?</select>', ada.get("/settings").text, re.DOTALL)
        assert [html.unescape(one) for one in re.findall(r'<option value="([^"]+)" selected>', select)] == [zone]
