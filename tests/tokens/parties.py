"""Every kind of OAuth client behind one face: what holds for one kind of tokens is tried with all of them."""

import httpx
import pytest

from tests.people import CLI, LOOPBACK, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens
from tests.processes import Live
from tests.tokens.applications import WIKI, Application, register_live

KINDS = [CLI, PORTAL, "confidential", "public"]


class Party(Application):
    """One client, built in or registered, whose sign-ins give `Tokens`."""

    @property
    def keeps_keys(self) -> int:
        """Seconds for which an honest retry with a key is honoured."""
        return 86_400 if self.client_id == CLI else 60

    @property
    def is_registered(self) -> bool:
        return self.client_id not in {CLI, PORTAL}

    def sign_in(self, browser: Browser) -> Tokens:  # type: ignore[override]  # tokens instead of a dictionary
        pkce = Pkce()
        return Tokens.of(self.redeem(self.ask(browser, pkce), pkce))

    def ask(self, browser: Browser, pkce: Pkce, **changes: str | None) -> str:
        """A code, through GitHub and the page that asks, if one does."""
        return self.answer(browser, pkce=pkce, **changes)["code"]

    def revoke(self, token: str, **fields: str) -> httpx.Response:
        return self.post("revoke", token=token, **fields)


def party_of(live: Live, kind: str) -> Party:
    """The client of this kind; a registered one is a new one."""
    if kind == CLI:
        return Party(live, CLI, None, LOOPBACK, "")
    if kind == PORTAL:
        return Party(live, PORTAL, PORTAL_SECRET, f"{live.portal_url}/auth/callback", "")
    made = register_live(live, *(["--public"] if kind == "public" else []))
    return Party(live, made.client_id, made.secret, WIKI, made.scope)


@pytest.fixture(scope="module", params=KINDS)
def party(live: Live, request: pytest.FixtureRequest) -> Party:
    return party_of(live, request.param)
