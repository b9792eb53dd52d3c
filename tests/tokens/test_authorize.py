"""`/oauth/authorize`: who may be sent where, with what; and the page that asks before a terminal gets a code."""

import re
from html import unescape
from urllib.parse import urljoin

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, Browser, Pkce, query, redeem, single
from tests.processes import Live

EVIL = "https://evil.example"
METHODS = ["GET", "POST"]


def assert_page(response: httpx.Response, code: str) -> None:
    """A page that explains, and never a redirect."""
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "refresh" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert f"<code>{code}</code>" in response.text
    assert "evil.example" not in response.text


def confirmation(browser: Browser, *, pkce: Pkce | None = None, **changes: str | None) -> httpx.Response:
    """The page that asks, after GitHub."""
    page = browser.follow(browser.authorize(CLI, pkce=pkce, **changes), until=LOOPBACK)
    assert page.status_code == 200
    return page


# addresses that get nothing, not even an error


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("client_id", [None, "", "unknown", "insighta-cli ", "INSIGHTA-CLI", "insighta-cli\x00", "1"])
def test_an_unknown_client_gets_a_page(live: Live, client_id: str | None, method: str) -> None:
    answer = Browser(live, "mallory").authorize(
        client_id=client_id or "", redirect_uri=f"{EVIL}/callback", method=method
    )
    assert_page(answer, "unknown_client")
    if client_id is None:
        without = HTTP.get(f"{live.backend_url}/oauth/authorize", params={"redirect_uri": LOOPBACK})
        assert_page(without, "unknown_client")


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        f"{EVIL}/callback",
        "http://localhost:9876/callback",
        "https://127.0.0.1:9876/callback",
        "http://127.0.0.1:9876/callback%2f..",
        "http://127.0.0.1:9876/callback?to=evil.example",
        "http://127.0.0.1:9876/callback?",
        "http://127.0.0.1:9876/callback#evil.example",
        "http://127.0.0.1:9876/callback#",
        "http://127.0.0.1@evil.example/callback",
        "http://127.0.0.1:9876@evil.example/callback",
        "http://evil.example@127.0.0.1:9876/callback",
        "http://evil.example\\@127.0.0.1:9876/callback",
        "http://127.0.0.1\\.evil.example:9876/callback",
        "http://127.0.0.1:9876\\evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:9876.evil.example/callback",
        "http://127.0.0.1%2eevil.example/callback",
        "http://127.0.0.1%00.evil.example/callback",
        "http://127.1:9876/callback",
        "http://2130706433:9876/callback",
        "http://0x7f.0.0.1:9876/callback",
        "http://127.0.0.2:9876/callback",
        "http://0.0.0.0:9876/callback",
        "http://[::]:9876/callback",
        "http://[::ffff:127.0.0.1]:9876/callback",
        "http://[::1%25lo]:9876/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:٩٨٧٦/callback",
        "HTTP://127.0.0.1:9876/callback",
        "http:/127.0.0.1:9876/callback",
        "http:127.0.0.1:9876/callback",
        "//127.0.0.1:9876/callback",
        " http://127.0.0.1:9876/callback",
        "http://127.0.0.1:9876/callback ",
        "http://127.0.0.1:9876/callback\nX-Evil: 1",
        "http://127.0.0.1:9876/call\tback",
        "javascript:alert(1)//http://127.0.0.1:9876/callback",
        "data:text/html,callback",
        "insighta://callback",
    ],
)
def test_the_terminal_is_answered_on_loopback_only(live: Live, uri: str | None) -> None:
    assert_page(Browser(live, "mallory").authorize(CLI, redirect_uri=uri), "unknown_redirect_uri")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://127.0.0.1/callback",
        "http://[::1]:9876/callback",
        "http://127.0.0.1:9876/",
        "http://127.0.0.1:9876/oauth/answer",
    ],
)
def test_any_port_and_plain_path_of_loopback_is_fine_for_the_terminal(live: Live, uri: str) -> None:
    answer = Browser(live, "ada").authorize(CLI, redirect_uri=uri)
    assert answer.headers["location"].startswith(live.github_url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_code_goes_to_the_port_that_was_asked_for(live: Live, host: str) -> None:
    uri, pkce = f"http://{host}:43210/callback", Pkce()
    browser = Browser(live, fresh("ada"))
    sent = browser.submit(confirmation(browser, redirect_uri=uri, pkce=pkce), decision="approve")
    assert sent.headers["location"].startswith(f"{uri}?code=insc_")
    assert redeem(live, query(sent)["code"], pkce, redirect_uri=uri).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        ("http://localhost:", "http://127.0.0.1:"),
        ("http://localhost:", "https://localhost:"),
        ("http://localhost:", "http://LOCALHOST:"),
        ("http://localhost:", "http://evil@localhost:"),
        ("http://localhost:", "http://localhost.evil.example:"),
        ("http://localhost:", "http://localhost\\.evil.example:"),
        ("http://", "//"),
        ("/auth/callback", "/auth/callback/"),
        ("/auth/callback", "/auth/callback?next=evil"),
        ("/auth/callback", "/auth/callback#evil"),
        ("/auth/callback", "/auth//callback"),
        ("/auth/callback", "/auth/%63allback"),
        ("/auth/callback", "/auth/callback/../../x"),
        ("/auth/callback", "/x/../auth/callback"),
        ("/auth/callback", "/login"),
        ("/auth/callback", ""),
    ],
)
def test_the_portal_is_answered_at_its_one_address(live: Live, change: tuple[str, str]) -> None:
    uri = f"{live.portal_url}/auth/callback".replace(*change)
    assert_page(Browser(live, "mallory").authorize(PORTAL, redirect_uri=uri), "unknown_redirect_uri")


