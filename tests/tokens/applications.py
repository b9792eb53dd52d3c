"""Registered applications, in this process or the running product, and their sign-ins as the client sees them."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from tests.people import HTTP, Browser, Pkce, query
from tests.processes import Live
from tests.tokens.in_process import now
from tokens.services.applications import Registered, Registration, register_application

WIKI = "https://wiki.example/callback"
EVERYTHING = ("openid", "profile", "email", "offline_access", "account:read", "bookings:read", "bookings:write")


def register(client_id: str = "wiki", **changes: Any) -> Registered:
    """An application in this process's database."""
    said = {"name": "Wiki", "redirect_uris": (WIKI,), "scopes": EVERYTHING} | changes
    return register_application(registration=Registration(client_id=client_id, **said), now=now())


@dataclass(frozen=True)
class Application:
    """A client of the running product. `scope` is what it asks for; without one it names none."""

    live: Live
    client_id: str
    secret: str | None
    redirect_uri: str
    scope: str

    def authorize(self, browser: Browser, *, pkce: Pkce | None = None, **changes: str | None) -> httpx.Response:
        """Ask, go through GitHub, and stop at a page of ours or at the redirect to the application."""
        said = {"response_type": "code", "redirect_uri": self.redirect_uri, "scope": self.scope or None}
        asked = browser.authorize(self.client_id, pkce=pkce, **(said | changes))
        return browser.follow(asked, until=self.redirect_uri)

    def answer(self, browser: Browser, *, pkce: Pkce | None = None, **changes: str | None) -> dict[str, str]:
        """The parameters of the final redirect; the person approves where they are asked."""
        response = self.authorize(browser, pkce=pkce, **changes)
        if not response.is_redirect:
            response = browser.submit(response, decision="approve")
        return query(response)

    def sign_in(self, browser: Browser, **changes: str | None) -> dict[str, Any]:
        """A token response."""
        pkce = Pkce()
        given = self.answer(browser, pkce=pkce, **changes)
        answered = self.redeem(given["code"], pkce)
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def redeem(self, code: str, pkce: Pkce, *, key: str = "", **changes: str) -> httpx.Response:
        fields = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": pkce.verifier}
        return self.post("token", key=key, grant_type="authorization_code", **(fields | changes))

    def refresh(self, token: str, *, key: str = "", **fields: str) -> httpx.Response:
        return self.post("token", key=key, grant_type="refresh_token", refresh_token=token, **fields)

    @property
    def form(self) -> dict[str, str]:
        """How it says who it is."""
        return {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})

    def post(self, endpoint: str, *, key: str = "", **fields: Any) -> httpx.Response:
        """A form to an OAuth endpoint, with the secret where there is one."""
        headers = {"Idempotency-Key": key} if key else {}
        return HTTP.post(f"{self.live.backend_url}/oauth/{endpoint}", data=self.form | fields, headers=headers)


def register_live(
    live: Live, *options: str, redirect_uri: str = WIKI, scopes: tuple[str, ...] = EVERYTHING, name: str = ""
) -> Application:
    """A client that `manage.py register_client` makes; without a name, by one of its own."""
    name = name or f"Wiki {secrets.token_hex(4)}"
    chosen = [option for scope in scopes for option in ("--scope", scope)]
    made = json.loads(
        live.manage("register_client", "--name", name, "--redirect-uri", redirect_uri, *chosen, *options, "--json")
    )
    return Application(live, made["client_id"], made["client_secret"], redirect_uri, " ".join(scopes))


def printed_settings(text: str, title: str) -> str:
    """The part of what `register_client` prints that is pasted into this client's configuration."""
    return text.partition(f"\n# {title}")[2].partition("\n")[2].partition("\n\n")[0]
