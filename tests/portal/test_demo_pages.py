"""The demo as somebody with a phone sees it: the first free time is on the first screen, and no page is long."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browsers import Contexts, sign_in
from tests.processes import Live

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "timezone_id": "UTC"}
LONGEST = 2500


@pytest.fixture(scope="module")
def demo() -> Iterator[Live]:
    with Live(workers=1) as product:
        product.manage("seed_demo")
        yield product


def height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def first_time(page: Page) -> float:
    """How far down the first time ends that can be tapped."""
    box = page.locator(".agenda-row time").first.bounding_box()
    assert box
    return box["y"] + box["height"]


def test_a_visitor_finds_a_free_time_on_the_first_screen(demo: Live, contexts: Contexts) -> None:
    page = contexts(**PHONE).new_page()
    page.goto(f"{demo.portal_url}/slots")
    assert first_time(page) < 844
    shown = str(page.locator(".agenda-row").first.get_attribute("href"))
    heights = {}
    for path in ("/", "/slots", "/hosts/grace", "/hosts/linus", shown):
        page.goto(f"{demo.portal_url}{path}")
        heights[path] = height(page)
    assert {path: long for path, long in heights.items() if long > LONGEST} == {}


def test_a_visitor_from_elsewhere_finds_one_below_the_offer_of_their_zone(demo: Live, contexts: Contexts) -> None:
    page = contexts(**PHONE | {"timezone_id": "America/Argentina/Ushuaia"}).new_page()
    page.goto(f"{demo.portal_url}/slots")
    expect(page.locator("[data-zone-offer]")).to_be_visible()
    assert first_time(page) < 844


def test_no_page_of_a_person_is_long(demo: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(**PHONE), demo, "ada")
    page.goto(f"{demo.portal_url}/slots")
    assert first_time(page) < 844
    books = [str(link.get_attribute("href")) for link in page.locator('a.agenda-row[href$="/book"]').all()]
    days = [link.get_attribute("href") for link in page.locator("a.day-cell").all()]
    assert len(days) > 5
    page.goto(f"{demo.portal_url}/bookings")
    moves = {link.get_attribute("href") for link in page.locator('main a[href^="/bookings/0"]').all()}
    own = ["/", "/credits", "/bookings", "/bookings?show=past", "/sessions", "/applications", "/tokens", "/settings"]
    own += ["/activity", "/settings/time-zone", "/settings/deactivate", "/device", "/hosting"]
    paths = [*own, *days, *books, *moves, *(f"{move}/cancel" for move in moves)]
    paths += [f"{move}/reschedule?others=true" for move in moves]
    heights = {}
    for path in paths:
        page.goto(f"{demo.portal_url}{path}")
        heights[path] = height(page)
    assert {path: long for path, long in heights.items() if long > LONGEST} == {}


def test_an_entry_of_the_statement_is_two_lines_and_says_in_which_plan(demo: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(**PHONE), demo, "ada", "/credits")
    entries = page.locator(".statement li").all()
    assert len(entries) > 5
    words = [one.inner_text().split("\n") for one in entries]
    assert {line[-1].split(" in ")[-1] for line in words} == {"Monthly", "Welcome"}, words
    lines = [[part.evaluate("e => e.offsetHeight") for part in one.locator("p").all()] for one in entries]
    assert all(height < 30 for entry in lines for height in entry)


def test_no_page_of_a_host_is_long(demo: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(**PHONE), demo, "grace")
    paths = ["/hosting", "/hosting?when=past", "/hosting/offerings", "/hosting/hours", "/hosting/cancel-day"]
    paths += ["/hosting?when=cancelled", "/hosting/new", "/hosting/offerings/new"]
    page.goto(f"{demo.portal_url}/hosting")
    paths += [str(link.get_attribute("href")) for link in page.locator("main .agenda-row").all()]
    heights = {}
    for path in paths:
        page.goto(f"{demo.portal_url}{path}")
        heights[path] = height(page)
    assert {path: long for path, long in heights.items() if long > LONGEST} == {}
