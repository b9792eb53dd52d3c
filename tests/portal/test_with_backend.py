"""The portal's process against the real backend, asked over HTTP: races, several portals, standing, composed reads."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from tests.people import PORTAL, Browser, Tokens, call
from tests.portal.conftest import arrived, running_process
from tests.processes import Live


def twin(browser: httpx.Client, *names: str) -> httpx.Client:
    """Another connection of the same browser that brings only these of its cookies."""
    other = httpx.Client(timeout=30)
    for name in names:
        other.cookies.set(name, browser.cookies[name], domain="localhost.local", path="/")
    return other


def status(browser: httpx.Client, live: Live) -> str:
    page = browser.get(f"{live.portal_url}/sessions")
    return "in" if "This session" in page.text else "out"


def test_a_sign_out_wins_against_refreshes_in_flight(live: Live) -> None:
    for _ in range(8):
        browser = arrived(live, "portal-race")
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(live.portal_url).text)
        assert form
        tabs = [twin(browser, "insighta_rt") for _ in range(4)]
        start = threading.Barrier(5)

        def open_page(tab: httpx.Client, start: threading.Barrier = start) -> int:
            start.wait()
            return tab.get(f"{live.portal_url}/credits").status_code

        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(open_page, tabs)
            start.wait()
            browser.post(f"{live.portal_url}/logout", data={"csrfmiddlewaretoken": form[1]})
            assert set(answers) <= {200, 303}
        # Whatever cookies the late answers left behind, they sign nobody in any more.
        assert {status(tab, live) for tab in [browser, *tabs]} == {"out"}


def test_two_portals_give_the_tabs_of_one_browser_the_same_successor(live: Live) -> None:
    browser = arrived(live, "portal-twice")
    second = live.another_portal()
    with running_process(second):
        urls = [live.portal_url, second.answers_at.removesuffix("/healthz")] * 5
        tabs = [twin(browser, "insighta_rt") for _ in urls]
        with ThreadPoolExecutor(len(urls)) as pool:
            answers = list(pool.map(lambda tab, url: tab.get(f"{url}/credits").status_code, tabs, urls))
    assert set(answers) == {200}
    assert len({tab.cookies["insighta_rt"] for tab in tabs}) == 1


def test_a_suspension_is_seen_on_the_next_page_and_at_the_next_sign_in(live: Live) -> None:
    browser = arrived(live, "portal-suspended")
    me = call(live, "/me", browser.cookies["insighta_at"]).json()
    live.manage("suspend_user", me["id"], "--reason", "spam")
    page = browser.get(f"{live.portal_url}/credits", follow_redirects=True)
    assert "suspended" in page.text or "signed out" in page.text
    person = Browser(live, "portal-suspended")
    callback = person.follow(person.get(f"{live.portal_url}/login"), until=f"{live.portal_url}/auth/callback")
    assert "Your account is suspended" in person.get(callback.headers["location"]).text


def test_saying_no_at_github_comes_back_with_a_way_on(live: Live) -> None:
    person = Browser(live, "portal-unwilling")
    page = person.get(f"{live.portal_url}/login?next=/credits")
    while page.is_redirect:
        page = person.get(str(page.next_request.url if page.next_request else ""))
    back = person.submit(page, login="portal-unwilling", cancel="1")
    while back.is_redirect:
        back = person.get(str(back.next_request.url if back.next_request else ""))
    assert "GitHub was told not to share who you are" in back.text
    assert 'href="/login?next=%2Fcredits"' in back.text


def test_the_session_that_a_new_sign_in_replaces_is_ended(live: Live) -> None:
    browser = arrived(live, "portal-again")
    before = browser.cookies["insighta_at"]
    person = Browser(live, "portal-again")
    with closing(person.http):
        person.http = browser
        callback = person.follow(person.get(f"{live.portal_url}/login"), until=f"{live.portal_url}/auth/callback")
        person.get(callback.headers["location"])
    assert call(live, "/me", before).status_code == 401
    assert call(live, "/me", browser.cookies["insighta_at"]).status_code == 200


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, "portal-batch").sign_in(PORTAL)


class TestBatch:
    """`GET /api/v1/batch`, which most account pages are made of."""

    def test_parts_are_what_their_own_calls_give(self, live: Live, ada: Tokens) -> None:
        answer = call(live, "/batch?me=/me&sessions=/sessions&open=/slots%3Fopen%3Dtrue", ada.access).json()
        assert {name: part["status"] for name, part in answer.items()} == {"me": 200, "sessions": 200, "open": 200}
        assert answer["me"]["body"] == call(live, "/me", ada.access).json()

    @pytest.mark.parametrize(
        "path",
        [
            "/batch%3Fx=/me",
            "/nowhere",
            "/../../admin/",
            "/slots/nonsense",
            "//evil.example/me",
            "/me/deactivate",
        ],
    )
    def test_a_part_reads_this_api_and_nothing_else(self, live: Live, ada: Tokens, path: str) -> None:
        answer = call(live, f"/batch?me=/me&other={path}", ada.access).json()
        assert answer["me"]["status"] == 200
        assert answer["other"]["status"] in {404, 405}

    def test_a_part_has_no_more_rights_than_its_own_call(self, live: Live, ada: Tokens) -> None:
        body = {"name": "reader", "scopes": ["account:read"]}
        headers = {"Authorization": f"Bearer {ada.access}"}
        made = httpx.post(f"{live.backend_url}/api/v1/personal-access-tokens", json=body, headers=headers).json()
        answer = call(live, "/batch?me=/me&tokens=/personal-access-tokens", made["token"]).json()
        assert (answer["me"]["status"], answer["tokens"]["status"]) == (200, 403)

    @pytest.mark.parametrize("query", ["", "?" + "&".join(f"p{n}=/me" for n in range(7))])
    def test_none_and_too_many_parts_are_refused(self, live: Live, ada: Tokens, query: str) -> None:
        assert call(live, f"/batch{query}", ada.access).status_code == 400

    def test_strangers_get_nothing(self, live: Live) -> None:
        assert httpx.get(f"{live.backend_url}/api/v1/batch?me=/me").status_code == 401
