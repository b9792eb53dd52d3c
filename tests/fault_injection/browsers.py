"""People at the portal, and a real `insighta` command that is killed while it works."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.servers import clean_environment
from tests.fault_injection.workload import Workload
from tests.people import CLI

PAGES = ("/", "/slots", "/bookings", "/credits", "/settings")
SIGN_IN_NEEDED = 4


class Visitor:
    """A browser with two tabs. Whatever fails, the person must never be asked to sign in again."""

    def __init__(self, workload: Workload, login: str) -> None:
        self.workload, self.login = workload, login
        self.random = workload.random_for(login)
        self.browser = workload.browser(login)
        self._tabs = ThreadPoolExecutor(2)

    def sign_in(self) -> None:
        """Through the portal and GitHub. Raises httpx.TransportError and AssertionError."""
        portal = self.workload.product.portal_url
        response = self.browser.get(f"{portal}/login?next=/credits")
        callback = self.browser.follow(response, until=f"{portal}/auth/callback")
        assert callback.is_redirect, (callback.status_code, callback.url)
        for _ in range(6):
            arrived = self.browser.get(callback.headers["location"])
            if arrived.status_code < 500:
                break
        assert arrived.status_code == 303, (arrived.status_code, arrived.text[-500:])
        self.workload.sign_ins.append(self.login)

    def step(self) -> None:
        """One page, or two tabs at the same instant."""
        pages = self.random.sample(PAGES, self.random.choice([1, 1, 2]))
        if False in list(self._tabs.map(self.visit, pages)):
            self.workload.lost_sign_ins.append(f"{self.login}: sent to the sign-in page")
            self.sign_in()

    def visit(self, page: str) -> bool | None:
        """Whether the page knew the visitor; None where there was no page."""
        url = f"{self.workload.product.portal_url}{page}"
        response = self.workload.send(self.browser.http, "page", "GET", url)
        return None if response is None else response.status_code == 200 and "/logout" in response.text


class Newcomers:
    """New people who sign in for the first time, one after the other."""

    def __init__(self, workload: Workload, login: str) -> None:
        self.workload, self.login = workload, login
        self._number = 0

    def step(self) -> None:
        """One person's first sign-in. Where a page on the way is missing, the person gives up."""
        self._number += 1
        try:
            Visitor(self.workload, f"{self.login}-{self._number}").sign_in()
        except (httpx.TransportError, AssertionError):
            self.workload.note("sign-in", 0)
        else:
            self.workload.note("sign-in", 200)


class Command:
    """`insighta whoami`, run again and again; every fifth run is killed somewhere on its way."""

    def __init__(self, workload: Workload, login: str, home: Path) -> None:
        self.workload, self.login, self.home = workload, login, home
        self.random = workload.random_for(login)

    def sign_in(self) -> None:
        """Store what `insighta login` would have stored."""
        tokens = self.workload.browser(self.login).sign_in(CLI)
        account: dict[str, str | None] = {"login": self.login, "access_token": tokens.access, "retry_key": None}
        account |= {"refresh_token": tokens.refresh, "access_token_expires_at": "2020-01-01T00:00:00Z"}
        self.home.mkdir(mode=0o700, exist_ok=True)
        content = {"version": 1, "accounts": {self.workload.product.backend_url: account}}
        credentials = self.home / "credentials.json"
        credentials.touch(mode=0o600)
        credentials.write_text(json.dumps(content))
        self.workload.sign_ins.append(self.login)

    def step(self) -> None:
        environment = clean_environment() | {"HOME": str(self.home), "INSIGHTA_HOME": str(self.home)}
        environment |= {"INSIGHTA_API": self.workload.product.backend_url}
        command = [str(Path(sys.executable).parent / "insighta"), "whoami"]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            if self.random.random() < 0.2:
                time.sleep(self.random.uniform(0.05, 0.5))
                process.kill()
            _, errors = process.communicate(timeout=60)
        self.workload.note("command", 200 if process.returncode == 0 else 0)
        if process.returncode == SIGN_IN_NEEDED:
            self.workload.lost_sign_ins.append(f"{self.login}: {errors.decode()}")
            self.sign_in()
