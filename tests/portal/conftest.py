"""A portal as real processes in front of a fake backend, and browsers that are HTTP clients with cookie jars."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.people import NO_CERTIFICATES, Browser
from tests.portal.browsers import browser, contexts
from tests.portal.fake_backend import FakeBackend
from tests.portal.sample import fill
from tests.processes import Live, Process, free_port

__all__ = ["browser", "contexts"]

# How long the portal waits for the backend; a busy machine answers in time.
TIMEOUT_SECONDS = 6


HELP = "help@insighta.example"


class Portal:
    """The portal's processes in front of `backend`; every browser it makes is a person's own."""

    def __init__(self, backend: FakeBackend, **settings: str) -> None:
        self.backend = backend
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
        sizes = ["--port", str(self.port), "--workers", "2", "--blocking-threads", "8"]
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "READ_DOT_ENV": "false",
            "DEBUG": "true",
            "DJANGO_SETTINGS_MODULE": "config.settings.portal",
            "BACKEND_URL": backend.url,
            "PORTAL_URL": self.url,
            "PORTAL_RETRY_KEY": "the portal's retry key in tests",
            "BACKEND_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
            "PUBLIC_CALENDAR": "true",
            "SUPPORT_EMAIL": HELP,
            **settings,
        }
        self.process = Process([*granian, *sizes, "config.wsgi:application"], environment, f"{self.url}/healthz")

    def browser(self, tokens: tuple[str, str] | None = None) -> httpx.Client:
        """A browser of its own; with `tokens` (access, refresh) it is signed in. It follows no redirect by itself."""
        client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=NO_CERTIFICATES)
        for name, value in zip(("insighta_at", "insighta_rt"), tokens or (), strict=False):
            client.cookies.set(name, value, domain="localhost.local", path="/")
        return client

    def signed_in(self) -> httpx.Client:
        """A browser with live tokens."""
        return self.browser(self.backend.sign_in())


def begin(browser: httpx.Client, next_path: str = "/") -> dict[str, str]:
    """Open `/login`; the parameters of the authorize request it leads to."""
    answer = browser.get("/login", params={"next": next_path})
    assert answer.status_code == 302
    return query_of(answer.headers["Location"])


def callback_of(backend: FakeBackend, flow: dict[str, str], **changes: str) -> str:
    """Where the backend sends the browser back to, with tokens of a new session; `changes` are to its parameters."""
    access, refresh = backend.hand_off(flow["code_challenge"])
    query = {"at": access, "rt": refresh, "state": flow["state"], "iss": backend.url} | changes
    return f"/auth/callback?{httpx.QueryParams(query)}"


def arrive(browser: httpx.Client, backend: FakeBackend, flow: dict[str, str], **changes: str) -> httpx.Response:
    """Come back from the backend."""
    return browser.get(callback_of(backend, flow, **changes))


def arrived(live: Live, login: str) -> httpx.Client:
    """The browser of somebody who has signed in at the portal."""
    person = Browser(live, login)
    callback = f"{live.portal_url}/auth/callback"
    person.get(person.follow(person.get(f"{live.portal_url}/login"), until=callback).headers["location"])
    assert "insighta_rt" in person.http.cookies
    return person.http


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def csrf_of(browser: httpx.Client, path: str = "/") -> dict[str, str]:
    """The hidden field of the forms on `path`."""
    page = browser.get(path).text
    return {"csrfmiddlewaretoken": page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]}


def post(browser: httpx.Client, path: str, page: str = "/device", **fields: str | list[str]) -> httpx.Response:
    """Send a form with the CSRF token of `page`."""
    return browser.post(path, data=csrf_of(browser, page) | fields)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


@pytest.fixture(scope="session")
def shared_backend() -> Iterator[FakeBackend]:
    backend = FakeBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def shared_portal(shared_backend: FakeBackend) -> Iterator[Portal]:
    portal = Portal(shared_backend)
    portal.process.start()
    yield portal
    portal.process.stop(signal.SIGKILL)


@pytest.fixture
def backend(shared_backend: FakeBackend) -> FakeBackend:
    """The fake backend, with nothing in it."""
    shared_backend.reset()
    return shared_backend


@pytest.fixture
def portal(shared_portal: Portal, backend: FakeBackend) -> Portal:
    """The portal in front of the empty fake backend."""
    return shared_portal


@contextmanager
def running(portal: Portal) -> Iterator[Portal]:
    """`portal` with settings of its own, for as long as the block lasts."""
    with running_process(portal.process):
        yield portal


@contextmanager
def running_process(process: Process) -> Iterator[Process]:
    """`process`, for as long as the block lasts. Asked nicely, it would wait for connections that clients keep open."""
    process.start()
    try:
        yield process
    finally:
        process.stop(signal.SIGKILL)


@pytest.fixture
def held(backend: FakeBackend) -> dict[str, Any]:
    """The sample account, a host's, in the fake backend."""
    return fill(backend, datetime.now(UTC), hosting=True)


@pytest.fixture
def ada(portal: Portal, held: dict[str, Any]) -> httpx.Client:
    """Ada's browser, signed in, with the sample account behind it."""
    return portal.signed_in()
