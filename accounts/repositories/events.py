import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from accounts.models import Event

# SQL, because most operations insert an event and building the ORM's statement takes longer than running it.
_INSERT = """
INSERT INTO accounts_event (id, kind, user_id, actor_id, session_id, client_id, address, detail)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def insert_event(
    *,
    kind: str,
    user_id: UUID | None,
    actor_id: UUID | None,
    session_id: UUID | None,
    client_id: str,
    address: str | None,
    detail: Mapping[str, object],
) -> None:
    values: list[Any] = [uuid7(), kind, user_id, actor_id, session_id, client_id, address, json.dumps(detail)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


_INSERT_ALIKE = """
INSERT INTO accounts_event (id, kind, user_id, actor_id, client_id, detail)
SELECT e.id, %s, e.user_id, %s, '', e.detail
FROM jsonb_to_recordset(%s::jsonb) AS e (id uuid, user_id uuid, detail jsonb)
"""


def insert_events(*, kind: str, actor_id: UUID | None, details: Sequence[tuple[UUID, Mapping[str, object]]]) -> None:
    """One line for each person and detail, in one statement."""
    lines = [{"id": str(uuid7()), "user_id": str(user_id), "detail": detail} for user_id, detail in details]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ALIKE, [kind, actor_id, json.dumps(lines)])


# A loose index scan: one index lookup for each kind.
_KINDS = """
WITH RECURSIVE kinds AS (
    (SELECT kind FROM accounts_event ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT kind FROM accounts_event WHERE kind > kinds.kind ORDER BY kind LIMIT 1)
      FROM kinds WHERE kinds.kind IS NOT NULL
)
SELECT kind FROM kinds WHERE kind IS NOT NULL
"""


def list_kinds() -> list[str]:
    """Every kind of event there is, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS)
        return [kind for (kind,) in cursor.fetchall()]


def find_event(*, kind: str, user_id: UUID, **columns: object) -> Event | None:
    """The newest event of this kind about a person; `columns` are lookups such as `session_id`."""
    return Event.objects.filter(kind=kind, user_id=user_id, **columns).order_by("-id").first()


def has_event_from(network: str, *, kind: str, user_id: UUID) -> bool:
    """Whether a person has an event of this kind from an address in `network`, such as `203.0.0.0/16`."""
    events = Event.objects.filter(kind=kind, user_id=user_id)
    return events.extra(where=["address <<= %s::inet"], params=[network]).exists()


def list_trail(
    user_id: UUID,
    *,
    kinds: Collection[str] = (),
    about: dict[str, str] | None = None,
    before: UUID | None = None,
    since: UUID | None = None,
    limit: int,
) -> list[Event]:
    """A person's events, newest first: of these kinds, with these words in the detail, between these ids."""
    events = Event.objects.filter(user_id=user_id).order_by("-id")
    if kinds:
        events = events.filter(kind__in=kinds)
    if about:
        events = events.filter(detail__contains=about)
    if before is not None:
        events = events.filter(id__lt=before)
    if since is not None:
        events = events.filter(id__gte=since)
    return list(events[:limit])


def list_events(*, user_id: UUID | None = None, kind: str = "", limit: int = 100) -> list[Event]:
    """The newest events first, of one person or one kind where given."""
    events = Event.objects.order_by("-id")
    if user_id is not None:
        events = events.filter(user_id=user_id)
    if kind:
        events = events.filter(kind=kind)
    return list(events[:limit])
