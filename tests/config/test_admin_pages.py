"""The admin in a browser: axe-core finds nothing, and no page is wider than 1280 pixels."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.portal.browsers import Contexts, browser, contexts
from tests.portal.test_accessibility import AXE, overflow, show_in, violations
from tests.processes import Live

__all__ = ["browser", "contexts"]

pytestmark = pytest.mark.browser
# Nothing is on its way from one colour to another while axe-core looks.
STILL = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { transition: none !important }");
    document.adoptedStyleSheets.push(sheet);
}"""
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
    page.goto(f"{demo.backend_url}/admin/login/github/?next=/admin/")
    page.locator("[name=login]").fill("admin")
    page.locator("[name=login]").press("Enter")
    page.locator("#logout-form").wait_for()
    return page


def test_no_page_of_the_admin_has_a_fault(staff: Page, demo: Live) -> None:
    addresses = list(_pages(staff, demo))
    assert len(addresses) > 25
    found = {}
    for address in addresses:
        staff.goto(address)
        staff.evaluate(STILL)
        for scheme in ("light", "dark"):
            show_in(staff, 1280, scheme)
            wrong = [one for one in violations(staff) if not one.startswith(LABELLED_BY_A_PICTURE)]
            wrong += ["too wide"] if overflow(staff) > 0 else []
            if wrong:
                found[f"{address.removeprefix(demo.backend_url)} {scheme}"] = wrong
    assert found == {}


def _pages(staff: Page, demo: Live) -> Iterator[str]:
    """The first page, every list, the first row of each, and what its page leads to."""
    yield f"{demo.backend_url}/admin/"
    lists = staff.eval_on_selector_all("#content-main th a", "links => links.map(link => link.href)")
    for address in dict.fromkeys(lists):
        if not re.search(r"/admin/\w+/\w+/$", address):
            continue
        yield address
        staff.goto(address)
        rows = staff.eval_on_selector_all("#result_list tbody th a", "links => links.map(link => link.href)")
        for row in rows[:1]:
            yield row
            staff.goto(row)
            tools = staff.eval_on_selector_all(
                "#content a[href*='/admin/'], .object-tools a", "links => links.map(link => link.href)"
            )
            yield from {tool for tool in tools if re.search(r"/[0-9a-f-]{36}/(?!change/$)[\w-]+/$", tool)}
