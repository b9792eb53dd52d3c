"""What all clients of a run share: its notes, and an HTTP connection whose silence is an answer too."""

import hashlib
import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from tests.faults.history import Log
from tests.faults.product import Product
from tests.people import NO_CERTIFICATES, Browser
from tests.processes import Live

PATIENCE_SECONDS = 8.0


@dataclass
class Slot:
    """One slot of the run; `index` is its place in time, so that no two overlap."""

    id: str
    capacity: int


@dataclass
class Booked:
    """A booking that was asked for: by whom, with which key, and the id that was answered (empty: none)."""

    login: str
    key: str
    slot_id: str
    booking_id: str = ""


@dataclass
class Notes:
    """Everything the clients of a run have seen, each entry with its instant; appended to by many threads."""

    requests: list[tuple[float, str, int]] = field(default_factory=list)
    """End, kind and status of each request; status 0 is no answer."""
    sign_ins: list[str] = field(default_factory=list)
    sign_ins_lost: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    booked: list[Booked] = field(default_factory=list)


class Run:
    """One run: the product, the notes, the history, the slots on offer, and the end that everybody looks at."""

    def __init__(self, product: Product, log: Log, *, seed: int, pace: float) -> None:
        self.product, self.log, self.seed, self.pace = product, log, seed, pace
        self.notes = Notes()
        self.slots: list[Slot] = []
        self.is_over = threading.Event()
        self._threads: list[threading.Thread] = []

    def random_for(self, name: str) -> random.Random:
        """Numbers that depend on the seed and the client's name alone."""
        return random.Random(f"{self.seed} {name}")

    def let(self, step: Callable[[], None], name: str) -> None:
        """Repeat one client's step in a thread of its own until the run is over."""
        thread = threading.Thread(target=self._repeat, args=(step, name), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _repeat(self, step: Callable[[], None], name: str) -> None:
        pauses = self.random_for(f"{name}'s pauses")
        while not self.is_over.wait(pauses.uniform(0.5, 1.5) * self.pace):
            try:
                step()
            except Exception as error:  # noqa: BLE001  # whatever a client did not expect is a finding
                self.notes.surprises.append(f"{name}: {error!r}")

    def finish(self) -> None:
        """Tell everybody, and wait until they have ended their step."""
        self.is_over.set()
        for thread in self._threads:
            thread.join(6 * PATIENCE_SECONDS)


class Connection:
    """One client's HTTP. A request without a usable answer gives None: it may have been done or not."""

    def __init__(self, notes: Notes, *, agent: str) -> None:
        self._notes = notes
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, verify=NO_CERTIFICATES, headers={"User-Agent": agent})

    def ask(self, kind: str, method: str, url: str, **more: Any) -> httpx.Response | None:
        """The answer, or None: no answer, or one that says that the service could not do it."""
        try:
            response = self._http.request(method, url, **more)
        except httpx.TransportError:
            self.note(kind, 0)
            return None
        self.note(kind, response.status_code)
        if response.status_code == 500:
            self._notes.surprises.append(f"{kind}: {_cause(response)}")
        return None if response.status_code >= 500 or response.status_code == 429 else response

    def note(self, kind: str, status: int) -> None:
        """Count one request."""
        self._notes.requests.append((time.monotonic(), kind, status))


def browser_of(product: Product, login: str) -> Browser:
    """A browser that keeps cookies and fills in GitHub's form."""
    browser = Browser(cast(Live, product), login)
    browser.http.headers["User-Agent"] = "browser"
    browser.http.timeout = httpx.Timeout(PATIENCE_SECONDS)
    return browser


def _cause(response: httpx.Response) -> str:
    """What Django's page for developers says in its title and about its innermost line."""
    title = re.search(r"<title>(.*?)</title>", response.text, re.DOTALL)
    places = re.findall(r"/(\w+/[\w/]+\.py)[^\n]{0,40} in (\w+)", response.text)
    return f"{' '.join(title[1].split()) if title else response.text[:200]} {places[-3:]}"


def new_key() -> str:
    """A retry key."""
    return secrets.token_urlsafe(24)


def digest(secret: str) -> str:
    """What a log may hold of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def summarize(requests: list[tuple[float, str, int]]) -> dict[str, Counter[int]]:
    """How often each kind of request was answered with each status."""
    kinds: dict[str, Counter[int]] = {}
    for _, kind, status in requests:
        kinds.setdefault(kind, Counter())[status] += 1
    return kinds
