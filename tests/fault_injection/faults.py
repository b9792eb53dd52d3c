"""The faults that a run injects: which exist, how a seed draws them, and how each is done to the product."""

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from tests.fault_injection.product import LINKS, Product

CONNECTIONS = 150
BACKEND_SKEW_SECONDS = 4
"""Less than the five seconds by which `check --deploy` lets the clocks of process and database differ."""
SKEW_SECONDS = 3 * 3600
LOCKED = {"slots": "bookings_slot", "sessions": "tokens_session"}
TARGETS: dict[str, tuple[str, ...]] = {
    "kill": ("backend 1", "backend 2", "portal 1", "portal 2", "worker"),
    "stop": ("database",),
    "cut": LINKS,
    "delay": LINKS,
    "lose answers": LINKS,
    "hold locks": ("slots", "sessions"),
    "connections": ("backend", "portal"),
    "fill": ("disk",),
    "clock": ("backend 1", "portal 1", "worker"),
}
_LONGEST = {"stop": 6.0, "fill": 6.0, "kill": 4.0}


@dataclass(frozen=True)
class Fault:
    """`kind` happens to `target` for so many seconds."""

    kind: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


def possible_kinds(product: Product) -> frozenset[str]:
    """The kinds of faults that can be injected on this machine."""
    missing = set() if product.postgres.has_own_disk else {"fill"}
    missing |= set() if product.can_set_clocks else {"clock"}
    return frozenset(TARGETS) - missing


def draw_faults(seed: int, *, kinds: frozenset[str], seconds: float, quiet: float) -> list[Fault]:
    """Faults for about `seconds`, `quiet` seconds apart, every kind once before any comes again."""
    numbers = random.Random(seed)
    faults: list[Fault] = []
    while True:
        for kind in numbers.sample(sorted(kinds), len(kinds)):
            target = numbers.choice(TARGETS[kind])
            fault = Fault(kind, target, round(numbers.uniform(1.0, _LONGEST.get(kind, 5.0)), 1))
            seconds -= fault.seconds + quiet
            if seconds < 0:
                return faults
            faults.append(fault)


def injected(product: Product, fault: Fault) -> AbstractContextManager[None]:
    """The fault holds inside of the `with`."""
    if fault.kind == "hold locks":
        return _lock(product, LOCKED[fault.target])
    if fault.kind == "connections":
        return _half_requests(product.ports[fault.target])
    return _switched(*_switches(product, fault))


def _switches(product: Product, fault: Fault) -> tuple[Callable[[], None], Callable[[], None]]:
    """What begins the fault and what ends it."""
    target, postgres, network = fault.target, product.postgres, product.network
    match fault.kind:
        case "kill":
            return partial(product.kill, target), partial(product.restart, target)
        case "stop":
            return postgres.kill, postgres.start
        case "fill":
            return postgres.fill_disk, postgres.free_disk
        case "clock":
            skew = BACKEND_SKEW_SECONDS if target.startswith("backend") else SKEW_SECONDS
            skew *= random.choice([-1, 1])
            return partial(product.set_clock, target, skew), partial(product.set_clock, target, 0)
    return partial(network.set_fault, target, fault.kind), partial(network.set_fault, target, "")


@contextmanager
def _switched(begin: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    begin()
    yield
    end()


@contextmanager
def _lock(product: Product, table: str) -> Iterator[None]:
    with product.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield


@contextmanager
def _half_requests(port: int) -> Iterator[None]:
    """Connections that send the first half of a request and nothing more."""
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\nX-Slow: ")
        yield
