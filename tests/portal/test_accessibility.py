"""Every page and state under axe-core, and on screens from a small phone to a wide one."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.portal import fake_backend, sample
from tests.portal.browsers import Contexts
from tests.portal.conftest import Portal
from tests.portal.fake_backend import FakeBackend
from tests.portal.sample import fill
from tests.portal.screenshots import FOR_STRANGERS, in_sample, pages
from tests.portal.states import STATES

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# What colours and width can change in a document that all rules have read twice: wide and light, narrow and dark.
# The width alone changes what is under SIZES.
ALL: tuple[str, ...] = ()
COLOURS, SIZES = ("color-contrast", "link-in-text-block"), ("target-size", "scrollable-region-focusable")
LOOKS = {
    (1440, "light"): ALL,
    (1440, "dark"): COLOURS,
    (768, "dark"): COLOURS,
    (768, "light"): COLOURS + SIZES,
    (320, "light"): COLOURS,
    (320, "dark"): ALL,
}
# Nothing is on its way from one colour to another while axe-core looks.
STILL = {"reduced_motion": "reduce"}


@pytest.fixture
def window(contexts: Contexts, portal: Portal, held: dict[str, Any]) -> Page:
    """Ada's, signed in."""
    return contexts(*portal.backend.sign_in(), url=portal.url, **STILL).new_page()


def faults(page: Page) -> list[str]:
    """What is wrong with the page in every width and both colour schemes: axe-core's findings, and overflow."""
    found = []
    for (width, scheme), rules in LOOKS.items():
        show_in(page, width, scheme)
        wrong = violations(page, *rules) + (["too wide"] if overflow(page) > 0 else [])
        found += [f"{width} {scheme}: {one}" for one in wrong]
    return found


def show_in(page: Page, width: int, scheme: str = "light") -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core has to say against the page as it looks now; by all its rules, or by these alone."""
    # axe-core leaves this rule of WCAG 2.2 out unless it is asked.
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    options |= {"runOnly": list(rules)} if rules else {}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def overflow(page: Page) -> int:
    """How many pixels of the page lie beyond the right edge of the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_no_page_has_a_fault_in_any_width_or_colours(
    window: Page, contexts: Contexts, portal: Portal, held: dict[str, Any]
) -> None:
    found, asked, refused, strangers = {}, set(), [], contexts(**STILL).new_page()
    for page in (window, strangers):
        page.add_init_script(AXE)
        page.on("request", lambda request: asked.add(httpx.URL(request.url).netloc))
        page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    for name, address in pages(in_sample(held)).items():
        page = strangers if name in FOR_STRANGERS else window
        page.goto(f"{portal.url}{address}")
        assert "went wrong on our side" not in page.inner_text("main"), name
        found[name] = faults(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert (asked, refused) == ({httpx.URL(portal.url).netloc}, []), "pages load from elsewhere, or what CSP forbids"


def test_no_state_has_a_fault_in_any_width_or_colours(window: Page, portal: Portal, backend: FakeBackend) -> None:
    window.add_init_script(AXE)
    found = {}
    for name, show in STATES.items():
        show_in(window, 1440)
        show(window, portal, fill(backend, datetime.now(UTC), hosting=True))
        assert "went wrong on our side" not in window.inner_text("main"), name
        found[name] = faults(window)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_axe_core_sees_what_is_wrong_in_one_look_only(window: Page, portal: Portal) -> None:
    """Without this, a checker that was never asked in the dark would go unnoticed."""
    window.add_init_script(AXE)
    window.goto(f"{portal.url}/sessions")
    window.evaluate(
        """() => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync("@media (prefers-color-scheme: dark) and (max-width: 40rem) { h1 { color: #333 } }");
            document.adoptedStyleSheets = [sheet];
        }"""
    )
    assert [one.partition(":")[0] for one in faults(window)] == ["320 dark"]


def test_names_without_a_space_widen_no_page(
    window: Page, portal: Portal, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fake_backend.ADA, "display_name", "A" * 100)
    monkeypatch.setattr(sample, "HOSTS", {login: ("H" * 100, zone) for login, (_, zone) in sample.HOSTS.items()})
    held = fill(backend, datetime.now(UTC), hosting=True)
    for one in held["slots"] + held["upcoming"] + held["past"]:
        one["title"] = "T" * 100
    found = {}
    for name, address in pages(in_sample(held)).items():
        window.goto(f"{portal.url}{address}")
        for width in (768, 320):
            show_in(window, width)
            found[f"{name} {width}"] = overflow(window)
    assert {name: pixels for name, pixels in found.items() if pixels > 0} == {}


def test_the_keyboard_reaches_the_content_first_and_the_focus_is_seen(window: Page, portal: Portal) -> None:
    window.goto(f"{portal.url}/slots")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.textContent") == "Skip to the content"
    window.keyboard.press("Enter")
    window.keyboard.press("Tab")
    assert window.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert window.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
