"""After whole journeys no secret that was handed out is in the database or in what the processes have printed."""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from psycopg import sql

from tests.accounts.github import fresh
from tests.people import PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, call, redeem, refresh
from tests.processes import Live
from tests.tokens.device import Device

KEY = "retry-key-" + secrets.token_hex(16)


@dataclass
class Secrets:
    """Everything secret that a journey was given or sent, by name."""

    given: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, value: str) -> str:
        self.given[f"{name} {len(self.given)}"] = value
        return value

    def keep_pair(self, tokens: Tokens) -> Tokens:
        self.keep("access token", tokens.access)
        self.keep("refresh token", tokens.refresh)
        return tokens

    def forms(self) -> dict[str, set[bytes]]:
        """Each secret as it may be written: itself, its payload, as bytes, base64 and hex, and escaped."""
        return {name: _forms(value) for name, value in self.given.items()}


def _forms(secret: str) -> set[bytes]:
    payload = re.sub(r"^ins[rcpd]_", "", secret)
    texts = {secret, payload, secret.replace("-", ""), quote(secret, safe="")}
    if secret.count(".") == 2:
        # A token's header and claims are no secret, its signature is.
        texts = {secret, secret.rsplit(".", 1)[1]}
    plain = {text.encode() for text in texts}
    raw = set(plain)
    for text in plain:
        try:
            raw.add(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        except (binascii.Error, ValueError):
            continue
    encoded = {encode(one) for one in raw for encode in (base64.b64encode, base64.urlsafe_b64encode, binascii.hexlify)}
    return {form.rstrip(b"=") for form in plain | raw | encoded if len(form) >= 8}


@pytest.fixture(scope="module")
def journey(live: Live) -> Secrets:
    """Ada signs in everywhere, refreshes, retries, signs a device in, makes a token, and leaves some of it alive."""
    kept, browser = Secrets(), Browser(live, fresh("ada"))
    terminal = _sign_in_at_a_terminal(live, browser, kept)
    _sign_in_at_the_portal(live, browser, kept)
    _sign_in_on_a_device(live, terminal, kept)
    body = {"name": "ci", "scopes": ["account:read"]}
    created = call(live, "/personal-access-tokens", terminal.access, "POST", json=body).json()
    token = kept.keep("personal access token", created["token"])
    assert call(live, "/me", token).status_code == 200
    browser.authorize()
    for name, value in browser.http.cookies.items():
        # The stand-in's own cookie is the person's login.
        if not name.startswith("sandbox_"):
            kept.keep(f"cookie {name}", value)
    return kept


def _sign_in_at_a_terminal(live: Live, browser: Browser, kept: Secrets) -> Tokens:
    pkce = Pkce()
    kept.keep("code verifier", pkce.verifier)
    code = kept.keep("code", browser.answer(pkce=pkce)["code"])
    first = kept.keep_pair(Tokens.of(redeem(live, code, pkce)))
    kept.keep("retry key", KEY)
    second = kept.keep_pair(Tokens.of(refresh(live, first.refresh, key=KEY)))
    again = kept.keep_pair(Tokens.of(refresh(live, first.refresh, key=KEY)))
    assert again.refresh == second.refresh
    return again


def _sign_in_at_the_portal(live: Live, browser: Browser, kept: Secrets) -> None:
    pkce = Pkce()
    kept.keep("code verifier", pkce.verifier)
    handed = browser.hand_off(pkce)
    kept.keep("hand-off at", handed["at"])
    kept.keep("hand-off rt", handed["rt"])
    kept.keep_pair(Tokens.of(refresh(live, handed["rt"], client_id=PORTAL, code_verifier=pkce.verifier)))
    # And through the portal's own pages, as a person does.
    arrived = browser.follow(browser.get(f"{live.portal_url}/login"), until=f"{live.portal_url}/auth/callback")
    for name, value in re.findall(r"[?&](at|rt)=([^&]+)", arrived.headers["location"]):
        kept.keep(f"portal {name}", value)
    assert browser.get(arrived.headers["location"]).status_code in {302, 303}
    replayed = browser.get(arrived.headers["location"])
    assert replayed.status_code < 500
    kept.keep("client secret", PORTAL_SECRET)


def _sign_in_on_a_device(live: Live, terminal: Tokens, kept: Secrets) -> None:
    device = Device.begin(live, device_label="build-7")
    kept.keep("device code", device.device_code)
    kept.keep("user code", device.user_code)
    waiting = Device.begin(live)
    kept.keep("device code", waiting.device_code)
    kept.keep("user code", waiting.user_code)
    call(live, f"/device-requests/{device.user_code}/approve", terminal.access, "POST")
    kept.keep_pair(Tokens.of(device.poll()))


def columns(live: Live) -> dict[str, bytes]:
    """Everything stored, by table and column; bytes as they are, all else as its text."""
    found = {}
    with live.connect() as connection:
        names = connection.execute(
            "SELECT table_schema, table_name, column_name, udt_name FROM information_schema.columns"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table, column, kind in names:
            cast = sql.SQL("{}" if kind == "bytea" else "convert_to({}::text, 'UTF8')").format(
                sql.Identifier(str(column))
            )
            query = sql.SQL("SELECT {} FROM {}").format(cast, sql.Identifier(str(schema), str(table)))
            values = [bytes(value) for (value,) in connection.execute(query) if isinstance(value, bytes)]
            found[f"{table}.{column}"] = b"\0".join(values)
    return found


def test_the_journey_was_whole(journey: Secrets) -> None:
    kinds = {re.sub(r" \d+$", "", name) for name in journey.given}
    assert kinds >= {
        "access token", "refresh token", "code", "code verifier", "retry key", "hand-off at", "hand-off rt",
        "portal at", "portal rt", "device code", "user code", "personal access token", "client secret",
    }  # fmt: skip
    for cookie in ("insighta_at", "insighta_rt", "insighta_flow_"):
        assert any(kind.startswith(f"cookie {cookie}") for kind in kinds)


def test_no_column_of_any_table_holds_a_secret(live: Live, journey: Secrets) -> None:
    stored = columns(live)
    assert len(stored["tokens_session.current_hash"]) >= 3 * 32
    assert "build-7" in stored["tokens_devicegrant.label"].decode()
    found = [
        (name, column)
        for name, forms in journey.forms().items()
        for column, content in stored.items()
        if any(form in content for form in forms)
    ]
    assert found == []


def test_the_scan_finds_a_secret_that_is_there(live: Live, journey: Secrets) -> None:
    """The same search sees a planted token in every form it looks for."""
    token = next(value for name, value in journey.given.items() if name.startswith("refresh token"))
    raw = base64.urlsafe_b64decode(token.removeprefix("insr_") + "=")
    planted = [token.encode(), raw, base64.b64encode(raw), binascii.hexlify(raw), b'{"rt": "%s"}' % token.encode()]
    for form in planted:
        assert any(known in form for known in _forms(token)), form


def test_no_process_has_printed_a_secret(live: Live, journey: Secrets) -> None:
    printed = {process: getattr(live, process).text().encode() for process in ("backend", "portal", "github")}
    found = [
        (name, process)
        for name, forms in journey.forms().items()
        for process, text in printed.items()
        if any(form in text for form in forms)
    ]
    assert found == []
    assert all(printed.values()), "a process that prints nothing shows nothing"
