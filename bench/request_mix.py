import itertools
import json
import random
import secrets
from collections import deque
from dataclasses import dataclass

from bench.booking_world import BookingWorld
from bench.open_loop import MakeRequest, OnAnswer
from bench.product import CLI, Product

CLIENTS, RUNS, SESSIONS = 400, 60, 4000
SHARES = {"refresh": 2, "me": 3, "slots": 3, "book": 2}


@dataclass
class _Chain:
    """A session. While an answer is missing, the same key goes with the same token."""

    token: str
    key: str = ""


class RequestMix:
    """The product's main requests, each by itself and mixed as people send them. Only one generator may send them."""

    def __init__(self, product: Product) -> None:
        self.world = world = BookingWorld(product, clients=CLIENTS)
        self._head = f"Host: {product.backend_url.removeprefix('http://')}\r\nConnection: close\r\n"
        self._access = itertools.cycle([client.token for client in world.clients])
        self._chains = deque(_Chain(token) for token in product.refresh_tokens(SESSIONS))
        self._bookings = itertools.cycle(
            [
                (client.token, str(slots[number % len(slots)]), secrets.token_urlsafe(24))
                for slots in [world.add_slots(150, capacity=8) for _ in range(RUNS)]
                for number, client in enumerate(world.clients)
            ]
        )

    def requests(self) -> dict[str, MakeRequest]:
        """Each kind by itself, and `mixture`."""
        return {
            "refresh": self.refresh,
            "me": lambda: (self._get("/api/v1/me"), _ignore),
            "slots": lambda: (self._get("/api/v1/slots?open=true"), _ignore),
            "book": self.book,
            "mixture": self.mixture,
        }

    def mixture(self) -> tuple[bytes, OnAnswer]:
        (name,) = random.choices(list(SHARES), list(SHARES.values()))  # noqa: S311  # no secret
        return self.requests()[name]()

    def refresh(self) -> tuple[bytes, OnAnswer]:
        """Of the session that has rested longest."""
        chain = self._chains.popleft()
        chain.key = chain.key or secrets.token_urlsafe(24)
        body = f"grant_type=refresh_token&client_id={CLI}&refresh_token={chain.token}".encode()
        headers = f"Content-Type: application/x-www-form-urlencoded\r\nIdempotency-Key: {chain.key}\r\n"

        def on_answer(status: int, answer: bytes) -> None:
            if status == 200:
                chain.token, chain.key = json.loads(answer)["refresh_token"], ""
            self._chains.append(chain)

        return self._post("/oauth/token", headers, body), on_answer

    def book(self) -> tuple[bytes, OnAnswer]:
        """The next person's next booking. When all are made, the first are repeated with their keys."""
        token, slot_id, key = next(self._bookings)
        headers = f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        return self._post("/api/v1/bookings", headers, json.dumps({"slot_id": slot_id}).encode()), _ignore

    def _get(self, path: str) -> bytes:
        authorization = f"Authorization: Bearer {next(self._access)}\r\n"
        return f"GET {path} HTTP/1.1\r\n{self._head}{authorization}\r\n".encode()

    def _post(self, path: str, headers: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n{headers}\r\n"
        return head.encode() + body


def _ignore(status: int, answer: bytes) -> None:
    """Statuses are counted by the generator."""
