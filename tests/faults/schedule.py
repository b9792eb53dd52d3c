"""Which fault happens when, drawn from a seed: the same seed gives the same faults in the same order."""

import random
from dataclasses import dataclass

from tests.faults.product import PAIRS

QUIET_SECONDS = 7.0
"""From the end of a fault to the next, unless told otherwise: the time in which recovery is seen."""


@dataclass(frozen=True)
class Fault:
    """`kind` happens to `target` for so many seconds."""

    kind: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


TARGETS: dict[str, tuple[str, ...]] = {
    "kill": ("backend 1", "backend 2", "portal 1", "portal 2", "worker"),
    "stop": ("database",),
    "cut": PAIRS,
    "delay": PAIRS,
    "lose answers": PAIRS,
    "hold locks": ("slots", "sessions"),
    "crowd": ("backend", "portal"),
    "fill": ("disk",),
    "clock": ("backend 1", "portal 1", "worker"),
}
LONGEST = {"stop": 6.0, "fill": 6.0, "kill": 4.0}


def draw_faults(seed: int, *, kinds: frozenset[str], seconds: float, quiet: float = QUIET_SECONDS) -> list[Fault]:
    """Faults of these kinds for about `seconds`, every kind once before any comes again."""
    numbers = random.Random(seed)
    faults: list[Fault] = []
    while True:
        for kind in numbers.sample(sorted(kinds), len(kinds)):
            longest = LONGEST.get(kind, 5.0)
            fault = Fault(kind, numbers.choice(TARGETS[kind]), round(numbers.uniform(1.0, longest), 1))
            seconds -= fault.seconds + quiet
            if seconds < 0:
                return faults
            faults.append(fault)
