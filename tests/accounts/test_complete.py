"""`/auth/complete/github/`: where GitHub sends the browser back to, and everything that may be wrong by then."""

import re
from urllib.parse import urljoin

import httpx
import pytest

from tests.accounts.github import answered_by_github, broken, describe, fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, Browser, Pkce, call, query, redeem
from tests.processes import Live, another_backend, free_port


def complete(browser: Browser, **parameters: str) -> httpx.Response:
    return browser.http.get(f"{browser.live.backend_url}/auth/complete/github/", params=parameters)


def follow_one(browser: Browser, response: httpx.Response) -> httpx.Response:
    return browser.get(urljoin(str(response.url), response.headers["location"]))


def assert_expired(response: httpx.Response) -> None:
    """The page of a sign-in that cannot go on: no redirect, the code, a way to begin again."""
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "<code>sign_in_expired</code>" in response.text
    assert re.search(r'href="[^"]*(/login|/oauth/authorize\?)', response.text)


def assert_begins_again(response: httpx.Response, state: str) -> None:
    """To GitHub once more, for the same request."""
    assert response.headers["location"].startswith("/oauth/authorize?")
    assert f"state={state}" in response.headers["location"]


def expire_flows(live: Live, login_path: str) -> None:
    """Let the flows whose request holds this text end a second ago."""
    with live.connect() as connection:
        connection.execute(
            "UPDATE accounts_signinflow SET expires_at = now() - interval '1 second' WHERE restart_path LIKE %s",
            [f"%{login_path}%"],
        )


def flows_of(live: Live, state: str) -> int:
    with live.connect() as connection:
        counted = connection.execute(
            "SELECT count(*) FROM accounts_signinflow WHERE request->>'state' = %s", [state]
        ).fetchone()
    assert counted is not None
    return int(str(counted[0]))


# GitHub says no, or nothing


@pytest.mark.parametrize(("client_id", "back"), [(CLI, LOOPBACK), (PORTAL, "/auth/callback")])
def test_a_person_who_cancels_at_github_is_sent_back_with_access_denied(live: Live, client_id: str, back: str) -> None:
    browser = Browser(live, fresh("ada"))
    page = follow_one(browser, browser.authorize(client_id, state="state-of-ada"))
    cancelled = browser.submit(page, login=browser.login, cancel="1")
    answer = browser.follow(cancelled, until=LOOPBACK if client_id == CLI else f"{live.portal_url}{back}")
    assert query(answer) == {
        "error": "access_denied",
        "error_description": "github_denied",
        "state": "state-of-ada",
        "iss": live.backend_url,
    }


@pytest.mark.parametrize(
    ("endpoint", "mode"),
    [
        ("access_token", "refuse"),
        ("access_token", "nonsense"),
        ("access_token", "error"),
        ("access_token", "deny"),
        ("user", "refuse"),
        ("user", "nonsense"),
        ("user", "error"),
        ("user", "deny"),
    ],
)
def test_github_failing_is_a_page_that_offers_to_try_again_and_the_next_try_works(
    live: Live, endpoint: str, mode: str
) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    with broken(live, browser.login, endpoint, mode):
        page = browser.follow(browser.authorize(pkce=pkce), until=LOOPBACK)
    assert page.status_code == 503
    assert "<code>github_unavailable</code>" in page.text
    assert "Try again" in page.text
    _try_again(browser, page, pkce)


def _try_again(browser: Browser, page: httpx.Response, pkce: Pkce) -> None:
    link = re.search(r'href="([^"]*/?oauth/authorize\?[^"]*)"', page.text)
    assert link
    begun = browser.get(urljoin(str(page.url), link[1].replace("&amp;", "&")))
    confirm = browser.follow(begun, until=LOOPBACK)
    code = query(browser.submit(confirm, decision="approve"))["code"]
    assert redeem(browser.live, code, pkce).status_code == 200


def test_a_slow_github_is_given_up_after_the_time_out(live: Live) -> None:
    with another_backend(live, GITHUB_TIMEOUT_SECONDS="1") as impatient:
        browser = Browser(impatient, fresh("ada"))
        with broken(live, browser.login, "user", "slow", seconds=60):
            page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert page.status_code == 503
    assert "<code>github_unavailable</code>" in page.text
    assert 1 <= page.elapsed.total_seconds() < 60