def test_another_port_of_the_portals_host_is_another_address(live: Live) -> None:
    for uri in ("http://localhost:9876/auth/callback", "http://localhost/auth/callback", LOOPBACK):
        assert_page(Browser(live, "mallory").authorize(PORTAL, redirect_uri=uri), "unknown_redirect_uri")


@pytest.mark.parametrize(("name", "code"), [("client_id", "unknown_client"), ("redirect_uri", "unknown_redirect_uri")])
def test_a_repeated_client_or_address_is_a_page(live: Live, name: str, code: str) -> None:
    url = str(Browser(live, "ada").authorize().request.url)
    twice = HTTP.get(f"{url}&{name}={EVIL}/callback")
    assert_page(twice, code)


# mistakes of a known client at a known address are told to it


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "A" * 42}, "invalid_request"),
        ({"code_challenge": "A" * 44}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "="}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "\n"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "handoff"}, "unsupported_response_type"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "account:read admin"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_is_answered_at_once_with_state_and_issuer(
    live: Live, changes: dict[str, str | None], error: str, method: str
) -> None:
    answer = Browser(live, "ada").authorize(CLI, pkce=None, method=method, state="the state", **changes)
    assert answer.headers["location"].startswith(f"{LOOPBACK}?")
    assert "no-store" in answer.headers["cache-control"]
    given = query(answer)
    assert given.pop("error_description")
    assert given == {"error": error, "state": "the state", "iss": live.backend_url}


@pytest.mark.parametrize("client_id", [CLI, PORTAL])
@pytest.mark.parametrize("changes", [{"code_challenge": None}, {"code_challenge_method": "plain"}])
def test_no_client_goes_without_pkce(live: Live, client_id: str, changes: dict[str, None]) -> None:
    assert single(Browser(live, "ada").authorize(client_id, **changes), "error") == "invalid_request"


@pytest.mark.parametrize(
    "name", ["response_type", "scope", "code_challenge", "code_challenge_method", "prompt", "device_label", "state"]
)
def test_a_repeated_parameter_is_refused(live: Live, name: str) -> None:
    url = str(
        Browser(live, "ada").authorize(scope="account:read", device_label="d", prompt="select_account").request.url
    )
    answer = HTTP.get(f"{url}&{name}=again")
    assert single(answer, "error") == "invalid_request"
    assert ("state" in query(answer)) == (name != "state")


