"""The pages of the admin, as the demo's administrator finds them."""

import re
from collections.abc import Iterator

from playwright.sync_api import Page

from tests.processes import Live


def sign_in_staff(page: Page, demo: Live) -> None:
    """The demo's administrator, at the admin's first page."""
    page.goto(f"{demo.backend_url}/admin/login/github/?next=/admin/")
    page.locator("[name=login]").fill("admin")
    page.locator("[name=login]").press("Enter")
    page.locator("#logout-form").wait_for()


def pages_of_admin(staff: Page, demo: Live) -> Iterator[str]:
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