def test_github_that_cannot_be_reached_at_all(live: Live) -> None:
    with another_backend(live, GITHUB_API_URL=f"http://127.0.0.1:{free_port()}/") as cut_off:
        browser = Browser(cut_off, fresh("ada"))
        page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert page.status_code == 503
    assert "<code>github_unavailable</code>" in page.text


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**80])
def test_an_id_that_github_would_not_give_is_nonsense(live: Live, number: int) -> None:
    browser = Browser(live, fresh("ada"))
    describe(live, browser.login, id=number)
    page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert page.status_code == 503
    assert "<code>github_unavailable</code>" in page.text


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("name", "Ada\x00\u202e\n  Lovelace", "Ada Lovelace"),
        ("name", "A" * 300, "A" * 100),
        ("name", None, ""),
        ("email", f"{'a' * 300}@users.example.test", ""),
        ("email", "ada\x00@users.example.test", ""),
        ("email", "no address at all", ""),
    ],
)
def test_odd_profile_fields_do_not_stop_a_sign_in(live: Live, field: str, given: str | None, kept: str) -> None:
    browser = Browser(live, fresh("ada"))
    describe(live, browser.login, **{field: given})
    me = call(live, "/me", browser.sign_in().access).json()
    assert me["display_name" if field == "name" else field] == kept


def test_the_failure_page_shows_nothing_of_what_github_said(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    with broken(live, browser.login, "user", "nonsense"):
        page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert "Unicorn" not in page.text
    assert "Traceback" not in page.text
    assert "gho_" not in page.text


# one flow, one browser, one use


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"code": "something"},
        {"code": "something", "state": ""},
        {"code": "something", "state": "unknown"},
        {"error": "access_denied"},
        {"state": "\x00\ud7ff\U0001f600", "code": "x"},
        {"state": "s" * 5000, "code": "x"},
    ],
)
def test_a_callback_without_a_flow_of_this_browser_is_an_error_page(live: Live, parameters: dict[str, str]) -> None:
    assert_expired(complete(Browser(live, "mallory"), **parameters))


def test_the_callback_of_another_browser_is_refused_and_its_owner_goes_on(live: Live) -> None:
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    waiting = answered_by_github(ada, CLI)
    assert_expired(mallory.get(waiting.headers["location"]))
    assert ada.follow(waiting, until=LOOPBACK).status_code == 200


def test_nobody_is_signed_in_by_the_callback_of_somebody_else(live: Live) -> None:
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    answered_by_github(ada, PORTAL)
    bait = answered_by_github(mallory, PORTAL)
    assert_expired(ada.get(bait.headers["location"]))


def test_the_callback_again_leads_its_own_browser_on_and_names_nobody_anew(live: Live) -> None:
    """Back to GitHub's page and its button again: GitHub's second code is not even asked about."""
    browser = Browser(live, fresh("ada"))
    waiting = answered_by_github(browser, CLI)
    first = follow_one(browser, waiting)
    with broken(live, browser.login, "access_token", "error"):
        again = complete(browser, state=query(waiting)["state"], code="another")
    assert (first.status_code, again.status_code) == (302, 302)
    assert again.headers["location"] == first.headers["location"]
    assert_expired(Browser(live, fresh("mallory")).get(waiting.headers["location"]))


@pytest.mark.parametrize("client_id", [CLI, PORTAL])
def test_an_answer_that_was_never_finished_begins_again_when_its_browser_reloads(live: Live, client_id: str) -> None:
    """As after the end of the server in the middle of it: the flow is claimed, and nobody is written down."""
    ada, pkce = Browser(live, fresh("ada")), Pkce()
    waiting = answered_by_github(ada, client_id, pkce=pkce)
    with broken(live, ada.login, "user", "error"):
        assert follow_one(ada, waiting).status_code == 503
    assert_expired(Browser(live, fresh("mallory")).get(waiting.headers["location"]))
    reloaded = follow_one(ada, waiting)
    assert reloaded.headers["location"].startswith("/oauth/authorize?")
    until = LOOPBACK if client_id == CLI else f"{live.portal_url}/auth/callback"
    arrived = ada.follow(reloaded, until=until)
    assert arrived.status_code == (200 if client_id == CLI else 303), arrived.text
    assert follow_one(ada, waiting).headers["location"].startswith("/oauth/authorize?")


def test_the_finished_flow_is_for_its_own_browser_only(live: Live) -> None:
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    finished = follow_one(ada, answered_by_github(ada, CLI))
    resume = urljoin(live.backend_url, finished.headers["location"])
    assert_expired(mallory.get(resume))
    assert ada.get(resume).status_code == 200


def test_a_used_flow_gives_its_own_browser_the_same_and_others_nothing(live: Live) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    finished = follow_one(browser, answered_by_github(browser, PORTAL, state=state))
    resume = urljoin(live.backend_url, finished.headers["location"])
    given = query(browser.get(resume))
    assert query(browser.get(resume))["rt"] == given["rt"]
    assert_expired(Browser(live, fresh("mallory")).get(resume))


