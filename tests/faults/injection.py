"""How each fault is done to the product, and how it ends."""

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from tests.faults.product import Product
from tests.faults.schedule import TARGETS, Fault

CROWD = 150
SKEW_SECONDS = 4
"""Less than the five seconds by which `check --deploy` lets the clocks of process and database differ."""
HOURS = 3 * 3600
LOCKED = {"slots": "bookings_slot", "sessions": "tokens_session"}


def possible_kinds(product: Product) -> frozenset[str]:
    """The kinds of faults that this machine lets a test inject."""
    missing = set() if product.cluster.has_own_disk else {"fill"}
    missing |= set() if product.clocks.are_possible else {"clock"}
    return frozenset(TARGETS) - missing


def injected(product: Product, fault: Fault) -> AbstractContextManager[None]:
    """The fault holds inside of the `with`."""
    return _WAYS[fault.kind](product, fault.target)


@contextmanager
def _kill(product: Product, target: str) -> Iterator[None]:
    product.kill(target)
    yield
    product.revive(target)


@contextmanager
def _stop(product: Product, target: str) -> Iterator[None]:
    product.cluster.kill()
    yield
    product.cluster.start()


def _trouble(kind: str) -> Callable[[Product, str], AbstractContextManager[None]]:
    @contextmanager
    def way(product: Product, pair: str) -> Iterator[None]:
        product.network.trouble(pair, kind)
        yield
        product.network.trouble(pair, "")

    return way


@contextmanager
def _hold_locks(product: Product, target: str) -> Iterator[None]:
    """Every writer waits, each with a connection of its pool in its hand, until the pools are empty."""
    with psycopg.connect(product.cluster.address) as connection:
        connection.execute(f"LOCK TABLE {LOCKED[target]} IN EXCLUSIVE MODE")
        yield


@contextmanager
def _crowd(product: Product, target: str) -> Iterator[None]:
    """Connections that send the first half of a request and nothing more."""
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", product.ports[target]), timeout=5))
            connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\nX-Slow: ")
        yield


@contextmanager
def _fill(product: Product, target: str) -> Iterator[None]:
    product.cluster.fill_disk()
    yield
    product.cluster.empty_disk()
    product.cluster.ensure_running()


@contextmanager
def _clock(product: Product, target: str) -> Iterator[None]:
    """A backend's as far as operation allows; the others know nothing that a clock could spoil, so by hours."""
    seconds = SKEW_SECONDS if target.startswith("backend") else HOURS
    product.clocks.set(target, seconds * random.choice([-1, 1]))
    yield
    product.clocks.set(target, 0)


_WAYS: dict[str, Callable[[Product, str], AbstractContextManager[None]]] = {
    "kill": _kill,
    "stop": _stop,
    "cut": _trouble("cut"),
    "delay": _trouble("delay"),
    "lose answers": _trouble("lose answers"),
    "hold locks": _hold_locks,
    "crowd": _crowd,
    "fill": _fill,
    "clock": _clock,
}
