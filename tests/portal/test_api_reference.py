"""The API's reference as a person uses it: paste a token, try a call, copy the curl. It has no fault for axe-core."""

import pytest
from playwright.sync_api import expect

from tests.people import Browser
from tests.portal.browsers import Contexts
from tests.portal.test_accessibility import AXE, overflow, show_in, violations
from tests.processes import Live

pytestmark = pytest.mark.browser


def test_a_call_is_tried_with_a_pasted_token(live: Live, contexts: Contexts) -> None:
    page = contexts().new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{live.backend_url}/api/v1/docs")
    page.get_by_role("button", name="Authorize").click()
    page.locator(".auth-container input").fill(Browser(live, "reader").sign_in().access)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".btn-done").click()
    page.locator("#operations-tag-Account").click()
    call = page.locator("#operations-Account-me_retrieve")
    call.locator(".opblock-summary-control").click()
    expect(call).to_contain_text("Scope: account:read")
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table")).to_contain_text('"login": "reader"')
    expect(call.locator(".curl")).to_contain_text(f"{live.backend_url}/api/v1/me")
    page.locator("#operations-tag-Book").click()
    book = page.locator("#operations-Book-bookings_create")
    book.locator(".opblock-summary-control").click()
    expect(book).to_contain_text("slot_full: Every seat of this session is taken.")
    expect(book).to_contain_text("idempotency_conflict:")
    expect(book).not_to_contain_text("refund_changed")
    page.evaluate(AXE)
    wrong = {}
    for scheme in ("light", "dark"):
        show_in(page, 1280, scheme)
        wrong[scheme] = violations(page)
    assert (wrong, refused) == ({"light": [], "dark": []}, [])
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == 0
