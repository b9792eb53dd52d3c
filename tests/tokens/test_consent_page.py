"""The page that asks for an application, as a browser shows it: under axe-core, on a phone and wide, light and dark.

`SCREENSHOTS=folder` keeps the pictures.
"""

import os
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.accounts.github import fresh
from tests.portal.browsers import Contexts, browser, contexts, fill_in_github
from tests.portal.test_accessibility import AXE, overflow, show_in, violations
from tests.processes import Live
from tests.tokens.applications import WIKI, Application, register_live

__all__ = ["browser", "contexts"]
pytestmark = pytest.mark.browser
WIDTHS, SCHEMES = (1440, 390), ("light", "dark")


def consent(page: Page, application: Application) -> None:
    asked: dict[str, str | float | bool] = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": application.redirect_uri,
        "scope": application.scope,
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    address = page.context.request.get(f"{application.live.backend_url}/oauth/authorize", params=asked, max_redirects=0)
    page.goto(address.headers["location"])
    fill_in_github(page, fresh("ada"))
    page.wait_for_selector("button[value=approve]")


def faults(page: Page, name: str) -> list[str]:
    page.evaluate(AXE)
    found, folder = [], os.environ.get("SCREENSHOTS")
    for width, scheme in product(WIDTHS, SCHEMES):
        show_in(page, width, scheme)
        wrong = violations(page) + (["too wide"] if overflow(page) > 0 else [])
        found += [f"{width} {scheme}: {one}" for one in wrong]
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    return found


@pytest.mark.parametrize("name", ["Team wiki", "W" * 100])
def test_the_consent_page_has_no_fault_in_any_width_or_colours(live: Live, contexts: Contexts, name: str) -> None:
    application = register_live(live, "--home-page", "https://wiki.example/about", name=name)
    page = contexts(reduced_motion="reduce").new_page()
    consent(page, application)
    assert faults(page, f"consent-{len(name)}") == []


def test_the_page_after_a_sign_out_has_no_fault(live: Live, contexts: Contexts) -> None:
    page = contexts(reduced_motion="reduce").new_page()
    page.goto(f"{live.backend_url}/oauth/logout?post_logout_redirect_uri={WIKI}")
    assert faults(page, "signed-out") == []
