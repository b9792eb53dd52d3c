"""The second click on a slow line, and Back: the same decision of the same browser has the same answer for a minute."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx
import pytest

from tests.accounts.github import answered_by_github, fresh
from tests.people import CLI, LOOPBACK, PORTAL, Browser, Pkce, Tokens, call, query, redeem
from tests.processes import Live
from tests.tokens.parties import party_of

CLICKS = 20


def confirmation(browser: Browser, *, pkce: Pkce | None = None, **changes: str | None) -> httpx.Response:
    page = browser.follow(answered_by_github(browser, CLI, pkce=pkce, **changes), until=LOOPBACK)
    assert page.status_code == 200
    return page


def at_once(count: int, act: Callable[[], httpx.Response]) -> list[httpx.Response]:
    together = threading.Barrier(count)

    def one(_: int) -> httpx.Response:
        together.wait()
        return act()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def rows_of(live: Live, login: str) -> tuple[int, int]:
    """Codes and sessions of a person."""
    with live.connect() as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM tokens_authorizationcode WHERE user_id = u.id),"
            " (SELECT count(*) FROM tokens_session WHERE user_id = u.id) FROM accounts_user u WHERE login = %s",
            [login],
        ).fetchone()
    assert found is not None
    return int(str(found[0])), int(str(found[1]))


def age_decision(live: Live, state: str, seconds: int = 61) -> None:
    with live.connect() as connection:
        aged = connection.execute(
            "UPDATE accounts_signinflow SET decided_at = decided_at - make_interval(secs => %s)"
            " WHERE request->>'state' = %s",
            [seconds, state],
        )
        assert aged.rowcount == 1


@pytest.mark.parametrize("decision", ["approve", "deny"])
@pytest.mark.parametrize("kind", [CLI, "confidential", "public"])
def test_twenty_clicks_at_once_are_one_sign_in_and_end_in_one_place(live: Live, kind: str, decision: str) -> None:
    browser, pkce, party = Browser(live, fresh("ada")), Pkce(), party_of(live, kind)
    page = party.authorize(browser, pkce=pkce)
    assert page.status_code == 200
    answers = at_once(CLICKS, lambda: browser.submit(page, decision=decision))
    assert {answer.status_code for answer in answers} == {303}
    (place,) = {answer.headers["location"] for answer in answers}
    assert rows_of(live, browser.login) == ((1, 0) if decision == "approve" else (0, 0))
    if decision == "approve":
        tokens = Tokens.of(party.redeem(query(answers[0])["code"], pkce))
        assert browser.submit(page, decision=decision).headers["location"] == place
        assert call(live, "/me", tokens.access).status_code == 200
        assert rows_of(live, browser.login) == (1, 1)


def test_twenty_arrivals_at_once_are_one_hand_off(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    waiting = answered_by_github(browser, PORTAL, pkce=pkce)
    resume = browser.get(waiting.headers["location"]).headers["location"]
    answers = at_once(CLICKS, lambda: browser.get(f"{live.backend_url}{resume}"))
    assert {answer.status_code for answer in answers} == {303}
    assert len({query(answer)["rt"] for answer in answers}) == 1
    assert rows_of(live, browser.login) == (0, 1)


def test_githubs_answer_delivered_many_times_at_once_leads_on_every_time(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    waiting = answered_by_github(browser, CLI)
    answers = at_once(CLICKS, lambda: browser.get(waiting.headers["location"]))
    assert {answer.status_code for answer in answers} == {302}
    pages = {browser.follow(answer, until=LOOPBACK).status_code for answer in answers[:4]}
    assert pages == {200}


def test_another_browser_is_given_nothing_though_it_sends_the_same_form(live: Live) -> None:
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    page, own = confirmation(ada), confirmation(mallory)
    assert ada.submit(page, decision="approve").status_code == 303
    (flow,) = re.findall(r'name="flow" value="([^"]+)"', page.text)
    stolen = mallory.submit(own, decision="approve", flow=flow)
    assert (stolen.status_code, "location" in stolen.headers) == (400, False)


@pytest.mark.parametrize(("first", "second"), [("approve", "deny"), ("deny", "approve")])
def test_the_first_decision_stands_and_the_other_one_is_told_so(live: Live, first: str, second: str) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    page = confirmation(browser, state=state)
    place = browser.submit(page, decision=first).headers["location"]
    assert_over(browser.submit(page, decision=second), state)
    assert browser.submit(page, decision=first).headers["location"] == place


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_after_a_minute_the_answer_is_not_given_again_and_the_page_leads_on(live: Live, decision: str) -> None:
    browser, state, pkce = Browser(live, fresh("ada")), fresh("state"), Pkce()
    page = confirmation(browser, state=state, pkce=pkce)
    browser.submit(page, decision=decision)
    age_decision(live, state)
    for over in (browser.submit(page, decision=decision), browser.get(str(page.url))):
        assert_over(over, state)
    link = re.search(r'href="([^"]*/oauth/authorize\?[^"]*)"', over.text)
    assert link
    again = browser.follow(browser.get(f"{live.backend_url}{unescape(link[1])}"), until=LOOPBACK)
    code = query(browser.submit(again, decision="approve"))["code"]
    assert redeem(live, code, pkce).status_code == 200


def assert_over(page: httpx.Response, state: str) -> None:
    assert (page.status_code, "location" in page.headers) == (400, False)
    assert "<code>sign_in_decided</code>" in page.text
    assert f"state={state}" in page.text


@pytest.mark.parametrize(("first", "second"), [("approve", "deny"), ("deny", "approve")])
def test_an_application_is_told_that_the_first_decision_stands(live: Live, first: str, second: str) -> None:
    browser, wiki, state = Browser(live, fresh("ada")), party_of(live, "confidential"), fresh("state")
    page = wiki.authorize(browser, state=state)
    place = browser.submit(page, decision=first).headers["location"]
    assert_told(live, browser.submit(page, decision=second), state)
    assert browser.submit(page, decision=first).headers["location"] == place
    age_decision(live, state)
    for over in (browser.submit(page, decision=first), browser.get(str(page.url))):
        assert_told(live, over, state)
    assert rows_of(live, browser.login) == ((1, 0) if first == "approve" else (0, 0))


def assert_told(live: Live, over: httpx.Response, state: str) -> None:
    """The site itself learns that this sign-in has been decided, and nothing else."""
    told = query(over)
    assert told.pop("error_description") == "sign_in_decided"
    assert told == {"error": "access_denied", "state": state, "iss": live.backend_url}


def test_after_a_minute_the_portal_is_told_and_goes_on_by_itself(live: Live) -> None:
    browser, state = Browser(live, fresh("ada")), fresh("state")
    waiting = answered_by_github(browser, PORTAL, state=state)
    callback = f"{live.portal_url}/auth/callback"
    assert "rt" in query(browser.follow(waiting, until=callback))
    age_decision(live, state)
    assert_told(live, browser.follow(waiting, until=callback), state)
    assert rows_of(live, browser.login) == (0, 1)


def test_back_after_the_answer_shows_no_form_that_could_be_answered_otherwise(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = confirmation(browser)
    place = browser.submit(page, decision="approve").headers["location"]
    back = browser.get(str(page.url))
    assert (back.status_code, back.headers["location"]) == (303, place)


def test_what_ended_meanwhile_is_not_given_again(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    page = confirmation(browser, pkce=pkce)
    code = query(browser.submit(page, decision="approve"))["code"]
    other = browser.sign_in()
    assert call(live, "/sessions?keep=current", other.access, "DELETE").status_code == 204
    assert query(browser.submit(page, decision="approve"))["code"] == code
    assert redeem(live, code, pkce).json()["error"] == "invalid_grant"
