"""Whether a history is linearizable: some order of its operations explains every answer and contradicts no clock.

The search of Wing and Gong with Lowe's memory: an operation may come next if none that is left has ended before it
began, and what the same operations in another order led to is not tried twice. Operations without an answer may come at
any time after they began, or never.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tests.faults.history import UNKNOWN, Operation

MOST_STATES = 2_000_000

State = TypeVar("State", bound=Hashable)


class Model(Protocol[State]):
    """What one object does, operation by operation."""

    def start(self) -> State:
        """Its state before the first operation."""
        ...

    def step(self, state: State, operation: Operation) -> State | None:
        """The state after `operation`, or None where its answer is wrong in `state`."""
        ...


class UndecidedError(Exception):
    """The history has too many orders to try."""


@dataclass(frozen=True)
class Verdict:
    """`order` explains the history; where there is none it is the longest explanation, and `stuck` what came next."""

    is_linearizable: bool
    order: tuple[Operation, ...]
    stuck: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        if self.is_linearizable:
            return "linearizable"
        done = "\n".join(f"    {operation}" for operation in self.order[-12:])
        left = "\n".join(f"    {operation}" for operation in self.stuck)
        return f"not linearizable. Explained so far:\n{done}\n  none of these can come next:\n{left}"


def check(history: Sequence[Operation], model: Model[State]) -> Verdict:
    """Raises UndecidedError after two million states."""
    return _Search(sorted(history, key=lambda operation: operation.begin), model).run()


@dataclass
class _Node(Generic[State]):
    done: int  # a bit for each operation that has been placed
    state: State
    order: tuple[int, ...]


@dataclass
class _Search(Generic[State]):
    history: Sequence[Operation]
    model: Model[State]
    seen: set[tuple[int, State]] = field(default_factory=set)

    def run(self) -> Verdict:
        answered = sum(1 << n for n, operation in enumerate(self.history) if operation.answer is not UNKNOWN)
        stack = [_Node(0, self.model.start(), ())]
        best = stack[0]
        while stack:
            node = stack.pop()
            if node.done & answered == answered:
                return Verdict(True, self._named(node.order))
            best = max(best, node, key=lambda n: (n.done & answered).bit_count())
            stack += self._next(node)
        return Verdict(False, self._named(best.order), self._named(self._candidates(best.done)))

    def _next(self, node: _Node[State]) -> list[_Node[State]]:
        """The nodes after this one, the most promising last: answered operations, the first to end before others."""
        found = []
        for number in self._candidates(node.done):
            operation = self.history[number]
            state = self.model.step(node.state, operation)
            if state is None or (operation.answer is UNKNOWN and state == node.state):
                # What nobody saw and what changed nothing need not have happened.
                continue
            done = node.done | 1 << number
            if self._is_new(done, state):
                found.append(_Node(done, state, (*node.order, number)))
        return found

    def _is_new(self, done: int, state: State) -> bool:
        if (done, state) in self.seen:
            return False
        if len(self.seen) >= MOST_STATES:
            raise UndecidedError(f"{len(self.seen)} states of {len(self.history)} operations")
        self.seen.add((done, state))
        return True

    def _candidates(self, done: int) -> list[int]:
        first_end, left = float("inf"), []
        for number, operation in enumerate(self.history):
            if operation.begin > first_end:
                break
            if not done >> number & 1:
                left.append(number)
                first_end = min(first_end, operation.latest)
        left = [number for number in left if self.history[number].begin <= first_end]
        return sorted(left, key=lambda number: -self.history[number].latest)

    def _named(self, numbers: Sequence[int]) -> tuple[Operation, ...]:
        return tuple(self.history[number] for number in numbers)
