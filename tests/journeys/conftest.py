from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.portal import browsers
from tests.processes import Live

ACCESS_TOKEN_SECONDS = 6


@pytest.fixture(scope="session")
def quick_live() -> Iterator[Live]:
    """The whole product with access tokens that expire while a journey waits."""
    with Live(workers=1, ACCESS_TOKEN_SECONDS=str(ACCESS_TOKEN_SECONDS)) as product:
        yield product


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Playwright's loop ends with the module: beside it Django would refuse every query."""
    with browsers.chromium() as browser:
        yield browser


@contextmanager
def person(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of one person's own: nothing in it is shared with another's."""
    context = chromium.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


def sign_in_at_github(page: Page, login: str) -> None:
    """Fill in the stand-in's form and go on."""
    page.get_by_role("textbox").fill(login)
    page.get_by_role("textbox").press("Enter")
