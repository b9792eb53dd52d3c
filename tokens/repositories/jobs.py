from collections.abc import Iterable
from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.types import JSONValue


def defer_security_mail(kind: str, *, user_id: UUID, subject_id: UUID) -> None:
    """Have a mail sent about a token or session. The job is a row of this transaction: both commit, or neither."""
    task = app.configure_task("tokens.send_security_mail")
    task.defer(kind=kind, user_id=str(user_id), subject_id=str(subject_id))


def defer_logouts(ended: Iterable[tuple[UUID, str]], *, user_id: UUID) -> None:
    """Have each client told that this sign-in of a person has ended, as jobs of this transaction.

    Mails go first: an application that does not answer delays no job of another kind by more than one request.
    """
    task = app.configure_task("tokens.send_logout_token", priority=-1)
    arguments: list[dict[str, JSONValue]] = [
        {"client_id": client_id, "user_id": str(user_id), "session_id": str(session_id)}
        for session_id, client_id in ended
    ]
    task.batch_defer(*arguments)
