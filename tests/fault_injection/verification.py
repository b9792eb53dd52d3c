"""What is checked after a run: histories, bookings, refunds, jobs, and `manage.py audit`."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import psycopg

from tests.fault_injection.browsers import Visitor
from tests.fault_injection.clients import SETTLED_SECONDS, ApiClient
from tests.fault_injection.history import UNKNOWN, Operation
from tests.fault_injection.linearizability import Model, UndecidedError, check
from tests.fault_injection.models import CreditModel, SessionModel, SlotModel
from tests.fault_injection.product import WELCOME_CREDITS
from tests.fault_injection.workload import PAUSE_SECONDS, Booking, Workload

QUEUE_SECONDS = 150
ANSWER_SECONDS = 120
"""How long the product may take to answer at all, once every fault is over, on a machine that has much else to do."""

_DUE_JOBS = """
SELECT count(*) FROM procrastinate_jobs
WHERE status = 'doing' OR (status = 'todo' AND COALESCE(scheduled_at, now()) <= now())
"""
_BOOKED = """
SELECT b.id::text, count(e.id) FILTER (WHERE e.reason = 'booking')
FROM bookings_booking b LEFT JOIN bookings_creditentry e ON e.booking_id = b.id
WHERE b.idempotency_key = %s GROUP BY b.id
"""
_HOLDERS = """
SELECT string_agg(u.login, ',' ORDER BY u.login) FROM bookings_booking b JOIN accounts_user u ON u.id = b.client_id
WHERE b.slot_id = %s AND b.status <> 'cancelled'
"""
_ACCUSED = "SELECT count(*) FROM accounts_event WHERE kind = 'session.replayed'"
_CREDITS = """
SELECT sum(s.credits_remaining)::text FROM bookings_subscription s JOIN accounts_user u ON u.id = s.user_id
WHERE u.login = %s
"""
WRONG_REFUNDS = """
SELECT b.id::text, b.status, b.credits_charged, b.credits_refunded, count(e.id), COALESCE(sum(e.amount), 0)
FROM bookings_booking b LEFT JOIN bookings_creditentry e ON e.booking_id = b.id AND e.reason = 'refund'
GROUP BY b.id
HAVING b.credits_refunded <> CASE b.status WHEN 'cancelled' THEN b.credits_charged ELSE 0 END
    OR COALESCE(sum(e.amount), 0) <> b.credits_refunded
    OR count(e.id) <> CASE b.status WHEN 'cancelled' THEN 1 ELSE 0 END
"""
"""Every slot of a run is days ahead, so each cancelled booking has one refund, and a whole one."""

Connection = psycopg.Connection[tuple[Any, ...]]
Answer = TypeVar("Answer")


def find_violations(workload: Workload, people: Sequence[object], *, has_histories: bool = True) -> list[str]:
    """A sentence for each. Every fault is over and the workload has finished.

    Without histories where answered writes may be lost: to reject such a history takes the checker hours.
    """
    violations = [f"unexpected: {what}" for what in workload.unexpected]
    time.sleep(SETTLED_SECONDS)
    clients = {person.login: person for person in people if isinstance(person, ApiClient)}
    signed_out = [login for login, client in clients.items() if not _answered(partial(_refresh, client))]
    visitors = [person for person in people if isinstance(person, Visitor)]
    signed_out += [visitor.login for visitor in visitors if not _answered(partial(visitor.visit, "/credits"))]
    violations += [f"signed out: {what}" for what in workload.lost_sign_ins + signed_out]
    with workload.product.connect() as connection:
        accused = _value(connection, _ACCUSED)
        violations += [f"accused of a replay: {accused}"] if accused else []
        violations += _wrong_histories(workload, connection) if has_histories else []
        for booking in workload.bookings:
            violations += _wrong_booking(booking, clients[booking.login], connection)
        violations += [f"wrong refund: {row}" for row in connection.execute(WRONG_REFUNDS).fetchall()]
        violations += _stuck_jobs(workload, connection)
    try:
        workload.product.manage("audit")
    except RuntimeError as error:
        violations.append(f"audit: {error}")
    return violations


def _wrong_booking(booking: Booking, client: ApiClient, connection: Connection) -> list[str]:
    """An answered booking exists, any other may; what exists is whole, and its key gives it again."""
    rows = connection.execute(_BOOKED, [booking.key]).fetchall()
    if booking.id and [row[0] for row in rows] != [booking.id]:
        return [f"booking lost or doubled: answered {booking.id}, there is {rows}"]
    if len(rows) > 1 or any(charges != 1 for _, charges in rows):
        return [f"half a booking: {rows}"]
    body = {"slot_id": booking.slot_id}
    response = _answered(partial(client.call, "book again", "POST", "/bookings", key=booking.key, body=body))
    again = response.json().get("id") if response is not None and response.status_code == 201 else None
    return [f"a retry of {booking.key} did not give {rows[0][0]}"] if rows and again != rows[0][0] else []


def _answered(ask: Callable[[], Answer | None]) -> Answer | None:
    """What is answered in the end; None where nothing is."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while (answer := ask()) is None and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return answer


def _refresh(client: ApiClient) -> bool | None:
    return client.refresh() or None


def _stuck_jobs(workload: Workload, connection: Connection) -> list[str]:
    """What waits in the queue although the job that takes over the jobs of dead workers has run."""
    deadline = time.monotonic() + QUEUE_SECONDS
    while (due := _value(connection, _DUE_JOBS)) and time.monotonic() < deadline:
        workload.product.manage("procrastinate", "defer", "bookings.retry_stalled_jobs", '{"timestamp": 0}')
        time.sleep(3)
    return [f"{due} jobs are stuck in the queue"] if due else []


def _wrong_histories(workload: Workload, connection: Connection) -> list[str]:
    capacities = {slot.id: slot.capacity for slot in workload.slots}
    wrong = []
    for name, history in _with_lost_credits(workload.history.operations).items():
        kind, _, subject = name.partition(":")
        model: Model = SessionModel(subject.rpartition(":")[2])
        if kind == "slot":
            model = SlotModel(capacities[subject])
            history = [*history, _reading(_value(connection, _HOLDERS, subject))]
        elif kind == "credits":
            model = CreditModel(WELCOME_CREDITS)
            history = [*history, _reading(_value(connection, _CREDITS, subject))]
        try:
            verdict = check(history, model)
        except UndecidedError as error:
            wrong.append(f"{name} cannot be decided: {error}")
            continue
        wrong += [] if verdict.is_linearizable else [f"{name} is {verdict}"]
    return wrong


def _with_lost_credits(histories: dict[str, list[Operation]]) -> dict[str, list[Operation]]:
    """The histories, with the effect of each cancelled slot in the credits of everybody who asked for a seat."""
    whole = defaultdict(list, {name: list(history) for name, history in histories.items()})
    for name, history in histories.items():
        closings = [o for o in history if o.action in {"close", "close day"} and o.answer in {UNKNOWN, "done"}]
        for client in {o.arguments[0] for o in history if o.action == "join"}:
            slot_id = name.partition(":")[2]
            lost = [replace(closing, action="lose", arguments=(slot_id,), actor="host") for closing in closings]
            whole[f"credits:{client}"] += lost
    return dict(whole)


def _reading(answer: str) -> Operation:
    now = time.monotonic()
    return Operation("read", (), answer, now, now)


def _value(connection: Connection, statement: str, *parameters: str) -> Any:
    """The first column of the first row; an empty text for NULL."""
    row = connection.execute(statement, parameters).fetchone()
    return (row[0] if row else None) or ""
