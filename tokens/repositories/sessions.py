from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model

from tokens.models import Session
from tokens.policies.rotation import Family

_PERSON = get_user_model()


@dataclass(frozen=True)
class Rotation:
    """The parameters of a rotation: what must be true of the row, and what it becomes."""

    session_id: UUID
    client_id: str
    presented_hash: bytes
    new_hash: bytes
    nonce: bytes
    retry_key_hash: bytes | None
    challenge: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True)
class Rotated:
    """What a rotation's one statement gives back: all that an access token needs."""

    session_id: UUID
    user_id: UUID
    generation: int
    scope: str
    ends_at: datetime


# The compare stands on the updated table itself: after waiting for a row lock PostgreSQL evaluates it again,
# which it would not do for a sub-select. The person is joined, so a suspension is seen in the same statement.
# `rotated_at` is the database's time: another server, whose clock may differ, judges a retry by it.
_ROTATE = """
UPDATE tokens_session AS s
   SET generation = s.generation + 1,
       previous_hash = s.current_hash,
       current_hash = %(new_hash)s,
       rotation_nonce = %(nonce)s,
       retry_key_hash = %(retry_key_hash)s,
       rotated_at = statement_timestamp(),
       last_used_at = %(now)s,
       expires_at = LEAST(%(expires_at)s, s.ends_at)
  FROM accounts_user AS u
 WHERE s.id = %(session_id)s
   AND s.client_id = %(client_id)s
   AND s.current_hash = %(presented_hash)s
   AND (s.generation > 0 OR s.handoff_challenge IN ('', %(challenge)s))
   AND s.revoked_at IS NULL
   AND s.expires_at > %(now)s
   AND s.ends_at > %(now)s
   AND u.id = s.user_id
   AND u.is_active
   AND u.standing = 'approved'
RETURNING s.id, s.user_id, s.generation, s.scope, s.ends_at
"""


def rotate(rotation: Rotation) -> Rotated | None:
    """The compare-and-swap that rotates: one statement, its own transaction. None if it hit nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_ROTATE, vars(rotation))
        row = cursor.fetchone()
    return Rotated(*row) if row else None


def insert_session(session: Session) -> None:
    session.save(force_insert=True)


def find_session(session_id: UUID) -> Session | None:
    """The session with its person, in one query. Every API call asks this."""
    with connection.cursor() as cursor:
        cursor.execute(_find_statement(), [session_id])
        row = cursor.fetchone()
    return _build_found(row) if row else None


def find_session_to_judge(session_id: UUID) -> tuple[Session, datetime] | None:
    """The session with its person, and the database's time, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_find_statement().replace("SELECT ", "SELECT statement_timestamp(), ", 1), [session_id])
        row = cursor.fetchone()
    return (_build_found(row[1:]), row[0]) if row else None


@cache
def _find_statement() -> str:
    # Django's own statement, put together once: that takes several times as long as the database takes to answer it.
    return Session.objects.select_related("user").filter(id=UUID(int=0)).query.sql_with_params()[0]


def _build_found(row: tuple[Any, ...]) -> Session:
    """The columns of the session come first, then those of its person, both in the order of their models."""
    own, foreign = (_column_names(model) for model in (Session, _PERSON))
    session = Session.from_db(connection.alias, own, row[: len(own)])
    session.user = _PERSON.from_db(connection.alias, foreign, row[len(own) :])
    return session


@cache
def _column_names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def family_of(session: Session) -> Family:
    """The part of a session that its rotation rules look at."""
    return Family(
        generation=session.generation,
        previous_hash=bytes(session.previous_hash) if session.previous_hash is not None else None,
        retry_key_hash=bytes(session.retry_key_hash) if session.retry_key_hash is not None else None,
        rotated_at=session.rotated_at,
        handoff_challenge=session.handoff_challenge,
        is_revoked=session.revoked_at is not None,
        expires_at=session.expires_at,
        ends_at=session.ends_at,
    )


def revoke_session(session_id: UUID, *, because: str, now: datetime) -> bool:
    """End one session; true for the call that ended it."""
    live = Session.objects.filter(id=session_id, revoked_at=None)
    return bool(live.update(revoked_at=now, revoked_because=because))


def revoke_sessions_of(user_id: UUID, *, because: str, now: datetime, keep: UUID | None = None) -> int:
    """End every session of a person, except `keep`; how many."""
    live = Session.objects.filter(user_id=user_id, revoked_at=None)
    if keep is not None:
        live = live.exclude(id=keep)
    return live.update(revoked_at=now, revoked_because=because)


def list_live_sessions(user_id: UUID, *, now: datetime) -> list[Session]:
    """A person's sessions that can still be used, newest first."""
    live = Session.objects.filter(user_id=user_id, revoked_at=None, expires_at__gt=now, ends_at__gt=now)
    return list(live.order_by("-id"))


def purge_sessions(*, ended_before: datetime, limit: int) -> int:
    """Remove up to `limit` sessions whose absolute end lies before `ended_before`; how many."""
    ended = Session.objects.filter(ends_at__lte=ended_before).values("id")[:limit]
    return Session.objects.filter(id__in=ended).delete()[0]


def build_session(**columns: object) -> Session:
    """A session that is not stored yet."""
    return Session(**columns)
