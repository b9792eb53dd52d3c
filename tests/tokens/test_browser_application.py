"""oidc-client-ts in Chromium: a page without a server, which is a public application and calls across origins."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.accounts.github import fresh
from tests.people import HTTP
from tests.portal.browsers import Contexts, browser, contexts, fill_in_github
from tests.processes import Live
from tests.tokens.applications import printed_settings
from tests.tokens.independent import FOLDER, install_node_clients

__all__ = ["browser", "contexts"]
pytestmark = pytest.mark.browser
SCOPES = ("openid", "profile", "offline_access", "account:read")
LIBRARY = FOLDER / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
TOKENS = "({access_token, refresh_token, id_token}) => ({access_token, refresh_token, id_token})"
STATUS = "([url, token]) => fetch(url, {headers: {authorization: `Bearer ${token}`}}).then(a => a.status, e => e.name)"


@dataclass
class Site:
    """A server of static files at `address`."""

    address: str
    files: dict[str, bytes]


@contextmanager
def serve_site() -> Iterator[Site]:
    """On a host of its own, which is a secure context, so that scripts may hash (RFC 7636)."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path.partition("?")[0])
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.2", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield Site(f"http://127.0.0.2:{server.server_port}", files)
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def sites(live: Live) -> Iterator[list[Site]]:
    """The application, and a site that is none."""
    install_node_clients()
    with ExitStack() as stack:
        found = [stack.enter_context(serve_site()) for _ in range(2)]
        home = f"{found[0].address}/"
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        text = live.manage(
            "register_client", "--name", "A page", "--public", "--redirect-uri", home, "--origin", found[0].address,
            "--post-logout-redirect-uri", f"{home}bye.html", *scopes,
        )  # fmt: skip
        page = (FOLDER / "page.html").read_text().replace("/* SETTINGS */", printed_settings(text, "oidc-client-ts"))
        for site in found:
            site.files |= {"/": page.encode(), "/bye.html": b"bye", "/oidc-client-ts.js": LIBRARY.read_bytes()}
        yield found


def leave(page: Page, call: str) -> None:
    """Run what navigates away, and whose promise is never kept."""
    page.evaluate(f"() => {{ setTimeout(() => {call.strip()}) }}")


BY_LINK = "manager.signinRedirect()"
BY_FORM = """
new oidc.OidcClient(manager.settings).createSigninRequest({request_type: 'si:r'}).then(({url}) => {
    const [action, query] = url.split('?')
    const form = Object.assign(document.createElement('form'), {action, method: 'post'})
    for (const [name, value] of new URLSearchParams(query)) {
        form.append(Object.assign(document.createElement('input'), {name, value}))
    }
    document.body.append(form)
    form.submit()
})"""


def sign_in(context: BrowserContext, sites: list[Site], login: str, *, begin: str = BY_LINK) -> Page:
    page = context.new_page()
    page.goto(f"{sites[0].address}/")
    leave(page, begin)
    page.wait_for_selector("input[name=login]")
    fill_in_github(page, login)
    page.click("button[value=approve]")
    expect(page.locator("h1")).to_have_text(login)
    return page


def test_a_page_signs_in_refreshes_twice_at_once_and_signs_out(
    live: Live, sites: list[Site], contexts: Contexts
) -> None:
    ada = fresh("ada")
    page = sign_in(contexts(), sites, ada)
    first = page.evaluate(f"manager.getUser().then({TOKENS})")
    again = page.evaluate(
        f"Promise.all([manager.signinSilent(), manager.signinSilent()]).then(users => users.map({TOKENS}))"
    )
    later = page.evaluate(f"manager.signinSilent().then({TOKENS})")
    assert len({tokens["refresh_token"] for tokens in (first, *again, later)}) == 3
    assert page.evaluate(STATUS, [f"{live.backend_url}/api/v1/me", later["access_token"]]) == 200
    form = {"client_id": page.evaluate("manager.settings.client_id"), "refresh_token": later["refresh_token"]}
    leave(page, "manager.signoutRedirect()")
    page.wait_for_url(re.compile("/bye.html"))
    answer = HTTP.post(f"{live.backend_url}/oauth/token", data={"grant_type": "refresh_token"} | form)
    assert answer.json()["error"] == "invalid_grant"


def test_a_form_of_the_page_begins_a_sign_in(sites: list[Site], contexts: Contexts) -> None:
    """The flow's cookie comes with the answer to a form of another site, and goes back from GitHub."""
    sign_in(contexts(), sites, fresh("ada"), begin=BY_FORM)


def test_the_page_reads_a_refusal_and_another_origin_reads_nothing(
    live: Live, sites: list[Site], contexts: Contexts
) -> None:
    context = contexts()
    page = context.new_page()
    asked = [f"{live.backend_url}/oauth/userinfo", "no token"]
    page.goto(f"{sites[0].address}/")
    assert page.evaluate(STATUS, asked) == 401
    leave(page, "manager.signinRedirect()")
    page.wait_for_selector("input[name=login]")
    fill_in_github(page, fresh("ada"))
    page.click("button[value=deny]")
    expect(page.locator("h1")).to_have_text("access_denied")
    page.goto(f"{sites[1].address}/")
    assert page.evaluate(STATUS, asked) == "TypeError"


def test_a_silent_sign_in_without_a_refresh_token_is_told_to_ask(sites: list[Site], contexts: Contexts) -> None:
    page = contexts().new_page()
    page.goto(f"{sites[0].address}/")
    leave(page, "manager.signinRedirect({prompt: 'none'})")
    expect(page.locator("h1")).to_have_text("login_required")
