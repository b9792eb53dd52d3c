from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from tokens.models import Consent


@dataclass(frozen=True)
class UsedApplication:
    """An application that a person has allowed, and what it may do."""

    client_id: str
    name: str
    home_page: str
    scope: str
    first_used_at: datetime
    last_used_at: datetime
    last_address: str | None
    """Where its newest use came from; None where no sign-in is stored."""


_LIST = """
SELECT c.client_id, a.name, a.home_page, c.scope, c.first_used_at,
       GREATEST(c.last_used_at, s.last_used_at), s.last_address
  FROM tokens_consent AS c
  JOIN tokens_application AS a ON a.client_id = c.client_id
  LEFT JOIN LATERAL (SELECT last_used_at, host(last_address) AS last_address FROM tokens_session
                      WHERE user_id = c.user_id AND client_id = c.client_id
                      ORDER BY last_used_at DESC LIMIT 1) AS s ON true
 WHERE c.user_id = %s
 ORDER BY c.id DESC
"""


def list_used_applications(user_id: UUID) -> list[UsedApplication]:
    """What a person has allowed and not withdrawn, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_LIST, [user_id])
        return [UsedApplication(*row) for row in cursor.fetchall()]


def find_consent(user_id: UUID, client_id: str) -> Consent | None:
    return Consent.objects.filter(user_id=user_id, client_id=client_id).first()


def note_consent(user_id: UUID, client_id: str, *, scope: str, now: datetime) -> None:
    """Store the scopes that a person has allowed a client by now, in place of those stored before."""
    consent = Consent(user_id=user_id, client_id=client_id, scope=scope, last_used_at=now)
    changed = ["scope", "last_used_at"]
    Consent.objects.bulk_create(
        [consent], update_conflicts=True, unique_fields=["user", "client_id"], update_fields=changed
    )


def remove_consent(user_id: UUID, client_id: str) -> bool:
    return bool(Consent.objects.filter(user_id=user_id, client_id=client_id).delete()[0])
