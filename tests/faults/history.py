"""What clients asked and what came back, one JSON line for each operation on one object."""

import json
import math
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNKNOWN = None
"""The answer of an operation whose answer nobody saw: it may have taken effect at any later time, or never."""


@dataclass(frozen=True)
class Operation:
    """`begin` and `end` are seconds of one clock."""

    action: str
    given: tuple[str, ...]
    answer: str | None
    begin: float
    end: float
    actor: str = ""

    @property
    def latest(self) -> float:
        """Until when it may take effect: without an answer, for ever."""
        return math.inf if self.answer is UNKNOWN else self.end

    def __str__(self) -> str:
        until = "never answered" if self.answer is UNKNOWN else f"{self.answer} at {self.end:.4f}"
        return f"{self.begin:.4f} {self.actor} {self.action}{self.given}: {until}"


class Log:
    """A file of operations that many threads write to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("w")

    def note(self, objects: str, action: str, *given: str, answer: str | None, begin: float, actor: str = "") -> None:
        """One operation on an object that has just been answered, or given up when the answer is UNKNOWN."""
        line = {"object": objects, "action": action, "given": given, "answer": answer, "begin": begin, "actor": actor}
        line["end"] = time.monotonic()
        with self._lock:
            self._file.write(f"{json.dumps(line)}\n")

    def read(self) -> dict[str, list[Operation]]:
        """The history of each object so far."""
        with self._lock:
            self._file.flush()
        return read_histories(self.path)


def read_histories(path: Path) -> dict[str, list[Operation]]:
    """The history of each object in a file of operations."""
    histories: dict[str, list[Operation]] = defaultdict(list)
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        histories[fields["object"]].append(_operation(fields))
    return dict(histories)


def _operation(fields: dict[str, Any]) -> Operation:
    del fields["object"]
    return Operation(**fields | {"given": tuple(fields["given"])})
