"""Every page and state under axe-core, and on screens from a small phone to a wide one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.portal import fake_backend, sample
from tests.portal.browsers import chromium, context_for
from tests.portal.conftest import Portal
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import an_id, fill
from tests.portal.screenshots import FOR_STRANGERS, in_sample, pages

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDE: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}
PHONE: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"}
# Every component and every pair of colours is on one of these pages.
SHOWING_ALL = {
    "welcome",
    "slots",
    "book-late",
    "bookings",
    "cancel",
    "credits",
    "hosting-hours",
    "hosting-slot",
    "tokens",
}
# What the look can change; the other rules read the same document again.
LOOK_RULES = ("color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable")
MODERATE = {"viewport": {"width": 768, "height": 900}, "color_scheme": "light"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def held(backend: FakeBackend) -> dict[str, Any]:
    return fill(backend, datetime.now(UTC), hosting=True)


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core has to say against the page as it is; by all its rules, or by these alone."""
    page.evaluate(AXE)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def overflow(page: Page) -> int:
    """How many pixels of the page lie beyond the right edge of the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize(("look", "rules"), [(WIDE, ()), (PHONE, LOOK_RULES)], ids=["wide, light", "phone, dark"])
def test_no_page_has_a_violation_or_is_wider_than_the_screen(
    browser: Browser,
    portal: Portal,
    backend: FakeBackend,
    held: dict[str, Any],
    look: dict[str, Any],
    rules: tuple[str, ...],
) -> None:
    contexts = [context_for(browser, portal.url, tokens, **look) for tokens in (None, backend.sign_in())]
    opened = [context.new_page() for context in contexts]
    found = {}
    for name, address in pages(in_sample(held)).items():
        page = opened[name not in FOR_STRANGERS]
        page.goto(f"{portal.url}{address}")
        assert "went wrong on our side" not in page.inner_text("main"), name
        found[name] = ["too wide"] if overflow(page) > 0 else []
        if name in SHOWING_ALL or not rules:
            found[name] += violations(page, *rules)
    for context in contexts:
        context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_no_page_is_wider_than_a_tablet(
    browser: Browser, portal: Portal, backend: FakeBackend, held: dict[str, Any]
) -> None:
    context = context_for(browser, portal.url, backend.sign_in(), **MODERATE)
    page, found = context.new_page(), {}
    for name in ("home", "slots", "bookings", "reschedule", "credits", "hosting", "tokens"):
        page.goto(f"{portal.url}{pages(in_sample(held))[name]}")
        found[name] = overflow(page)
    context.close()
    assert {name: pixels for name, pixels in found.items() if pixels > 0} == {}


@pytest.mark.parametrize("look", [MODERATE, PHONE], ids=["tablet", "phone"])
def test_names_without_a_space_widen_no_page(
    browser: Browser, portal: Portal, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, look: dict[str, Any]
) -> None:
    monkeypatch.setitem(fake_backend.ADA, "display_name", "A" * 100)
    monkeypatch.setattr(sample, "NAMES", dict.fromkeys(sample.NAMES, "H" * 100))
    held = fill(backend, datetime.now(UTC), hosting=True)
    for one in held["slots"] + held["upcoming"] + held["past"]:
        one["title"] = "T" * 100
    context = context_for(browser, portal.url, backend.sign_in(), **look)
    page, found = context.new_page(), {}
    for name, address in pages(in_sample(held)).items():
        page.goto(f"{portal.url}{address}")
        found[name] = overflow(page)
    context.close()
    assert {name: pixels for name, pixels in found.items() if pixels > 0} == {}


def test_no_state_has_a_violation(browser: Browser, portal: Portal, backend: FakeBackend, held: dict[str, Any]) -> None:
    context = context_for(browser, portal.url, backend.sign_in())
    page, found = context.new_page(), {}
    for name, show in STATES.items():
        show(page, portal, backend)
        found[name] = violations(page)
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def _open_menu(page: Page, portal: Portal, backend: FakeBackend) -> None:
    page.goto(f"{portal.url}/slots")
    page.click("details.menu summary")


def _wrong_token_form(page: Page, portal: Portal, backend: FakeBackend) -> None:
    page.goto(f"{portal.url}/tokens")
    page.fill("#id_name", "No scopes")
    page.click("text=Make the token")
    page.wait_for_selector("[role=alert]")


def _new_token(page: Page, portal: Portal, backend: FakeBackend) -> None:
    made = {"id": an_id(851), "name": "New", "token": "insp_" + "x" * 36}
    backend.routes["POST", "/personal-access-tokens"] = Answer(201, made)
    page.goto(f"{portal.url}/tokens")
    page.fill("#id_name", "New")
    page.check("#id_scopes_0")
    page.click("text=Make the token")
    page.wait_for_selector("#secret")


def _wrong_code(page: Page, portal: Portal, backend: FakeBackend) -> None:
    page.goto(f"{portal.url}/device?user_code=nonsense")


def _conflict(page: Page, portal: Portal, backend: FakeBackend) -> None:
    backend.routes["POST", "/bookings"] = problem(409, "slot_full")
    page.goto(f"{portal.url}/slots/{an_id(400)}/book")
    page.click("text=Book for 1 credit")
    page.wait_for_selector("[role=alert]")


def _nothing_there(page: Page, portal: Portal, backend: FakeBackend) -> None:
    empty = backend.routes["GET", "/pages/bookings"]
    assert isinstance(empty, Answer)
    empty.body["upcoming"] = []
    page.goto(f"{portal.url}/bookings")


def _unreachable(page: Page, portal: Portal, backend: FakeBackend) -> None:
    backend.fault = Answer(503, {})
    page.goto(f"{portal.url}/bookings")
    backend.fault = None


STATES = {
    "menu": _open_menu,
    "errors beside fields": _wrong_token_form,
    "a secret shown once": _new_token,
    "an unknown code": _wrong_code,
    "a conflict": _conflict,
    "an empty list": _nothing_there,
    "the backend away": _unreachable,
}


def test_the_keyboard_reaches_the_content_first_and_the_focus_is_seen(
    browser: Browser, portal: Portal, backend: FakeBackend, held: dict[str, Any]
) -> None:
    context = context_for(browser, portal.url, backend.sign_in())
    page = context.new_page()
    page.goto(f"{portal.url}/slots")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    context.close()


def test_a_first_visit_is_small_and_asks_nobody_else(browser: Browser, portal: Portal) -> None:
    context = context_for(browser, portal.url, None)
    page, bodies = context.new_page(), {}
    page.on("response", lambda response: bodies.update({response.url: len(response.body())}))
    page.goto(portal.url, wait_until="networkidle")
    context.close()
    assert {httpx.URL(address).netloc for address in bodies} == {httpx.URL(portal.url).netloc}
    assert len(bodies) >= 3
    assert sum(bodies.values()) < 60_000
