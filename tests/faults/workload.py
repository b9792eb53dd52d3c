"""The requests of the load: each of its main endpoints, and the mixture of them that people make."""

import itertools
import json
import random
from collections import deque
from dataclasses import dataclass

from bench.booking_world import BookingWorld
from bench.product import CLI, Product
from tests.faults.clients import new_key
from tests.faults.openloop import Answered, Plan

CLIENTS, RUNS, SESSIONS = 400, 60, 4000
MIXTURE = {"refresh": 2, "me": 3, "slots": 3, "book": 2}


@dataclass
class _Chain:
    """A session that keeps the protocol: while an answer is missing, the same key goes with the same token."""

    token: str
    key: str = ""


class Workload:
    """Plans over a filled product, by name; every sender of them must be the only one."""

    def __init__(self, product: Product) -> None:
        world = BookingWorld(product, clients=CLIENTS)
        self._host = product.backend_url.removeprefix("http://")
        self._access = itertools.cycle([client.token for client in world.clients])
        self._chains = deque(_Chain(token) for token in product.refresh_tokens(SESSIONS))
        self._bookings = itertools.cycle(
            [
                (client.token, str(slots[number % len(slots)]), new_key())
                for slots in [world.add_slots(150, capacity=8) for _ in range(RUNS)]
                for number, client in enumerate(world.clients)
            ]
        )
        self.refused: list[bytes] = []

    def plans(self) -> dict[str, Plan]:
        """Each endpoint by itself, and `mixture`."""
        return {
            "refresh": self.refresh,
            "me": lambda: (self._get("/api/v1/me"), self._note),
            "slots": lambda: (self._get("/api/v1/slots?open=true"), self._note),
            "book": self.book,
            "mixture": self.mixture,
        }

    def mixture(self) -> tuple[bytes, Answered]:
        """One of the four, as often as people do it."""
        plans = self.plans()
        (name,) = random.choices(list(MIXTURE), list(MIXTURE.values()))
        return plans[name]()

    def refresh(self) -> tuple[bytes, Answered]:
        """The session that has rested longest."""
        chain = self._chains.popleft()
        chain.key = chain.key or new_key()
        body = f"grant_type=refresh_token&client_id={CLI}&refresh_token={chain.token}".encode()
        headers = f"Content-Type: application/x-www-form-urlencoded\r\nIdempotency-Key: {chain.key}\r\n"

        def answered(status: int, answer: bytes) -> None:
            if status == 200:
                chain.token, chain.key = json.loads(answer)["refresh_token"], ""
            self._note(status, answer)
            self._chains.append(chain)

        return self._post("/oauth/token", headers, body), answered

    def book(self) -> tuple[bytes, Answered]:
        """The next person's next booking. When all are made, the first are asked for again, with their keys."""
        token, slot_id, key = next(self._bookings)
        headers = f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        return self._post("/api/v1/bookings", headers, json.dumps({"slot_id": slot_id}).encode()), self._note

    def _get(self, path: str) -> bytes:
        authorization = f"Authorization: Bearer {next(self._access)}\r\n"
        return f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n{authorization}\r\n".encode()

    def _post(self, path: str, headers: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        return head.encode() + body

    def _note(self, status: int, answer: bytes) -> None:
        if 400 <= status < 500 or status == 500:
            self.refused.append(answer[:300])
