from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import OperationalError
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

SEND_NOTICE = "bookings.send_notice"
SEND_REMINDER = "bookings.send_reminder"


def defer_notices(kind: str, notices: list[tuple[UUID, UUID, int]]) -> None:
    """Have mails written, one for each recipient, subject (booking, slot or subscription) and revision of the subject.

    The jobs are rows of this transaction: they exist if, and only if, it commits.
    """
    _defer([_notice(kind, *notice) for notice in notices])


def defer_reminders(reminders: list[tuple[UUID, int]]) -> None:
    """Have the clients of bookings reminded, unless a booking is past its revision by then."""
    task = app.configure_task(SEND_REMINDER)
    _defer([task.make_new_job(booking_id=str(booking_id), revision=revision) for booking_id, revision in reminders])


def _notice(kind: str, user_id: UUID, subject_id: UUID, revision: int) -> Job:
    task = app.configure_task(SEND_NOTICE)
    return task.make_new_job(kind=kind, user_id=str(user_id), subject_id=str(subject_id), revision=revision)


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
