"""The stand-in's controls: how a test makes GitHub misbehave towards one person, and who has which name."""

import contextlib
import json
import secrets
from collections.abc import Iterator

import httpx

from tests.people import HTTP, PORTAL, Browser, Pkce
from tests.processes import Live


def fresh(name: str) -> str:
    """A login that nobody in this run has used."""
    return f"{name}-{secrets.token_hex(4)}"


def describe(live: Live, login: str, **fields: object) -> None:
    """Say who has this login at GitHub from now on."""
    HTTP.post(f"{live.github_url}/_sandbox/people", json={"login": login, **fields}).raise_for_status()


def github_id(live: Live, login: str) -> int:
    return int(HTTP.get(f"{live.github_url}/users/{login}").json()["id"])


@contextlib.contextmanager
def broken(live: Live, login: str, endpoint: str, mode: str, **more: object) -> Iterator[None]:
    """GitHub misbehaves towards this person as long as the block lasts."""
    faults = f"{live.github_url}/_sandbox/faults"
    # httpx writes no half of a character, which JSON can name.
    fault = json.dumps({"login": login, "endpoint": endpoint, "mode": mode, **more})
    HTTP.post(faults, content=fault, headers={"Content-Type": "application/json"}).raise_for_status()
    try:
        yield
    finally:
        HTTP.delete(faults, params={"login": login})


def answered_by_github(
    browser: Browser, client_id: str = PORTAL, *, pkce: Pkce | None = None, **changes: str | None
) -> httpx.Response:
    """The redirect with which GitHub sends the browser back to the backend, not yet followed."""
    return browser.follow(
        browser.authorize(client_id, pkce=pkce, **changes), until=f"{browser.live.backend_url}/auth/complete/"
    )
