"""The checker against real servers: it accepts the product and rejects each of three defects."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import httpx
import pytest
from psycopg.sql import SQL

from tests.fault_injection.history import UNKNOWN, Operation
from tests.fault_injection.linearizability import Model, check
from tests.fault_injection.models import CreditModel, SessionModel, SlotModel
from tests.fault_injection.workload import digest, new_key
from tests.people import Browser, call, refresh
from tests.processes import Live

RACERS, ROUNDS, WELCOME_CREDITS = 6, 4, 5
# A race that nobody meets by chance is run again, up to so many times.
TRIES = 10
Histories = list[tuple[list[Operation], Model]]


@pytest.fixture(scope="module")
def defective() -> Iterator[Live]:
    """A product whose backend has the defects, over a database that still has every constraint."""
    product = Live()
    product.backend.command[-1] = "tests.fault_injection.defects:application"
    with product:
        yield product


def race(requests: list[Callable[[], Operation]]) -> list[Operation]:
    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(lambda request: request(), requests))


def perform(action: str, *arguments: str, send: Callable[[], httpx.Response]) -> Operation:
    begin = time.monotonic()
    response = send()
    return Operation(action, arguments, _answer(response), begin, time.monotonic())


def _answer(response: httpx.Response) -> str | None:
    if response.status_code >= 500:
        return UNKNOWN
    body = response.json()
    if body.get("code") == "busy":
        # A constraint has refused each attempt. Nothing was done.
        return UNKNOWN
    if "refresh_token" in body:
        return digest(body["refresh_token"])
    return "done" if response.is_success else str(body.get("code", "refused"))


def race_refreshes(live: Live) -> Histories:
    """For each session: one token, presented with different keys at the same instant."""
    histories: Histories = []
    for number in range(ROUNDS):
        token = Browser(live, f"racer{number}").sign_in().refresh

        def present(token: str = token) -> Operation:
            key = new_key()
            return perform("refresh", digest(token), digest(key), send=lambda: refresh(live, token, key=key))

        histories.append((race([present] * RACERS), SessionModel(digest(token))))
    return histories


def race_bookings(live: Live) -> Histories:
    """For each slot: one seat, booked by everybody at the same instant."""
    people = {f"booker{n}": Browser(live, f"booker{n}").sign_in().access for n in range(RACERS)}

    def join(login: str, slot_id: str) -> Callable[[], Operation]:
        return lambda: perform("join", login, "", send=lambda: book(live, people[login], slot_id))

    slots = make_slots(live, ROUNDS, capacity=1)
    return [(race([join(login, slot_id) for login in people]), SlotModel(capacity=1)) for slot_id in slots]


def race_cancellations(live: Live) -> Histories:
    """For one person's credits: each booking cancelled by several requests at the same instant."""
    access = Browser(live, f"leaver{secrets.token_hex(4)}").sign_in().access
    history = []
    for slot_id in make_slots(live, ROUNDS, capacity=2):
        begin = time.monotonic()
        path = f"/bookings/{book(live, access, slot_id).json()['id']}/cancel"
        history.append(Operation("book", (slot_id, ""), "done", begin, time.monotonic()))

        def cancel(path: str = path, slot_id: str = slot_id) -> Operation:
            return perform("cancel", slot_id, send=lambda: call(live, path, access, "POST", json={}))

        history += race([cancel] * RACERS)
    return [(history, CreditModel(WELCOME_CREDITS))]


def book(live: Live, access: str, slot_id: str) -> httpx.Response:
    return call(live, "/bookings", access, "POST", json={"slot_id": slot_id})


def make_slots(live: Live, number: int, *, capacity: int) -> list[str]:
    login = f"host{secrets.token_hex(4)}"
    access = Browser(live, login).sign_in().access
    with live.connect() as connection:
        connection.execute("UPDATE accounts_user SET is_host = true WHERE login = %s", [login])
    starts = [datetime.now(UTC) + timedelta(days=3, hours=2 * place) for place in range(number)]
    return [_make_slot(live, access, start, capacity) for start in starts]


def _make_slot(live: Live, access: str, start: datetime, capacity: int) -> str:
    body = {"title": "Race", "capacity": capacity, "starts_at": start.isoformat()}
    body["ends_at"] = (start + timedelta(minutes=50)).isoformat()
    response = call(live, "/slots", access, "POST", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def rejections(histories: Histories) -> list[str]:
    verdicts = [check(history, model) for history, model in histories]
    return [str(verdict) for verdict in verdicts if not verdict.is_linearizable]


@pytest.mark.parametrize("scenario", [race_refreshes, race_bookings, race_cancellations])
def test_the_product_is_accepted(live: Live, scenario: Callable[[Live], Histories]) -> None:
    histories = scenario(live)
    assert rejections(histories) == []
    answers = [operation.answer for history, _ in histories for operation in history]
    assert UNKNOWN not in answers
    assert len(set(answers)) > 1, "nobody lost a race"


def test_a_rotation_without_the_comparison_is_rejected(defective: Live) -> None:
    assert any(rejections(race_refreshes(defective)) for _ in range(TRIES))


@pytest.mark.parametrize(
    ("scenario", "constraint"),
    [
        (race_bookings, "ALTER TABLE bookings_slot DROP CONSTRAINT slot_seats_fit_capacity"),
        (
            race_cancellations,
            "DROP INDEX entry_one_refund; ALTER TABLE bookings_creditentry DISABLE TRIGGER USER",
        ),
    ],
    ids=["booking without the seat condition", "second refund"],
)
def test_a_defect_is_prevented_by_the_database_and_else_rejected(
    defective: Live, scenario: Callable[[Live], Histories], constraint: LiteralString
) -> None:
    assert rejections(scenario(defective)) == []
    with defective.connect() as connection:
        connection.execute(SQL(constraint))
    assert any(rejections(scenario(defective)) for _ in range(TRIES))
