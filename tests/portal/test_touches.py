"""What scripts and paper add: a countdown, one booking for two clicks, receipts without the page's furniture."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browsers import Contexts
from tests.portal.conftest import Portal
from tests.portal.fake_backend import Answer, FakeBackend
from tests.portal.sample import an_id

pytestmark = pytest.mark.browser


@pytest.fixture
def page(contexts: Contexts, portal: Portal, held: dict[str, Any]) -> Page:
    """Ada's page, signed in, with the sample account behind it."""
    return contexts(*portal.backend.sign_in(), url=portal.url).new_page()


def test_the_refund_deadline_counts_down(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/bookings/{an_id(500)}")
    left = page.locator("[data-countdown]")
    expect(left).to_have_text(re.compile(r"^\d+ (d|h|min) .*left$"))
    for width in range(320, 800, 40):
        page.set_viewport_size({"width": width, "height": 800})
        assert left.evaluate("words => words.offsetHeight") < 30, "a number and its unit stay on one line"


def test_the_day_of_a_date_is_said_in_words(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/hosting/new")
    said = page.locator("#id_date + [aria-live]")
    expect(said).to_have_text("")
    page.fill("#id_date", "2026-12-03")
    expect(said).to_have_text("Thursday 3 December 2026")


def test_a_double_click_books_once(page: Page, portal: Portal, backend: FakeBackend) -> None:
    backend.routes["POST", "/bookings"] = Answer(201, {"id": an_id(500), "status": "active"}, wait=1.5)
    page.goto(f"{portal.url}/slots/{an_id(400)}/book")
    press = "document.querySelector('form.actions').requestSubmit()"
    page.evaluate(f"() => {{ for (const wait of [50, 500]) setTimeout(() => {press}, wait) }}")
    page.wait_for_url(f"**/bookings/{an_id(500)}")
    assert len(backend.made("POST", "/api/v1/bookings")) == 1


def test_a_receipt_on_paper_is_only_the_receipt(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/bookings/{an_id(502)}")
    page.emulate_media(media="print")
    for furniture in (".nav", ".header-end", ".footer", ".breadcrumb"):
        expect(page.locator(furniture)).to_be_hidden()
    expect(page.get_by_role("heading", name="Where your credits went")).to_be_visible()


def test_the_browsers_zone_is_offered_until_it_is_declined(contexts: Contexts, portal: Portal, held: Any) -> None:
    context = contexts(*portal.backend.sign_in(), url=portal.url, timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{portal.url}/settings")
    page.get_by_role("button", name="Keep Lagos").click()
    expect(page.locator("[data-zone-offer]")).to_be_hidden()
    page.goto(f"{portal.url}/")
    expect(page.locator("[data-zone-offer]")).to_be_hidden()
    stranger = contexts(timezone_id="Asia/Tokyo").new_page()
    stranger.goto(f"{portal.url}/slots")
    address = stranger.get_by_role("banner").get_by_role("link", name="Sign in").get_attribute("href") or ""
    assert re.search("zone=Asia%2FTokyo$", address)


def test_price_and_button_stay_in_sight_on_a_phone(contexts: Contexts, portal: Portal, held: Any) -> None:
    path, phone = f"/slots/{held['free']['id']}", {"viewport": {"width": 390, "height": 600}}
    own = contexts(*portal.backend.sign_in(), url=portal.url, **phone).new_page()
    for page, name in ((own, "Book for 1 credit"), (contexts(**phone).new_page(), "Sign in to book")):
        page.goto(f"{portal.url}{path}")
        button = page.locator(".pay-bar").get_by_text(name)
        expect(button).to_be_in_viewport(ratio=1)
        expect(page.locator(".pay-bar").get_by_text("1 credit", exact=True)).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollHeight") > 600
