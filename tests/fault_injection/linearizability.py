"""The linearizability checker: the search of Wing and Gong, with Lowe's memory of configurations already seen.

A history is linearizable if some order of its operations explains every answer and agrees with real time. An operation
without an answer may take effect at any time after it began, or never.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.fault_injection.history import UNKNOWN, Operation

MOST_CONFIGURATIONS = 2_000_000


class Model(Protocol):
    """The sequential specification of one object. States are hashable."""

    def start(self) -> Any:
        """The state before the first operation."""
        ...

    def step(self, state: Any, operation: Operation) -> Any | None:
        """The state after `operation`, or None where its answer is wrong in `state`."""
        ...


class UndecidedError(Exception):
    """The history has too many orders to try."""


@dataclass(frozen=True)
class Verdict:
    """`order` explains the history, or is its longest explanation; `stuck` are the operations that cannot follow."""

    is_linearizable: bool
    order: tuple[Operation, ...]
    stuck: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        if self.is_linearizable:
            return "linearizable"
        order, stuck = ("\n".join(f"    {operation}" for operation in part) for part in (self.order[-12:], self.stuck))
        return f"not linearizable. Explained so far:\n{order}\n  none of these can come next:\n{stuck}"


@dataclass(frozen=True)
class _Configuration:
    placed: int
    """A bit for each operation that has been placed."""
    state: Any
    order: tuple[int, ...]


def check(history: Sequence[Operation], model: Model) -> Verdict:
    """Raises UndecidedError after two million configurations."""
    operations = sorted(history, key=lambda operation: operation.begin)
    answered = sum(1 << n for n, operation in enumerate(operations) if operation.answer is not UNKNOWN)
    stack = [_Configuration(0, model.start(), ())]
    best, seen = stack[0], set[tuple[int, Any]]()
    while stack:
        current = stack.pop()
        if current.placed & answered == answered:
            return Verdict(True, tuple(operations[n] for n in current.order))
        best = max(best, current, key=lambda found: (found.placed & answered).bit_count())
        for following in _successors(operations, current, model):
            if (key := (following.placed, following.state)) not in seen:
                seen.add(key)
                stack.append(following)
        if len(seen) > MOST_CONFIGURATIONS:
            raise UndecidedError(f"{len(seen)} configurations of {len(operations)} operations")
    stuck = tuple(operations[n] for n in _candidates(operations, best.placed))
    return Verdict(False, tuple(operations[n] for n in best.order), stuck)


def _successors(operations: list[Operation], current: _Configuration, model: Model) -> list[_Configuration]:
    """The configurations one operation later, the most promising last: the operation that ended first."""
    found = []
    for number in _candidates(operations, current.placed):
        state = model.step(current.state, operations[number])
        # An unanswered operation that changes nothing need not be placed.
        if state is not None and (operations[number].answer is not UNKNOWN or state != current.state):
            found.append(_Configuration(current.placed | 1 << number, state, (*current.order, number)))
    return found


def _candidates(operations: list[Operation], placed: int) -> list[int]:
    """Operations that began before every operation left has ended, the latest end first."""
    first_end, left = float("inf"), []
    for number, operation in enumerate(operations):
        if operation.begin > first_end:
            break
        if not placed >> number & 1:
            left.append(number)
            first_end = min(first_end, operation.latest)
    candidates = [number for number in left if operations[number].begin <= first_end]
    return sorted(candidates, key=lambda number: -operations[number].latest)
