"""What the backend's answers tell browsers: no frames, no guesses, no caches, secure cookies, https for good."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, post_token, redeem
from tests.processes import Live, another_backend

PUBLIC = "https://api.insighta.example"
# A proxy that ends TLS sends these.
BEHIND_TLS = {"X-Forwarded-Proto": "https", "Host": "api.insighta.example"}
PRODUCTION = {
    "DEBUG": "false",
    "BACKEND_URL": PUBLIC,
    "PORTAL_URL": "https://insighta.example",
    "BEHIND_TLS_PROXY": "true",
    "ALLOWED_HOSTS": "api.insighta.example,127.0.0.1",
    "GITHUB_CLIENT_ID": "insighta-development",
    "GITHUB_CLIENT_SECRET": "development-only-github-client-secret",
    **{name: f"{name.lower()}-for-a-production-like-test-0123456789" for name in ("SECRET_KEY", "TOKEN_KEY")},
    "PORTAL_CLIENT_SECRET": "portal-client-secret-for-a-production-like-test",
}


@pytest.fixture(scope="module")
def production(live: Live) -> Iterator[Live]:
    """A backend with production's settings behind a proxy that ends TLS."""
    github = {"GITHUB_URL": live.github_url, "GITHUB_API_URL": f"{live.github_url}/"}
    with another_backend(live, **(PRODUCTION | github)) as backend:
        yield backend


@pytest.fixture(scope="module")
def over_https(live: Live) -> Iterator[Live]:
    """A backend whose address is https, with its static files as in development."""
    settings = {name: PRODUCTION[name] for name in ("BACKEND_URL", "PORTAL_URL", "BEHIND_TLS_PROXY", "ALLOWED_HOSTS")}
    with another_backend(live, **settings) as backend:
        yield backend


@pytest.fixture
def ada(live: Live) -> Browser:
    return Browser(live, fresh("ada"))


def confirmation(browser: Browser) -> httpx.Response:
    """The page that asks whether a terminal may sign in."""
    page = browser.follow(browser.authorize(), until=LOOPBACK)
    assert page.status_code == 200
    return page


