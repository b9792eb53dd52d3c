from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import OperationalError
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.types import JSONDict

SEND_NOTICE = "bookings.send_notice"
SEND_REMINDER = "bookings.send_reminder"


def defer_notices(kind: str, notices: list[tuple[UUID, UUID, int]]) -> None:
    """Have mails written, one for each recipient, subject (booking, slot or subscription) and revision of the subject.

    The jobs are rows of this transaction: they exist if, and only if, it commits.
    """
    arguments: list[JSONDict] = [
        {"kind": kind, "user_id": str(user_id), "subject_id": str(subject_id), "revision": revision}
        for user_id, subject_id, revision in notices
    ]
    if arguments:
        with _database_errors():
            app.configure_task(SEND_NOTICE).batch_defer(*arguments)


def defer_reminder(*, booking_id: UUID, revision: int, at: datetime) -> None:
    """Have the client reminded at `at`, unless the booking has changed by then."""
    with _database_errors():
        app.configure_task(SEND_REMINDER, schedule_at=at).defer(booking_id=str(booking_id), revision=revision)


@contextmanager
def _database_errors() -> Iterator[None]:
    """Give what the queue hides in an exception of its own the type that every other statement's failure has."""
    try:
        yield
    except ConnectorException as error:
        raise OperationalError(str(error)) from error.__cause__
