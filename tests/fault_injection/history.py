import json
import math
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

UNKNOWN = None
"""The answer of an operation whose answer was lost: it may take effect at any later time, or never."""


@dataclass(frozen=True)
class Operation:
    """One operation of a client on one object. `begin` and `end` are seconds of the monotonic clock."""

    action: str
    arguments: tuple[str, ...]
    answer: str | None
    begin: float
    end: float
    actor: str = ""

    @property
    def latest(self) -> float:
        """The last instant at which it can take effect."""
        return math.inf if self.answer is UNKNOWN else self.end

    def __str__(self) -> str:
        until = "never answered" if self.answer is UNKNOWN else f"{self.answer} at {self.end:.4f}"
        return f"{self.begin:.4f} {self.actor} {self.action}{self.arguments}: {until}"


class History:
    """The operations on each object, written by many threads."""

    def __init__(self) -> None:
        self.operations: dict[str, list[Operation]] = defaultdict(list)
        self._lock = threading.Lock()

    def record(self, subject: str, action: str, *arguments: str, answer: str | None, begin: float, actor: str) -> None:
        """Add an operation on `subject` that has just been answered or given up."""
        operation = Operation(action, arguments, answer, begin, time.monotonic(), actor)
        with self._lock:
            self.operations[subject].append(operation)

    def write(self, path: Path) -> None:
        """One JSON line for each operation."""
        lines = [{"object": name} | asdict(found) for name, history in self.operations.items() for found in history]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
