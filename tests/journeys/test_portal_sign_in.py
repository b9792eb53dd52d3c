import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.journeys.conftest import ACCESS_TOKEN_SECONDS, person, sign_in_at_github
from tests.processes import Live

pytestmark = pytest.mark.browser


def signed_in_page(context: BrowserContext, live: Live, login: str) -> Page:
    page = context.new_page()
    page.goto(f"{live.portal_url}/login")
    sign_in_at_github(page, login)
    page.wait_for_url(f"{live.portal_url}/**")
    return page


def test_a_person_signs_in_stays_signed_in_and_signs_out_of_all_tabs(quick_live: Live, chromium: Browser) -> None:
    with person(chromium) as ada:
        page = signed_in_page(ada, quick_live, "ada-journey")
        expect(page.get_by_role("banner")).to_contain_text("ada-journey", ignore_case=True)
        assert "at=" not in page.url
        assert "rt=" not in page.url

        time.sleep(ACCESS_TOKEN_SECONDS + 1)
        other = ada.new_page()
        for tab in (page, other):
            tab.goto(f"{quick_live.portal_url}/sessions")
            expect(tab.get_by_role("main")).to_contain_text("Chrome on Linux")

        other.get_by_role("banner").locator("summary").click()
        other.get_by_role("banner").get_by_role("button", name="Sign out").click()
        expect(other.get_by_role("link", name="Sign in").first).to_be_visible()
        page.reload()
        assert "/sessions" not in urlsplit(page.url).path or "ada-journey" not in page.inner_text("body")
        assert not [cookie for cookie in ada.cookies() if cookie["name"] in {"insighta_at", "insighta_rt"}]


def test_tokens_are_only_in_cookies_of_the_portals_host(quick_live: Live, chromium: Browser) -> None:
    with person(chromium) as ada:
        page = signed_in_page(ada, quick_live, "ada-cookies")
        cookies = {cookie["name"]: cookie for cookie in ada.cookies() if cookie["name"].startswith("insighta_")}
        assert cookies.keys() == {"insighta_at", "insighta_rt", "insighta_csrf"}
        for cookie in cookies.values():
            assert (cookie["domain"], cookie["path"]) == ("localhost", "/")
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        assert urlsplit(quick_live.backend_url).hostname != urlsplit(quick_live.portal_url).hostname
        assert page.evaluate("document.cookie") == ""
        secrets = [cookies[name]["value"] for name in ("insighta_at", "insighta_rt")]
        assert not [secret for secret in secrets if secret in page.content()]


def test_two_tabs_that_sign_in_at_once_both_arrive(quick_live: Live, chromium: Browser) -> None:
    with person(chromium) as ada:
        tabs = [ada.new_page(), ada.new_page()]
        for tab in tabs:
            tab.goto(f"{quick_live.portal_url}/login")
        for tab in tabs:
            sign_in_at_github(tab, "ada-twice")
            tab.wait_for_url(f"{quick_live.portal_url}/**")
            expect(tab.get_by_role("banner")).to_contain_text("ada-twice", ignore_case=True)
        for tab in tabs:
            tab.goto(f"{quick_live.portal_url}/settings")
            expect(tab.get_by_role("main")).to_contain_text("Time zone")


def test_another_person_may_sign_in_from_the_same_browser(quick_live: Live, chromium: Browser) -> None:
    with person(chromium) as shared:
        page = signed_in_page(shared, quick_live, "ada-leaves")
        page.goto(f"{quick_live.portal_url}/login?switch=1")
        sign_in_at_github(page, "grace-arrives")
        page.wait_for_url(f"{quick_live.portal_url}/**")
        expect(page.get_by_role("banner")).to_contain_text("grace-arrives", ignore_case=True)
        with quick_live.connect() as connection:
            query = """SELECT count(*) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id
                       WHERE u.login = 'ada-leaves' AND s.revoked_at IS NULL"""
            assert connection.execute(query).fetchone() == (0,)


def test_the_hand_off_by_code_signs_in_too_and_carries_no_tokens_in_a_url(chromium: Browser) -> None:
    with Live(PORTAL_HANDOFF="code", workers=1) as live, person(chromium) as ada:
        addresses: list[str] = []
        page = ada.new_page()
        page.on("request", lambda request: addresses.append(request.url))
        page.goto(f"{live.portal_url}/login?next=/settings")
        sign_in_at_github(page, "ada-by-code")
        page.wait_for_url(f"{live.portal_url}/settings")
        assert any("/auth/callback?code=insc_" in address for address in addresses)
        assert not [address for address in addresses if "insr_" in address or "at=" in address]
