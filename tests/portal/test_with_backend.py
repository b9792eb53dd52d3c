"""The portal's process against the real backend, asked over HTTP: races, several portals, standing."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx

from tests.people import NO_CERTIFICATES, Browser, call
from tests.portal.conftest import arrived, running_process
from tests.processes import Live


def twin(browser: httpx.Client, *names: str) -> httpx.Client:
    """Another connection of the same browser that brings only these of its cookies."""
    other = httpx.Client(timeout=120, verify=NO_CERTIFICATES)
    for name in names:
        other.cookies.set(name, browser.cookies[name], domain="localhost.local", path="/")
    return other


def status(browser: httpx.Client, live: Live) -> str:
    page = browser.get(f"{live.portal_url}/sessions")
    return "in" if "This one" in page.text else "out"


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


def test_an_answer_that_comes_when_another_person_has_signed_in_shows_them_no_secret(live: Live) -> None:
    ann, bea = arrived(live, "portal-late-ann"), arrived(live, "portal-late-bea")
    page = f"{live.portal_url}/tokens"
    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', ann.get(page).text)
    assert form
    fields = {"csrfmiddlewaretoken": form[1], "name": "Anns job", "scopes": "bookings:read", "days": "30"}
    assert ann.post(page, data=fields).status_code == 303
    bea.cookies.set("insighta_note", ann.cookies["insighta_note"], domain="localhost.local", path="/")
    assert "insp_" not in bea.get(page).text
    assert "insp_" in ann.get(page).text


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


def test_weekly_hours_are_made_from_an_offering_and_not_from_an_archived_one(live: Live) -> None:
    host = arrived(live, "portal-hours")
    live.manage("make_host", "portal-hours")
    access, page = host.cookies["insighta_at"], f"{live.portal_url}/hosting/hours"
    offered = {"title": "Slow yoga", "minutes": 45, "capacity": 7, "price_credits": 3}
    offering = call(live, "/offerings", access, "POST", json=offered).json()["id"]
    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown := host.get(page).text)
    assert form
    grid = f"{page}?offering={offering}"
    fields = {"csrfmiddlewaretoken": form[1], "on_1": "on", "from_1_0": "10:00", "to_1_0": "11:30", "do": "save"}
    fields["base"] = re.findall(r'name="base" value="([^"]*)"', shown)[0]
    looked = host.post(grid, data=fields)
    hidden = dict(re.findall(r'name="(shown|seen)" value="([^"]+)"', looked.text))
    assert call(live, "/availability-rules", access).json()["results"] == []
    for said in ("Your weekly hours are saved.", "These are your weekly hours already."):
        saved = host.post(grid, data=fields | hidden, follow_redirects=True)
        assert said in saved.text
    (rule,) = call(live, "/availability-rules", access).json()["results"]
    names = ("offering_id", "title", "slot_minutes", "capacity", "price_credits")
    assert [rule[name] for name in names] == [offering, "Slow yoga", 45, 7, 3]
    other = call(live, "/offerings", access, "POST", json=offered | {"title": "Gone"}).json()["id"]
    call(live, f"/offerings/{other}/archive", access, "POST")
    refused = host.post(f"{page}?offering={other}", data=fields, follow_redirects=True)
    assert "That offering is archived or not there any more." in refused.text
    assert host.post(f"{page}?offering=nonsense", data=fields).status_code == 404


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
