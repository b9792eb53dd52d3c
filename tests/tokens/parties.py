"""Every kind of OAuth client behind one face: what holds for one kind of tokens is tried with all of them."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.people import CLI, HTTP, LOOPBACK, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, query
from tests.processes import Live
from tests.tokens.applications import WIKI, register_live

KINDS = [CLI, PORTAL, "confidential", "public"]


@dataclass(frozen=True)
class Party:
    """One client of the running product. `scope` is all that it may have."""

    live: Live
    client_id: str
    secret: str | None
    redirect_uri: str
    scope: str | None

    @property
    def form(self) -> dict[str, str]:
        """How it says who it is."""
        return {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})

    @property
    def keeps_keys(self) -> int:
        """Seconds for which an honest retry with a key is honoured."""
        return 86_400 if self.client_id == CLI else 60

    @property
    def is_registered(self) -> bool:
        return self.client_id not in {CLI, PORTAL}

    def sign_in(self, browser: Browser) -> Tokens:
        pkce = Pkce()
        return Tokens.of(self.redeem(self.ask(browser, pkce), pkce))

    def ask(self, browser: Browser, pkce: Pkce, **changes: str | None) -> str:
        """A code, through GitHub and the page that asks, if one does."""
        said = {"response_type": "code", "redirect_uri": self.redirect_uri, "scope": self.scope} | changes
        answered = browser.follow(browser.authorize(self.client_id, pkce=pkce, **said), until=self.redirect_uri)
        if not answered.is_redirect:
            answered = browser.submit(answered, decision="approve")
        return query(answered)["code"]

    def redeem(self, code: str, pkce: Pkce, *, key: str = "", **changes: str) -> httpx.Response:
        fields = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": pkce.verifier}
        return self.post("token", key=key, grant_type="authorization_code", **(fields | changes))

    def refresh(self, token: str, *, key: str = "", **fields: str) -> httpx.Response:
        return self.post("token", key=key, grant_type="refresh_token", refresh_token=token, **fields)

    def revoke(self, token: str, **fields: str) -> httpx.Response:
        return self.post("revoke", token=token, **fields)

    def post(self, endpoint: str, *, key: str = "", **fields: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return HTTP.post(f"{self.live.backend_url}/oauth/{endpoint}", data=self.form | fields, headers=headers)


def party_of(live: Live, kind: str) -> Party:
    """The client of this kind; a registered one is a new one."""
    if kind == CLI:
        return Party(live, CLI, None, LOOPBACK, None)
    if kind == PORTAL:
        return Party(live, PORTAL, PORTAL_SECRET, f"{live.portal_url}/auth/callback", None)
    made = register_live(live, *(["--public"] if kind == "public" else []))
    return Party(live, made.client_id, made.secret, WIKI, made.scope)


@pytest.fixture(scope="module", params=KINDS)
def party(live: Live, request: pytest.FixtureRequest) -> Party:
    return party_of(live, request.param)