@pytest.mark.parametrize("state", ["", "a\nb", "a\x00b", "ä", "x" * 513, "<\x7f>"])
def test_a_state_that_cannot_be_given_back_is_refused_without_it(live: Live, state: str) -> None:
    answer = Browser(live, "ada").authorize(state=state)
    if not state:
        assert answer.headers["location"].startswith(live.github_url)
        return
    assert query(answer).keys() == {"error", "error_description", "iss"}


def test_state_and_issuer_come_back_with_the_code(live: Live) -> None:
    state = "&error=access_denied#<>\"' +%00"
    browser = Browser(live, fresh("ada"))
    answer = browser.submit(confirmation(browser, state=state), decision="approve")
    assert (single(answer, "state"), single(answer, "iss")) == (state, live.backend_url)
    assert query(answer).keys() == {"code", "state", "iss"}


def test_a_form_of_an_application_on_another_site_begins_a_sign_in(live: Live) -> None:
    """OpenID Connect Core §3.1.2.1; the page that asks comes afterwards, and its answer stays our own form's."""
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    browser.http.headers.update({"Origin": EVIL, "Referer": f"{EVIL}/"})
    begun = browser.authorize(CLI, pkce=pkce, method="POST", state="the state", prompt="select_account")
    assert "prompt=select_account" in begun.headers["location"]
    for header in ("Origin", "Referer"):
        del browser.http.headers[header]
    answer = browser.submit(browser.follow(begun, until=LOOPBACK), decision="approve")
    assert single(answer, "state") == "the state"
    assert redeem(live, single(answer, "code"), pkce).status_code == 200


def test_only_the_body_of_a_post_counts(live: Live) -> None:
    url = str(Browser(live, "ada").authorize().request.url)
    assert_page(HTTP.post(url), "unknown_client")
    assert_page(HTTP.post(url, json={"client_id": CLI, "redirect_uri": LOOPBACK}), "unknown_client")


def test_a_post_can_be_begun_again_by_its_link(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = browser.follow(browser.authorize(method="POST", scope="account:read"), until=LOOPBACK)
    again = re.search(r'href="(/oauth/authorize\?[^"]+)"', page.text)
    assert again
    assert "scope=account%3Aread" in again[1]
    assert browser.get(f"{live.backend_url}{unescape(again[1])}").headers["location"].startswith(live.github_url)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_other_methods_do_nothing(live: Live, method: str) -> None:
    assert HTTP.request(method, f"{live.backend_url}/oauth/authorize").status_code in {403, 405}


# the confirmation


def test_the_page_names_client_device_and_person_and_gives_nothing_yet(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = confirmation(browser, device_label="ada's laptop")
    assert "Insighta CLI" in page.text
    assert "ada&#x27;s laptop" in page.text
    assert f"<strong>{browser.login}</strong>" in page.text
    assert "insc_" not in page.text
    with live.connect() as connection:
        statement = (
            "SELECT count(*) FROM tokens_authorizationcode c JOIN accounts_user u ON u.id = c.user_id WHERE login = %s"
        )
        assert connection.execute(statement, [browser.login]).fetchone() == (0,)


def test_the_page_says_what_is_given_and_for_how_long(live: Live) -> None:
    page = confirmation(Browser(live, fresh("ada")), scope="bookings:read account:read")
    assert (
        "See your account and its signed-in devices<br>See sessions, your bookings and your credits</dd>" in page.text
    )
    assert "not used for 30 days, or 90 days are over" in page.text


@pytest.mark.parametrize(
    "label",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ csrf_token }}", "a\u202eb\x00c\nd", "x" * 100],
)
def test_a_device_label_is_shown_as_plain_text(live: Live, label: str) -> None:
    page = confirmation(Browser(live, fresh("ada")), device_label=label)
    shown = re.search(r"Calls itself</dt><dd>(.*?)</dd>", page.text, re.DOTALL)
    assert shown
    assert "<" not in shown[1]
    assert "\u202e" not in page.text
    assert len(unescape(shown[1])) <= 100
    assert unescape(shown[1]).startswith(label[:1])
    assert "<script" not in page.text
    assert "<img" not in page.text


