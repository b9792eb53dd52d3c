"""What sessions, slots and purses promise, each as a few lines of plain Python."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.faults.history import UNKNOWN, Operation

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Family:
    """A session: its current token, and the rotation that made it. A token nobody has seen begins with `?`."""

    current: str
    before: str = ""
    key: str = ""
    is_alive: bool = True


@dataclass(frozen=True)
class Rotation:
    """Single use: `refresh(token, key)` answers the one successor, `refused`, or is UNKNOWN."""

    first_token: str

    def start(self) -> Family:
        return Family(self.first_token)

    def step(self, family: Family, operation: Operation) -> Family | None:
        token, key = operation.given
        if family.is_alive and token == family.current:
            return _rotate(token, key, operation)
        if family.is_alive and token == family.before and key == family.key:
            return _retry(family, operation)
        # Anything else is a replay and ends the session.
        return replace(family, is_alive=False) if operation.answer in {UNKNOWN, "refused"} else None


def _rotate(token: str, key: str, operation: Operation) -> Family | None:
    if operation.answer == "refused":
        return None
    return Family(operation.answer or f"?{token}", before=token, key=key)


def _retry(family: Family, operation: Operation) -> Family | None:
    if operation.answer is UNKNOWN or operation.answer == family.current:
        return family
    if operation.answer != "refused" and family.current.startswith("?"):
        return replace(family, current=operation.answer)
    return None


@dataclass(frozen=True)
class Seating:
    """A slot: who holds a seat, the retry keys that have booked one, and whether its host still offers it."""

    holders: frozenset[str] = NOBODY
    keys: frozenset[str] = NOBODY
    is_open: bool = True


@dataclass(frozen=True)
class Seats:
    """`join(client, key)`, `leave(client)`, `close()` and, at the end, `read()`, which answers the holders' names.

    A key that has booked is answered with its booking again, whatever has become of that. An empty key is none.
    `close day()` closes every slot of a host's day that is still open, so it is never refused.
    """

    capacity: int

    def start(self) -> Seating:
        return Seating()

    def step(self, seating: Seating, operation: Operation) -> Seating | None:
        match operation.action:
            case "join":
                return self._join(seating, operation)
            case "leave":
                return _leave(seating, operation)
            case "close" | "close day":
                return _close(seating, operation)
        return seating if operation.answer == ",".join(sorted(seating.holders)) else None

    def _join(self, seating: Seating, operation: Operation) -> Seating | None:
        client, key = operation.given
        is_again = key in seating.keys
        expected = "done" if is_again else self._refusal(seating, client) or "done"
        if operation.answer not in {UNKNOWN, expected}:
            return None
        if is_again or expected != "done":
            return seating
        return Seating(seating.holders | {client}, seating.keys | {key} - {""})

    def _refusal(self, seating: Seating, client: str) -> str:
        if not seating.is_open:
            return "slot_cancelled"
        if client in seating.holders:
            return "already_booked"
        return "slot_full" if len(seating.holders) >= self.capacity else ""


def _leave(seating: Seating, operation: Operation) -> Seating | None:
    (client,) = operation.given
    expected = "done" if client in seating.holders else "booking_not_active"
    if operation.answer not in {UNKNOWN, expected}:
        return None
    return replace(seating, holders=seating.holders - {client})


def _close(seating: Seating, operation: Operation) -> Seating | None:
    expected = "done" if seating.is_open or operation.action == "close day" else "slot_cancelled"
    return Seating(keys=seating.keys, is_open=False) if operation.answer in {UNKNOWN, expected} else None


@dataclass(frozen=True)
class Purse:
    """A client's credits, what was bought with them, and the retry keys that have bought something."""

    credits: int
    held: frozenset[str] = NOBODY
    keys: frozenset[str] = NOBODY


@dataclass(frozen=True)
class Credits:
    """`book(slot, key)`, `cancel(slot)`, `move(from, to)`, `lose(slot)` to a host, and `read()` at the end.

    Every refund here is a whole one: the slots of these histories are days ahead.
    """

    credits: int

    def start(self) -> Purse:
        return Purse(self.credits)

    def step(self, purse: Purse, operation: Operation) -> Purse | None:
        if operation.action == "read":
            return purse if operation.answer == str(purse.credits) else None
        after, expected = _CHANGES[operation.action](purse, *operation.given)
        if operation.answer not in {UNKNOWN, expected}:
            return None
        return after if expected == "done" else purse


def _book(purse: Purse, slot: str, key: str) -> tuple[Purse, str]:
    if key in purse.keys:
        return purse, "done"
    if slot in purse.held:
        return purse, "already_booked"
    if not purse.credits:
        return purse, "insufficient_credits"
    return Purse(purse.credits - 1, purse.held | {slot}, purse.keys | {key} - {""}), "done"


def _cancel(purse: Purse, slot: str) -> tuple[Purse, str]:
    if slot not in purse.held:
        return purse, "booking_not_active"
    return replace(purse, credits=purse.credits + 1, held=purse.held - {slot}), "done"


def _move(purse: Purse, old: str, new: str) -> tuple[Purse, str]:
    if old not in purse.held:
        return purse, "booking_not_active"
    return replace(purse, held=purse.held - {old} | {new}), "done"


def _lose(purse: Purse, slot: str) -> tuple[Purse, str]:
    return _cancel(purse, slot)[0], "done"


_CHANGES: dict[str, Callable[..., tuple[Purse, str]]] = {"book": _book, "cancel": _cancel, "move": _move, "lose": _lose}
