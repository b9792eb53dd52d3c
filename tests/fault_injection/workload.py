"""What all clients of a run share: what they observe, the slots on offer, and when to end."""

import hashlib
import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from tests.fault_injection.history import History
from tests.fault_injection.product import Product
from tests.people import NO_CERTIFICATES, Browser

TIMEOUT_SECONDS = 8.0
PAUSE_SECONDS = 0.25
"""Between two steps of a client, on average."""


class Request(NamedTuple):
    """One request and when its answer came; status 0 is no answer."""

    at: float
    kind: str
    status: int


class Slot(NamedTuple):
    id: str
    capacity: int


@dataclass
class Booking:
    """A booking that was asked for: by whom, with which key, and the id in the answer (empty: no answer)."""

    login: str
    key: str
    slot_id: str
    id: str = ""


class Workload:
    """The clients of one run and everything they observe. Lists are appended to by many threads."""

    def __init__(self, product: Product, *, seed: int) -> None:
        self.product, self.seed = product, seed
        self.history = History()
        self.slots: list[Slot] = []
        self.requests: list[Request] = []
        self.bookings: list[Booking] = []
        self.sign_ins: list[str] = []
        self.lost_sign_ins: list[str] = []
        self.unexpected: list[str] = []
        self.is_over = threading.Event()
        self._threads: list[threading.Thread] = []

    def random_for(self, name: str) -> random.Random:
        """Numbers that depend on the seed and the client's name alone."""
        return random.Random(f"{self.seed} {name}")

    def repeat(self, step: Callable[[], None], name: str) -> None:
        """Repeat one client's step in a thread of its own until the run is over."""
        thread = threading.Thread(target=self._repeat, args=(step, name), daemon=True)
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """Tell every client, and wait until each has ended its step."""
        self.is_over.set()
        for thread in self._threads:
            thread.join(6 * TIMEOUT_SECONDS)

    def count(self, kind: str) -> Counter[int]:
        """How often requests of this kind were answered with each status."""
        return Counter(request.status for request in self.requests if request.kind == kind)

    def until(self, is_done: Callable[[], bool]) -> None:
        """Call `is_done`, with a pause after each call, until it is true or the run is over."""
        while not is_done() and not self.is_over.wait(PAUSE_SECONDS):
            pass

    def send(self, http: httpx.Client, kind: str, method: str, url: str, **options: Any) -> httpx.Response | None:
        """The answer; None where there is none, or a 429 or 5xx: the request may have been carried out or not."""
        try:
            response = http.request(method, url, **options)
        except httpx.TransportError:
            self.note(kind, 0)
            return None
        self.note(kind, response.status_code)
        if response.status_code == 500:
            self.unexpected.append(f"{kind}: {_cause(response)}")
        return None if response.status_code >= 500 or response.status_code == 429 else response

    def note(self, kind: str, status: int) -> None:
        self.requests.append(Request(time.monotonic(), kind, status))

    def browser(self, login: str) -> Browser:
        """A browser that keeps cookies and fills in GitHub's form."""
        browser = Browser(self.product, login)  # type: ignore[arg-type]  # has the same three addresses
        browser.http.headers["User-Agent"] = "browser"
        browser.http.timeout = httpx.Timeout(TIMEOUT_SECONDS)
        return browser

    def _repeat(self, step: Callable[[], None], name: str) -> None:
        pauses = self.random_for(f"{name}'s pauses")
        while not self.is_over.wait(pauses.uniform(0.5, 1.5) * PAUSE_SECONDS):
            try:
                step()
            except Exception as error:  # noqa: BLE001  # whatever a client did not expect is a finding
                self.unexpected.append(f"{name}: {error!r}")


def api_http() -> httpx.Client:
    """The proxy tells clients from the portal by their User-Agent."""
    return httpx.Client(timeout=TIMEOUT_SECONDS, verify=NO_CERTIFICATES, headers={"User-Agent": "terminal"})


def new_key() -> str:
    """An idempotency key."""
    return secrets.token_urlsafe(24)


def digest(secret: str) -> str:
    """What a history may hold of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _cause(response: httpx.Response) -> str:
    """The title of Django's page for developers and its innermost places in the code."""
    title = re.search(r"<title>(.*?)</title>", response.text, re.DOTALL)
    places = re.findall(r"/(\w+/[\w/]+\.py)[^\n]{0,40} in (\w+)", response.text)
    return f"{' '.join(title[1].split()) if title else response.text[:200]} {places[-3:]}"
