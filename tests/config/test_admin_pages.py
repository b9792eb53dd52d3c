"""The admin in a browser: axe-core finds nothing, and no page or table is wider than 1280 pixels or shows ids."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.config.staff_pages import pages_of_admin, sign_in_staff
from tests.portal.browsers import Contexts, browser, contexts
from tests.portal.test_accessibility import AXE, COLOURS, overflow, show_in, violations
from tests.processes import Live

__all__ = ["browser", "contexts"]

pytestmark = pytest.mark.browser
# Nothing is on its way from one colour to another while axe-core looks.
STILL = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { transition: none !important }");
    document.adoptedStyleSheets.push(sheet);
}"""
# A list's table scrolls in its own box; its rows are named, not numbered.
CUT_TABLE = (
    """() => [...document.querySelectorAll(".results, .scrolled")].some(box => box.scrollWidth > box.clientWidth)"""
)
AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Django's search field has a picture for its label, with a text.
LABELLED_BY_A_PICTURE = 'label-title-only: <input type="text" size="40" name="q"'


@pytest.fixture(scope="module")
def demo() -> Iterator[Live]:
    with Live(workers=1) as product:
        product.manage("seed_demo")
        yield product


@pytest.fixture
def staff(demo: Live, contexts: Contexts) -> Page:
    """The demo's administrator at the admin's first page."""
    page = contexts().new_page()
    page.add_init_script(AXE)
    sign_in_staff(page, demo)
    return page


def test_no_page_of_the_admin_has_a_fault(staff: Page, demo: Live) -> None:
    addresses = list(pages_of_admin(staff, demo))
    assert len(addresses) > 25
    found = {}
    for address in addresses:
        staff.goto(address)
        staff.evaluate(STILL)
        for scheme in ("light", "dark"):
            show_in(staff, 1280, scheme)
            # Of what all rules have read in the light, the dark changes colours.
            said = violations(staff) if scheme == "light" else violations(staff, *COLOURS, only_new=True)
            wrong = [one for one in said if not one.startswith(LABELLED_BY_A_PICTURE)]
            wrong += ["too wide"] if overflow(staff) > 0 or staff.evaluate(CUT_TABLE) else []
            wrong += [f"an id: {found}" for found in AN_ID.findall(_table(staff))]
            if wrong:
                found[f"{address.removeprefix(demo.backend_url)} {scheme}"] = wrong
    assert found == {}


def _table(staff: Page) -> str:
    """The words of a list; empty on other pages."""
    table = staff.locator("#result_list")
    return table.inner_text() if table.count() else ""
