"""After the storm: every promise is looked at, first by the people's own means, then in the database."""

import time
from collections import defaultdict
from typing import Any

import psycopg

from tests.faults.checker import UndecidedError, check
from tests.faults.clients import Booked, Run
from tests.faults.history import UNKNOWN, Operation
from tests.faults.models import Credits, Rotation, Seats
from tests.faults.terminals import LATE_SECONDS, Terminal
from tests.faults.visitors import Visitor

WELCOME_CREDITS = 6
QUEUE_SECONDS = 150

_DUE = """
SELECT count(*) FROM procrastinate_jobs
WHERE status = 'doing' OR (status = 'todo' AND COALESCE(scheduled_at, now()) <= now())
"""
_BOOKED = """
SELECT b.id::text, count(e.id) FILTER (WHERE e.reason = 'booking')
FROM bookings_booking b LEFT JOIN bookings_creditentry e ON e.booking_id = b.id
WHERE b.idempotency_key = %s GROUP BY b.id
"""
_HOLDERS = """
SELECT u.login FROM bookings_booking b JOIN accounts_user u ON u.id = b.client_id
WHERE b.slot_id = %s AND b.status <> 'cancelled' ORDER BY u.login
"""
WRONG_REFUNDS = """
SELECT b.id::text, b.status, b.credits_charged, b.credits_refunded, count(e.id), COALESCE(sum(e.amount), 0)
FROM bookings_booking b LEFT JOIN bookings_creditentry e ON e.booking_id = b.id AND e.reason = 'refund'
GROUP BY b.id
HAVING b.credits_refunded <> CASE b.status WHEN 'cancelled' THEN b.credits_charged ELSE 0 END
    OR COALESCE(sum(e.amount), 0) <> b.credits_refunded
    OR count(e.id) <> CASE b.status WHEN 'cancelled' THEN 1 ELSE 0 END
"""
"""Every slot of a run is days ahead, so whoever cancels, client or host, the refund is whole, and there is one."""
_CREDITS = """
SELECT sum(s.credits_remaining)::text FROM bookings_subscription s JOIN accounts_user u ON u.id = s.user_id
WHERE u.login = %s
"""


def find_broken_promises(run: Run, terminals: list[Terminal], visitors: list[Visitor]) -> list[str]:
    """A sentence for each; the product is whole again and nobody uses it."""
    broken = [f"signed out: {what}" for what in run.notes.sign_ins_lost]
    broken += [f"surprise: {what}" for what in run.notes.surprises]
    time.sleep(LATE_SECONDS)
    broken += _lost_sign_ins(terminals, visitors)
    with psycopg.connect(run.product.cluster.address, autocommit=True) as connection:
        broken += _wrong_histories(run, connection)
        broken += _lost_bookings(run, connection, {terminal.login: terminal for terminal in terminals})
        broken += [f"wrong refund: {row}" for row in connection.execute(WRONG_REFUNDS).fetchall()]
        broken += _stuck_jobs(run, connection)
    return broken + _breaches(run)


def _lost_sign_ins(terminals: list[Terminal], visitors: list[Visitor]) -> list[str]:
    """Whoever was signed in still is."""
    lost = [f"signed out: {t.login} at a terminal" for t in terminals if not (t.refresh() or t.refresh())]
    return lost + [f"signed out: {v.login} at the portal" for v in visitors if not v.visit("/credits")]


def _lost_bookings(run: Run, connection: "psycopg.Connection[Any]", terminals: dict[str, Terminal]) -> list[str]:
    found = []
    for wanted in run.notes.booked:
        rows = connection.execute(_BOOKED, [wanted.key]).fetchall()
        terminal = terminals[wanted.login]
        if wanted.booking_id and [row[0] for row in rows] != [wanted.booking_id]:
            found.append(f"booking lost or doubled: answered {wanted.booking_id}, there is {rows}")
        if any(charges != 1 for _, charges in rows) or len(rows) > 1:
            found.append(f"half a booking: {rows}")
        if rows and not _is_answered_again(terminal, wanted, rows[0][0]):
            found.append(f"a retry of {wanted.key} did not give {rows[0][0]}")
    return found


def _is_answered_again(terminal: Terminal, wanted: Booked, booking_id: str) -> bool:
    response = terminal.call("book again", "POST", "/bookings", key=wanted.key, body={"slot_id": wanted.slot_id})
    return response is not None and response.status_code == 201 and response.json()["id"] == booking_id


def _stuck_jobs(run: Run, connection: "psycopg.Connection[Any]") -> list[str]:
    """What waits in the queue after the job that takes up the jobs of dead workers has run."""
    deadline = time.monotonic() + QUEUE_SECONDS
    while (due := _number(connection, _DUE)) and time.monotonic() < deadline:
        run.product.manage("procrastinate", "defer", "bookings.retry_stalled_jobs", '{"timestamp": 0}')
        time.sleep(3)
    return [f"{due} jobs are stuck in the queue"] if due else []


def _breaches(run: Run) -> list[str]:
    try:
        run.product.manage("audit")
    except RuntimeError as error:
        return [f"audit: {error}"]
    return []


def _number(connection: "psycopg.Connection[Any]", statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _wrong_histories(run: Run, connection: "psycopg.Connection[Any]") -> list[str]:
    histories = run.log.read()
    capacities = {slot.id: slot.capacity for slot in run.slots}
    wrong = []
    for name, history in _with_closings(histories).items():
        kind, _, subject = name.partition(":")
        model: Any = Rotation(subject.rpartition(":")[2])
        if kind == "slot":
            holders = connection.execute(_HOLDERS, [subject]).fetchall()
            history = [*history, _reading(",".join(login for (login,) in holders))]
            model = Seats(capacities[subject])
        elif kind == "purse":
            row = connection.execute(_CREDITS, [subject]).fetchone()
            history = [*history, _reading(str(row[0]) if row else "")]
            model = Credits(WELCOME_CREDITS)
        wrong += _judge(name, history, model)
    return wrong


def _judge(name: str, history: list[Operation], model: Any) -> list[str]:
    try:
        verdict = check(history, model)
    except UndecidedError as error:
        return [f"{name} cannot be decided: {error}"]
    return [] if verdict.is_linearizable else [f"{name} is {verdict}"]


def _reading(answer: str) -> Operation:
    now = time.monotonic()
    return Operation("read", (), answer, now, now)


def _with_closings(histories: dict[str, list[Operation]]) -> dict[str, list[Operation]]:
    """The histories, and in each purse what the host's cancellations of its slots did to it."""
    whole = defaultdict(list, histories)
    for name, history in histories.items():
        kind, _, slot_id = name.partition(":")
        closings = [o for o in history if o.action in {"close", "close day"} and o.answer in {UNKNOWN, "done"}]
        clients = {o.given[0] for o in history if o.action == "join"}
        for client in clients if kind == "slot" else ():
            for closing in closings:
                lost = Operation("lose", (slot_id,), closing.answer, closing.begin, closing.end, "host")
                whole[f"purse:{client}"] = [*whole[f"purse:{client}"], lost]
    return dict(whole)
