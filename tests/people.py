"""People as the outside sees them: a browser that signs in through GitHub's pages, and an OAuth client's requests."""

import base64
import hashlib
import re
import secrets
import ssl
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import httpx

from tests.api_codes import check_answer
from tests.processes import Live

# Everything here is plain http, and loading the certificates takes longer than most requests.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CHECKED: Any = {"response": [check_answer]}
HTTP = httpx.Client(timeout=120, limits=httpx.Limits(max_connections=None), verify=NO_CERTIFICATES, event_hooks=CHECKED)
# Clients and curious people keep no cookies; a `Browser` does.
HTTP.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
CLI, PORTAL = "insighta-cli", "insighta-portal"
PORTAL_SECRET = "development-only-portal-client-secret-do-not-deploy"
LOOPBACK = "http://127.0.0.1:9876/callback"


@dataclass
class Pkce:
    """A verifier and its S256 challenge."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


class Browser:
    """One browser of one person: it keeps cookies, fills in GitHub's form and presses buttons, without JavaScript."""

    def __init__(self, live: Live, login: str) -> None:
        self.live = live
        self.login = login
        self.http = httpx.Client(follow_redirects=False, timeout=120, verify=NO_CERTIFICATES)

    def get(self, url: str) -> httpx.Response:
        return self.http.get(url)

    def follow(self, response: httpx.Response, *, until: str) -> httpx.Response:
        """Follow redirects and fill in GitHub's form, until a redirect to what begins with `until`, or a page."""
        for _ in range(12):
            if response.is_redirect:
                target = urljoin(str(response.url), response.headers["location"])
                if target.startswith(until):
                    return response
                response = self.http.get(target)
            elif str(response.url).startswith(self.live.github_url):
                response = self.submit(response, login=self.login)
            else:
                return response
        raise AssertionError("redirects without end")

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the page's form with its hidden fields and these."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        url = urljoin(str(page.url), action[1] if action else str(page.url))
        data = {name: value.replace("&amp;", "&") for name, value in hidden.items()} | fields
        return self.http.post(url, data=data)

    def authorize(
        self, client_id: str = CLI, *, pkce: Pkce | None = None, method: str | None = "GET", **changes: Any
    ) -> httpx.Response:
        """The authorize request of a client as it should be, with `changes` (None leaves a parameter out)."""
        portal = f"{self.live.portal_url}/auth/callback"
        parameters: dict[str, str | None] = {
            "response_type": "code" if client_id == CLI else "handoff",
            "client_id": client_id,
            "redirect_uri": LOOPBACK if client_id == CLI else portal,
            "state": secrets.token_urlsafe(16),
            "code_challenge": (pkce or Pkce()).challenge,
            "code_challenge_method": "S256",
        }
        given = {name: value for name, value in (parameters | changes).items() if value is not None}
        place = "data" if method == "POST" else "params"
        return self.http.request(method or "GET", f"{self.live.backend_url}/oauth/authorize", **{place: given})  # type: ignore[arg-type]  # one of two dictionaries

    def answer(self, client_id: str = CLI, *, pkce: Pkce | None = None, **changes: Any) -> dict[str, str]:
        """The whole sign-in as the client sees it: the parameters of the final redirect. The person approves."""
        response = self.follow(self.authorize(client_id, pkce=pkce, **changes), until=_target(self.live, client_id))
        if not response.is_redirect:
            response = self.submit(response, decision="approve")
        return query(response)

    def hand_off(self, pkce: Pkce | None = None) -> dict[str, str]:
        """A hand-off's parameters: `at`, `rt`, `state`, `iss`."""
        return self.answer(PORTAL, pkce=pkce)

    def sign_in(self, client_id: str = CLI) -> "Tokens":
        """Tokens of a new session of this person in a client."""
        pkce = Pkce()
        given = self.answer(client_id, pkce=pkce)
        if client_id == PORTAL:
            return Tokens.of(refresh(self.live, given["rt"], client_id=PORTAL, code_verifier=pkce.verifier))
        return Tokens.of(redeem(self.live, given["code"], pkce))


@dataclass(frozen=True)
class Tokens:
    """A successful token response."""

    access: str
    refresh: str
    body: dict[str, Any]

    @classmethod
    def of(cls, response: httpx.Response) -> "Tokens":
        assert response.status_code == 200, response.text
        body = response.json()
        return cls(body["access_token"], body["refresh_token"], body)


def query(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect's target."""
    assert response.is_redirect, (response.status_code, response.text[:2000])
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def post_token(live: Live, *, client_id: str = CLI, key: str = "", **fields: str | None) -> httpx.Response:
    """`POST /oauth/token` as a client, authenticated where it has a secret."""
    secret: dict[str, Any] = {"auth": (PORTAL, PORTAL_SECRET)} if client_id == PORTAL else {}
    data = {name: value for name, value in ({"client_id": client_id} | fields).items() if value is not None}
    headers = {"Idempotency-Key": key} if key else {}
    return HTTP.post(f"{live.backend_url}/oauth/token", data=data, headers=headers, **secret)


def refresh(live: Live, token: str, *, client_id: str = CLI, key: str = "", **fields: str | None) -> httpx.Response:
    return post_token(
        live, client_id=client_id, key=key, **({"grant_type": "refresh_token", "refresh_token": token} | fields)
    )


def redeem(live: Live, code: str, pkce: Pkce, **changes: str | None) -> httpx.Response:
    fields: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": LOOPBACK,
        "code_verifier": pkce.verifier,
    }
    return post_token(live, **(fields | changes))  # type: ignore[arg-type]  # client_id may be among the changes


def call(live: Live, path: str, token: str, method: str = "GET", **options: Any) -> httpx.Response:
    """An API call with a bearer token."""
    headers = {"Authorization": f"Bearer {token}"}
    return HTTP.request(method, f"{live.backend_url}/api/v1{path}", headers=headers, **options)


def _target(live: Live, client_id: str) -> str:
    return "http://127.0.0.1:9876/" if client_id == CLI else f"{live.portal_url}/auth/callback"


def single(response: httpx.Response, name: str) -> str:
    """One parameter of a redirect's target; fails if it is there more than once."""
    (value,) = parse_qs(urlsplit(response.headers["location"]).query)[name]
    return value