def directives(response: httpx.Response) -> dict[str, list[str]]:
    parts = [part.split() for part in response.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


# Pages


def test_the_confirmation_cannot_be_framed_scripted_or_kept(ada: Browser) -> None:
    page = confirmation(ada)
    policy = directives(page)
    assert page.headers["x-frame-options"] == "DENY"
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["default-src"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'", "http://127.0.0.1:9876"]
    assert policy["script-src"] == ["'self'"]
    assert "<script" not in page.text
    assert not re.search(r'\son\w+="|style="', page.text)
    assert "no-store" in page.headers["cache-control"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_page_that_refuses_is_as_guarded_and_sends_nobody_anywhere(live: Live) -> None:
    page = HTTP.get(
        f"{live.backend_url}/oauth/authorize", params={"client_id": CLI, "redirect_uri": "https://evil.example"}
    )
    assert page.status_code == 400
    assert "location" not in page.headers
    assert page.headers["x-frame-options"] == "DENY"
    assert directives(page)["form-action"] == ["'self'"]
    assert "evil.example" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/oauth/authorize?next=https://evil.example",
        "/oauth/authorize?flow=https://evil.example",
        "/auth/complete/github/?next=https://evil.example&state=x",
        "/auth/complete/github/?redirect_state=https://evil.example",
        "//evil.example/%2e%2e",
        "/admin/login/?next=https://evil.example",
        "/admin//evil.example",
        "/%5cevil.example",
    ],
)
def test_no_address_sends_a_browser_elsewhere(live: Live, path: str) -> None:
    answer = HTTP.get(f"{live.backend_url}{path}")
    location = urlsplit(answer.headers.get("location", ""))
    assert location.netloc in {"", urlsplit(live.backend_url).netloc}
    assert not answer.headers.get("location", "").startswith(("//", "/\\", "\\"))


def test_a_forged_host_changes_no_address(live: Live) -> None:
    answer = HTTP.get(f"{live.backend_url}/.well-known/oauth-authorization-server", headers={"Host": "127.0.0.1:1"})
    assert answer.json()["issuer"] == live.backend_url
    assert HTTP.get(f"{live.backend_url}/healthz", headers={"Host": "evil.example"}).status_code == 400


# Tokens


def test_no_answer_with_a_token_is_cached(live: Live, ada: Browser) -> None:
    pkce = Pkce()
    answer = redeem(live, ada.answer(pkce=pkce)["code"], pkce)
    tokens = Tokens.of(answer)
    handed = ada.follow(ada.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    renewed = post_token(live, grant_type="refresh_token", refresh_token=tokens.refresh)
    refused = post_token(live, grant_type="refresh_token", refresh_token="x")
    secret = {"auth": (PORTAL, PORTAL_SECRET), "data": {"token": tokens.access}}
    introspected = HTTP.post(f"{live.backend_url}/oauth/introspect", **secret)  # type: ignore[arg-type]  # two options
    for response in (answer, handed, renewed, refused, introspected):
        assert "no-store" in response.headers["cache-control"], response
        assert response.headers["x-content-type-options"] == "nosniff"


def test_the_redirect_that_carries_tokens_leaves_no_referrer(live: Live, ada: Browser) -> None:
    handed = ada.follow(ada.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    assert handed.status_code == 303
    assert handed.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in handed.headers["cache-control"]


def test_the_keys_and_the_metadata_may_be_cached_for_a_while(live: Live) -> None:
    for path in ("/.well-known/jwks.json", "/.well-known/oauth-authorization-server"):
        assert "max-age" in HTTP.get(f"{live.backend_url}{path}").headers["cache-control"]


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"])
def test_a_large_body_is_refused_before_it_is_parsed(live: Live, path: str) -> None:
    body = b"client_id=insighta-cli&token=" + b"x" * 70_000
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(20):
        answer = HTTP.post(f"{live.backend_url}{path}", content=body, headers=form)
        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
        # Without this word a client would send its next request into a connection that is about to end.
        assert answer.headers["connection"] == "close"


def test_whoever_is_refused_before_their_body_is_read_can_ask_again_on_a_new_connection(live: Live) -> None:
    for _ in range(50):
        refused = HTTP.post(f"{live.backend_url}/api/v1/bookings", json={"slot_id": "x" * 5_000})
        assert (refused.status_code, refused.headers["connection"]) == (401, "close")
    read = HTTP.post(f"{live.backend_url}/oauth/token", data={"client_id": CLI, "grant_type": "none"})
    assert (read.status_code, read.headers.get("connection", "")) == (400, "")


# https


def test_over_https_the_flows_cookie_is_secure_lax_and_bound_to_the_host(production: Live) -> None:
    begun = HTTP.get(
        f"{production.backend_url}/oauth/authorize",
        params={
            "response_type": "code",
            "client_id": CLI,
            "redirect_uri": LOOPBACK,
            "state": "s",
            "code_challenge": Pkce().challenge,
            "code_challenge_method": "S256",
        },
        headers=BEHIND_TLS,
    )
    assert begun.status_code == 302
    (cookie,) = begun.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-insighta_flow_")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes >= {"secure", "httponly", "samesite=lax", "path=/"}
    assert not [one for one in attributes if one.startswith("domain")]


def test_in_production_browsers_are_told_to_stay_with_https(production: Live) -> None:
    answer = HTTP.get(f"{production.backend_url}/.well-known/oauth-authorization-server", headers=BEHIND_TLS)
    assert answer.json()["issuer"] == PUBLIC
    assert int(answer.headers["strict-transport-security"].partition("max-age=")[2].split(";")[0]) >= 31_536_000


def test_in_development_they_are_not(live: Live) -> None:
    assert "strict-transport-security" not in HTTP.get(f"{live.backend_url}/healthz").headers


def test_over_https_the_admins_cookies_are_secure_and_lax(over_https: Live) -> None:
    page = HTTP.get(f"{over_https.backend_url}/admin/login/", headers=BEHIND_TLS)
    (cookie,) = [one for one in page.headers.get_list("set-cookie") if "csrf" in one]
    assert {"secure", "httponly", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}
    assert page.headers["x-frame-options"] == "DENY"
