"""Debian's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.people import call
from tests.processes import Live

QUIET = [f"--disable-{part}" for part in ("gpu", "background-networking", "component-update", "sync")]

# A machine that does other things as well may take its time; a page that is wrong stays wrong.
expect.set_options(timeout=20_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser process, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox", *QUIET]
        )
        try:
            yield browser
        finally:
            browser.close()


def context_for(browser: Browser, url: str, tokens: tuple[str, str] | None, **options: Any) -> BrowserContext:
    """A browser context of one person's own; with `tokens` (access, refresh) it is signed in at `url`."""
    context = browser.new_context(**options)
    context.set_default_timeout(30_000)
    for name, value in zip(("insighta_at", "insighta_rt"), tokens or (), strict=False):
        context.add_cookies([{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Lax"}])
    return context


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


def make_host(live: Live, page: Page) -> None:
    """Let whoever is signed in on this page host."""
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "insighta_at")
    me = call(live, "/me", token).json()
    live.manage("make_host", me["id"])


def open_slot(page: Page, live: Live, title: str, starts: datetime, seats: int = 2) -> None:
    """As the host, through the form; the account's zone is UTC."""
    page.goto(f"{live.portal_url}/hosting/new")
    page.fill("#id_title", title)
    page.fill("#id_date", f"{starts:%Y-%m-%d}")
    page.fill("#id_start_time", f"{starts:%H:%M}")
    page.fill("#id_capacity", str(seats))
    page.click("text=Open for booking")
    expect(page.get_by_role("status")).to_contain_text("open for booking")
