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
# The width alone changes what is under SIZES. Colours are asked of what looks as nothing has looked before.
ALL: tuple[str, ...] = ("all",)
COLOURS, SIZES = ("color-contrast", "link-in-text-block"), ("target-size", "scrollable-region-focusable")
LOOKS: dict[tuple[int, str], tuple[str, ...]] = {
    (1440, "light"): ALL,
    (1440, "dark"): (),
    (768, "dark"): (),
    (768, "light"): SIZES,
    (320, "light"): (),
    (320, "dark"): ALL,
}
# The elements whose words differ in what contrast is made of from all that this window has shown before.
ASK = """async ([options, onlyNew]) => {
    const seen = new Set(JSON.parse(sessionStorage.getItem("seen by axe") || "[]")), grounds = new Map();
    const ground = element => {
        if (!element) return "";
        if (!grounds.has(element)) {
            const {backgroundColor, backgroundImage, opacity, filter} = getComputedStyle(element);
            const own = [backgroundColor, backgroundImage, opacity, filter].join();
            const shown = own === "rgba(0, 0, 0, 0),none,1,none" ? "" : own + ";";
            grounds.set(element, shown + ground(element.parentElement));
        }
        return grounds.get(element);
    };
    const look = element => {
        const style = getComputedStyle(element), around = getComputedStyle(element.parentElement);
        const {color, fontSize, fontWeight, textShadow, textDecorationLine, borderBottom} = style;
        const own = [color, fontSize, fontWeight, textShadow, textDecorationLine, borderBottom];
        return [...own, around.color, around.fontWeight, ground(element)].join("|");
    };
    const has_words = element => element.matches("input, select, textarea")
        || [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const looks = [...document.body.querySelectorAll("*")]
        .filter(element => has_words(element) && element.checkVisibility())
        .map(element => [element, look(element)]);
    const unseen = looks.filter(([_, one]) => !seen.has(one)).map(([element, _]) => element);
    if (onlyNew && !unseen.length) return [];
    const found = await axe.run(onlyNew ? {include: unseen} : document, options);
    sessionStorage.setItem("seen by axe", JSON.stringify([...new Set([...seen, ...looks.map(([_, one]) => one)])]));
    return found.violations;
}"""
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
        wrong = violations(page) if rules is ALL else violations(page, *COLOURS, only_new=True)
        wrong += violations(page, *rules) if rules is SIZES else []
        wrong += ["too wide"] if overflow(page) > 0 else []
        found += [f"{width} {scheme}: {one}" for one in wrong]
    return found


def show_in(page: Page, width: int, scheme: str = "light") -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def violations(page: Page, *rules: str, only_new: bool = False) -> list[str]:
    """What axe-core has to say against the page as it looks now; by all its rules, or by these alone.

    With `only_new` it is asked about elements that look as none has in this window.
    """
    # axe-core leaves this rule of WCAG 2.2 out unless it is asked.
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    options |= {"runOnly": list(rules)} if rules else {}
    found = page.evaluate(ASK, [options, only_new])
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


@pytest.mark.parametrize(
    ("look", "query"),
    [
        ("1440 dark", "(prefers-color-scheme: dark) and (min-width: 60rem)"),
        ("768 dark", "(prefers-color-scheme: dark) and (min-width: 40rem) and (max-width: 60rem)"),
        ("320 light", "(prefers-color-scheme: light) and (max-width: 40rem)"),
        ("320 dark", "(prefers-color-scheme: dark) and (max-width: 40rem)"),
    ],
)
def test_axe_core_sees_what_is_wrong_in_one_look_only(window: Page, portal: Portal, look: str, query: str) -> None:
    """Without this, a checker that was never asked in the dark would go unnoticed."""
    window.add_init_script(AXE)
    window.goto(f"{portal.url}/sessions")
    window.evaluate(
        """rule => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(rule);
            document.adoptedStyleSheets = [sheet];
        }""",
        f"@media {query} {{ h1 {{ color: {'#333' if 'dark' in look else '#ccc'} }} }}",
    )
    assert [one.partition(":")[0] for one in faults(window)] == [look]


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
