from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts import signals
from accounts.repositories import events
from accounts.services import lookup

if TYPE_CHECKING:
    from accounts.models import Event


def record_event(
    *,
    kind: str,
    user_id: UUID | None,
    actor_id: UUID | None = None,
    session_id: UUID | None = None,
    client_id: str = "",
    address: str | None = None,
    detail: dict[str, object] | None = None,
) -> None:
    """Write one line of the audit trail inside the caller's transaction. `detail` must hold no secret."""
    events.insert_event(
        kind=kind,
        user_id=user_id,
        actor_id=actor_id,
        session_id=session_id,
        client_id=client_id,
        address=address,
        detail=detail or {},
    )
    transaction.on_commit(partial(_announce, kind, client_id, detail or {}), robust=True)


def _announce(kind: str, client_id: str, detail: dict[str, object]) -> None:
    signals.event_recorded.send(None, kind=kind, client_id=client_id, detail=detail)


def list_events_of(*, login_or_id: str = "", kind: str = "", limit: int = 100) -> "list[Event]":
    """The audit trail of one person or everybody, newest first. Raises PersonNotFound or LoginAmbiguous."""
    user_id = lookup.get_person_called(login_or_id=login_or_id).pk if login_or_id else None
    return events.list_events(user_id=user_id, kind=kind, limit=limit)


def list_kinds() -> list[str]:
    """Every kind of event there is, in order."""
    return events.list_kinds()
