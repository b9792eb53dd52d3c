"""Staying signed in: one refresh when the access token is gone, the same one for every tab and worker."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.people import HTTP
from tests.portal.conftest import HELP, TIMEOUT_SECONDS, Portal, begin, callback_of, csrf_of
from tests.portal.fake_backend import Answer, FakeBackend, problem


def without_access_token(browser: httpx.Client) -> httpx.Client:
    browser.cookies.delete("insighta_at")
    return browser


def test_an_expired_access_token_is_refreshed_and_the_page_goes_on(portal: Portal, backend: FakeBackend) -> None:
    browser = without_access_token(portal.signed_in())
    before = browser.cookies["insighta_rt"]
    answer = browser.get("/")
    assert answer.status_code == 200
    assert [call.path for call in backend.calls][:1] == ["/oauth/token"]
    assert len(backend.calls) == 2
    assert browser.cookies["insighta_rt"] != before
    assert browser.cookies["insighta_at"] in backend.access


def test_a_refused_access_token_is_refreshed_once_and_tried_once_more(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    backend.access.clear()
    assert browser.get("/").status_code == 200
    assert [call.path == "/oauth/token" for call in backend.calls] == [False, True, False]


def test_ten_tabs_at_once_stay_signed_in_with_the_same_successor(portal: Portal, backend: FakeBackend) -> None:
    _, refresh = backend.sign_in()
    tabs = [portal.browser() for _ in range(10)]
    for tab in tabs:
        tab.cookies.set("insighta_rt", refresh, domain="localhost.local", path="/")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda tab: tab.get("/"), tabs))
    assert {answer.status_code for answer in answers} == {200}
    assert len({tab.cookies["insighta_rt"] for tab in tabs}) == 1
    assert len({call.headers["idempotency-key"] for call in backend.made("POST", "/oauth/token")}) == 1


def test_an_ended_session_says_so_and_returns_to_the_page_wanted(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    backend.live.clear()
    backend.access.clear()
    answer = browser.get("/")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/signed-out?next=%2F&was=")
    page = browser.get(answer.headers["Location"])
    assert "You have been signed out" in page.text
    assert 'href="/login?next=%2F"' in page.text
    assert "insighta_rt" not in browser.cookies


REASONS = {
    "retry window closed": "Either that answer never reached this browser",
    "refresh token reused": "used from two places",
    "retry key mismatch": "used from two places",
    "the session was ended because it was used from two places: somebody may hold a copy, sign in again": "two places",
    "session lost, sign in again": "lost on our side",
    "the session has expired, sign in again": "not used for a long time",
    "the session has ended, sign in again": "signed out elsewhere",
    "<b>something new</b>": "signed out elsewhere",
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_page_says_why_the_sign_in_could_not_be_renewed(portal: Portal, backend: FakeBackend, reason: str) -> None:
    browser = without_access_token(portal.signed_in())
    backend.fault = Answer(400, {"error": "invalid_grant", "error_description": reason})
    page = browser.get(browser.get("/bookings?past=1").headers["Location"])
    assert REASONS[reason] in page.text
    assert 'href="/login?next=%2Fbookings%3Fpast%3D1"' in page.text
    assert "something new" not in page.text
    assert "insighta_rt" not in browser.cookies


def test_a_late_refusal_does_not_sign_out_the_person_who_signed_in_meanwhile(
    portal: Portal, backend: FakeBackend
) -> None:
    browser = portal.signed_in()
    backend.live.clear()
    backend.access.clear()
    refused = browser.get("/").headers["Location"]
    access, refresh = backend.sign_in()
    browser.cookies.set("insighta_rt", refresh, domain="localhost.local", path="/")
    browser.cookies.set("insighta_at", access, domain="localhost.local", path="/")
    answer = browser.get(refused)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser.get("/").status_code == 200


def test_a_link_to_signed_out_signs_nobody_out(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    for query in ("", "?was=", "?was=0123456789abcdef", "?reason=logout"):
        assert browser.get(f"/signed-out{query}").status_code == 303
    assert browser.get("/").status_code == 200


FAULTS = {
    "503": Answer(503, {}),
    "nonsense": Answer(200, raw=b"<html>"),
    "list": Answer(200, []),
    "dropped": Answer(drop=True),
    "slow": Answer(wait=TIMEOUT_SECONDS + 1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_unreachable_backend_keeps_the_cookies(portal: Portal, backend: FakeBackend, fault: Answer) -> None:
    browser = without_access_token(portal.signed_in())
    before = dict(browser.cookies)
    backend.fault = fault
    answer = browser.get("/")
    assert len({call.headers["idempotency-key"] for call in backend.calls}) == 1
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
    assert (answer.headers.get_list("Set-Cookie"), dict(browser.cookies)) == ([], before)
    backend.fault = None
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "invalid_request"])
def test_a_portal_that_the_backend_refuses_says_who_can_mend_it(
    portal: Portal, backend: FakeBackend, error: str
) -> None:
    browser = without_access_token(portal.signed_in())
    callback = callback_of(backend, begin(browser, "/credits"))
    before = dict(browser.cookies)
    backend.fault = Answer(401, {"error": error})
    for path in ("/", callback):
        answer = browser.get(path)
        assert answer.status_code == 503
        assert "Trying again does not help until the people who run Insighta" in answer.text
        assert dict(browser.cookies) == before
    assert f"token endpoint answered 401 {error}" in portal.process.text()
    backend.fault = None
    assert browser.get(callback).headers["Location"] == "/credits"


def test_new_tokens_reach_the_browser_even_when_the_page_fails(portal: Portal, backend: FakeBackend) -> None:
    browser = without_access_token(portal.signed_in())
    before = browser.cookies["insighta_rt"]
    backend.routes["GET", "/pages/home"] = Answer(500, {})
    assert browser.get("/").status_code == 503
    assert browser.cookies["insighta_rt"] != before
    del backend.routes["GET", "/pages/home"]
    assert browser.get("/").status_code == 200


GARBAGE = ["garbage", "insr_", "e30.e30.e30", "insr_" + "x" * 60, "a" * 3000, "%00%0d%0a", '"quoted"', "é"]


@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("name", ["insighta_at", "insighta_rt"])
def test_garbage_in_cookies_is_signed_out_with_a_clear_answer(portal: Portal, name: str, value: str) -> None:
    answer = HTTP.get(f"{portal.url}/", headers={b"Cookie": f"{name}={value}".encode()})
    assert answer.status_code in {200, 303, 401}
    if answer.status_code == 303:
        address = f"{portal.url}{answer.headers['Location']}"
        page = HTTP.get(address, headers={b"Cookie": f"{name}={value}".encode()})
        assert "You have been signed out" in page.text
        assert f"{name}=" in page.headers["Set-Cookie"]


def test_signing_out_with_garbage_in_the_cookies_works(portal: Portal) -> None:
    browser = portal.signed_in()
    form = csrf_of(browser)
    browser.cookies.set("insighta_rt", "garbage", domain="localhost.local", path="/")
    assert browser.post("/logout", data=form).status_code == 303
    assert "insighta_rt" not in browser.cookies


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        (problem(403, "account_suspended"), 403, "is suspended"),
        (problem(403, "account_pending"), 403, "waits for approval"),
        (problem(404, "not_found"), 404, "does not exist"),
        (problem(409, "busy"), 409, "Nothing was lost"),
        (problem(418, "something_new", detail="The teapot is <hot>."), 418, "The teapot is &lt;hot&gt;."),
    ],
)
def test_each_refusal_has_its_page(
    portal: Portal, backend: FakeBackend, answer: Answer, status: int, sentence: str
) -> None:
    backend.routes["GET", "/pages/home"] = answer
    page = portal.signed_in().get("/")
    assert page.status_code == status
    assert sentence in page.text


def test_too_many_requests_says_when_to_come_back(portal: Portal, backend: FakeBackend) -> None:
    backend.routes["GET", "/pages/home"] = Answer(429, {"code": "throttled"}, {"Retry-After": "7"})
    page = portal.signed_in().get("/")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "7")
    assert "Wait 7 seconds" in page.text


def test_suspension_at_the_refresh_shows_its_page_and_forgets(portal: Portal, backend: FakeBackend) -> None:
    browser = without_access_token(portal.signed_in())
    backend.fault = Answer(400, {"error": "invalid_grant", "error_description": "account_suspended"})
    page = browser.get("/")
    assert page.status_code == 403
    assert "is suspended" in page.text
    assert f'write to <a href="mailto:{HELP}">{HELP}</a>.' in page.text
    assert "insighta_rt" not in browser.cookies


def test_the_request_id_joins_both_sides(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    assert browser.get("/", headers={"X-Request-ID": "from-the-proxy-1"}).headers["X-Request-ID"] == "from-the-proxy-1"
    assert backend.calls[0].headers["x-request-id"] == "from-the-proxy-1"
    forged = browser.get("/", headers={"X-Request-ID": "line break? no"}).headers["X-Request-ID"]
    assert forged != "line break? no"
    assert backend.calls[1].headers["x-request-id"] == forged


def test_the_pages_headers_are_strict(portal: Portal) -> None:
    headers = portal.browser().get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")


def test_an_unknown_address_has_a_page(portal: Portal) -> None:
    answer = portal.browser().get("/no/such/page")
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text


def test_healthz_asks_nobody(portal: Portal, backend: FakeBackend) -> None:
    backend.fault = Answer(503, {})
    assert portal.browser().get("/healthz").json() == {"status": "alive"}
    assert backend.calls == []
