"""Load from outside: people who sign in one after the other, and terminals that refresh, book and cancel."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from tests.deploy.cluster import Cluster
from tests.deploy.visitors import Terminal, Visitor, trust

ARRIVING = 2
TERMINALS = 3
SLOTS = 30
# Between two acts of one of them, so that a server that starts beside them gets its share of the processor.
REST_SECONDS = 0.1


@dataclass(frozen=True)
class SignIn:
    """One person's sign-in; more than one of the visitor's attempts means that a page asked to begin again."""

    visitor: Visitor
    is_signed_in: bool


@dataclass
class Crowd:
    """What happened so far."""

    cluster: Cluster
    authority: ssl.SSLContext
    slots: list[str]
    terminals: list[Terminal] = field(default_factory=list)
    sign_ins: list[SignIn] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _end: threading.Event = field(default_factory=threading.Event)

    def do_more(self, *, sign_ins: int = 3, bookings: int = 12) -> None:
        """Wait until the crowd has done that much more than now. Raises what stopped one of it."""
        wanted = len(self.sign_ins) + sign_ins, len(self.booked) + bookings
        deadline = time.monotonic() + 120
        while len(self.sign_ins) < wanted[0] or len(self.booked) < wanted[1]:
            assert time.monotonic() < deadline, "the crowd stands still"
            if self.failures:
                raise self.failures[0]
            time.sleep(0.05)

    def _arrive(self) -> None:
        """One more person signs in at the portal, in a browser of their own."""
        visitor = Visitor(self.cluster, self.authority, f"visitor-{next(self._numbers)}")
        self.sign_ins.append(SignIn(visitor, visitor.sign_in_at_portal()))

    def _work(self, terminal: Terminal, to_keep: Iterator[str]) -> None:
        """One terminal: refresh, book a slot to keep while there are any, and one to give back."""
        terminal.refresh()
        self.booked += [terminal.book(slot) for slot in islice(to_keep, 1)]
        given_back = terminal.book(self.slots[-1])
        self.booked.append(given_back)
        terminal.cancel(given_back)
        self.cancelled.append(given_back)

    def _repeat(self, act: Callable[[], None]) -> None:
        while not self._end.wait(REST_SECONDS):
            try:
                act()
            except BaseException as error:  # noqa: BLE001  # raised again in the test's own thread
                self.failures.append(error)
                return

    def _threads(self) -> list[threading.Thread]:
        acts = [self._arrive] * ARRIVING + [self._booking(terminal) for terminal in self.terminals]
        return [threading.Thread(target=self._repeat, args=(act,)) for act in acts]

    def _booking(self, terminal: Terminal) -> Callable[[], None]:
        to_keep = iter(self.slots[:-1])
        return lambda: self._work(terminal, to_keep)


@contextmanager
def crowd(cluster: Cluster) -> Iterator[Crowd]:
    """A crowd at work from the first line of the block to its last."""
    authority = trust(cluster)
    people = Crowd(cluster, authority, _open_slots(cluster, authority))
    people.terminals += [Visitor(cluster, authority, f"terminal-{n}").terminal() for n in range(TERMINALS)]
    threads = people._threads()
    for thread in threads:
        thread.start()
    try:
        yield people
    finally:
        people._end.set()
        for thread in threads:
            thread.join()
    if people.failures:
        raise people.failures[0]


def _open_slots(cluster: Cluster, authority: ssl.SSLContext) -> list[str]:
    """Slots of Grace, more than a day ahead, one after the other, with room for every terminal."""
    grace = Visitor(cluster, authority, "grace").terminal()
    cluster.manage("make_host", "grace")
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    ids = []
    for hour in range(SLOTS):
        begins = first + timedelta(hours=hour)
        slot = {"title": "Session", "starts_at": begins.isoformat(), "capacity": TERMINALS}
        made = grace.call("POST", "/slots", json=slot | {"ends_at": (begins + timedelta(minutes=50)).isoformat()})
        assert made.status_code == 201, made.text
        ids.append(str(made.json()["id"]))
    return ids
