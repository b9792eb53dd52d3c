"""Debian's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

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