def test_without_a_label_the_client_names_itself(live: Live) -> None:
    assert "<dd>Insighta CLI</dd></div>" in confirmation(Browser(live, fresh("ada"))).text


def test_no_other_site_can_frame_the_page_or_change_where_its_form_goes(live: Live) -> None:
    page = confirmation(Browser(live, fresh("ada")), redirect_uri="http://127.0.0.1:43210/callback")
    policy = {
        name: values for name, *values in (part.split() for part in page.headers["content-security-policy"].split(";"))
    }
    assert policy["frame-ancestors"] == ["'none'"]
    assert page.headers["x-frame-options"] == "DENY"
    assert policy["form-action"] == ["'self'", "http://127.0.0.1:43210"]
    assert policy["default-src"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert "no-store" in page.headers["cache-control"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in page.text


def test_the_answer_needs_the_pages_own_csrf_token(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = confirmation(browser)
    (flow,) = re.findall(r'name="flow" value="([^"]+)"', page.text)
    for token in ({}, {"csrfmiddlewaretoken": "x" * 64}):
        forged = browser.http.post(str(page.url), data={"flow": flow, "decision": "approve", **token})
        assert forged.status_code == 403
        assert "location" not in forged.headers
        assert "refuses cookies, allow them for <strong>127.0.0.1" in forged.text
        assert f'href="/oauth/authorize?flow={flow}"' in forged.text
    assert "code" in query(browser.submit(page, decision="approve"))


def test_a_form_from_another_site_is_refused(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = confirmation(browser)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)) | {
        "decision": "approve"
    }
    answer = browser.http.post(f"{live.backend_url}/oauth/authorize", data=fields, headers={"Origin": EVIL})
    assert answer.status_code == 403


def test_another_persons_browser_cannot_answer(live: Live) -> None:
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    page, own = confirmation(ada), confirmation(mallory)
    (flow,) = re.findall(r'name="flow" value="([^"]+)"', page.text)
    assert_page(mallory.submit(own, decision="approve", flow=flow), "sign_in_expired")
    assert "code" in query(ada.submit(page, decision="approve"))


@pytest.mark.parametrize("decision", ["deny", "", "Approve", "approve "])
def test_anything_but_approval_is_access_denied_and_final(live: Live, decision: str) -> None:
    browser = Browser(live, fresh("ada"))
    page = confirmation(browser, state="the state")
    answer = browser.submit(page, decision=decision)
    assert answer.headers["location"].startswith(f"{LOOPBACK}?")
    assert query(answer) == {
        "error": "access_denied",
        "error_description": "denied",
        "state": "the state",
        "iss": live.backend_url,
    }
    assert_page(browser.submit(page, decision="approve"), "sign_in_decided")


def test_using_another_account_asks_github_again_as_often_as_the_person_likes(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    page = confirmation(browser, pkce=pkce)
    for login in (fresh("grace"), fresh("mallory"), fresh("ada")):
        browser.login = login
        (link,) = re.findall(r'<a href="([^"]+)">Use another GitHub account', page.text)
        asked = browser.get(urljoin(str(page.url), unescape(link)))
        assert query(asked)["prompt"] == "select_account"
        page = browser.follow(asked, until=LOOPBACK)
        assert f"<strong>{login}</strong>" in page.text
    code = query(browser.submit(page, decision="approve"))["code"]
    assert redeem(live, code, pkce).status_code == 200


def test_the_redirect_with_the_code_leaves_no_trace(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    answer = browser.submit(confirmation(browser), decision="approve")
    assert answer.status_code == 303
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.content == b""
