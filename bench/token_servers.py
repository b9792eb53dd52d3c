import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from bench.harness import BenchError
from bench.wrk import RefreshRequest


@dataclass
class TokenServer:
    """A server whose refreshes are measured: the product or a peer. `me` is the address of the person's JSON."""

    label: str
    configuration: str
    refresh_request: RefreshRequest
    database: str
    tables: Sequence[str]
    me: str
    refresh_tokens: list[str] = field(repr=False)
    access_tokens: list[str] = field(repr=False)

    def take(self, count: int) -> list[str]:
        """Unused refresh tokens; a chain that a run broke off is never continued. Raises BenchError without enough."""
        taken, self.refresh_tokens = self.refresh_tokens[:count], self.refresh_tokens[count:]
        if len(taken) < count:
            raise BenchError(f"{self.label} has no unused refresh tokens left")
        return taken

    def refresh(self, token: str, *, key: str = "") -> httpx.Response:
        """One refresh on a connection of its own."""
        with httpx.Client(timeout=60) as http:
            return self._send(http, token, key=key)

    def _send(self, http: httpx.Client, token: str, *, key: str = "") -> httpx.Response:
        request = self.refresh_request
        headers = {"Content-Type": request.content_type} | ({"Idempotency-Key": key} if key else {})
        return http.post(request.url, content=request.body.replace("{token}", token), headers=headers)

    def successor(self, response: httpx.Response) -> str:
        """The refresh token in an answer; empty where it was refused."""
        return str(response.json().get(self.refresh_request.field, "")) if response.is_success else ""

    def race(self, token: str, *, requests: int) -> list[httpx.Response]:
        """The answers to the same token presented by as many requests at once."""
        ready = threading.Barrier(requests)

        def present(_: int) -> httpx.Response:
            with httpx.Client(timeout=60) as http:
                # The connection is open before the race begins.
                http.get(self.refresh_request.url)
                ready.wait()
                return self._send(http, token)

        with ThreadPoolExecutor(requests) as pool:
            return list(pool.map(present, range(requests)))
