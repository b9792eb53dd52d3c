import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from tokens import errors
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import SECRET_BYTES, RefreshToken, make_token
from tokens.repositories import codes, devices, sessions
from tokens.services.access_tokens import mint_access_token

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import Session


@dataclass(frozen=True)
class TokenPair:
    """A token response (RFC 6749 §5.1). The secrets are returned once and stay out of `repr`."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scope: str
    session_id: UUID


def open_session(
    *,
    person: "User",
    client: Client,
    scope: str,
    label: str,
    now: datetime,
    address: str | None = None,
    handoff_challenge: str = "",
) -> TokenPair:
    """A new sign-in, inside the caller's transaction, of a person whom the caller has locked and found allowed.

    With a `handoff_challenge` its first tokens travel in a URL: unredeemed they die after 60 seconds.
    """
    ends_at = now + settings.SESSION_LIFETIME
    idle = settings.HANDOFF_LIFETIME if handoff_challenge else settings.REFRESH_TOKEN_LIFETIME
    first = _first_token()
    session = sessions.build_session(
        id=first.session_id,
        user_id=person.pk,
        client_id=client.client_id,
        label=label,
        scope=scope,
        current_hash=first.digest,
        handoff_challenge=handoff_challenge,
        expires_at=min(now + idle, ends_at),
        ends_at=ends_at,
    )
    sessions.insert_session(session)
    record_event(
        kind="session.opened",
        user_id=person.pk,
        actor_id=person.pk,
        session_id=session.id,
        client_id=client.client_id,
        address=address,
        detail={"label": label},
    )
    return issue_tokens(
        first, user_id=person.pk, client_id=client.client_id, scope=scope, ends_at=session.expires_at, now=now
    )


def issue_tokens(
    refresh_token: RefreshToken, *, user_id: UUID, client_id: str, scope: str, ends_at: datetime, now: datetime
) -> TokenPair:
    """A refresh token with a fresh access token of its generation beside it."""
    access_token, expires_in = mint_access_token(
        session_id=refresh_token.session_id,
        user_id=user_id,
        client_id=client_id,
        scope=scope,
        generation=refresh_token.generation,
        now=now,
        ends_at=ends_at,
    )
    return TokenPair(access_token, refresh_token.text, expires_in, scope, refresh_token.session_id)


@transaction.atomic(durable=True)
def sign_out(*, session_id: UUID, because: str, now: datetime) -> None:
    """End one session, whoever asks; a second time does nothing."""
    session = sessions.find_session(session_id)
    if session is not None:
        _end(session, because=because, actor_id=session.user_id, now=now)


@transaction.atomic(durable=True)
def revoke_own_session(*, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """End one of a person's own live sessions. Raises NotFound, also for somebody else's."""
    session = sessions.find_session(session_id)
    if session is None or session.user_id != user_id or session.revoked_at is not None:
        raise errors.NotFound
    _end(session, because="signed out by the person", actor_id=user_id, now=now)


@transaction.atomic(durable=True)
def revoke_other_sessions(*, user_id: UUID, keep: UUID | None, now: datetime) -> int:
    """End all of a person's sessions but `keep`; how many."""
    ended = _end_all_of(user_id, because="signed out by the person", now=now, keep=keep)
    record_event(kind="session.others_ended", user_id=user_id, actor_id=user_id, detail={"sessions": ended})
    return ended


@transaction.atomic(durable=True)
def sign_out_everywhere(*, login_or_id: str, now: datetime) -> int:
    """The staff end all of somebody's sessions; how many. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    ended = _end_all_of(person.pk, because="signed out by the staff", now=now)
    record_event(kind="session.all_ended", user_id=person.pk, detail={"sessions": ended})
    return ended


def revoke_sessions_of(*, user_id: UUID, because: str, now: datetime) -> int:
    """End all of a person's sessions inside the caller's transaction; how many."""
    return _end_all_of(user_id, because=because, now=now)


def list_sessions(*, user_id: UUID, now: datetime) -> "list[Session]":
    """A person's sessions that can still be used, newest first."""
    return sessions.list_live_sessions(user_id, now=now)


def count_sessions_of(*, login_or_id: str, now: datetime) -> int:
    """How many sessions `sign_out_everywhere` would end. Raises PersonNotFound or LoginAmbiguous."""
    return len(sessions.list_live_sessions(get_person_called(login_or_id=login_or_id).pk, now=now))


def _end_all_of(user_id: UUID, *, because: str, now: datetime, keep: UUID | None = None) -> int:
    # First what is granted and not fetched: this waits for a redemption in flight, whose session is then seen.
    devices.deny_approved_of(user_id)
    codes.void_codes_of(user_id, now=now)
    return sessions.revoke_sessions_of(user_id, because=because, now=now, keep=keep)


def _end(session: "Session", *, because: str, actor_id: UUID, now: datetime) -> None:
    if sessions.revoke_session(session.id, because=because, now=now):
        record_event(
            kind="session.ended",
            user_id=session.user_id,
            actor_id=actor_id,
            session_id=session.id,
            client_id=session.client_id,
            detail={"because": because},
        )


def _first_token() -> RefreshToken:
    secret = secrets.token_bytes(SECRET_BYTES)
    return make_token(session_id=uuid7(), generation=0, secret=secret, key=settings.TOKEN_KEYS[0])
