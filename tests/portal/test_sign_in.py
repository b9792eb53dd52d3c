"""`/login`, `/auth/callback` and `/logout`: Ada signs in, Mallory does not."""

import base64
import hashlib
import hmac
import re

import httpx
import pytest
from django.core import signing

from tests.portal.conftest import TIMEOUT_SECONDS, Portal, arrive, begin, callback_of, csrf_of, query_of, running
from tests.portal.fake_backend import Answer, FakeBackend, s256

BASIC = "Basic " + base64.b64encode(b"insighta-portal:development-only-portal-client-secret-do-not-deploy").decode()


def flow_cookie(browser: httpx.Client) -> tuple[str, str]:
    return next((c.name, c.value or "") for c in browser.cookies.jar if c.name.startswith("insighta_flow_"))


def is_signed_in(browser: httpx.Client) -> bool:
    return "Signed in as" in browser.get("/").text


def set_cookies(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("Set-Cookie")


@pytest.mark.parametrize(("address", "more"), [("/login", {}), ("/login?switch=1", {"prompt": "select_account"})])
def test_login_goes_to_the_backend_with_state_and_challenge(
    portal: Portal, backend: FakeBackend, address: str, more: dict[str, str]
) -> None:
    answer = portal.browser().get(address)
    query = query_of(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{backend.url}/oauth/authorize?")
    assert [len(query.pop(name)) for name in ("state", "code_challenge")] == [43, 43]
    assert query == more | {
        "response_type": "handoff",
        "client_id": "insighta-portal",
        "redirect_uri": f"{portal.url}/auth/callback",
        "code_challenge_method": "S256",
    }
    [cookie] = set_cookies(answer)
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=7200"))


def test_arriving_rotates_at_once_and_cleans_the_address(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    flow = begin(browser, "/bookings?past=1")
    address = callback_of(backend, flow)
    answer = browser.get(address)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/bookings?past=1")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    [call] = backend.calls
    handed_over = query_of(address)["rt"]
    digest = hmac.digest(b"the portal's retry key in tests", handed_over.encode(), hashlib.sha256)
    assert call.headers["idempotency-key"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert call.headers["authorization"] == BASIC
    assert s256(call.body["code_verifier"]) == flow["code_challenge"]
    assert browser.cookies["insighta_rt"] != handed_over
    assert is_signed_in(browser)


def test_the_address_delivered_again_leads_on_and_asks_nobody(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    address = callback_of(backend, begin(browser, "/bookings"))
    browser.get(address)
    held, calls = browser.cookies["insighta_rt"], len(backend.calls)
    again = browser.get(address)
    assert (again.status_code, again.headers["Location"]) == (303, "/bookings")
    assert (browser.cookies["insighta_rt"], len(backend.calls)) == (held, calls)


def test_the_address_delivered_again_after_signing_out_signs_nobody_in(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    address = callback_of(backend, begin(browser, "/bookings"))
    browser.get(address)
    browser.post("/logout", data=csrf_of(browser, "/logout"))
    again = browser.get(address)
    assert again.status_code == 400
    assert 'href="/login?next=%2Fbookings"' in again.text
    assert "insighta_rt" not in browser.cookies


def test_a_browser_without_cookies_is_told_that_a_sign_in_needs_one(portal: Portal, backend: FakeBackend) -> None:
    address = callback_of(backend, begin(portal.browser()))
    assert "allow them for this site" in portal.browser().get(address).text
    assert "allow them" not in portal.signed_in().get(address).text


def test_a_wish_that_no_cookie_holds_is_the_start_page(portal: Portal, backend: FakeBackend) -> None:
    for path in ("/" + "é" * 999, "/" + '"' * 999, "/" + "\U0001f600" * 500, "/" + "x" * 1000):
        browser = portal.browser()
        assert arrive(browser, backend, begin(browser, path)).headers["Location"] == "/"
    kept = "/" + "x" * 990
    assert arrive(browser, backend, begin(browser, kept)).headers["Location"] == kept


def test_the_token_cookies_are_closed_to_scripts_and_other_sites(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    answer = arrive(browser, backend, begin(browser))
    access, refresh = (next(c for c in set_cookies(answer) if c.startswith(n)) for n in ("insighta_at", "insighta_rt"))
    for cookie in (access, refresh):
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Max-Age=170" in access
    assert "Max-Age=2592000" in refresh


@pytest.mark.parametrize(
    "next_path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_next_is_never_another_site(portal: Portal, backend: FakeBackend, next_path: str) -> None:
    browser = portal.browser()
    answer = arrive(browser, backend, begin(browser, next_path))
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("owner_arrives_first", [True, False])
def test_whoever_saw_the_callback_address_gets_nothing(
    portal: Portal, backend: FakeBackend, owner_arrives_first: bool
) -> None:
    ada, mallory = portal.browser(), portal.browser()
    address = callback_of(backend, begin(ada))
    if owner_arrives_first:
        assert ada.get(address).status_code == 303
    calls = len(backend.calls)
    answer = mallory.get(address)
    assert answer.status_code == 400
    assert "not started in this browser" in answer.text
    assert (len(backend.calls), set_cookies(answer)) == (calls, [])
    if not owner_arrives_first:
        assert ada.get(address).status_code == 303
    assert is_signed_in(ada)
    assert not is_signed_in(mallory)


def test_a_browser_that_forges_the_cookie_but_cannot_sign_it_gets_nothing(portal: Portal, backend: FakeBackend) -> None:
    ada, mallory = portal.browser(), portal.browser()
    flow = begin(ada)
    name, value = flow_cookie(ada)
    forged = signing.dumps(
        {"state": flow["state"], "verifier": "m" * 43, "next": "/"}, key="mallory's own key", salt="insighta_flow_"
    )
    for attempt in (forged, value[:-1] + ("A" if value[-1] != "A" else "B"), "", "garbage"):
        mallory.cookies.set(name, attempt, domain="localhost.local", path="/")
        answer = arrive(mallory, backend, flow)
        assert answer.status_code == 400
    assert backend.calls == []


def test_a_signed_cookie_of_another_flow_does_not_fit(portal: Portal, backend: FakeBackend) -> None:
    ada, mallory = portal.browser(), portal.browser()
    hers, _ = begin(ada), begin(mallory)
    name, _ = flow_cookie(ada)
    _, own_value = flow_cookie(mallory)
    mallory.cookies.set(name, own_value, domain="localhost.local", path="/")
    answer = arrive(mallory, backend, hers)
    assert (answer.status_code, backend.calls) == (400, [])


@pytest.mark.parametrize(
    "change", [{"state": ""}, {"state": "x" * 43}, {"state": "é\n"}, {"iss": ""}, {"iss": "https://evil.example"}]
)
def test_a_wrong_state_or_issuer_changes_nothing(portal: Portal, backend: FakeBackend, change: dict[str, str]) -> None:
    browser = portal.signed_in()
    answer = arrive(browser, backend, begin(browser), **change)
    assert (answer.status_code, set_cookies(answer), backend.calls) == (400, [], [])
    assert is_signed_in(browser)


def test_a_link_with_another_persons_tokens_keeps_the_person_who_is_signed_in(
    portal: Portal, backend: FakeBackend
) -> None:
    ada = portal.signed_in()
    before = ada.cookies["insighta_rt"]
    answer = arrive(ada, backend, {"state": "m" * 43, "code_challenge": s256("mallory")})
    assert answer.status_code == 400
    assert (ada.cookies["insighta_rt"], backend.calls) == (before, [])


@pytest.mark.parametrize("query", ["", "?at=x", "?rt=insr_" + "x" * 60, "?at=%00&rt=%ff"])
def test_a_callback_without_a_flow_is_refused(portal: Portal, backend: FakeBackend, query: str) -> None:
    answer = portal.browser().get(f"/auth/callback{query}")
    assert (answer.status_code, backend.calls) == (400, [])


@pytest.mark.parametrize("tokens", [{}, {"rt": ""}, {"rt": "insr_short"}, {"rt": "garbage\n"}])
def test_a_right_state_without_usable_tokens_offers_to_try_again(
    portal: Portal, backend: FakeBackend, tokens: dict[str, str]
) -> None:
    browser = portal.browser()
    flow = begin(browser, "/credits")
    answer = browser.get("/auth/callback", params={"state": flow["state"], "iss": backend.url} | tokens)
    assert (answer.status_code, backend.calls) == (400, [])
    assert 'href="/login?next=%2Fcredits"' in answer.text


def test_two_tabs_sign_in_at_once(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    first, second = begin(browser, "/slots"), begin(browser, "/credits")
    later = arrive(browser, backend, second)
    earlier = arrive(browser, backend, first)
    assert [later.headers["Location"], earlier.headers["Location"]] == ["/credits", "/slots"]


def test_unfinished_sign_ins_do_not_pile_up(portal: Portal) -> None:
    browser = portal.browser()
    for _ in range(12):
        begin(browser)
    assert len([name for name in browser.cookies if name.startswith("insighta_flow_")]) <= 6


def test_the_former_session_ends_after_the_new_one_is_safe(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    former = browser.cookies["insighta_rt"]
    arrive(browser, backend, begin(browser))
    assert [call.path for call in backend.calls] == ["/oauth/token", "/oauth/revoke"]
    assert backend.calls[1].body["token"] == former


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("account_pending", "waits for approval"),
        ("account_suspended", "is suspended"),
        ("github_denied", "not to share"),
        ("github_unavailable", "GitHub did not answer"),
        ("sign_in_expired", "took too long"),
        ("sign_in_decided", "was answered before"),
        ("<script>alert(1)</script>", "took too long"),
    ],
)
def test_a_refused_sign_in_says_why(portal: Portal, backend: FakeBackend, reason: str, sentence: str) -> None:
    browser = portal.browser()
    answer = arrive(browser, backend, begin(browser), error="access_denied", error_description=reason)
    assert sentence in answer.text
    assert 'href="/login' in answer.text
    assert "<script>alert" not in answer.text
    assert backend.calls == []


FAULTS = {
    "503": Answer(503, {}),
    "500": Answer(500, raw=b"<h1>oops"),
    "nonsense": Answer(200, raw=b"nonsense"),
    "empty": Answer(200, {}),
    "dropped": Answer(drop=True),
    "slow": Answer(wait=TIMEOUT_SECONDS + 1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_unreachable_backend_can_be_asked_again(portal: Portal, backend: FakeBackend, fault: Answer) -> None:
    browser = portal.browser()
    address = callback_of(backend, begin(browser, "/credits"))
    backend.fault = fault
    answer = browser.get(address)
    assert (answer.status_code, set_cookies(answer)) == (503, [])
    assert query_of(address)["rt"] not in answer.text
    backend.fault = None
    keys = {call.headers["idempotency-key"] for call in backend.calls}
    again = browser.get(address)
    assert (again.status_code, again.headers["Location"]) == (303, "/credits")
    assert keys == {backend.calls[-1].headers["idempotency-key"]}


def test_a_hand_off_that_died_keeps_the_former_sign_in(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    address = callback_of(backend, begin(browser))
    backend.live.discard(query_of(address)["rt"])
    answer = browser.get(address)
    assert answer.status_code == 400
    assert "took too long" in answer.text
    assert is_signed_in(browser)


def test_signing_out_revokes_and_forgets(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    form, token = csrf_of(browser), browser.cookies["insighta_rt"]
    answer = browser.post("/logout", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out?reason=logout")
    [call] = backend.made("POST", "/oauth/revoke")
    assert (call.body["token"], call.headers["authorization"]) == (token, BASIC)
    assert "You are signed out" in browser.get("/signed-out?reason=logout").text
    assert "insighta_rt" not in browser.cookies
    assert "insighta_at" not in browser.cookies


def test_signing_out_takes_the_form_of_the_page_that_asks(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    refused = browser.post("/logout")
    assert refused.status_code == 403
    assert "This form is too old" in refused.text
    page = browser.get("/logout")
    assert (page.status_code, backend.calls) == (200, [])
    assert "Sign out?" in page.text
    assert is_signed_in(browser)
    assert browser.post("/logout", data=csrf_of(browser, "/logout")).status_code == 303
    assert "insighta_rt" not in browser.cookies
    assert browser.get("/logout").headers["Location"] == "/"


def test_signing_out_forgets_even_when_the_backend_is_away(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.signed_in()
    form = csrf_of(browser)
    backend.fault = Answer(503, {})
    answer = browser.post("/logout", data=form)
    assert "insighta_rt" not in browser.cookies
    assert "could not be reached" in browser.get(answer.headers["Location"]).text


def test_with_https_every_cookie_is_bound_to_the_host(backend: FakeBackend) -> None:
    with running(
        Portal(backend, PORTAL_URL="https://portal.example", PORTAL_HANDOFF="code", ALLOWED_HOSTS="localhost")
    ) as portal:
        browser = portal.browser()
        answer = browser.get("/login")
        [cookie] = set_cookies(answer)
        assert cookie.startswith("__Host-insighta_flow_")
        assert "Secure" in cookie
        flow = query_of(answer.headers["Location"])
        assert flow["response_type"] == "code"
        tokens = {"access_token": "e30.e30.abc", "refresh_token": "insr_" + "x" * 60, "expires_in": 180}
        backend.fault = Answer(200, tokens)
        name, value = cookie.split(";")[0].split("=", 1)
        query = {"code": "insc_x", "state": flow["state"], "iss": backend.url}
        back = browser.get("/auth/callback", params=query, headers={"Cookie": f"{name}={value}"})
        assert back.status_code == 303
        assert backend.calls[0].body["grant_type"] == "authorization_code"
        assert backend.calls[0].body["redirect_uri"] == "https://portal.example/auth/callback"
        for cookie in set_cookies(back)[:2]:
            assert cookie.startswith("__Host-insighta_")
            assert "Secure" in cookie


def test_a_code_whose_answer_was_lost_is_sent_again_with_its_key(backend: FakeBackend) -> None:
    backend.reset()
    with running(Portal(backend, PORTAL_HANDOFF="code")) as portal:
        browser = portal.browser()
        flow = begin(browser, "/credits")
        backend.fault = Answer(drop=True)
        query = {"code": "insc_x", "state": flow["state"], "iss": backend.url}
        assert browser.get("/auth/callback", params=query).status_code == 503
        backend.fault = Answer(
            200, {"access_token": "e30.e30.abc", "refresh_token": f"insr_{'x' * 60}", "expires_in": 180}
        )
        again = browser.get("/auth/callback", params=query)
    assert (again.status_code, again.headers["Location"]) == (303, "/credits")
    assert len({call.headers["idempotency-key"] for call in backend.calls}) == 1


def test_nothing_secret_is_logged(portal: Portal, backend: FakeBackend) -> None:
    browser = portal.browser()
    address = callback_of(backend, begin(browser))
    assert browser.get(address).status_code == 303
    backend.fault = Answer(500, raw=b"oops")
    assert browser.get("/").status_code == 503
    portal.browser().get(address)
    printed = portal.process.text()
    assert re.search(r"path=/auth/callback .*status=303", printed)
    secrets = [*query_of(address).values(), browser.cookies["insighta_rt"], browser.cookies["insighta_at"]]
    assert not [secret for secret in secrets if secret != backend.url and secret in printed]
