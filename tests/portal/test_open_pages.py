"""Pages that need no account: what they show, whose limit they count on, and the way through sign-in and back."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.people import PORTAL_SECRET, call
from tests.portal.browsers import Contexts, booking_card, fill_in_github, open_slot, press_book, sign_in_host
from tests.portal.conftest import Portal, arrive, begin, csrf_of, query_of, running
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import a_page, an_id, an_offering, as_public, fill
from tests.processes import Live

SLOT = an_id(400)


@pytest.fixture
def stranger(portal: Portal, held: dict[str, Any]) -> httpx.Client:
    """A browser that nobody has signed in with, and a calendar to look at."""
    return portal.browser()


def test_the_start_shows_the_next_three_sessions_with_a_seat(
    stranger: httpx.Client, backend: FakeBackend, held: dict[str, Any]
) -> None:
    page = stranger.get("/").text
    free = [one["id"] for one in held["slots"] if one["seats_left"]][:3]
    assert re.findall(r'class="agenda-row" href="/slots/([0-9a-f-]+)"', page) == free
    assert 'href="/slots">All sessions' in page
    assert backend.made("GET", "/api/v1/slots")[-1].query == {"open": "true", "free": "true"}


def test_a_start_without_a_free_seat_says_so(stranger: httpx.Client, backend: FakeBackend) -> None:
    backend.public["/slots"] = Answer(200, a_page([]))
    assert "Nothing is free right now" in stranger.get("/").text


@pytest.mark.parametrize("answer", [Answer(503, {}), problem(429, "throttled"), Answer(drop=True), Answer(raw=b"[]")])
def test_the_start_is_there_without_the_backend(stranger: httpx.Client, backend: FakeBackend, answer: Answer) -> None:
    backend.public["/slots"] = answer
    page = stranger.get("/")
    assert page.status_code == 200
    assert "The sessions cannot be shown at this moment" in page.text


@pytest.mark.parametrize("path", ["/", "/slots", f"/slots/{SLOT}", "/hosts/grace"])
def test_each_page_is_one_call_that_the_portal_makes_for_its_browser(
    stranger: httpx.Client, backend: FakeBackend, path: str
) -> None:
    page = stranger.get(path)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    (made,) = backend.calls
    basic = base64.b64encode(f"insighta-portal:{PORTAL_SECRET}".encode()).decode()
    assert made.headers["authorization"] == f"Basic {basic}"
    assert made.headers["x-forwarded-for"] in {"127.0.0.1", "::1"}
    for title in re.findall(r'<meta property="og:title" content="([^"]+)">', page.text):
        assert title
    assert re.search(r'<meta name="description" content="[^"]{20,}">', page.text)
    assert page.text.count('rel="apple-touch-icon"') == page.text.count('rel="icon"') == 1


def test_the_list_shows_every_session_and_leads_to_each(stranger: httpx.Client, held: dict[str, Any]) -> None:
    day = next(one["starts_at"][:10] for one in held["slots"] if one["id"] == SLOT)
    page = stranger.get(f"/slots?day={day}").text
    assert f'href="/slots/{SLOT}"' in page
    assert "You are booked" not in page
    assert "/bookings" not in page


def test_a_session_shows_price_place_and_refund_and_asks_to_sign_in(stranger: httpx.Client) -> None:
    page = stranger.get(f"/slots/{an_id(304)}").text
    for words in ("1 credit", "Full refund until", "Margaret Hamilton", "We read one piece of code", "3 of 4"):
        assert words in page
    assert f'href="/login?next=%2Fslots%2F{an_id(304)}%2Fbook"' in page
    assert 'method="post" action="/slots' not in page
    assert "No refund:" in stranger.get(f"/slots/{SLOT}").text


@pytest.mark.parametrize("path", ["/", "/slots", f"/slots/{SLOT}", "/hosts/grace"])
def test_a_link_to_an_open_page_has_a_title_a_sentence_and_a_picture(
    stranger: httpx.Client, portal: Portal, held: dict[str, Any], path: str
) -> None:
    page = stranger.get(path).text
    told = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page))
    assert told["og:title"] in (re.search("<title>(.*)</title>", page) or [""])[0]
    assert len(told["description"]) > 20
    assert told["og:url"] == f"{portal.url}{path}"
    picture = stranger.get(told["og:image"])
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")


def test_a_session_without_a_price_says_so(stranger: httpx.Client, backend: FakeBackend) -> None:
    one = as_public(backend.body(f"/pages/slots/{SLOT}")["slot"]) | {"price_credits": 0}
    backend.public[f"/pages/slots/{SLOT}"] = Answer(200, {"person": None, "slot": one})
    page = stranger.get(f"/slots/{SLOT}").text
    assert "Free of charge" in page
    assert "efund" not in page


def test_full_and_cancelled_sessions_say_so(stranger: httpx.Client, backend: FakeBackend, held: dict[str, Any]) -> None:
    full = held["full"]["id"]
    assert "Sign in to join the waitlist" in stranger.get(f"/slots/{full}").text
    gone = as_public(held["full"]) | {"status": "cancelled"}
    backend.public[f"/pages/slots/{full}"] = Answer(200, {"person": None, "slot": gone})
    page = stranger.get(f"/slots/{full}").text
    assert "Its host has cancelled this session" in page
    assert "Sign in to" not in page


def test_a_hosts_page_has_each_kind_with_its_next_four_times(stranger: httpx.Client, held: dict[str, Any]) -> None:
    page = stranger.get("/hosts/grace").text
    mine = [one for one in held["slots"] if one["host"]["login"] == "grace" and one["seats_left"]]
    kinds = dict.fromkeys(one["title"] for one in mine)
    assert re.findall(r'<h2 id="kind-\d+">([^<]+)</h2>', page) == list(kinds)
    shown = [[one["id"] for one in mine if one["title"] == kind][:4] for kind in kinds]
    assert re.findall(r'class="time" href="/slots/([0-9a-f-]+)"', page) == [one for times in shown for one in times]


def test_an_offering_without_a_time_among_the_next_ones_is_on_its_hosts_page(
    stranger: httpx.Client, backend: FakeBackend
) -> None:
    found = backend.public["/pages/hosts/grace"]
    assert isinstance(found, Answer)
    found.body["slots"]["results"][0]["offering_id"] = an_id(970)
    found.body["offerings"] = [an_offering(970), an_offering(971, title="Once a month")]
    page = stranger.get("/hosts/grace").text
    assert re.findall(r'<h2 id="offering-\d+">([^<]+)</h2>', page) == ["Once a month"]
    assert f'offering={an_id(971)}">Look for a time' in page
    assert "Nothing is free now" not in page


def test_a_host_with_much_to_offer_has_a_short_page(stranger: httpx.Client, backend: FakeBackend) -> None:
    found = backend.public["/pages/hosts/grace"]
    assert isinstance(found, Answer)
    one = found.body["slots"]["results"][0]
    kinds = [one | {"id": an_id(2000 + number), "title": f"Kind {number}"} for number in range(4)]
    offerings = [an_offering(971 + number, title=f"Other {number}") for number in range(3)]
    found.body.update({"slots": a_page(kinds), "offerings": offerings})
    shown, _, folded = stranger.get("/hosts/grace").text.partition("Show 2 more")
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", shown) == ["Kind 0", "Kind 1", "Kind 2", "Kind 3", "Other 0"]
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", folded) == ["Other 1", "Other 2"]


def test_a_host_with_nothing_free_is_there_all_the_same(
    stranger: httpx.Client, ada: httpx.Client, backend: FakeBackend
) -> None:
    host = backend.body("/pages/hosts/grace")["host"]
    offered = {"offerings": [an_offering(970)]}
    backend.public["/pages/hosts/grace"] = Answer(200, {"person": None, "host": host, "slots": a_page([])} | offered)
    page = stranger.get("/hosts/grace").text
    assert "Nothing is free now" in page
    assert re.findall(r'<h2 id="offering-\d+">([^<]+)</h2>', page) == ["Compilers, gently"]
    assert 'href="/slots/' in ada.get("/hosts/grace").text


@pytest.mark.parametrize(
    "path", [f"/slots/{an_id(1)}", "/hosts/nobody", "/hosts/%00", "/hosts/%ed%a0%80", "/hosts/a%2Fb"]
)
def test_what_is_not_there_is_a_page(stranger: httpx.Client, backend: FakeBackend, path: str) -> None:
    gone = problem(404, "not_found")
    backend.public |= {f"/pages/slots/{an_id(1)}": gone, "/pages/hosts/nobody": gone}
    assert stranger.get(path).status_code in {401, 404}


def test_a_list_of_weeks_keeps_its_place_through_sign_in(stranger: httpx.Client) -> None:
    page = stranger.get("/slots?from=2099-05-04").text
    assert 'href="/login?next=%2Fslots%3Ffrom%3D2099-05-04"' in page


def test_sign_in_comes_back_to_that_very_session(portal: Portal, backend: FakeBackend, held: dict[str, Any]) -> None:
    browser = portal.browser()
    link = re.search(r'href="(/login[^"]+book)"', browser.get(f"/slots/{SLOT}").text)
    assert link
    wanted = query_of(f"http://x{link[1]}")["next"]
    assert wanted == f"/slots/{SLOT}/book"
    assert arrive(browser, backend, begin(browser, wanted)).headers["Location"] == wanted
    assert "Book for 1 credit" in browser.get(wanted).text
    assert "Book for 1 credit" in browser.get(f"/slots/{SLOT}").text, "a shared address is the same page"


@pytest.mark.parametrize(
    "to", ["//evil.example/slots", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(portal: Portal, backend: FakeBackend, to: str) -> None:
    browser = portal.browser()
    assert arrive(browser, backend, begin(browser, to)).headers["Location"] == "/"
    held = fill(backend, datetime.now(UTC))
    form = csrf_of(browser := portal.browser(), f"/slots/{held['free']['id']}")
    answer = browser.post("/settings/time-zone", data=form | {"time_zone": "Asia/Tokyo", "next": to})
    assert answer.headers["Location"] == "/"


def test_a_browser_keeps_the_zone_that_it_wants(stranger: httpx.Client, held: dict[str, Any]) -> None:
    address = f"/slots/{held['free']['id']}"
    assert "(UTC)" in stranger.get(address).text
    answer = stranger.post(
        "/settings/time-zone", data=csrf_of(stranger, address) | {"time_zone": "Asia/Tokyo", "next": address}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    assert "(Tokyo)" in stranger.get(address).text


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "x" * 3000, "\x00", "é", "UTC; Domain=evil"])
def test_a_zone_that_is_none_is_utc(stranger: httpx.Client, held: dict[str, Any], zone: str) -> None:
    address = f"/slots/{held['free']['id']}"
    answer = stranger.post("/settings/time-zone", data=csrf_of(stranger, address) | {"time_zone": zone})
    assert answer.status_code == 303
    assert "(UTC)" in stranger.get(address).text
    stranger.cookies.set(
        "insighta_zone", zone.encode("ascii", "ignore").decode().replace("\x00", ""), domain="localhost.local", path="/"
    )
    assert "(UTC)" in stranger.get(address).text


def test_too_many_reads_are_told_when_to_come_back(stranger: httpx.Client, backend: FakeBackend) -> None:
    backend.public["/pages/days"] = Answer(429, {"code": "throttled"}, {"Retry-After": "7"})
    page = stranger.get("/slots")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "7")


def test_without_a_public_calendar_the_portal_asks_nothing_and_shows_nothing(backend: FakeBackend) -> None:
    fill(backend, datetime.now(UTC))
    with running(Portal(backend, PUBLIC_CALENDAR="false", SUPPORT_EMAIL="")) as closed:
        browser = closed.browser()
        page = browser.get("/").text
        assert "Find a session" not in page
        assert "Support:" not in page
        assert 'href="/login"' in page
        for path in ("/slots", f"/slots/{SLOT}", "/hosts/grace"):
            assert browser.get(path).status_code == 401
        assert backend.calls == []
        form = csrf_of(closed.signed_in(), "/settings")
        assert browser.post("/settings/time-zone", data=form | {"time_zone": "UTC"}).status_code in {401, 403}
    assert not [one for one in backend.calls if one.headers.get("authorization", "").startswith("Basic")]


@pytest.mark.parametrize("scripts", [True, False])
def test_somebody_without_an_account_finds_signs_in_and_books(live: Live, contexts: Contexts, scripts: bool) -> None:
    """From the list to the session, through GitHub, and back to it; the host's page is on the way."""
    title = f"Open to look at {scripts}"
    host = sign_in_host(contexts(), live, f"open-host-{scripts}".lower())
    starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2, hours=int(scripts))
    open_slot(host, live, title, starts, public=True)
    page = contexts(java_script_enabled=scripts, timezone_id="UTC").new_page()
    page.goto(live.portal_url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Find a session").click()
    page.goto(f"{live.portal_url}/slots?from={starts:%Y-%m-%d}")
    page.locator(".agenda-row", has_text=title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    address = page.url
    page.get_by_role("link", name=re.compile("open-host", re.IGNORECASE)).click()
    page.get_by_role("link", name=f"{starts:%H:%M}").click()
    assert page.url == address
    booking_card(page).get_by_role("link", name="Sign in to book").click()
    fill_in_github(page, f"open-visitor-{scripts}".lower())
    page.wait_for_url(f"{address}/book")
    press_book(page)
    expect(page.get_by_role("status")).to_contain_text("Your seat is booked")
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "insighta_at")
    (booked,) = call(live, "/bookings", token).json()["results"]
    assert booked["slot_id"] == address.rpartition("/")[2]


@pytest.mark.parametrize("path", ["/slots", f"/bookings/{an_id(500)}/reschedule"])
def test_on_a_phone_the_first_time_is_on_the_first_screen(
    portal: Portal, held: dict[str, Any], contexts: Contexts, path: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = contexts(*portal.backend.sign_in(), url=portal.url, **phone).new_page()
    page.goto(f"{portal.url}{path}")
    box = page.locator(".agenda-row").first.bounding_box()
    assert box
    assert box["y"] + 40 < 844
    assert page.evaluate("document.documentElement.scrollHeight") <= 2500
    shown = page.locator(".weeks tbody tr:visible")
    assert (shown.count(), page.get_by_role("link", name="Later weeks").count()) == (2, 1)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert (shown.count(), page.get_by_role("link", name="Later weeks").count()) == (5, 1)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_day_is_one_key_away_and_its_times_are_next(
    portal: Portal, held: dict[str, Any], contexts: Contexts, scripts: bool
) -> None:
    page = contexts(*portal.backend.sign_in(), url=portal.url, java_script_enabled=scripts).new_page()
    page.goto(f"{portal.url}/slots")
    free = held["slots"][-1]
    day = datetime.fromisoformat(free["starts_at"])
    page.get_by_role("link", name=re.compile(f"{day:%A} {day.day} {day:%B}, ")).press("Enter")
    expect(page.get_by_role("heading", level=2, name=f"{day:%A} {day.day} {day:%B}")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".agenda-row").first).to_be_focused()
    expect(page.locator(".weeks [aria-current=date]")).to_contain_text(f"{day.day}")


def test_weeks_are_turned_by_links_and_the_host_stays(portal: Portal, held: dict[str, Any], contexts: Contexts) -> None:
    page = contexts(*portal.backend.sign_in(), url=portal.url, java_script_enabled=False).new_page()
    page.goto(f"{portal.url}/slots")
    assert page.get_by_role("link", name="Earlier weeks").count() == 0
    page.get_by_role("link", name="Linus Torvalds", exact=True).first.click()
    # Which of the links is shown is known once the page has its styles.
    page.wait_for_url("**host=**")
    page.get_by_role("link", name="Later weeks").click()
    expect(page.locator(".only-wide .chip[aria-current]").first).to_have_text("Linus Torvalds")
    expect(page.get_by_role("main")).to_contain_text("Nothing on this day")
    page.wait_for_load_state()
    page.get_by_role("link", name="Earlier weeks").click()
    expect(page.locator(".agenda-row").first).to_contain_text("Linus Torvalds")
    page.wait_for_load_state()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="Later weeks").click()
    expect(page.get_by_role("link", name="Earlier weeks")).to_have_count(1)


def test_filters_are_links_and_on_a_phone_two_lists_that_open(
    portal: Portal, held: dict[str, Any], backend: FakeBackend, contexts: Contexts
) -> None:
    page = contexts(*portal.backend.sign_in(), url=portal.url, java_script_enabled=False).new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{portal.url}/slots")
    page.get_by_text("Host: Anyone").click()
    page.get_by_role("link", name="Linus Torvalds", exact=True).click()
    page.get_by_text("About: Anything").click()
    page.get_by_role("link", name="Reading a kernel patch", exact=True).click()
    expect(page.get_by_text("Host: Linus Torvalds")).to_be_visible()
    expect(page.get_by_text("About: Reading a kernel patch")).to_be_visible()
    query = backend.made("GET", "/api/v1/pages/days")[-1].query
    assert (query["host"], query["offering"]) == (an_id(11), an_id(72))
