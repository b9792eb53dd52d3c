"""From the open list through GitHub to a booking and out of it again, by keyboard alone, in every size and colour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.people import Browser, call
from tests.portal.browsers import Contexts
from tests.portal.test_accessibility import overflow
from tests.processes import Live

pytestmark = pytest.mark.browser

MOST_TABS = 120
LOOKS = [(320, "dark", True), (390, "light", False), (768, "dark", False), (1440, "light", True)]


def press(page: Page, name: str, *, to: str = "") -> None:
    """Go by Tab to the link or button that has this name, see that the focus is visible, and press Enter.

    A link that leads elsewhere than `to` is passed.
    """
    # Before its style sheet is there a page shows what is for other widths, too, and no focus.
    page.wait_for_load_state()
    focused = "[document.activeElement.innerText || '', document.activeElement.getAttribute('href') || '']"
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        words, leads_to = page.evaluate(focused)
        if name in words and leads_to.startswith(to):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", name
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not reach {name!r} at {page.url}")


def open_to_everybody(live: Live, host: str, title: str, starts: datetime) -> None:
    """A session of a new host that can be seen without an account."""
    token = Browser(live, host).sign_in().access
    live.manage("make_host", host)
    offering = call(live, "/offerings", token, "POST", json={"title": title, "minutes": 60, "public": True}).json()[
        "id"
    ]
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=1)).isoformat()}
    slot = {"title": title, "capacity": 2, "offering_id": offering, **times}
    assert call(live, "/slots", token, "POST", json=slot).status_code == 201


@pytest.mark.parametrize(("width", "scheme", "scripts"), LOOKS)
def test_a_booking_by_keyboard_alone(live: Live, contexts: Contexts, width: int, scheme: Any, scripts: bool) -> None:
    title = f"By keyboard at {width}"
    starts = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=4)
    open_to_everybody(live, f"keyboard-host-{width}", title, starts)
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
