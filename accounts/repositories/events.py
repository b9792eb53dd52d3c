import json
from typing import Any
from uuid import UUID

from django.db import connection
from uuid6 import uuid7

from accounts.models import Event

# Written as text: most operations write a line, and Django takes longer to say so than the database to do it.
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
    detail: dict[str, object],
) -> None:
    values: list[Any] = [uuid7(), kind, user_id, actor_id, session_id, client_id, address, json.dumps(detail)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


# A loose index scan: one step a kind, however many events there are.
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


def list_events(*, user_id: UUID | None = None, kind: str = "", limit: int = 100) -> list[Event]:
    """The newest events first, of one person or one kind where given."""
    events = Event.objects.order_by("-id")
    if user_id is not None:
        events = events.filter(user_id=user_id)
    if kind:
        events = events.filter(kind=kind)
    return list(events[:limit])
