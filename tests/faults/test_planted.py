"""The checker against real servers: it accepts the product and rejects each of three planted mistakes."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx
import pytest
from psycopg.sql import SQL

from tests.faults.checker import Verdict, check
from tests.faults.clients import digest, new_key
from tests.faults.history import UNKNOWN, Operation
from tests.faults.models import Credits, Rotation, Seats
from tests.people import Browser, call, refresh
from tests.processes import Live

RACERS, ROUNDS = 6, 4
WELCOME_CREDITS = 5


@pytest.fixture(scope="module")
def planted() -> Iterator[Live]:
    """A product of its own whose backend has the mistakes, over a database that still has every constraint."""
    product = Live()
    product.backend.command[-1] = "tests.faults.planted:application"
    with product:
        yield product


def drop(live: Live, what: LiteralString) -> None:
    with live.connect() as connection:
        connection.execute(SQL(what))


def race(works: list[Callable[[], Operation]]) -> list[Operation]:
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]


def operation(action: str, *given: str, ask: Callable[[], httpx.Response]) -> Operation:
    begin = time.monotonic()
    response = ask()
    return Operation(action, given, _answer(response), begin, time.monotonic())


def _answer(response: httpx.Response) -> str | None:
    if response.status_code >= 500:
        return UNKNOWN
    body = response.json()
    if "refresh_token" in body:
        return digest(body["refresh_token"])
    return "done" if response.is_success else str(body.get("code", "refused"))


def race_refreshes(live: Live) -> list[tuple[list[Operation], Any]]:
    """Of each session: one token, presented with different keys at the same instant."""
    histories = []
    for number in range(ROUNDS):
        token = Browser(live, f"racer{number}").sign_in().refresh
        history = race([_refreshing(live, token, new_key()) for _ in range(RACERS)])
        histories.append((history, Rotation(digest(token))))
    return histories


def _refreshing(live: Live, token: str, key: str) -> Callable[[], Operation]:
    return lambda: operation("refresh", digest(token), digest(key), ask=lambda: refresh(live, token, key=key))


def race_bookings(live: Live) -> list[tuple[list[Operation], Any]]:
    """Of each slot: one seat, wanted by everybody at the same instant."""
    people = {f"booker{n}": Browser(live, f"booker{n}").sign_in().access for n in range(RACERS)}
    histories = []
    for slot_id in make_slots(live, ROUNDS, capacity=1):
        works = [_joining(live, access, slot_id, login) for login, access in people.items()]
        histories.append((race(works), Seats(capacity=1)))
    return histories


def _joining(live: Live, access: str, slot_id: str, login: str) -> Callable[[], Operation]:
    return lambda: operation("join", login, "", ask=lambda: book(live, access, slot_id))


def race_cancellations(live: Live) -> list[tuple[list[Operation], Any]]:
    """Of one person's purse: each booking cancelled by several requests at the same instant."""
    access = Browser(live, f"leaver{secrets.token_hex(4)}").sign_in().access
    history = []
    for slot_id in make_slots(live, ROUNDS, capacity=2):
        begin = time.monotonic()
        booking = book(live, access, slot_id).json()["id"]
        history.append(Operation("book", (slot_id, ""), "done", begin, time.monotonic()))
        history += race([_cancelling(live, access, slot_id, booking) for _ in range(RACERS)])
    return [(history, Credits(WELCOME_CREDITS))]


def _cancelling(live: Live, access: str, slot_id: str, booking: str) -> Callable[[], Operation]:
    path = f"/bookings/{booking}/cancel"
    return lambda: operation("cancel", slot_id, ask=lambda: call(live, path, access, "POST", json={}))


def book(live: Live, access: str, slot_id: str) -> httpx.Response:
    return call(live, "/bookings", access, "POST", json={"slot_id": slot_id})


def make_slots(live: Live, number: int, *, capacity: int) -> list[str]:
    login = f"host{secrets.token_hex(4)}"
    access = Browser(live, login).sign_in().access
    with live.connect() as connection:
        connection.execute("UPDATE accounts_user SET is_host = true WHERE login = %s", [login])
    first = datetime.now(UTC) + timedelta(days=3 + len(login) % 2)
    ids = []
    for hour in range(number):
        begin = first + timedelta(hours=2 * hour)
        body = {"title": "Race", "capacity": capacity, "starts_at": begin.isoformat()}
        body["ends_at"] = (begin + timedelta(minutes=50)).isoformat()
        response = call(live, "/slots", access, "POST", json=body)
        assert response.status_code == 201, response.text
        ids.append(response.json()["id"])
    return ids


def verdicts(histories: list[tuple[list[Operation], Any]]) -> list[Verdict]:
    return [check(history, model) for history, model in histories]


def is_rejected(histories: list[tuple[list[Operation], Any]]) -> bool:
    return not all(verdict.is_linearizable for verdict in verdicts(histories))


def assert_accepted(histories: list[tuple[list[Operation], Any]]) -> None:
    wrong = [str(verdict) for verdict in verdicts(histories) if not verdict.is_linearizable]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scenario", [race_refreshes, race_bookings, race_cancellations])
def test_the_product_is_accepted(live: Live, scenario: Callable[[Live], Any]) -> None:
    histories = scenario(live)
    assert_accepted(histories)
    answers = [operation.answer for history, _ in histories for operation in history]
    assert UNKNOWN not in answers
    assert len(set(answers)) > 1, "nobody lost a race"


def test_a_rotation_without_the_compare_is_rejected(planted: Live) -> None:
    assert is_rejected(race_refreshes(planted))


def test_a_booking_without_the_seat_condition_is_held_by_the_database_and_else_rejected(planted: Live) -> None:
    assert_accepted(race_bookings(planted))
    drop(planted, "ALTER TABLE bookings_slot DROP CONSTRAINT slot_seats_fit_capacity")
    assert is_rejected(race_bookings(planted))


def test_a_second_refund_is_held_by_the_database_and_else_rejected(planted: Live) -> None:
    assert_accepted(race_cancellations(planted))
    drop(planted, "DROP INDEX entry_one_refund")
    assert is_rejected(race_cancellations(planted))
