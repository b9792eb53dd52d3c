from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts import policies, signals
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
    detail: Mapping[str, object] | None = None,
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
    announce_event(kind=kind, client_id=client_id, detail=detail or {})


def record_events(
    *, kind: str, details: Sequence[tuple[UUID, Mapping[str, object]]], actor_id: UUID | None = None
) -> None:
    """As `record_event`, a line for each person and detail, however many, in one statement."""
    if details:
        events.insert_events(kind=kind, actor_id=actor_id, details=details)
    for _, detail in details:
        announce_event(kind=kind, detail=detail)


def announce_event(*, kind: str, client_id: str = "", detail: Mapping[str, object]) -> None:
    """Tell those who listen, after the commit, of a line that this transaction has written."""
    transaction.on_commit(partial(_announce, kind, client_id, detail), robust=True)


def _announce(kind: str, client_id: str, detail: Mapping[str, object]) -> None:
    signals.event_recorded.send(None, kind=kind, client_id=client_id, detail=detail)


def find_event(
    *, kind: str, user_id: UUID, session_id: UUID | None = None, detail: dict[str, str] | None = None
) -> "Event | None":
    """The newest event of this kind about a person that has this session, or these words in its detail."""
    columns = {"session_id": session_id, "detail__contains": detail}
    return events.find_event(
        kind=kind, user_id=user_id, **{name: value for name, value in columns.items() if value is not None}
    )


def has_event_from(*, network: str, kind: str, user_id: UUID) -> bool:
    """Whether a person has an event of this kind from an address in `network`, such as `203.0.0.0/16`."""
    return events.has_event_from(network, kind=kind, user_id=user_id)


def list_events_of(*, login_or_id: str = "", kind: str = "", limit: int = 100) -> "list[Event]":
    """The audit trail of one person or everybody, newest first. Raises PersonNotFound or LoginAmbiguous."""
    user_id = lookup.get_person_called(login_or_id=login_or_id).pk if login_or_id else None
    return events.list_events(user_id=user_id, kind=kind, limit=limit)


def list_trail(
    *,
    user_id: UUID,
    kinds: Collection[str] = (),
    about: dict[str, str] | None = None,
    before: UUID | None = None,
    since: datetime | None = None,
    limit: int,
) -> "list[Event]":
    """A person's events, newest first: of these kinds, with these words in the detail, older than `before`."""
    first = policies.first_id_at(since) if since else None
    return events.list_trail(user_id, kinds=kinds, about=about, before=before, since=first, limit=limit)


def list_kinds() -> list[str]:
    """Every kind of event there is, in order."""
    return events.list_kinds()
