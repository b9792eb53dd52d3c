"""From the open list through GitHub to a booking and out of it again, by keyboard alone, in every size and colour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browsers import Contexts, open_slot, sign_in_host
from tests.portal.test_accessibility import overflow
from tests.processes import Live

pytestmark = pytest.mark.browser

MOST_TABS = 120
LOOKS = [(320, "dark", True), (390, "light", False), (768, "dark", False), (1440, "light", True)]


def press(page: Page, name: str, *, to: str = "") -> None:
    """Go by Tab to the link or button that has this name, see that the focus is visible, and press Enter.

    A link that leads elsewhere than `to` is passed.
    """
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        leads_to = page.evaluate("document.activeElement.getAttribute('href') || ''")
        if name in page.evaluate("document.activeElement.innerText || ''") and leads_to.startswith(to):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", name
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not reach {name!r} at {page.url}")


@pytest.mark.parametrize(("width", "scheme", "scripts"), LOOKS)
def test_a_booking_by_keyboard_alone(live: Live, contexts: Contexts, width: int, scheme: Any, scripts: bool) -> None:
    title = f"By keyboard at {width}"
    starts = datetime.now(UTC).replace(hour=10, minute=0, second=0) + timedelta(days=4)
    open_slot(sign_in_host(contexts(), live, f"keyboard-host-{width}"), live, title, starts, public=True)
    context = contexts(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=scripts, timezone_id="UTC"
    )
    page = context.new_page()
    page.goto(f"{live.portal_url}/slots?day={starts:%Y-%m-%d}")
    press(page, title, to="/slots/")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert overflow(page) == 0
    press(page, "Sign in to book")
    page.locator("[name=login]").press_sequentially(f"keyboard-{width}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/book")
    press(page, "Book for 1 credit")
    expect(page.get_by_role("status")).to_contain_text("Your seat is booked")
    assert overflow(page) == 0
    press(page, "Cancel")
    page.wait_for_url("**/cancel")
    press(page, "Cancel booking and get 1 credit back")
    expect(page.get_by_role("status")).to_contain_text("cancelled")
    assert overflow(page) == 0
