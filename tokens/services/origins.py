"""Where a sign-in or a token came from, for its owner to recognise it: what the audit trail says."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services.events import find_event
from tokens import errors
from tokens.policies.clients import STAFF
from tokens.policies.sessions import OPENED, STAFF_OPENED
from tokens.repositories import personal_tokens, sessions

if TYPE_CHECKING:
    from tokens.models import PersonalAccessToken, Session


@dataclass(frozen=True)
class KnownSession:
    """A sign-in; `address` is where it was made from, `ended_at` when it ended."""

    session: "Session"
    address: str | None
    ended_at: datetime | None


@dataclass(frozen=True)
class KnownToken:
    """A personal access token; `made_by` is the sign-in that made it, None where that is not known."""

    token: "PersonalAccessToken"
    made_by: KnownSession | None
    ended_at: datetime | None


def describe_session(*, user_id: UUID, session_id: UUID, now: datetime) -> KnownSession:
    """One of a person's own sign-ins, ended or not. Raises NotFound, also for somebody else's."""
    session = sessions.find_session(session_id)
    if session is None or session.user_id != user_id:
        raise errors.NotFound
    kind = STAFF_OPENED if session.client_id == STAFF else OPENED
    opened = find_event(kind=kind, user_id=user_id, session_id=session_id)
    end = session.revoked_at or min(session.expires_at, session.ends_at)
    return KnownSession(session, opened.address if opened else None, end if end <= now else None)


def describe_token(*, user_id: UUID, token_id: UUID, now: datetime) -> KnownToken:
    """One of a person's own tokens, ended or not. Raises NotFound, also for somebody else's."""
    token = personal_tokens.find_token(token_id)
    if token is None or token.user_id != user_id:
        raise errors.NotFound
    end = token.revoked_at or token.expires_at
    return KnownToken(token, _find_maker(token, now=now), end if end and end <= now else None)


def _find_maker(token: "PersonalAccessToken", *, now: datetime) -> KnownSession | None:
    created = find_event(kind="token.created", user_id=token.user_id, detail={"token_id": str(token.id)})
    if created is None or created.session_id is None:
        return None
    try:
        return describe_session(user_id=token.user_id, session_id=created.session_id, now=now)
    except errors.NotFound:
        return None
