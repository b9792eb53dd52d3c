"""People who repeat what they do, each in a thread of their own, while a test changes the product under them."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.processes import wait_until


@dataclass
class Load:
    """`pause` is in seconds between two rounds of one person. Whoever meets an error stops and is in `failures`."""

    pause: float
    failures: list[str] = field(default_factory=list)
    rounds: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def of(self, **people: Callable[[], None]) -> Iterator[None]:
        """Everybody goes on until the end of this block or an error."""
        self.rounds |= dict.fromkeys(people, 0)
        threads = [threading.Thread(target=self._repeat, args=person, daemon=True) for person in people.items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=60)

    def wait_for_rounds(self, number: int) -> None:
        """Until everybody has got so much further. Raises AssertionError if somebody met an error."""
        goal = {name: rounds + number for name, rounds in self.rounds.items()}
        wait_until(lambda: self._has_reached(goal), tell=lambda: str(self.rounds))

    def _has_reached(self, goal: dict[str, int]) -> bool:
        assert self.failures == [], self.failures
        return all(self.rounds[name] >= rounds for name, rounds in goal.items())

    def _repeat(self, name: str, act: Callable[[], None]) -> None:
        try:
            while not self._stop.wait(self.pause):
                act()
                self.rounds[name] += 1
        except Exception as error:  # noqa: BLE001  # whatever it was, this person was let down
            self.failures.append(f"{name}, round {self.rounds[name]}: {error!r}")
