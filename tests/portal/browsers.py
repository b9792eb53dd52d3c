"""Debian's Chromium, driven by Playwright: processes, browsers of one person each, and what people do in them."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.people import call
from tests.processes import Live

QUIET = [f"--disable-{part}" for part in ("gpu", "background-networking", "component-update", "sync")]
# This replaces Playwright's own switch. Its first lines have from there what concerns pages; the last leaves out the
# renderers of a window's address bar and those in reserve, which are half the work of opening a page.
OFF = (
    "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,PaintHolding,AvoidUnnecessaryBeforeUnloadCheckSync,LensOverlay,"
    "ThirdPartyStoragePartitioning,MediaRouter,OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch,AimEnabled,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess"
)
Contexts = Callable[..., BrowserContext]

# A machine that does other things as well may take its time; a page that is wrong stays wrong.
expect.set_options(timeout=60_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser process, closed at the end."""
    with sync_playwright() as playwright:
        switches = ["--headless", "--no-sandbox", f"--disable-features={OFF}", *QUIET]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=switches)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Playwright's loop ends with the module: beside it Django would refuse every query."""
    with chromium() as found:
        yield found


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Contexts]:
    """Makes browsers of one person each, all closed at the end."""
    with ExitStack() as stack:

        def open_one(*tokens: str, **options: Any) -> BrowserContext:
            context = context_for(browser, *tokens, **options)
            stack.callback(context.close)
            return context

        yield open_one


def context_for(browser: Browser, *tokens: str, url: str = "", **options: Any) -> BrowserContext:
    """A browser of one person's own; with `tokens` (access, refresh) it is signed in at `url`."""
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    for name, value in zip(("insighta_at", "insighta_rt"), tokens, strict=False):
        context.add_cookies([{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Lax"}])
    return context


def drop_access_token(context: BrowserContext) -> None:
    """As after three minutes: the browser has let the access token's cookie go."""
    context.clear_cookies(name="insighta_at")


def sign_in(context: BrowserContext, live: Live, login: str, address: str = "/") -> Page:
    """Through the portal's page, the backend and GitHub's form, back to `address`."""
    page = context.new_page()
    page.goto(f"{live.portal_url}/login?next={address}")
    fill_in_github(page, login)
    page.wait_for_url(f"{live.portal_url}{address}")
    return page


def fill_in_github(page: Page, login: str) -> None:
    """Sign in at GitHub's page as `login`."""
    page.fill("input[name=login]", login)
    page.press("input[name=login]", "Enter")


def offer(page: Page, live: Live, title: str, **fields: str) -> None:
    """Let a host offer something."""
    page.goto(f"{live.portal_url}/hosting/offerings/new")
    for name, value in {"title": title, "minutes": "60", **fields}.items():
        page.fill(f"#id_{name}", value)
    page.get_by_role("button", name="Offer it").click()
    expect(page.get_by_role("status")).to_contain_text("It is offered.")


def fill_day(page: Page, weekday: int, start: str, end: str) -> None:
    """Give one day of the weekly hours on this page one range."""
    page.check(f"#id_on_{weekday}")
    page.fill(f"#id_from_{weekday}_0", start)
    page.fill(f"#id_to_{weekday}_0", end)


def save_week(page: Page, button: str | re.Pattern[str] = re.compile(r"Save: ")) -> None:
    """Save the weekly hours once the page says what that does; the button's words say it, too."""
    expect(page.locator("#changes:not([aria-busy])")).to_be_visible()
    page.get_by_role("button", name=button).click()
    expect(page.locator(".notice[role=status]")).to_contain_text("Your weekly hours are saved")


def sign_in_host(context: BrowserContext, live: Live, login: str) -> Page:
    """Somebody who may host."""
    page = sign_in(context, live, login)
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "insighta_at")
    live.manage("make_host", call(live, "/me", token).json()["id"])
    return page


def open_slot(page: Page, live: Live, title: str, starts: datetime, seats: int = 2, *, public: bool = False) -> None:
    """As the host, through the form, where it is `public` from an offering; the account's zone is UTC."""
    if public:
        offer_to_everybody(page, live, title)
    else:
        page.goto(f"{live.portal_url}/hosting/new")
    fields = {"title": title, "date": f"{starts:%Y-%m-%d}", "start_time": f"{starts:%H:%M}", "capacity": str(seats)}
    for name, value in fields.items():
        page.fill(f"#id_{name}", value)
    page.click("text=Open for booking")
    expect(page.get_by_role("status")).to_contain_text("open for booking")


def offer_to_everybody(page: Page, live: Live, title: str) -> None:
    """On to the form of a new session of it."""
    page.goto(f"{live.portal_url}/hosting/offerings/new")
    page.fill("#id_title", title)
    page.select_option("#id_public", "yes")
    page.get_by_role("button", name="Offer it").click()
    page.get_by_role("link", name=f"New session of {title}").click()


def booking_card(page: Page) -> Locator:
    """Where a session is booked; the bar of a phone says the same, and shows until the style sheet is there."""
    return page.get_by_role("region", name="Booking")


def press_book(page: Page, price: str = "1 credit") -> None:
    booking_card(page).get_by_role("button", name=f"Book for {price}").click()


def book(page: Page, title: str) -> None:
    """Book a session that the page of sessions shows."""
    page.get_by_role("link", name=title).click()
    press_book(page)
    expect(page.get_by_role("status")).to_contain_text("Your seat is booked")
