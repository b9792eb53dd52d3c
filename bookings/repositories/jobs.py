import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import OperationalError
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

Told = dict[str, Any]


class Order(NamedTuple):
    """A mail that has been ordered, whatever it tells of."""

    kind: str
    user_id: UUID


_orders: ContextVar[list[Order] | None] = ContextVar("orders", default=None)

# Where one operation tells one person of several of these, a mail tells of so many; other kinds are a mail for each.
TOGETHER = frozenset(
    {"session_changed", "waiting_changed", "booking_cancelled_by_host", "booking_promoted", "waitlist_closed"}
)
MOST_TOGETHER = 50

SEND_NOTICE = "bookings.send_notice"
SEND_REMINDER = "bookings.send_reminder"
OFFER_SEATS = "bookings.offer_seats"
SEND_HOST_NEWS = "bookings.send_host_news"

# The queue's own function as a part of a larger statement, which is given `notice_values`: a statement of its own for
# each booking's job costs up to a fifth of the rate of bookings. No job is no row.
DEFER = """
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    %(job_queue)s::varchar, %(job_task)s::varchar, %(job_priority)s::int, NULL, NULL, job.args, NULL
)::procrastinate_job_to_defer_v1)) AS ids
FROM jsonb_array_elements(%(job_args)s::jsonb) AS job (args)
"""


def defer_notices(kind: str, notices: list[tuple[UUID, UUID, int]], *, told: Told | None = None) -> None:
    """Have mails written, for each recipient, subject (booking, slot or subscription) and revision of the subject.

    Those of `TOGETHER` are one for each recipient.

    `told` is what the mails say of the event itself, which nothing else keeps. The jobs are rows of this transaction:
    they exist if, and only if, it commits.
    """
    _defer(_order(kind, [(notice, told) for notice in notices]))


def defer_told(kind: str, notices: list[tuple[tuple[UUID, UUID, int], Told]]) -> None:
    """As `defer_notices`, where each mail says something of its own."""
    _defer(_order(kind, notices))


def notice_values(kind: str, notices: list[tuple[UUID, UUID, int]], *, told: Told | None = None) -> dict[str, Any]:
    """The values of DEFER for the same as `defer_notices`; the request's id goes with each, as with every job."""
    deferred = _order(kind, [(notice, told) for notice in notices])
    context = structlog.contextvars.get_contextvars()
    request = {"request_id": context["request_id"]} if context.get("request_id") else {}
    return {
        "job_queue": deferred[0].queue,
        "job_task": SEND_NOTICE,
        "job_priority": deferred[0].priority,
        "job_args": json.dumps([{**job.task_kwargs, **request} for job in deferred]),
    }


@contextmanager
def noted_orders() -> Iterator[list[Order]]:
    """The mails that are ordered meanwhile, each as it is."""
    orders: list[Order] = []
    token = _orders.set(orders)
    try:
        yield orders
    finally:
        _orders.reset(token)


def message_of(text: str, *, by_staff: bool = False) -> Told | None:
    """The own words of the host, or of the staff, to those who are told."""
    told: Told = {**({"message": text} if text else {}), **({"by_staff": True} if by_staff else {})}
    return told or None


def defer_reminders(reminders: list[tuple[UUID, int]]) -> None:
    """Have the clients of bookings reminded, unless a booking is past its revision by then."""
    task = app.configure_task(SEND_REMINDER)
    _defer([task.make_new_job(booking_id=str(booking_id), revision=revision) for booking_id, revision in reminders])


def defer_offers(slot_ids: Iterable[UUID]) -> None:
    """Have free seats of these slots offered to those who wait."""
    task = app.configure_task(OFFER_SEATS)
    _defer([task.make_new_job(slot_id=str(slot_id)) for slot_id in slot_ids])


def defer_host_news(periods: list[tuple[UUID, datetime, datetime]]) -> None:
    """Have hosts told of what happened from the first instant until before the second."""
    task = app.configure_task(SEND_HOST_NEWS)
    _defer([task.make_new_job(host_id=str(h), since=a.isoformat(), until=b.isoformat()) for h, a, b in periods])


def _order(kind: str, notices: Sequence[tuple[tuple[UUID, UUID, int], Told | None]]) -> list[Job]:
    by_person: dict[UUID, list[dict[str, Any]]] = {}
    for (user_id, subject_id, revision), told in notices:
        # Without words there is no `told`, as in the jobs of most mails.
        subject = {"subject_id": str(subject_id), "revision": revision, **({"told": told} if told else {})}
        by_person.setdefault(user_id, []).append(subject)
    size = MOST_TOGETHER if kind in TOGETHER else 1
    return [
        _notice(kind, user_id, *subjects[at : at + size])
        for user_id, subjects in by_person.items()
        for at in range(0, len(subjects), size)
    ]


def _notice(kind: str, user_id: UUID, first: dict[str, Any], *also: dict[str, Any]) -> Job:
    if (orders := _orders.get()) is not None:
        orders.append(Order(kind, user_id))
    # A worker of the release before knows no `also`: it fails, and a worker of this one does the job.
    more: dict[str, Any] = {"also": list(also)} if also else {}
    return app.configure_task(SEND_NOTICE).make_new_job(kind=kind, user_id=str(user_id), **first, **more)


def _defer(jobs: list[Job]) -> None:
    """One statement, however many and whatever they are."""
    if jobs:
        with _database_errors():
            app.job_manager.batch_defer_jobs(jobs)


@contextmanager
def _database_errors() -> Iterator[None]:
    """Give what the queue hides in an exception of its own the type that every other statement's failure has."""
    try:
        yield
    except ConnectorException as error:
        raise OperationalError(str(error)) from error.__cause__
