from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model, OuterRef, Subquery

from accounts.policies import may_use_account
from tokens.models import Application, Session
from tokens.policies.claims import Subject
from tokens.policies.clients import BUILT_IN, RESERVED_PREFIX
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
    scope: str
    address: str | None
    expires_at: datetime
    now: datetime


@dataclass(frozen=True)
class Rotated:
    """What a rotation's statement returns: what the access token needs, and for an application the ID token."""

    user_id: UUID
    scope: str
    ends_at: datetime
    auth_time: datetime | None = None
    subject: Subject | None = None


# The compare stands on the updated table itself: after waiting for a row lock PostgreSQL evaluates it again,
# which it would not do for a sub-select. The person is joined, so a suspension is seen in the same statement.
# `rotated_at` is the database's time: another server, whose clock may differ, judges a retry by it.
_ROTATE = f"""
UPDATE tokens_session AS s
   SET generation = s.generation + 1,
       previous_hash = s.current_hash,
       current_hash = %(new_hash)s,
       rotation_nonce = %(nonce)s,
       retry_key_hash = %(retry_key_hash)s,
       rotated_at = statement_timestamp(),
       last_used_at = %(now)s,
       last_address = COALESCE(%(address)s::inet, s.last_address),
       expires_at = LEAST(%(expires_at)s, s.ends_at)
  FROM accounts_user AS u
 WHERE s.id = %(session_id)s
   AND s.client_id = %(client_id)s
   AND s.current_hash = %(presented_hash)s
   AND (%(scope)s = '' OR string_to_array(%(scope)s, ' ') <@ string_to_array(s.scope, ' '))
   AND (s.generation > 0 OR s.handoff_challenge IN ('', %(challenge)s))
   AND s.revoked_at IS NULL
   AND s.expires_at > %(now)s
   AND s.ends_at > %(now)s
   AND u.id = s.user_id
   AND {may_use_account("u")}
RETURNING s.user_id, s.scope, s.ends_at
"""  # noqa: S608  # a constant of ours

# An application is joined like the person: one that is disabled rotates nothing.
_ROTATE_FOR_APPLICATION = (
    _ROTATE.replace("AS u\n", "AS u, tokens_application AS a\n").replace(
        "AND u.id = s.user_id\n", "AND u.id = s.user_id AND a.client_id = s.client_id AND a.disabled_at IS NULL\n"
    )
    + ", s.auth_time, u.id, u.login, u.display_name, u.email, u.avatar_url, u.time_zone"
)


def rotate(rotation: Rotation) -> Rotated | None:
    """The compare-and-swap that rotates: one statement, its own transaction. None where no row matched."""
    with connection.cursor() as cursor:
        cursor.execute(_ROTATE if rotation.client_id in BUILT_IN else _ROTATE_FOR_APPLICATION, vars(rotation))
        row = cursor.fetchone()
    if row is None:
        return None
    rotated = Rotated(*row[:3])
    return replace(rotated, auth_time=row[3], subject=Subject(*row[4:])) if row[3:] else rotated


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
    # Django's statement, compiled once: compiling takes several times as long as running it.
    statement = Session.objects.select_related("user").filter(id=UUID(int=0)).query.sql_with_params()[0]
    return statement.replace("SELECT ", f"SELECT {_CLIENT_IS_DISABLED}, ", 1)


_CLIENT_IS_DISABLED = f"""NOT starts_with(tokens_session.client_id, '{RESERVED_PREFIX}') AND NOT EXISTS (
    SELECT FROM tokens_application AS a WHERE a.client_id = tokens_session.client_id AND a.disabled_at IS NULL
)"""  # a constant of ours


def _build_found(row: tuple[Any, ...]) -> Session:
    """Whether the client is disabled, then the columns of the session and of its person, as the models order them."""
    own, foreign = (_column_names(model) for model in (Session, _PERSON))
    session = Session.from_db(connection.alias, own, row[1 : len(own) + 1])
    session.user = _PERSON.from_db(connection.alias, foreign, row[len(own) + 1 :])
    session.client_is_disabled = row[0]
    return session


@cache
def _column_names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def family_of(session: Session) -> Family:
    """The part of a session that its rotation rules look at."""
    return Family(
        generation=session.generation,
        current_hash=bytes(session.current_hash),
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


def revoke_sessions_of(
    user_id: UUID, *, because: str, now: datetime, keep: UUID | None = None, client_id: str = ""
) -> list[tuple[UUID, str]]:
    """End every session of a person, of one client where it is named, except `keep`.

    Returns id and client of those that could still be used.
    """
    ended = Session.objects.filter(user_id=user_id, revoked_at=None)
    if client_id:
        ended = ended.filter(client_id=client_id)
    if keep is not None:
        ended = ended.exclude(id=keep)
    usable = list(ended.filter(expires_at__gt=now, ends_at__gt=now).values_list("id", "client_id"))
    # The others, too: another server's clock may be behind.
    ended.update(revoked_at=now, revoked_because=because)
    return usable


def note_use(session_id: UUID, *, expires_at: datetime, now: datetime) -> None:
    Session.objects.filter(id=session_id, revoked_at=None).update(last_used_at=now, expires_at=expires_at)


def list_live_sessions(user_id: UUID, *, now: datetime) -> list[Session]:
    """A person's sessions that can still be used, newest first, with `application_name` where it is registered."""
    live = Session.objects.filter(user_id=user_id, revoked_at=None, expires_at__gt=now, ends_at__gt=now)
    names = Application.objects.filter(client_id=OuterRef("client_id")).values("name")
    return list(live.annotate(application_name=Subquery(names[:1])).order_by("-id"))


def list_sessions_in(user_id: UUID, *, client_id: str) -> list[Session]:
    """A person's sessions in one client that nobody has ended."""
    return list(Session.objects.filter(user_id=user_id, client_id=client_id, revoked_at=None).order_by("id"))


def list_sessions_of_publisher(user_id: UUID, *, publisher_id: UUID) -> list[Session]:
    """The sign-ins of a publisher's jobs that nobody has ended."""
    return list(Session.objects.filter(user_id=user_id, publisher_id=publisher_id, revoked_at=None).order_by("id"))


def has_signed_in(user_id: UUID, **columns: str) -> bool:
    """Whether a person has signed in before; with `client_id` and `label`, from such a device. Ended ones count."""
    return Session.objects.filter(user_id=user_id, **columns).exists()


def build_session(**columns: object) -> Session:
    """A session that is not stored yet."""
    return Session(**columns)


def find_last_sign_in(client_id: str) -> datetime | None:
    """When the newest sign-in of a client began that is still stored; None where there is none."""
    newest = Session.objects.filter(client_id=client_id).order_by("-id").values_list("created_at", flat=True)
    return newest.first()
