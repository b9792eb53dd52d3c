"""Every secret is replaced, process by process, under people who sign in, browse and work in terminals."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.journeys.test_terminal_sign_in import Terminal
from tests.load import Load
from tests.people import Browser, Tokens, refresh
from tests.portal.conftest import arrived, csrf_of
from tests.portal.test_with_backend import twin
from tests.processes import wait_until
from tests.upgrades.rolling import Rolling

NAMES = ("SECRET_KEY", "TOKEN_KEY", "PORTAL_CLIENT_SECRET")
OLD = {name: f"the-old-{name}-of-at-least-32-characters" for name in NAMES}
NEW = {name: f"the-new-{name}-of-at-least-32-characters" for name in NAMES}
ACCEPTED = {name: f"{OLD[name]},{NEW[name]}" for name in NAMES}
PROMOTED = {name: f"{NEW[name]},{OLD[name]}" for name in NAMES}


@pytest.fixture(scope="module")
def rolling() -> Iterator[Rolling]:
    retry = "the-retry-key-of-at-least-32-characters"
    with Rolling(PORTAL_RETRY_KEY=retry, **OLD) as product:
        yield product


class PortalReader:
    """Somebody with two tabs, opened at once when the access token is gone: each round is two refreshes that race."""

    def __init__(self, live: Rolling, login: str) -> None:
        self.live = live
        self.browser = arrived(live, login)

    def __call__(self) -> None:
        tabs = [twin(self.browser, "insighta_rt") for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            pages = list(pool.map(lambda tab: tab.get(f"{self.live.portal_url}/credits"), tabs))
        for tab in tabs:
            tab.close()
        assert [page.status_code for page in pages] == [200, 200], [page.headers for page in pages]
        assert len({tab.cookies["insighta_rt"] for tab in tabs}) == 1
        self.browser.cookies.set("insighta_rt", tabs[0].cookies["insighta_rt"], domain="localhost.local", path="/")


class TerminalWorker:
    """Somebody whose script runs over and over: each time a process of its own finds the access token expired."""

    def __init__(self, live: Rolling, login: str, home: Path) -> None:
        self.login = login
        home.mkdir()
        self.terminal = Terminal(live, home)
        self.credentials = home / ".insighta" / "credentials.json"
        self.credentials.parent.mkdir(mode=0o700)
        tokens = Browser(live, login).sign_in()
        account = {"login": login, "access_token": tokens.access, "refresh_token": tokens.refresh, "retry_key": None}
        self._store({"version": 1, "accounts": {live.backend_url: account}})

    def __call__(self) -> None:
        stored = json.loads(self.credentials.read_text())
        before = self._store(stored)
        code, out, err = self.terminal.run("whoami")
        assert (code, out) == (0, f"{self.login}\n"), err
        (account,) = json.loads(self.credentials.read_text())["accounts"].values()
        assert account["refresh_token"] != before

    def _store(self, content: dict[str, Any]) -> str:
        """Write the file as if the access token's time were over; the refresh token in it."""
        (account,) = content["accounts"].values()
        account["access_token_expires_at"] = "2020-01-01T00:00:00Z"
        self.credentials.write_text(json.dumps(content))
        self.credentials.chmod(0o600)
        return str(account["refresh_token"])


class Newcomer:
    """Somebody new in each round: signs in at the portal, looks, and signs out."""

    def __init__(self, live: Rolling) -> None:
        self.live = live
        self.round = 0

    def __call__(self) -> None:
        self.round += 1
        browser = arrived(self.live, f"newcomer-{self.round}")
        with httpx.Client(base_url=self.live.portal_url, cookies=browser.cookies, timeout=120) as tab:
            assert tab.post("/logout", data=csrf_of(tab)).status_code == 303
        browser.close()


def test_nobody_notices_that_every_secret_is_replaced(rolling: Rolling, tmp_path: Path) -> None:
    grace = Browser(rolling, "grace").sign_in()
    reader, terminal = PortalReader(rolling, "ada"), TerminalWorker(rolling, "linus", tmp_path / "linus")
    first_key = signing_keys(rolling)
    load = Load(pause=0.5)
    with load.of(reader=reader, terminal=terminal, newcomer=Newcomer(rolling)):
        load.wait_for_rounds(2)
        rolling.change(**ACCEPTED)
        rolling.change(**PROMOTED)
        promoted_at = datetime.now(UTC)
        new_key = replace_signing_key(rolling)
        load.wait_for_rounds(2)
        grace = wait_for_old_tokens(rolling, promoted_at, grace)
        rolling.change(**NEW)
        load.wait_for_rounds(4)
    assert load.failures == []
    assert signing_keys(rolling) == {*first_key, new_key}
    assert jwt.get_unverified_header(Tokens.of(refresh(rolling, grace.refresh)).access)["kid"] == new_key
    assert sessions_of(rolling, "ada", "linus", "grace") == dict.fromkeys(["ada", "linus", "grace"], (1, 0))
    assert replays(rolling) == 0


def test_the_portals_retry_key_is_replaced_while_no_portal_runs(rolling: Rolling) -> None:
    reader = PortalReader(rolling, "margaret")
    reader()
    rolling.restart_portal(PORTAL_RETRY_KEY="another-retry-key-of-at-least-32-characters")
    reader()
    assert sessions_of(rolling, "margaret") == {"margaret": (1, 0)}
    assert replays(rolling) == 0


def replace_signing_key(live: Rolling) -> str:
    """`rotate_signing_keys`, and then as if its ten minutes were over. The new key is sealed under the new secret."""
    kid = live.manage("rotate_signing_keys").strip()
    # A process that reads a key for the first time because a token names it has not read its keys for five seconds.
    with live.connect() as connection:
        soon = "UPDATE tokens_signingkey SET activates_at = now() + interval '6 seconds' WHERE kid = %s"
        assert connection.execute(soon, [kid]).rowcount == 1
    time.sleep(6)
    return kid


def wait_for_old_tokens(live: Rolling, promoted_at: datetime, sleeping: Tokens) -> Tokens:
    """The old TOKEN_KEY may go once the last who has not refreshed since has done so."""
    arguments = ("rotate_token_key", "--json", "--promoted-at", promoted_at.isoformat())

    def count() -> int:
        try:
            report = live.manage(*arguments)
        except RuntimeError as refusal:
            report = str(refusal).partition("\n")[2]
        return int(json.loads(report)["sessions_of_old_keys"])

    # The newcomer whose sign-in was under way is done with it; only the sleeping session is left.
    wait_until(lambda: count() == 1, tell=lambda: f"{count()} sessions of old keys")
    renewed = Tokens.of(refresh(live, sleeping.refresh))
    assert count() == 0
    return renewed


def signing_keys(live: Rolling) -> set[str]:
    with live.connect() as connection:
        return {str(kid) for (kid,) in connection.execute("SELECT kid FROM tokens_signingkey").fetchall()}


def sessions_of(live: Rolling, *logins: str) -> dict[str, tuple[int, int]]:
    """How many sign-ins each of these people has had, and how many of those have ended."""
    query = """SELECT login, count(*), count(revoked_at) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id
               WHERE login = ANY(%s) GROUP BY login"""
    with live.connect() as connection:
        rows: list[Any] = connection.execute(query, [list(logins)]).fetchall()
    return {login: (opened, ended) for login, opened, ended in rows}


def replays(live: Rolling) -> int:
    with live.connect() as connection:
        (number,) = (
            connection.execute("SELECT count(*) FROM accounts_event WHERE kind = 'session.replayed'").fetchone() or ()
        )
    return int(str(number))
