"""What GitHub may answer in the middle of a sign-in: fields that are missing or odd, and its own error codes."""

import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.accounts.github import broken, describe, fresh, github_id
from tests.people import LOOPBACK, PORTAL, Browser, Tokens, call
from tests.processes import Live, another_backend

NO_ADDRESSES: list[dict[str, Any]] = [
    *({"mode": "error", "status": status} for status in (401, 403, 404, 429, 500, 503)),
    {"mode": "refuse"},
    {"mode": "nonsense"},
    *({"mode": "nonsense", "body": body} for body in ({}, "x", 1, [None], ["ada@example.org"], {"message": "no"})),
]


def me(live: Live, tokens: Tokens) -> dict[str, Any]:
    return dict(call(live, "/me", tokens.access).json())


@pytest.mark.parametrize("answer", NO_ADDRESSES, ids=str)
def test_without_githubs_word_on_addresses_a_person_signs_in_and_keeps_the_stored_one(
    live: Live, answer: dict[str, Any]
) -> None:
    browser = Browser(live, fresh("ada"))
    known = me(live, browser.sign_in())
    assert known["email"]
    describe(live, browser.login, email="new@users.example.test", id=github_id(live, browser.login))
    with broken(live, browser.login, "emails", **answer):
        kept = me(live, browser.sign_in())
    assert (kept["id"], kept["email"]) == (known["id"], known["email"])
    assert me(live, browser.sign_in())["email"] == "new@users.example.test"


def test_a_first_sign_in_without_githubs_word_on_addresses_has_none(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    with broken(live, browser.login, "emails", "error", status=403):
        assert me(live, browser.sign_in())["email"] == ""
    assert "sign-in goes on without GitHub's word on addresses: http_error, status 403" in live.backend.text()


def test_addresses_that_take_too_long_are_given_up_and_the_person_signs_in(live: Live) -> None:
    with another_backend(live, GITHUB_TIMEOUT_SECONDS="3") as impatient:
        browser = Browser(impatient, fresh("ada"))
        with broken(live, browser.login, "emails", "slow", seconds=60):
            assert me(impatient, browser.sign_in())["email"] == ""


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"email": None, "primary": True, "verified": True},
        {"email": ["ada@example.org"], "primary": True, "verified": True},
        {"email": {"x": 1}, "primary": True, "verified": True},
        {"email": "ada@example.org", "primary": "yes", "verified": 1},
    ],
    ids=str,
)
def test_an_odd_entry_among_the_addresses_is_no_address(live: Live, entry: dict[str, Any]) -> None:
    browser = Browser(live, fresh("ada"))
    with broken(live, browser.login, "emails", "nonsense", body=[entry]):
        assert me(live, browser.sign_in())["email"] == ""


ODD: list[object] = [None, "", 7, True, [], ["x"], {"x": 1}, "x" * 20_000, "\x00", "\ud800", "https://x/\x00", "é"]


@pytest.mark.parametrize("field", ["name", "avatar_url", "email", "node_id", "type", "site_admin", "created_at"])
def test_no_optional_field_of_the_profile_stops_a_sign_in(live: Live, field: str) -> None:
    browser = Browser(live, fresh("ada"))
    known = me(live, browser.sign_in())
    profile = {"login": browser.login, "id": github_id(live, browser.login), "name": "Ada"}
    for odd in ODD:
        with broken(live, browser.login, "user", "nonsense", body=profile | {field: odd}):
            assert me(live, browser.sign_in()) == known, odd
    with broken(live, browser.login, "user", "nonsense", body=profile):
        assert me(live, browser.sign_in()) == known


@pytest.mark.parametrize("field", ["login", "id"])
@pytest.mark.parametrize("odd", [None, "", [], {"x": 1}, True, 1.5, "\u202e"], ids=ascii)
def test_a_profile_without_id_or_login_is_none(live: Live, field: str, odd: object) -> None:
    browser = Browser(live, fresh("ada"))
    body = {"login": browser.login, "id": github_id(live, browser.login), field: odd}
    with broken(live, browser.login, "user", "nonsense", body=body):
        page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert (page.status_code, "<code>github_unavailable</code>" in page.text) == (503, True)


# GitHub's own codes


OPERATOR, PERSON, AGAIN = "github_misconfigured", "github_address_unverified", "github_unavailable"
SENTENCES = {OPERATOR: "Trying again does not help until", PERSON: "Verify yours", AGAIN: "Try again in a moment"}
STATUSES = {OPERATOR: 502, PERSON: 403, AGAIN: 503}


@pytest.mark.parametrize(
    ("endpoint", "github", "code"),
    [
        ("access_token", "incorrect_client_credentials", OPERATOR),
        ("access_token", "redirect_uri_mismatch", OPERATOR),
        ("authorize", "redirect_uri_mismatch", OPERATOR),
        ("authorize", "application_suspended", OPERATOR),
        ("access_token", "unverified_user_email", PERSON),
        ("access_token", "bad_verification_code", AGAIN),
        ("access_token", "something_new", AGAIN),
        ("authorize", "something_new", AGAIN),
    ],
)
def test_the_log_names_githubs_code_and_the_page_who_can_mend_it(
    live: Live, endpoint: str, github: str, code: str
) -> None:
    browser, written = Browser(live, fresh("ada")), len(live.backend.text())
    with broken(live, browser.login, endpoint, "deny", code=github):
        page = browser.follow(browser.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    assert page.status_code == STATUSES[code]
    assert f"<code>{code}</code>" in page.text
    assert SENTENCES[code] in page.text
    assert (f"GitHub says <code>{github}</code>" in page.text) == (github != "something_new")
    assert f"GitHub says {github}, at" in live.backend.text()[written:]
    goes_on(browser, page)


def test_an_app_that_github_does_not_know_is_the_operators_to_mend(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    with broken(live, browser.login, "access_token", "error", status=404):
        page = browser.follow(browser.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    assert page.status_code == 502
    assert f"<code>{OPERATOR}</code>" in page.text


def test_a_wrong_client_secret_is_named_in_the_log(live: Live) -> None:
    github = {"GITHUB_URL": live.github_url, "GITHUB_API_URL": f"{live.github_url}/"}
    app = {"GITHUB_CLIENT_ID": "insighta-development", "GITHUB_CLIENT_SECRET": "wrong"}
    with another_backend(live, **github, **app) as mistaken:
        browser = Browser(mistaken, fresh("ada"))
        page = browser.follow(browser.authorize(), until=LOOPBACK)
        assert page.status_code == 502
        assert "GitHub says incorrect_client_credentials, at token_exchange" in mistaken.backend.text()


def test_a_code_that_is_no_code_reaches_neither_page_nor_log(live: Live) -> None:
    browser, words = Browser(live, fresh("ada")), "<b>forged</b> line\n2026"
    with broken(live, browser.login, "authorize", "deny", code=words):
        page = browser.follow(browser.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    assert page.status_code == 503
    assert "forged" not in page.text
    assert "forged" not in live.backend.text()


def goes_on(browser: Browser, page: httpx.Response) -> None:
    """The page's link begins the same sign-in again, which ends where the first one should have."""
    link = re.search(r'href="([^"]*/?oauth/authorize\?[^"]*)"', page.text)
    assert link
    callback = f"{browser.live.portal_url}/auth/callback"
    again = browser.get(urljoin(str(page.url), link[1].replace("&amp;", "&")))
    assert browser.follow(again, until=callback).is_redirect
