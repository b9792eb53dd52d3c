"""Where secrets must not be: in the database, in what the processes print, in error pages."""

import base64
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.accounts.github import answered_by_github, broken, fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, call, query, redeem, refresh
from tests.processes import Live
from tests.tokens.rows import session


class SignIns:
    """Ada's sign-ins in both clients, with everything that was secret on the way."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.secrets: dict[str, str] = {}
        browser = Browser(live, fresh("ada"))
        self._terminal(browser)
        self._portal(browser)

    def _terminal(self, browser: Browser) -> None:
        pkce = Pkce()
        back = answered_by_github(browser, CLI, pkce=pkce)
        upstream = query(back)
        cookies = dict(browser.http.cookies)
        page = browser.follow(back, until=LOOPBACK)
        code = query(browser.submit(page, decision="approve"))["code"]
        tokens = Tokens.of(redeem(self.live, code, pkce))
        renewed = Tokens.of(refresh(self.live, tokens.refresh, key="the-retry-key-of-ada"))
        self.secrets |= {"github code": upstream["code"], "github state": upstream["state"], "code": code}
        self.secrets |= {f"flow cookie {name}": value for name, value in cookies.items() if "flow" in name}
        self.secrets |= {"verifier": pkce.verifier, "retry key": "the-retry-key-of-ada"}
        self._keep("terminal", tokens, renewed)

    def _portal(self, browser: Browser) -> None:
        pkce = Pkce()
        url = browser.hand_off(pkce)
        tokens = Tokens.of(refresh(self.live, url["rt"], client_id=PORTAL, code_verifier=pkce.verifier))
        self.secrets |= {"at": url["at"], "rt": url["rt"], "hand-off verifier": pkce.verifier}
        self._keep("portal", tokens)

    def _keep(self, name: str, *pairs: Tokens) -> None:
        for number, pair in enumerate(pairs):
            self.secrets |= {f"{name} refresh {number}": pair.refresh, f"{name} access {number}": pair.access}
            call(self.live, "/me", pair.access)
            call(self.live, "/me?access_token=" + pair.access, "wrong")


@pytest.fixture(scope="module")
def sign_ins(live: Live) -> SignIns:
    return SignIns(live)


def database_text(live: Live) -> str:
    """Every row of every table as text, bytes in hexadecimal."""
    with live.connect() as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = [connection.execute(f"SELECT t::text FROM {table} t").fetchall() for (table,) in tables.fetchall()]
    return "\n".join(str(row[0]) for table in rows for row in table)


def test_the_database_holds_no_secret_only_digests(live: Live, sign_ins: SignIns) -> None:
    stored = database_text(live)
    refresh_token = sign_ins.secrets["terminal refresh 1"]
    assert hashlib.sha256(refresh_token.encode()).hexdigest() in stored
    assert session(live, refresh_token)["current_hash"] == hashlib.sha256(refresh_token.encode()).digest()
    for name, secret in sign_ins.secrets.items():
        assert secret not in stored, name
        assert secret.encode().hex() not in stored, name
    raw = base64.urlsafe_b64decode(refresh_token.removeprefix("insr_") + "=")
    assert raw[20:52].hex() not in stored
    assert "insr_" not in stored
    assert "insc_" not in stored


def test_no_github_token_is_kept(live: Live, sign_ins: SignIns) -> None:
    stored = database_text(live)
    assert "gho_" not in stored
    assert b"gho_".hex() not in stored
    with live.connect() as connection:
        kept = connection.execute("SELECT DISTINCT extra_data::text FROM social_auth_usersocialauth").fetchall()
    assert kept == [("{}",)]


def test_a_code_and_a_flow_that_are_still_waiting_are_digests_too(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    back = answered_by_github(browser, CLI)
    page = browser.follow(back, until=LOOPBACK)
    waiting = database_text(live)
    secrets = [query(back)["code"], *(value for name, value in browser.http.cookies.items() if "flow" in name)]
    secrets.append(query(browser.submit(page, decision="approve"))["code"])
    stored = waiting + database_text(live)
    for secret in secrets:
        assert secret not in stored
        assert secret.encode().hex() not in stored


def test_the_signing_key_is_sealed(live: Live, sign_ins: SignIns) -> None:
    with live.connect() as connection:
        row = connection.execute("SELECT encode(private_key, 'escape') FROM tokens_signingkey LIMIT 1").fetchone()
    # A Fernet token: version byte 0x80, so base64 begins with gAAAA. Never DER or PEM.
    assert row is not None
    assert str(row[0]).startswith("gAAAA")


def test_the_processes_print_no_secret(live: Live, sign_ins: SignIns) -> None:
    _misuse(live, sign_ins)
    printed = live.backend.text() + live.github.text() + live.portal.text()
    for name, secret in (sign_ins.secrets | {"client secret": PORTAL_SECRET}).items():
        assert secret not in printed, name
    for mark in ("insr_", "insc_", "eyJ", "gho_", "code_verifier="):
        assert not re.search(rf"{mark}(?!\[hidden\])", printed), mark


def _misuse(live: Live, sign_ins: SignIns) -> None:
    """Requests that fail with secrets in them: in the wrong place, in the wrong form, many at once."""
    tokens = sign_ins.secrets
    rt, at = tokens["terminal refresh 1"], tokens["terminal access 1"]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            list(
                pool.map(lambda key: refresh(live, tokens["portal refresh 0"], key=key), ["", "k" * 16, "x", "k" * 17])
            )
    HTTP.get(f"{live.backend_url}/oauth/token", params={"refresh_token": rt})
    HTTP.get(f"{live.backend_url}/api/v1/nothing", params={"access_token": at})
    HTTP.post(f"{live.backend_url}/oauth/token", json={"refresh_token": rt})
    HTTP.post(f"{live.backend_url}/oauth/token", data={"refresh_token": rt}, auth=(PORTAL, PORTAL_SECRET))
    HTTP.post(f"{live.backend_url}/oauth/revoke", data={"token": rt, "client_secret": PORTAL_SECRET})
    HTTP.get(f"{live.backend_url}/auth/complete/github/", params={"code": tokens["github code"], "state": rt})
    browser = Browser(live, fresh("ada"))
    with broken(live, browser.login, "user", "error"):
        browser.follow(browser.authorize(), until=LOOPBACK)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_an_answer_never_repeats_what_was_sent(live: Live, sign_ins: SignIns, path: str) -> None:
    sent = "insr_" + "Q" * 91
    data = {"client_id": CLI, "grant_type": "refresh_token", "refresh_token": sent, "token": sent}
    assert sent not in HTTP.post(f"{live.backend_url}{path}", data=data).text
