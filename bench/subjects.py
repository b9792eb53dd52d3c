"""Whom the benchmarks of tokens compare: the product and its peers, with clients that refresh along their chains."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import httpx

from bench.harness import Bench
from bench.load import Refreshing
from bench.product import Product
from bench.rivals import KINDS, Peer, serving

OURS = "Insighta"
TABLES = ("tokens_session",)
# Enough for every run that breaks a chain off: warm-up, rounds, and the questions asked one by one.
SESSIONS = 80


@dataclass
class Subject:
    """Somebody whose refreshes are measured; `me` is the address of the signed-in person's JSON, where there is one."""

    label: str
    how: str
    refreshing: Refreshing
    database: str
    tables: Sequence[str]
    me: str
    refresh_tokens: list[str] = field(repr=False)
    access_tokens: list[str] = field(repr=False)

    def take(self, count: int) -> list[str]:
        """Refresh tokens that nobody has used: a chain that a run broke off is never taken up again."""
        taken, self.refresh_tokens = self.refresh_tokens[:count], self.refresh_tokens[count:]
        if len(taken) < count:
            raise IndexError(f"{self.label} has no unused refresh tokens left")
        return taken

    def refresh(self, token: str, *, key: str = "") -> httpx.Response:
        """One refresh on a connection of its own."""
        with httpx.Client(timeout=60) as http:
            return self._send(http, token, key=key)

    def _send(self, http: httpx.Client, token: str, *, key: str = "") -> httpx.Response:
        form = self.refreshing
        headers = {"Content-Type": form.content_type} | ({"Idempotency-Key": key} if key else {})
        return http.post(form.url, content=form.body.replace("{token}", token), headers=headers)

    def successor(self, response: httpx.Response) -> str:
        """The refresh token in an answer; empty where it was refused."""
        return str(response.json().get(self.refreshing.field, "")) if response.is_success else ""

    def race(self, token: str, *, requests: int) -> list[httpx.Response]:
        """The same token presented by as many requests at once."""
        ready = threading.Barrier(requests)

        def present() -> httpx.Response:
            with httpx.Client(timeout=60) as http:
                # The connection stands before the race begins.
                http.get(self.refreshing.url)
                ready.wait()
                return self._send(http, token)

        with ThreadPoolExecutor(requests) as pool:
            return [waiting.result() for waiting in [pool.submit(present) for _ in range(requests)]]


def start_together(run: Bench, names: Sequence[str]) -> None:
    """Start the product and the peers called `names` side by side: most of it is one core's work each."""
    peers = [(f"peer {name}", _peer(run, name)) for name in names]
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(product, run)
        list(pool.map(lambda peer: run.share(*peer), peers))
        starting.result()


def product(run: Bench) -> Product:
    """The product of this run, with its backend."""
    return run.share("product", lambda: Product(run.cluster))


def ours(run: Bench) -> Subject:
    """The product, refreshing as the command line does: with a retry key."""
    backend = product(run)
    callers = backend.sign_in(backend.add_people(16))
    return Subject(
        OURS,
        "as it is deployed; a retry key with every refresh",
        backend.refreshing,
        backend.database,
        TABLES,
        f"{backend.backend_url}/api/v1/me",
        backend.refresh_tokens(SESSIONS),
        backend.access_tokens(callers),
    )


def rival(run: Bench, name: str) -> Subject:
    """One of the peers, running until the end of the run; every scenario goes on with the tokens that are left."""
    return run.share(f"subject {name}", lambda: nullcontext(_start_rival(run, name)))


def _peer(run: Bench, name: str) -> Callable[[], AbstractContextManager[Peer]]:
    cluster = run.cluster
    return lambda: serving(name, cluster, tokens=SESSIONS)


def _start_rival(run: Bench, name: str) -> Subject:
    peer: Peer = run.share(f"peer {name}", _peer(run, name))
    kind = KINDS[name]
    subject = Subject(
        kind.label,
        kind.how,
        peer.refreshing,
        peer.database,
        kind.tables,
        f"{peer.url}/me",
        peer.refresh_tokens,
        peer.access_tokens,
    )
    # Processes that have not answered yet load their modules now, one request at a time.
    for token in subject.take(8) if peer.refresh_tokens else []:
        subject.refresh(token)
    return subject