def test_a_flow_that_took_too_long_at_github_begins_again_for_the_same_request(live: Live) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    response = answered_by_github(browser, CLI, state=state)
    expire_flows(live, state)
    assert_expired(Browser(live, fresh("mallory")).get(response.headers["location"]))
    begun = follow_one(browser, response)
    assert_begins_again(begun, state)
    answer = browser.submit(browser.follow(begun, until=LOOPBACK), decision="approve")
    assert query(answer)["state"] == state


def test_whoever_cancels_at_github_too_late_is_asked_before_it_begins_again(live: Live) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    at_github = query(browser.authorize(state=state))["state"]
    expire_flows(live, state)
    page = complete(browser, error="access_denied", state=at_github)
    assert_expired(page)
    assert f"state={state}" in page.text


def test_a_confirmation_that_took_too_long_offers_the_same_request_again(live: Live) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    confirm = browser.follow(answered_by_github(browser, CLI, state=state), until=LOOPBACK)
    expire_flows(live, state)
    for page in (browser.get(str(confirm.url)), browser.submit(confirm, decision="approve")):
        assert_expired(page)
        assert f"state={state}" in page.text


def test_a_browser_without_cookies_is_told_that_a_sign_in_needs_one(live: Live) -> None:
    waiting = answered_by_github(Browser(live, fresh("ada")), CLI)
    page = Browser(live, "ada").get(waiting.headers["location"])
    assert_expired(page)
    assert "allow them for <strong>127.0.0.1" in page.text
    assert "allow them" not in follow_one(with_some_cookie(live), waiting).text


def with_some_cookie(live: Live) -> Browser:
    browser = Browser(live, "mallory")
    browser.authorize()
    return browser


def test_unfinished_flows_do_not_pile_up_in_a_browser(live: Live) -> None:
    browser = Browser(live, "ada")
    for _ in range(20):
        browser.authorize()
    assert len([name for name in browser.http.cookies if name.startswith("insighta_flow_")]) <= 8


@pytest.mark.parametrize("flow", ["", "x", "../../etc", "01a209c8-ebed-7178-9a45-5a1b91dd28cd", "\x00"])
def test_a_flow_nobody_began_is_an_error_page(live: Live, flow: str) -> None:
    browser = Browser(live, "mallory")
    assert_expired(browser.http.get(f"{live.backend_url}/oauth/authorize", params={"flow": flow}))


def test_two_tabs_of_one_browser_sign_in_at_once(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    first, second = (answered_by_github(browser, PORTAL, state=f"state-of-tab-{tab}") for tab in (1, 2))
    answers = [query(browser.follow(waiting, until=f"{live.portal_url}/auth/callback")) for waiting in (second, first)]
    assert [answer["state"] for answer in answers] == ["state-of-tab-2", "state-of-tab-1"]
    assert len({answer["rt"] for answer in answers}) == 2


# what a sign-in leaves behind


def test_signing_in_to_a_client_signs_nobody_in_at_the_backend(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    browser.sign_in(CLI)
    browser.sign_in(PORTAL)
    assert "sessionid" not in browser.http.cookies
    admin = browser.get(f"{live.backend_url}/admin/")
    assert admin.is_redirect
    assert "/admin/login/" in admin.headers["location"]
    # A second sign-in asks GitHub again: signing out of the portal is really out.
    assert browser.authorize(PORTAL).headers["location"].startswith(live.github_url)


def test_the_flow_cookie_is_kept_from_scripts_and_other_sites(live: Live) -> None:
    cookie = Browser(live, "ada").authorize().headers["set-cookie"].lower()
    assert cookie.startswith("insighta_flow_")
    assert {"httponly", "samesite=lax", "path=/", "max-age=4200"} <= {part.strip() for part in cookie.split(";")}


def test_prompt_select_account_asks_github_for_another_person(live: Live) -> None:
    browser = Browser(live, "ada")
    assert query(browser.authorize(PORTAL, prompt="select_account"))["prompt"] == "select_account"
    assert "prompt" not in query(browser.authorize(PORTAL))


def test_github_is_asked_with_a_callback_at_the_configured_address_whatever_the_host_header(live: Live) -> None:
    url = str(Browser(live, "ada").authorize().request.url)
    refused = HTTP.get(url, headers={"Host": "evil.example"})
    assert refused.status_code == 400
    asked = query(Browser(live, "ada").authorize())
    assert asked["redirect_uri"].startswith(f"{live.backend_url}/auth/complete/github/")
    assert asked["code_challenge_method"] == "S256"
