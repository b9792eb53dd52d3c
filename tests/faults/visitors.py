"""People at the portal, and a real `insighta` command that is killed while it works."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.faults.clients import Connection, Run, browser_of
from tests.people import CLI, Browser

PAGES = ("/", "/slots", "/bookings", "/credits", "/settings")
SIGN_IN_NEEDED = 4


class Visitor:
    """A browser with two tabs. Whatever breaks, the person must never be asked to sign in again."""

    def __init__(self, run: Run, login: str) -> None:
        self.run, self.login = run, login
        self.random = run.random_for(login)
        self.http = Connection(run.notes, agent="browser")
        self.browser: Browser = browser_of(run.product, login)
        self._tabs = ThreadPoolExecutor(2)

    def sign_in(self) -> None:
        """Through the portal and GitHub, until the portal's own page is there. Raises as httpx does."""
        portal = self.run.product.portal_url
        response = self.browser.get(f"{portal}/login?next=/credits")
        callback = self.browser.follow(response, until=f"{portal}/auth/callback")
        assert callback.is_redirect, (callback.status_code, callback.url)
        arrived = self.browser.get(callback.headers["location"])
        for _ in range(5):
            if arrived.status_code < 500:
                break
            arrived = self.browser.get(callback.headers["location"])
        assert arrived.status_code == 303, (arrived.status_code, arrived.text[-500:])
        self.run.notes.sign_ins.append(self.login)

    def step(self) -> None:
        """One page, or two tabs at the same instant."""
        pages = self.random.sample(PAGES, self.random.choice([1, 1, 2]))
        for kept in self._tabs.map(self.visit, pages):
            if kept is False:
                self.run.notes.sign_ins_lost.append(f"{self.login}: sent to the sign-in page")
                self.sign_in()

    def visit(self, page: str) -> bool | None:
        """Whether the page knew the visitor; None where there was no page."""
        try:
            response = self.browser.get(f"{self.run.product.portal_url}{page}")
        except httpx.TransportError:
            self.http.note("page", 0)
            return None
        self.http.note("page", response.status_code)
        if response.status_code >= 500 or response.status_code == 429:
            return None
        return response.status_code == 200 and "/logout" in response.text


class Newcomer:
    """New people who sign in for the first time, one after the other."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name
        self.http = Connection(run.notes, agent="browser")
        self._number = 0

    def step(self) -> None:
        """One person's first sign-in. Where a page on the way is missing, the person begins anew."""
        self._number += 1
        visitor = Visitor(self.run, f"{self.name}-{self._number}")
        try:
            visitor.sign_in()
        except (httpx.TransportError, AssertionError):
            self.http.note("sign-in", 0)
        else:
            self.http.note("sign-in", 200)


class Command:
    """The real command, run again and again; every fifth run is killed somewhere on its way."""

    def __init__(self, run: Run, login: str, home: Path) -> None:
        self.run, self.login, self.home = run, login, home
        self.random = run.random_for(login)
        self.http = Connection(run.notes, agent="terminal")
        self.runs = self.kills = 0

    def sign_in(self) -> None:
        """Store what `insighta login` would have stored."""
        given = browser_of(self.run.product, self.login).sign_in(CLI)
        account: dict[str, str | None] = {"login": self.login, "access_token": given.access, "retry_key": None}
        account |= {"refresh_token": given.refresh, "access_token_expires_at": "2020-01-01T00:00:00Z"}
        self.home.mkdir(mode=0o700, exist_ok=True)
        content = {"version": 1, "accounts": {self.run.product.backend_url: account}}
        (self.home / "credentials.json").write_text(json.dumps(content))
        (self.home / "credentials.json").chmod(0o600)
        self.run.notes.sign_ins.append(self.login)

    def step(self) -> None:
        """`insighta whoami`."""
        self.runs += 1
        process = self._start()
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0.05, 0.5))
            process.send_signal(signal.SIGKILL)
            self.kills += 1
        _, said = process.communicate(timeout=60)
        self.http.note("command", 200 if process.returncode == 0 else 0)
        if process.returncode == SIGN_IN_NEEDED:
            self.run.notes.sign_ins_lost.append(f"{self.login}: {said}")
            self.sign_in()

    def _start(self) -> "subprocess.Popen[str]":
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        own = {"HOME": str(self.home), "INSIGHTA_HOME": str(self.home), "INSIGHTA_API": self.run.product.backend_url}
        command = [str(Path(sys.executable).parent / "insighta"), "whoami"]
        return subprocess.Popen(
            command, env=kept | own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
