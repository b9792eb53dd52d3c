"""Sequential specifications of a session, a slot and a client's credits."""

from dataclasses import dataclass, replace
from typing import Any

from tests.fault_injection.history import UNKNOWN, Operation

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SessionState:
    """The current token and the rotation that made it. A successor that nobody has seen begins with `?`."""

    current: str
    previous: str = ""
    key: str = ""
    is_alive: bool = True


@dataclass(frozen=True)
class SessionModel:
    """Single use: `refresh(token, key)` answers the one successor or `refused`."""

    first_token: str

    def start(self) -> SessionState:
        return SessionState(self.first_token)

    def step(self, state: SessionState, operation: Operation) -> SessionState | None:
        (token, key), answer = operation.arguments, operation.answer
        if state.is_alive and token == state.current:
            return None if answer == "refused" else SessionState(answer or f"?{token}", previous=token, key=key)
        if state.is_alive and (token, key) == (state.previous, state.key):
            if answer in {UNKNOWN, state.current}:
                return state
            is_first_seen = answer != "refused" and state.current.startswith("?")
            return replace(state, current=answer) if is_first_seen else None
        # Anything else is a replay and ends the session.
        return replace(state, is_alive=False) if answer in {UNKNOWN, "refused"} else None


class _Deterministic:
    """A model whose methods, one for each action, give the next state and the one right answer."""

    def step(self, state: Any, operation: Operation) -> Any | None:
        after, expected = getattr(self, operation.action.replace(" ", "_"))(state, *operation.arguments)
        return after if operation.answer in {UNKNOWN, expected} else None


@dataclass(frozen=True)
class SlotState:
    """Who holds a seat, the retry keys that have booked one, and whether the host still offers the slot."""

    holders: frozenset[str] = NOBODY
    keys: frozenset[str] = NOBODY
    is_open: bool = True


@dataclass(frozen=True)
class SlotModel(_Deterministic):
    capacity: int

    def start(self) -> SlotState:
        return SlotState()

    def join(self, state: SlotState, client: str, key: str) -> tuple[SlotState, str]:
        """A key that has booked is answered with its booking again, whatever has become of it. Empty: no key."""
        if key in state.keys:
            return state, "done"
        if not state.is_open:
            return state, "slot_cancelled"
        if client in state.holders:
            return state, "already_booked"
        if len(state.holders) >= self.capacity:
            return state, "slot_full"
        return SlotState(state.holders | {client}, state.keys | {key} - {""}), "done"

    def leave(self, state: SlotState, client: str) -> tuple[SlotState, str]:
        answer = "done" if client in state.holders else "booking_not_active"
        return replace(state, holders=state.holders - {client}), answer

    def close(self, state: SlotState) -> tuple[SlotState, str]:
        return self.close_day(state)[0], "done" if state.is_open else "slot_cancelled"

    def close_day(self, state: SlotState) -> tuple[SlotState, str]:
        """Closes whatever is open of a host's day, so it is never refused."""
        return SlotState(keys=state.keys, is_open=False), "done"

    def read(self, state: SlotState) -> tuple[SlotState, str]:
        """The holders' names."""
        return state, ",".join(sorted(state.holders))


@dataclass(frozen=True)
class CreditState:
    """A client's credits, the slots bought with them, and the retry keys that have bought one."""

    credits: int
    slots: frozenset[str] = NOBODY
    keys: frozenset[str] = NOBODY


@dataclass(frozen=True)
class CreditModel(_Deterministic):
    """Every refund is whole: the slots of these histories are days ahead."""

    credits: int

    def start(self) -> CreditState:
        return CreditState(self.credits)

    def book(self, state: CreditState, slot: str, key: str) -> tuple[CreditState, str]:
        if key in state.keys:
            return state, "done"
        if slot in state.slots:
            return state, "already_booked"
        if not state.credits:
            return state, "insufficient_credits"
        return CreditState(state.credits - 1, state.slots | {slot}, state.keys | {key} - {""}), "done"

    def cancel(self, state: CreditState, slot: str) -> tuple[CreditState, str]:
        if slot not in state.slots:
            return state, "booking_not_active"
        return replace(state, credits=state.credits + 1, slots=state.slots - {slot}), "done"

    def move(self, state: CreditState, old: str, new: str) -> tuple[CreditState, str]:
        if old not in state.slots:
            return state, "booking_not_active"
        return replace(state, slots=state.slots - {old} | {new}), "done"

    def lose(self, state: CreditState, slot: str) -> tuple[CreditState, str]:
        """The host's cancellation; no effect where nothing was booked."""
        return self.cancel(state, slot)[0], "done"

    def read(self, state: CreditState) -> tuple[CreditState, str]:
        return state, str(state.credits)
