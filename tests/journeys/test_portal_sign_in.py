import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import ACCESS_TOKEN_SECONDS
from tests.portal.browsers import Contexts, fill_in_github, sign_in
from tests.processes import Live

pytestmark = pytest.mark.browser


def test_a_person_signs_in_stays_signed_in_and_signs_out_of_all_tabs(quick_live: Live, contexts: Contexts) -> None:
    ada = contexts()
    page = sign_in(ada, quick_live, "ada-journey")
    expect(page.get_by_role("banner")).to_contain_text("ada-journey", ignore_case=True)
    expect(page.get_by_role("main")).to_contain_text("Signed in as ada-journey")
    assert "at=" not in page.url
    assert "rt=" not in page.url

    time.sleep(ACCESS_TOKEN_SECONDS + 1)
    other = ada.new_page()
    other.goto(f"{quick_live.portal_url}/tokens")
    for tab in (page, other):
        tab.goto(f"{quick_live.portal_url}/sessions")
        expect(tab.get_by_role("main")).to_contain_text("Chrome on Linux")
        expect(tab.get_by_role("main")).to_contain_text("This one")

    page.get_by_role("banner").locator("summary").click()
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    other.go_back()
    expect(other.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    assert not [cookie for cookie in ada.cookies() if cookie["name"] in {"insighta_at", "insighta_rt"}]


def test_tokens_are_only_in_cookies_of_the_portals_host(quick_live: Live, contexts: Contexts) -> None:
    ada = contexts()
    page = sign_in(ada, quick_live, "ada-cookies")
    cookies = {cookie["name"]: cookie for cookie in ada.cookies(quick_live.portal_url)}
    flows = {name for name in cookies if name.startswith("insighta_flow_")}
    assert cookies.keys() - flows == {"insighta_at", "insighta_rt", "insighta_csrf"}
    for cookie in cookies.values():
        assert (cookie["domain"], cookie["path"]) == ("localhost", "/")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert urlsplit(quick_live.backend_url).hostname != urlsplit(quick_live.portal_url).hostname
    assert page.evaluate("document.cookie") == ""
    secrets = [cookies[name]["value"] for name in ("insighta_at", "insighta_rt")]
    assert not [secret for secret in secrets if secret in page.content()]


def test_two_tabs_that_sign_in_at_once_both_arrive(quick_live: Live, contexts: Contexts) -> None:
    ada = contexts()
    tabs = [ada.new_page(), ada.new_page()]
    for tab in tabs:
        tab.goto(f"{quick_live.portal_url}/login")
    for tab in tabs:
        fill_in_github(tab, "ada-twice")
        tab.wait_for_url(f"{quick_live.portal_url}/**")
        expect(tab.get_by_role("banner")).to_contain_text("ada-twice", ignore_case=True)
    for tab in tabs:
        tab.goto(f"{quick_live.portal_url}/settings")
        expect(tab.get_by_role("main")).to_contain_text("Time zone")


def test_another_person_may_sign_in_from_the_same_browser(quick_live: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(), quick_live, "ada-leaves")
    page.goto(f"{quick_live.portal_url}/login?switch=1")
    fill_in_github(page, "grace-arrives")
    page.wait_for_url(f"{quick_live.portal_url}/**")
    expect(page.get_by_role("banner")).to_contain_text("grace-arrives", ignore_case=True)
    with quick_live.connect() as connection:
        query = """SELECT count(*) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id
                   WHERE u.login = 'ada-leaves' AND s.revoked_at IS NULL"""
        assert connection.execute(query).fetchone() == (0,)


def test_the_hand_off_by_code_signs_in_too_and_carries_no_tokens_in_a_url(contexts: Contexts) -> None:
    ada, addresses = contexts(), []
    ada.on("request", lambda request: addresses.append(request.url))
    with Live(PORTAL_HANDOFF="code", workers=1) as live:
        sign_in(ada, live, "ada-by-code", "/settings")
    assert any("/auth/callback?code=insc_" in address for address in addresses)
    assert not [address for address in addresses if "insr_" in address or "at=" in address]
