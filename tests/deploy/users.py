"""Load from outside: people who sign in one after the other, and terminals that refresh, book and cancel."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice

from tests.deploy.cluster import Cluster
from tests.deploy.visitors import Terminal, Visitor, trust
from tests.load import Load

ARRIVING = 2
TERMINALS = 3
SLOTS = 30


@dataclass
class Users:
    """What happened so far."""

    cluster: Cluster
    authority: ssl.SSLContext
    slots: list[str]
    terminals: list[Terminal]
    # The pause leaves a server that starts beside them its share of the processor.
    load: Load = field(default_factory=lambda: Load(pause=0.1))
    visitors: list[Visitor] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    # What was cut off before each restart, and after the last.
    cut_off: list[int] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def acts(self) -> dict[str, Callable[[], None]]:
        terminals = {f"terminal {n}": self._booking(terminal) for n, terminal in enumerate(self.terminals)}
        return terminals | {f"arriving {n}": self._arrive for n in range(ARRIVING)}

    def count_cut_off(self) -> None:
        """Note how often a terminal was told that its request had gone astray."""
        self.cut_off.append(sum(terminal.cut_off for terminal in self.terminals))

    def _arrive(self) -> None:
        """One more person signs in at the portal, in a browser of their own."""
        visitor = Visitor(self.cluster, self.authority, f"visitor-{next(self._numbers)}")
        visitor.sign_in_at_portal()
        self.visitors.append(visitor)

    def _booking(self, terminal: Terminal) -> Callable[[], None]:
        return partial(self._work, terminal, iter(self.slots[:-1]))

    def _work(self, terminal: Terminal, to_keep: Iterator[str]) -> None:
        """Refresh, book a slot to keep while there are any, and one to give back."""
        terminal.refresh()
        self.booked += [terminal.book(slot) for slot in islice(to_keep, 1)]
        given_back = terminal.book(self.slots[-1])
        self.booked.append(given_back)
        terminal.cancel(given_back)
        self.cancelled.append(given_back)


@contextmanager
def users(cluster: Cluster) -> Iterator[Users]:
    """Users at work from the first line of the block to its last."""
    authority = trust(cluster)
    slots = _offer_slots(cluster, authority)
    terminals = [Visitor(cluster, authority, f"terminal-{n}").terminal() for n in range(TERMINALS)]
    people = Users(cluster, authority, slots, terminals)
    with people.load.of(**people.acts()):
        yield people
    assert people.load.failures == []


def _offer_slots(cluster: Cluster, authority: ssl.SSLContext) -> list[str]:
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
