"""The history checker by hand: what it must accept, and each way in which a history can be wrong."""

import json
import math
from pathlib import Path

import pytest

from tests.fault_injection.history import UNKNOWN, History, Operation
from tests.fault_injection.linearizability import check
from tests.fault_injection.models import CreditModel, SessionModel, SlotModel

ROTATION, SEATS, CREDITS = SessionModel("t0"), SlotModel(capacity=1), CreditModel(credits=1)


def did(action: str, *given: str, says: str | None, at: tuple[float, float]) -> Operation:
    return Operation(action, given, says, *at)


def refresh(token: str, key: str, says: str | None, at: tuple[float, float]) -> Operation:
    return did("refresh", token, key, says=says, at=at)


def test_a_chain_of_rotations() -> None:
    assert check([refresh(f"t{n}", "k", f"t{n + 1}", (n, n + 0.5)) for n in range(300)], ROTATION).is_linearizable


def test_an_answer_that_was_lost_is_given_again() -> None:
    history = [refresh("t0", "k", UNKNOWN, (0, 1)), refresh("t0", "k", "t1", (2, 3)), refresh("t1", "l", "t2", (4, 5))]
    assert check(history, ROTATION).is_linearizable


def test_the_answers_to_one_retry_key_differ() -> None:
    history = [refresh("t0", "k", "t1", (0, 1)), refresh("t0", "k", "t1b", (2, 3))]
    assert not check(history, ROTATION).is_linearizable


def test_two_successors_of_one_token() -> None:
    history = [refresh("t0", "a", "t1", (0, 2)), refresh("t0", "b", "t1b", (1, 3))]
    assert not check(history, ROTATION).is_linearizable


def test_a_race_that_one_wins_and_that_ends_the_session() -> None:
    history = [refresh("t0", "a", "t1", (0, 2)), refresh("t0", "b", "refused", (1, 3))]
    assert check(history, ROTATION).is_linearizable
    assert not check([*history, refresh("t1", "c", "t2", (4, 5))], ROTATION).is_linearizable


def test_a_sign_in_that_was_lost() -> None:
    history = [refresh("t0", "a", "t1", (0, 1)), refresh("t1", "b", "refused", (2, 3))]
    verdict = check(history, ROTATION)
    assert not verdict.is_linearizable
    assert verdict.stuck == (history[1],)


def test_a_refresh_that_arrives_after_its_retry_explains_the_end() -> None:
    """The first request was held up on its way and came in when the successor had been used: a replay."""
    history = [refresh("t0", "a", UNKNOWN, (0, 0)), refresh("t0", "a", "t1", (1, 2)), refresh("t1", "b", "t2", (3, 4))]
    assert check([*history, refresh("t2", "c", "refused", (5, 6))], ROTATION).is_linearizable


def test_seats_in_an_order_that_the_clock_allows() -> None:
    history = [
        did("join", "ada", "", says="slot_full", at=(0, 5)),
        did("join", "mallory", "", says="done", at=(4, 6)),
        did("leave", "mallory", says="done", at=(7, 8)),
        did("read", says="", at=(9, 10)),
    ]
    assert check(history, SEATS).is_linearizable
    history[0] = did("join", "ada", "", says="slot_full", at=(0, 3))
    assert not check(history, SEATS).is_linearizable


def test_a_seat_sold_twice() -> None:
    history = [did("join", "ada", "", says="done", at=(0, 2)), did("join", "mallory", "", says="done", at=(1, 3))]
    assert not check(history, SEATS).is_linearizable
    assert check(history, SlotModel(capacity=2)).is_linearizable


@pytest.mark.parametrize(("holders", "fits"), [("ada", True), ("", True), ("mallory", False)])
def test_a_booking_nobody_answered_exists_or_does_not(holders: str, fits: bool) -> None:
    history = [did("join", "ada", "", says=UNKNOWN, at=(0, 0)), did("read", says=holders, at=(5, 6))]
    assert check(history, SEATS).is_linearizable is fits


def test_a_key_is_answered_with_its_booking_again() -> None:
    again = did("join", "ada", "k", says="done", at=(4, 5))
    history = [did("join", "ada", "k", says=UNKNOWN, at=(0, 0)), did("leave", "ada", says="done", at=(2, 3)), again]
    assert check([*history, did("read", says="", at=(6, 7))], SEATS).is_linearizable
    assert not check([*history, did("read", says="ada", at=(6, 7))], SEATS).is_linearizable


def test_an_answered_booking_that_is_gone() -> None:
    history = [did("join", "ada", "", says="done", at=(0, 1)), did("read", says="", at=(5, 6))]
    assert not check(history, SEATS).is_linearizable


def test_a_booking_after_the_hosts_cancellation() -> None:
    history = [did("close", says="done", at=(0, 1)), did("join", "ada", "", says="done", at=(2, 3))]
    assert not check(history, SEATS).is_linearizable
    history[1] = did("join", "ada", "", says="done", at=(0.5, 3))
    assert check(history, SEATS).is_linearizable


def test_a_day_that_is_cancelled_is_cancelled_for_good() -> None:
    history = [did("close", says="done", at=(0, 1)), did("close day", says="done", at=(2, 3))]
    assert check([*history, did("join", "ada", "", says="slot_cancelled", at=(4, 5))], SEATS).is_linearizable
    assert not check([history[1], did("join", "ada", "", says="done", at=(4, 5))], SEATS).is_linearizable
    assert not check([history[1], did("read", says="ada", at=(4, 5))], SEATS).is_linearizable


def test_a_refund_that_was_given_twice() -> None:
    booked = did("book", "s", "", says="done", at=(0, 1))
    history = [booked, did("cancel", "s", says="done", at=(2, 4)), did("cancel", "s", says="done", at=(3, 5))]
    assert not check(history, CREDITS).is_linearizable
    history[2] = did("cancel", "s", says="booking_not_active", at=(3, 5))
    assert check([*history, did("read", says="1", at=(6, 7))], CREDITS).is_linearizable
    assert not check([*history, did("read", says="2", at=(6, 7))], CREDITS).is_linearizable


def test_a_credit_that_was_spent_twice() -> None:
    history = [did("book", "s", "", says="done", at=(0, 2)), did("book", "z", "", says="done", at=(1, 3))]
    assert not check(history, CREDITS).is_linearizable


def test_a_move_keeps_the_credit_and_a_host_gives_it_back() -> None:
    history = [did("book", "s", "", says="done", at=(0, 1)), did("move", "s", "z", says="done", at=(2, 3))]
    history += [did("lose", "z", says="done", at=(4, 5)), did("read", says="1", at=(6, 7))]
    assert check(history, CREDITS).is_linearizable


@pytest.mark.parametrize("holder", ["person0", "person20", "person39"])
def test_many_unanswered_operations_are_decided(holder: str) -> None:
    unanswered = [did("join", f"person{n}", "", says=UNKNOWN, at=(n, n)) for n in range(40)]
    history = [*unanswered, did("read", says=holder, at=(50, 51))]
    assert check(history, SEATS).is_linearizable


def test_a_history_keeps_what_was_recorded(tmp_path: Path) -> None:
    history = History()
    history.record("slot:1", "join", "ada", answer="done", begin=1.0, actor="ada")
    history.record("slot:1", "join", "ada", answer=UNKNOWN, begin=2.0, actor="")
    first, second = history.operations["slot:1"]
    assert (first.arguments, first.answer, first.actor) == (("ada",), "done", "ada")
    assert math.isinf(second.latest)
    history.write(tmp_path / "history")
    assert [json.loads(line)["object"] for line in (tmp_path / "history").open()] == ["slot:1", "slot:1"]
